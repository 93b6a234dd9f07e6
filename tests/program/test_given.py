"""Programs that came as instructions: run as they are, asked as the filters that they are."""

from __future__ import annotations

import copy
import pickle
import socket

import pytest

import bpfq
from bpfq import Program
from bpfq.errors import BpfqError, FilterError, UndecidedError, UnsupportedError
from bpfq.isa.cbpf.given import octet_words
from bpfq.program.given import GivenProgram

TEXT = "tcp dst port 443"
MARK = [(32, 0, 0, 0xFFFFF014), (21, 0, 1, 2054), (6, 0, 0, 262144), (6, 0, 0, 0)]
LENGTHS = (0, 14, 20, 34, 37, 38, 54, 60)


def given(text: str = TEXT, form: str = "ddd") -> GivenProgram:
    return Program.of(bpfq.compile(text).format(form))


def octets_of(program: Program) -> bytes:
    """As struct sock_filter lies in memory."""
    return b"".join(
        code.to_bytes(2, "little") + bytes((jt, jf)) + k.to_bytes(4, "little")
        for code, jt, jf, k in program
    )


@pytest.mark.parametrize("form", ("d", "dd", "ddd", "raw", "json"))
def test_every_text_form_is_read(form: str) -> None:
    assert given(form=form) == bpfq.compile(TEXT)


def test_rows_bytes_and_programs_are_read() -> None:
    made = bpfq.compile(TEXT)
    assert [Program.of(each) for each in (list(made), octets_of(made), made)] == [made] * 3


def test_it_is_listed_as_it_is() -> None:
    rows = [(6, 0, 0, 1), (6, 0, 0, 7)]  # the second one is never reached
    assert (Program.of(rows).format("raw"), len(Program.of(rows))) == ("2,6 0 0 1,6 0 0 7", 2)


def test_it_accepts_what_it_accepts_on_every_truncation() -> None:
    """Also where the filter that it is would accept, being cut short: its words are run."""
    found = bpfq.witness(TEXT)[0].octets
    program, reference = given(), bpfq.compile(TEXT, strict=True, level=0)
    for frame in (found, bytes(60)):
        assert [program.matches(frame[:length]) for length in LENGTHS] == [
            reference.matches(frame[:length]) for length in LENGTHS
        ]


def test_its_filter_is_found_out() -> None:
    program = given()
    assert (program.decompiled.text, program.query) == (TEXT, bpfq.parse(TEXT).query)
    assert bpfq.prove(TEXT, program).verdict == "proved"
    assert bpfq.compare(TEXT, program).relation == "equal"
    assert [found.code for found in bpfq.lint(given("ip6 and port 53"))] == ["I02"]


def test_it_is_compiled_for_another_target() -> None:
    program = bpfq.compile(given(), target="ebpf:xdp", action="drop")
    assert program == bpfq.compile(TEXT, target="ebpf:xdp", action="drop")


def test_a_packet_is_explained_by_its_filter() -> None:
    found = bpfq.witness("udp dst port 53")[0].octets
    assert str(bpfq.why(given(), found)) == str(bpfq.why(TEXT, found))


def test_what_is_no_filter_says_so_when_its_filter_is_asked_for() -> None:
    program = Program.of(MARK, target="packet")
    with pytest.raises(UnsupportedError) as caught:
        bpfq.compile(program)
    assert caught.value.render() == (
        "the program is not known to be a filter: instructions 0-1: filter text has no word for "
        "the kernel's mark\n  try:  bpfq disasm --decompile    shows what is known"
    )
    with pytest.raises(UnsupportedError):
        bpfq.near_misses(program)


def test_what_is_no_filter_is_run_all_the_same() -> None:
    program = Program.of(MARK, target="packet")
    assert [program.matches(b"", metadata={"mark": mark}) for mark in (2054, 1)] == [True, False]


def test_a_packet_for_what_is_no_filter() -> None:
    program = Program.of(MARK, target="packet")
    (found,) = bpfq.witness(program, 3)
    assert found.metadata == {"mark": 2054}
    assert program.matches(found.octets, metadata=found.metadata)


def test_no_packet_for_what_is_no_filter_and_accepts_nothing() -> None:
    rows = [*MARK[:2], (6, 0, 0, 0), (6, 0, 0, 0)]
    with pytest.raises(FilterError, match="matches no packet on DLT_EN10MB"):
        bpfq.witness(Program.of(rows, target="packet"))


def test_a_budget_that_is_spent_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpfq.analysis.decompile.decompile.decompile.__kwdefaults__", {"budget": 1})
    with pytest.raises(UndecidedError, match="the program is not known to be a filter: "):
        bpfq.compile(given())


def test_what_a_file_does_not_have_is_noted() -> None:
    assert Program.of(MARK).notes == (
        "it asks the kernel for mark, which target 'file' does not have: it rejects there",
    )
    assert Program.of(MARK, target="packet").notes == ()


def test_it_is_attached_and_read_back() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        bpfq.attach(sock, Program.of(MARK, target="udp"))
        found = Program.of(sock)
        assert (list(found), found.target, found.link) == (MARK, "udp", "IPV4")


@pytest.mark.parametrize(
    "way", (copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)))
)
def test_it_is_copied_as_itself(way: object) -> None:
    assert callable(way)
    program = given()
    again = way(program)
    assert (again, again.decompiled.text) == (program, TEXT)


def test_its_representation_makes_it_again() -> None:
    program = given("arp")
    assert eval(repr(program), {"Program": Program}) == program


@pytest.mark.parametrize(
    "what, message",
    [
        (b"\x7fELF\x02\x01", "an object file holds eBPF programs, where a classic program is wanted"),
        (bytes(9), "9 bytes are no whole number of instructions: struct sock_filter has 8"),
        (bytes(7) + b"\x01\x05\x01" + bytes(6), "neither text nor instructions: no opcode 0x105 at byte 8"),
        ([(6, 0, 0)], "instruction 0: (6, 0, 0) is not four numbers, code, jt, jf, k"),
        ("", "empty program: give the output of tcpdump -d, -dd or -ddd"),
    ],
)  # fmt: skip
def test_what_is_no_program(what: object, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        Program.of(what)  # type: ignore[arg-type]  # as callers err
    assert str(caught.value) == message


def test_an_object_that_is_no_program() -> None:
    with pytest.raises(TypeError, match="a program is a Program, .* not int"):
        Program.of(7)  # type: ignore[arg-type]  # as callers err


def test_no_classic_program_runs_on_a_hook() -> None:
    with pytest.raises(BpfqError) as caught:
        Program.of(MARK, target="ebpf:xdp")
    assert str(caught.value) == (
        "target 'ebpf:xdp' takes eBPF programs: bpfq.compile(program, target='ebpf:xdp') makes "
        "one of a classic program"
    )


def test_text_in_a_file_is_told_from_instructions() -> None:
    made = bpfq.compile(TEXT)
    assert octet_words(b"\xef\xbb\xbf" + made.format("dd").encode()) == made.words
    assert octet_words(octets_of(made)) == made.words


def test_what_no_machine_takes_has_no_figures() -> None:
    """It ends at once, and jumps out of the program where nothing comes."""
    with pytest.raises(FilterError) as caught:
        bpfq.stats(Program.of([(6, 0, 0, 1), (5, 0, 0, 9), (6, 0, 0, 0)]))
    assert str(caught.value).startswith("instruction 1: ")


def test_a_packet_that_is_too_long_is_no_example() -> None:
    """ldh [x + 872026175] is behind every packet that can be shown."""
    text = "ldx #0x11\nldxb 4*([23]&0xf)\nld #2\ndiv x\nldx #6\nldh [x + 872026175]\nlsh x\nret #0"
    assert bpfq.compare("udp", Program.of(text)).relation == "superset"


def test_it_is_counted_like_a_filter() -> None:
    wanted = bpfq.count_program({"web": TEXT, "dns": "udp port 53"})
    assert bpfq.count_program({"web": given(), "dns": "udp port 53"}).format(
        "llvm"
    ) == wanted.format("llvm")
