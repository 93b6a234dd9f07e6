"""Programs as text, written and read."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.errors import FilterError
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.mnemonics import MNEMONICS, Operand
from bpfq.isa.cbpf.opcodes import CONDITIONAL_JUMPS, KNOWN
from bpfq.isa.cbpf.read import parse_program
from bpfq.isa.cbpf.text import dump_d, dump_dd, dump_ddd, dump_raw
from bpfq.source import Span

if TYPE_CHECKING:
    from conftest import Libpcap

IP = (
    SockFilter(0x28, 0, 0, 12),
    SockFilter(0x15, 0, 1, 0x800),
    SockFilter(0x06, 0, 0, 262144),
    SockFilter(0x06, 0, 0, 0),
)
IP_D = (
    "(000) ldh      [12]\n"
    "(001) jeq      #0x800           jt 2\tjf 3\n"
    "(002) ret      #262144\n"
    "(003) ret      #0"
)
IP_DD = (
    "{ 0x28, 0, 0, 0x0000000c },\n"
    "{ 0x15, 0, 1, 0x00000800 },\n"
    "{ 0x6, 0, 0, 0x00040000 },\n"
    "{ 0x6, 0, 0, 0x00000000 },"
)
IP_DDD = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0"
IP_RAW = "4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0"

OPCODES = pytest.mark.parametrize("code", sorted(KNOWN), ids=hex)


def one_of(code: int, k: int) -> SockFilter:
    """A word of that opcode with every field it reads in use."""
    jumps = (3, 200) if code in CONDITIONAL_JUMPS else (0, 0)
    reads_k = MNEMONICS[code][1] not in (Operand.NONE, Operand.X, Operand.LENGTH)
    return SockFilter(code, *jumps, k if reads_k else 0)


def test_each_dump_has_tcpdumps_form() -> None:
    assert [dump(IP) for dump in (dump_d, dump_dd, dump_ddd, dump_raw)] == [
        IP_D,
        IP_DD,
        IP_DDD,
        IP_RAW,
    ]


@OPCODES
@pytest.mark.parametrize("k", [0, 5, 0x8000_0000, 0xFFFF_FFFF])
@pytest.mark.parametrize("dump", [dump_d, dump_dd, dump_ddd, dump_raw])
def test_every_opcode_survives_every_format(
    dump: Callable[[Sequence[SockFilter]], str], code: int, k: int
) -> None:
    words = (one_of(code, k), SockFilter(0x06, 0, 0, 0))
    assert parse_program(dump(words)) == words


@given(
    st.lists(
        st.builds(one_of, st.sampled_from(sorted(KNOWN)), st.integers(0, 0xFFFF_FFFF)), min_size=1
    )
)
def test_any_program_survives_every_format(words: list[SockFilter]) -> None:
    read = [parse_program(dump(words)) for dump in (dump_d, dump_dd, dump_ddd, dump_raw)]
    assert read == [tuple(words)] * 4


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 255),
            st.integers(0, 255),
            st.integers(0, 0xFFFF_FFFF),
        ),
        min_size=1,
    )
)
def test_the_numeric_formats_keep_any_word(rows: list[tuple[int, int, int, int]]) -> None:
    words = tuple(SockFilter(*row) for row in rows)
    read = [parse_program(dump(words)) for dump in (dump_dd, dump_ddd, dump_raw)]
    assert read == [words] * 3


@pytest.mark.parametrize("name", ANCILLARY)
def test_metadata_is_written_by_name_and_read_by_name_or_number(name: str) -> None:
    word = SockFilter(0x28, 0, 0, ANCILLARY[name])
    number = ANCILLARY[name] - (1 << 32)
    assert (dump_d([word]), parse_program(f"ldh [{name}]"), parse_program(f"ldh [{number}]")) == (
        f"(000) ldh      [{name}]",
        (word,),
        (word,),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ldh [12]\n jeq #2048 jt 2 jf 3\nret #0x40000\n\nret #0\n", IP),
        (IP_D.replace("\t", " ").replace("\n", "\r\n"), IP),
        (IP_RAW + ",", IP),
        (IP_DDD + "\n", IP),
        (json.dumps([list(word) for word in IP]), IP),
        (json.dumps([word._asdict() for word in IP]), IP),
        (repr(IP), IP),
        (repr([tuple(word) for word in IP]), IP),
        ("struct sock_filter code[] = {\n" + IP_DD + "\n};\n", IP),
        ("/* {1,2,3,4} */ { .code = 0x28, .k = 12, .jt = 0, .jf = 0 }, // ip", IP[:1]),
        ("{0x28,0,0,12,}", IP[:1]),
        ("neg", (SockFilter(0x84, 0, 0, 0),)),
        ("ja 0", (SockFilter(0x05, 0, 0, 0xFFFF_FFFF),)),
        ("ldx #pktlen", (SockFilter(0x81, 0, 0, 0),)),
    ],
    ids=[
        "mnemonics without numbers",
        "blanks and CRLF",
        "comma at the end",
        "line end at the end",
        "JSON lists",
        "JSON objects",
        "repr",
        "tuples",
        "C array",
        "C designators and comments",
        "comma in braces",
        "bare mnemonic",
        "jump back",
        "length to x",
    ],
)
def test_other_forms_are_read_too(text: str, words: tuple[SockFilter, ...]) -> None:
    assert parse_program(text) == words


@pytest.mark.parametrize(
    ("text", "message", "wrong"),
    [
        ("", "empty program: give the output of tcpdump -d, -dd or -ddd", ""),
        (" ,", "no numbers: the count comes first, then code jt jf k", " ,"),
        ("40 0 0 12", "no count: the number of instructions comes first, alone", "40 0 0 12"),
        ("3,6 0 0 0", "wrong count 3: 1 instructions follow", "3"),
        ("1,6 0 0", "3 numbers in an instruction: code jt jf k are 4", "6 0 0"),
        ("1,6 0 256 0", "jf 256 is too large: at most 255", "256"),
        ("1,65536 0 0 0", "code 65536 is too large: at most 65535", "65536"),
        ("{6, 0, 0, 0x100000000}", "k 0x100000000 is too large: at most 4294967295", "0x100000000"),
        ("{6, 0, 0}", "3 numbers in an instruction: code jt jf k are 4", "{6, 0, 0}"),
        ("{6, 0, 0, 0, 0}", "5 numbers in an instruction: code jt jf k are 4", "{6, 0, 0, 0, 0}"),
        ("{6, 0, 0, y}", "k is not a number: y, where 12 or 0xc would be", "y"),
        (
            '{"op": 6, "jt": 0, "jf": 0, "k": 0}',
            "field op: the fields are code, jt, jf, k, each once",
            "op",
        ),
        ("{6,0,0,0} oops {6,0,0,0}", "not an instruction: each is { code, jt, jf, k }", "oops"),
        ("{}", "0 numbers in an instruction: code jt jf k are 4", "{}"),
        ("ldh [12]\n!", "not an instruction: a line is like (000) ldh [12]", "!"),
        ("ret #0\n(002) ret #0", "instruction number 002: 001 comes here", "002"),
        ("ldhh [12]", "unknown mnemonic ldhh: did you mean ldh?", "ldhh"),
        ("push #1", "unknown mnemonic push: the mnemonics are those of tcpdump -d", "push"),
        ("unimp 0x8", "unimp leaves out jt, jf and k: give the output of tcpdump -dd", "unimp"),
        ("ldh x", "operand x: not one that ldh takes", "x"),
        ("ldh", "operand missing: not one that ldh takes", "ldh"),
        ("jeq #1 jt 0 jf 1", "jump to 0 is out of reach: 1 to 256 are in reach", "0"),
        ("jeq #1 jt 1 jf 257", "jump to 257 is out of reach: 1 to 256 are in reach", "257"),
        ("jeq #1", "jeq without jt and jf: add them", "jeq"),
        ("ret #1 jt 1 jf 1", "ret has no jt and jf: leave them out", "1"),
        ("ldh [vlan]", f"no metadata vlan: known are {', '.join(ANCILLARY)}", "[vlan]"),
        ("ld #0x100000000", "0x100000000 does not fit 32 bits: at most 4294967295", "#0x100000000"),
    ],
    ids=lambda value: None,
)
def test_a_mistake_is_shown_where_it_is(text: str, message: str, wrong: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_program(text)
    span = refused.value.span or Span(-1, -1)
    assert (refused.value.message, text[span.start : span.end], refused.value.text) == (
        message,
        wrong,
        text,
    )


def test_an_unknown_opcode_is_shown_as_unimp() -> None:
    words = [SockFilter(0x0E, 1, 2, 3), SockFilter(0x55, 1, 2, 3)]
    assert dump_d(words) == ("(000) unimp    0xe\n(001) unimp    0x55             jt 3\tjf 4")


@pytest.mark.oracle
@pytest.mark.parametrize("code", sorted(KNOWN - {0x81}), ids=hex)  # 1.10 has no ldx #pktlen
@pytest.mark.parametrize("k", [0, 14, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_F02C, 0xFFFF_F040])
def test_each_opcode_is_written_as_libpcap_writes_it(code: int, k: int, libpcap: Libpcap) -> None:
    word = one_of(code, k)
    assert dump_d([SockFilter(0, 0, 0, 0)] * 7 + [word]).split("\n")[7] == libpcap.line(7, word)


@pytest.mark.oracle
def test_unknown_opcodes_are_written_as_libpcap_writes_them(libpcap: Libpcap) -> None:
    words = [SockFilter(code, 1, 2, 3) for code in range(0x10000) if code not in KNOWN]
    written = [dump_d([word]) for word in words]
    assert written == [libpcap.line(0, word) for word in words]


FILTERS = [
    "ip",
    "tcp port 80",
    "ip6 host ::1",
    "tcp[tcpflags] & tcp-syn != 0",
    "len > 100",
    "ether[0] = 1 or vlan 5",
    "ip[2:2] - ip[0] * 4 / 3 > 9 % 2",
    "greater 200 and portrange 5-9",
    "ip[ip[0] & 15] = 3",
    "ip6 protochain 6",
    "-ether[3] = 7 ^ 5",
    "ip[0] << 2 = ether[1] >> 3",
]


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump")
@pytest.mark.parametrize("optimise", [[], ["-O"]], ids=["optimised", "unoptimised"])
@pytest.mark.parametrize("text", FILTERS)
def test_tcpdumps_three_dumps_are_read_and_written_alike(text: str, optimise: list[str]) -> None:
    dumps = [_tcpdump([flag, *optimise, "--", text]) for flag in ("-d", "-dd", "-ddd")]
    words = [parse_program(dump) for dump in dumps]
    meanings = [[decode(word) for word in program] for program in words]  # -d drops unused fields
    assert (words[1], meanings[0]) == (words[2], meanings[2])
    assert [dump_d(words[2]), dump_dd(words[2]), dump_ddd(words[2])] == dumps


def _tcpdump(arguments: list[str]) -> str:
    command = ["tcpdump", "-y", "EN10MB", *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return "\n".join([line.rstrip(" ") for line in printed.splitlines()])
