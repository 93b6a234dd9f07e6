"""Running classic programs, alone and against the kernel and libpcap."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from bpfq.errors import EncodingError, FilterError, LimitError
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.opcodes import CONDITIONAL_JUMPS, KNOWN, RETURNS, SCRATCH_LOADS, STORES
from bpfq.isa.cbpf.read import parse_program
from bpfq.isa.cbpf.text import dump_d
from bpfq.isa.cbpf.vm import Machine, Step, Trace, run, run_counted, trace

if TYPE_CHECKING:
    from conftest import Kernel, Libpcap

LIBPCAP, KERNEL = Machine.LIBPCAP, Machine.KERNEL
PACKET = bytes(range(0x40, 0x60))

# text, verdict of LIBPCAP, verdict of KERNEL, for PACKET
VERDICTS: dict[str, tuple[str, int, int]] = {
    "ret #k": ("ret #7", 7, 7),
    "registers start at 0": ("ret", 0, 0),
    "ld abs": ("ld [1]\nret", 0x41424344, 0x41424344),
    "ldh abs": ("ldh [30]\nret", 0x5E5F, 0x5E5F),
    "ldb abs": ("ldb [31]\nret", 0x5F, 0x5F),
    "ld past the end": ("ld #1\nld [29]\nret #1", 0, 0),
    "ldh past the end": ("ldh [31]\nret #1", 0, 0),
    "ldb past the end": ("ldb [32]\nret #1", 0, 0),
    "ld ind": ("ldx #3\nld [x + 1]\nret", 0x44454647, 0x44454647),
    "ldh ind": ("ldx #3\nldh [x + 27]\nret", 0x5E5F, 0x5E5F),
    "ldb ind past the end": ("ldx #3\nldb [x + 29]\nret #1", 0, 0),
    "x + k over 2**32": ("ldx #0xffffffff\nldb [x + 3]\nret", 0, 0x42),
    "x - 1": ("ldx #3\nldb [x + -1]\nret", 0, 0x42),
    "x + k in the network range": ("ldx #0xfff00000\nldb [x + 2]\nret", 0, 0x42),
    "network offset": ("ldb [-1048575]\nret", 0, 0x41),
    "link offset": ("ldb [-2097150]\nret", 0, 0x42),
    "between the ranges": ("ldb [-2097153]\nret #1", 0, 0),
    "header length": ("ldxb 4*([15]&0xf)\ntxa\nret", 60, 60),
    "header length past the end": ("ldxb 4*([32]&0xf)\nret #1", 0, 0),
    "header length from the network": ("ldxb 4*([-1048573]&0xf)\ntxa\nret", 0, 12),
    "ld len": ("ld #pktlen\nret", 32, 32),
    "ldx len": ("ldx #pktlen\ntxa\nret", 32, 32),
    "ld imm": ("ld #0xffffffff\nret", 0xFFFF_FFFF, 0xFFFF_FFFF),
    "scratch": ("ld #5\nst M[15]\nldx #6\nstx M[0]\nld M[0]\nldx M[15]\nadd x\nret", 11, 11),
    "unstored scratch is 0": ("ld #5\nld M[3]\nret", 0, 0),
    "tax txa": ("ld #5\ntax\nld #0\ntxa\nret", 5, 5),
    "neg": ("ld #1\nneg\nret", 0xFFFF_FFFF, 0xFFFF_FFFF),
    "add": ("ld #0xffffffff\nadd #2\nret", 1, 1),
    "sub": ("ld #1\nsub #2\nret", 0xFFFF_FFFF, 0xFFFF_FFFF),
    "mul": ("ld #0x10001\nmul #0x10001\nret", 0x20001, 0x20001),
    "div": ("ld #7\ndiv #2\nret", 3, 3),
    "mod": ("ld #0xffffffff\nmod #10\nret", 5, 5),
    "and or xor": ("ld #0xc\nand #0x6\nor #0x11\nxor #0x1\nret", 0x14, 0x14),
    "lsh rsh": ("ld #0xc0000001\nlsh #1\nrsh #2\nret", 0x2000_0000, 0x2000_0000),
    "div x": ("ld #7\nldx #2\ndiv x\nret", 3, 3),
    "div x by 0": ("ld #7\ndiv x\nret #1", 0, 0),
    "mod x by 0": ("ld #7\nmod x\nret #1", 0, 0),
    "lsh x by 32": ("ld #7\nldx #32\nlsh x\nret", 0, 7),
    "rsh x by 33": ("ld #7\nldx #33\nrsh x\nret", 0, 3),
    "lsh x by 2**32 - 1": ("ld #7\nldx #0xffffffff\nlsh x\nret", 0, 0x8000_0000),
    "jeq": ("ld #7\njeq #7 jt 2 jf 3\nret #1\nret #2", 1, 1),
    "jgt": ("ld #7\njgt #7 jt 2 jf 3\nret #1\nret #2", 2, 2),
    "jge": ("ld #7\njge #7 jt 2 jf 3\nret #1\nret #2", 1, 1),
    "jset": ("ld #7\njset #8 jt 2 jf 3\nret #1\nret #2", 2, 2),
    "jgt x unsigned": ("ld #0x80000000\njgt x jt 2 jf 3\nret #1\nret #2", 1, 1),
    "ja": ("ja 2\nret #1\nret #2", 2, 2),
    "metadata": ("ld #1\nld [mark]\nor #9\nret", 0, 9),
    "xor_x": ("ld #6\nldx #3\nld [xor_x]\nret", 0, 5),
}


@pytest.mark.parametrize(("text", "libpcap_keeps", "kernel_keeps"), VERDICTS.values(), ids=VERDICTS)
def test_each_machine_has_its_verdict(text: str, libpcap_keeps: int, kernel_keeps: int) -> None:
    words = parse_program(text)
    verdicts = [run(words, PACKET, machine=machine) for machine in (LIBPCAP, KERNEL)]
    assert verdicts == [libpcap_keeps, kernel_keeps]


def test_length_is_the_length_on_the_wire_but_loads_see_what_was_captured() -> None:
    words = parse_program("ldb [32]\nret #1")
    length = parse_program("ld #pktlen\nret")
    assert (run(length, PACKET, wire_length=99), run(words, PACKET, wire_length=99)) == (99, 0)


@pytest.mark.parametrize("machine", Machine)
@pytest.mark.parametrize(
    ("metadata", "verdict"), [({"vlan_tci": 5}, 5), ({}, 0)], ids=["given", "missing"]
)
def test_metadata_is_looked_up_by_name(
    machine: Machine, metadata: Mapping[str, int], verdict: int
) -> None:
    words = parse_program("ldh [vlan_tci]\nret")
    assert run(words, PACKET, machine=machine, metadata=metadata) == verdict


def test_metadata_over_32_bits_is_refused() -> None:
    with pytest.raises(EncodingError) as refused:
        run(parse_program("ld [mark]\nret"), PACKET, metadata={"mark": 1 << 32})
    assert str(refused.value) == "mark 4294967296 does not fit 32 bits: 0 to 4294967295"


@pytest.mark.parametrize(
    ("text", "network", "link", "verdict"),
    [
        ("ldb [-1048576]\nret", 14, 0, 0x4E),
        ("ldb [-2097152]\nret", 14, 2, 0x42),
        ("ldb [-1048576]\nret #1", -1, 0, 0),
        ("ldb [-2097152]\nret #1", 14, None, 0),
    ],
    ids=["network", "link", "before the packet", "no link header"],
)
def test_the_kernel_counts_from_headers(
    text: str, network: int, link: int | None, verdict: int
) -> None:
    words = parse_program(text)
    kept = run(words, PACKET, machine=KERNEL, network_offset=network, link_offset=link)
    assert kept == verdict


ATTRIBUTES = b"\x06\x00\x01\x00ab\0\0" + b"\x0c\x00\x05\x80" + b"\x08\x00\x02\x00wxyz"


@pytest.mark.parametrize(
    ("load", "start", "kind", "verdict"),
    [
        ("nla", 0, 1, 0),
        ("nla", 0, 5, 8),
        ("nla", 0, 7, 0),
        ("nla", 4, 1, 0),
        ("nla", 17, 1, 0),
        ("nla", 0xFFFF_FFFF, 1, 0),
        ("nlan", 8, 2, 12),
        ("nlan", 8, 1, 0),
        ("nlan", 12, 1, 0),
        ("nlan", 0xFFFF_FFFF, 1, 0),
    ],
)
def test_netlink_attributes_are_found(load: str, start: int, kind: int, verdict: int) -> None:
    words = parse_program(f"ld #{start}\nldx #{kind}\nld [{load}]\nret")
    assert run(words, ATTRIBUTES, machine=KERNEL) == verdict


def test_trace_lists_the_registers_after_each_instruction() -> None:
    words = parse_program("ldb [1]\ntax\njeq #0x41 jt 3 jf 4\nld [99]\nret #1")
    steps = (Step(0, 0x41, 0), Step(1, 0x41, 0x41), Step(2, 0x41, 0x41), Step(3, 0x41, 0x41))
    assert trace(words, PACKET) == Trace(steps, 0)


def test_run_counted_counts_executed_instructions() -> None:
    words = parse_program("ldb [1]\njeq #0x41 jt 3 jf 2\nneg\nret #1")
    assert [run_counted(words, PACKET), run_counted(words, b"")] == [(1, 3), (0, 1)]


COUNT_TO_100 = "add #1\njge #100 jt 3 jf 2\nja 0\nret"


def test_libpcap_jumps_back() -> None:
    assert run_counted(parse_program(COUNT_TO_100), b"") == (100, 300)


@pytest.mark.oracle
def test_libpcap_jumps_back_as_often(libpcap: Libpcap) -> None:
    words = parse_program(COUNT_TO_100.replace("100", "50"))  # 1.11 gives up after 64 times
    assert (run(words, b"x"), libpcap.verdict(words, b"x", 1)) == (50, 50)


def test_the_kernel_does_not_jump_back() -> None:
    with pytest.raises(FilterError) as refused:
        run(parse_program(COUNT_TO_100), b"", machine=KERNEL)
    assert refused.value.message == "instruction 2: the kernel only jumps forward"


def test_an_endless_loop_is_cut() -> None:
    with pytest.raises(LimitError) as refused:
        run(parse_program("ja 0"), b"", step_limit=1000)
    assert refused.value.message == (
        "still running after 1000 instructions: a jump back may never end"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([SockFilter(0x0E, 0, 0, 0)], "instruction 0: unknown opcode 0xe"),
        ([SockFilter(0x02, 0, 0, 16)], "instruction 0: no scratch word M[16]: the last is M[15]"),
        ([SockFilter(0x84, 0, 0, 0)], "ran to instruction 1: the program has 1, 0 up"),
        ([SockFilter(0x05, 0, 0, 0xFFFF_FFF0)], "ran to instruction -15: the program has 1, 0 up"),
        ([], "ran to instruction 0: the program has 0, 0 up"),
    ],
    ids=["opcode", "scratch", "no ret", "jump out", "empty"],
)
def test_a_program_no_machine_takes_is_an_error(words: list[SockFilter], message: str) -> None:
    with pytest.raises(FilterError) as refused:
        run(words, PACKET)
    assert refused.value.message == message


def test_fields_the_machine_does_not_read_change_nothing() -> None:
    words = [SockFilter(0x30, 9, 9, 1), SockFilter(0x07, 1, 1, 1), SockFilter(0x16, 3, 3, 3)]
    assert run(words, PACKET) == 0x41


# Metadata that the kernel gives every packet of an AF_UNIX socket: 0, or computed from it.
# ifidx and hatype end the program with A there, for want of a device.
UNIX_METADATA = (
    "proto",
    "type",
    "nla",
    "nlan",
    "mark",
    "queue",
    "rxhash",
    "xor_x",
    "vlan_tci",
    "vlanp",
    "vlan_tpid",
)


def random_value(rng: random.Random) -> int:
    small, any_value = rng.randrange(70), rng.getrandbits(32)
    return rng.choice(
        [
            small,
            small,
            small,
            any_value,
            0xFFFF_FFFF - small,
            0xFFF0_0000 + small,
            0xFFE0_0000 + small,
        ]
    )


def random_body(rng: random.Random, following: int) -> SockFilter:
    code = rng.choice(sorted(KNOWN - RETURNS))
    if code in CONDITIONAL_JUMPS:
        jt, jf = [rng.randrange(min(following, 6)) for _ in range(2)]
        return SockFilter(code, jt, jf, random_value(rng))
    if code == 0x05:
        return SockFilter(code, 0, 0, rng.randrange(min(following, 3)))
    if code in STORES | SCRATCH_LOADS:
        return SockFilter(code, 0, 0, rng.randrange(3))
    if code in (0x34, 0x94, 0x64, 0x74):
        return SockFilter(code, 0, 0, rng.randrange(1, 32))
    if code in (0x20, 0x28, 0x30) and rng.random() < 0.25:
        return SockFilter(code, 0, 0, ANCILLARY[rng.choice(UNIX_METADATA)])
    if code in (0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0xB1) and rng.random() < 0.8:
        return SockFilter(code, 0, 0, rng.randrange(20))
    if code == 0x01 and rng.random() < 0.5:
        return SockFilter(code, 0, 0, rng.randrange(40))
    return SockFilter(code, 0, 0, min(random_value(rng), 0xFFFF_EFFF))


def random_program(rng: random.Random) -> tuple[SockFilter, ...]:
    """A program that passes the kernel's check; it keeps A modulo 64 plus 1 bytes."""
    length = rng.randrange(2, 16)
    start = [SockFilter(0x02, 0, 0, slot) for slot in range(3)]
    body = [random_body(rng, length - i) for i in range(length)]
    folds = parse_program("st M[0]\nrsh #6\ntax\nld M[0]\nxor x\nand #0x3f\nadd #1\nret")
    words = (*start, *body, *folds)
    check(words)
    return words


def random_packets(rng: random.Random) -> list[bytes]:
    lengths = [1, 2, 3, 4, 60, *[rng.randrange(1, 61) for _ in range(5)]]
    return [
        bytes([rng.choice([0, 4, 5, 8, rng.getrandbits(8)]) for _ in range(n)]) for n in lengths
    ]


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(20))
def test_the_kernel_gives_the_same_verdicts(seed: int, kernel: Kernel) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        words, packets = random_program(rng), random_packets(rng)
        verdicts = [run(words, p, machine=KERNEL, link_offset=None) for p in packets]
        kept = [min(v, len(p)) for v, p in zip(verdicts, packets, strict=True)]
        assert (words, kept) == (words, kernel.kept(words, packets))


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(20))
def test_libpcap_gives_the_same_verdicts(seed: int, libpcap: Libpcap) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        words, packets = random_program(rng), random_packets(rng)
        words = (*words[:-2], SockFilter(0x16, 0, 0, 0))  # any A, not only 1 to 64
        verdicts = [run(words, p, wire_length=len(p) + 9) for p in packets]
        expected = [libpcap.verdict(words, p, len(p) + 9) for p in packets]
        assert (words, verdicts) == (words, expected)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("text", "verdict"),
    [(text, kept) for text, _, kept in VERDICTS.values() if "-2097150" not in text],
    ids=[name for name in VERDICTS if name != "link offset"],
)
def test_the_kernel_gives_each_listed_verdict(text: str, verdict: int, kernel: Kernel) -> None:
    words = parse_program("st M[3]\n" + shifted(text))
    assert kernel.kept(words, [PACKET]) == [min(verdict, len(PACKET))]


@pytest.mark.oracle
@pytest.mark.parametrize(  # 1.10 leaves what the stack held in M[], 1.11 clears it
    ("text", "verdict"),
    [(text, kept) for name, (text, kept, _) in VERDICTS.items() if "unstored" not in name],
    ids=[name for name in VERDICTS if "unstored" not in name],
)
def test_libpcap_gives_each_listed_verdict(text: str, verdict: int, libpcap: Libpcap) -> None:
    assert libpcap.verdict(parse_program(text), PACKET, len(PACKET)) == verdict


def shifted(text: str) -> str:
    """The text with its jump targets one further, for a line put in front."""
    lines = dump_d([SockFilter(0x87, 0, 0, 0), *parse_program(text)]).split("\n")[1:]
    return "\n".join([line.split(") ", 1)[1] for line in lines])


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(10))
def test_the_kernel_finds_the_same_netlink_attributes(seed: int, kernel: Kernel) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        packet = b"".join(
            [
                bytes([rng.randrange(4, 20), 0, rng.randrange(4), rng.choice([0, 0, 0x80])])
                + bytes(rng.randrange(12))
                for _ in range(5)
            ]
        )[:60]
        load = rng.choice(["nla", "nlan"])
        start, kind = rng.choice([0, rng.randrange(40)]), rng.randrange(4)
        words = parse_program(f"ld #{start}\nldx #{kind}\nld [{load}]\nadd #1\nret")
        expected = run(words, packet, machine=KERNEL)
        assert (words, packet, kernel.kept(words, [packet])) == (words, packet, [expected])
