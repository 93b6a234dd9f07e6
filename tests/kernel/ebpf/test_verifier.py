"""What is read from the verifier's log."""

from __future__ import annotations

from bpfq.isa.ebpf.program import Line
from bpfq.kernel.verifier import line_of, refusal, verifier_error


def test_the_last_sentence_stands_before_the_statistics() -> None:
    log = (
        "0: R1=ctx() R10=fp0\n; udp @ <filter>:1\n0: (71) r2 = *(u8 *)(r1 +0)\n"
        "from 0 to 3: R0=0\n3: (95) exit\nR0 !read_ok\n"
        "verification time 49 usec\nstack depth 0\nprocessed 2 insns (limit 1000000)\n"
    )
    assert refusal(log) == (3, "R0 !read_ok")
    assert refusal("") == (None, "")


def test_a_slot_belongs_to_the_last_line_that_begins_before_it() -> None:
    lines = (Line(2, "udp", 1, 1), Line(5, "port 53", 1, 5))
    found = [line_of(lines, slot) for slot in (1, 2, 4, 5, 99)]
    assert found == [None, lines[0], lines[0], lines[1], lines[1]]


def test_a_slot_that_the_sentence_names_comes_before_the_last_one_walked() -> None:
    assert refusal("0: (b7) r0 = 0\nback-edge from insn 7 to 3\n") == (
        7,
        "back-edge from insn 7 to 3",
    )


def test_the_error_says_as_much_as_is_known() -> None:
    found = verifier_error("invalid program\n", 22)
    assert (str(found), found.instruction, found.line) == (
        "the verifier refused the program: invalid program",
        None,
        None,
    )
