"""``-O3`` and what it says."""

from __future__ import annotations

import json

import pytest

import bpfq as package

from .running import Run

FILTER = "src net 0.0.0.0/8 or src net 127.0.0.0/8"


@pytest.mark.parametrize("words", [("-O3",), ("--opt", "3")])
def test_what_was_gained_is_told_on_standard_error(bpfq: Run, words: tuple[str, ...]) -> None:
    found = package.compile(FILTER, level=3)
    assert bpfq("-d", *words, FILTER) == (0, f"{found}\n", f"bpfq: {found.gain}\n")


def test_the_gain_is_told_in_words() -> None:
    found = package.compile(FILTER, level=3)
    assert str(found.gain).startswith("level 3: 10 instructions, 11 at level 2; ")
    assert str(found.gain).endswith(" candidates tried, 1 of 2 proved")


def test_quiet_says_nothing(bpfq: Run) -> None:
    assert bpfq("-d", "-q", "-O3", FILTER).err == ""


def test_a_budget_of_nothing_is_level_2(bpfq: Run) -> None:
    ran = bpfq("-d", "-O3", "--search-budget", "0", FILTER)
    assert ran.out == bpfq("-d", FILTER).out
    assert ran.err == "bpfq: level 3: not searched, 11 instructions\n"


def test_a_budget_is_not_negative(bpfq: Run) -> None:
    ran = bpfq("-d", "-O3", "--search-budget", "-1", FILTER)
    assert (ran.code, ran.out) == (2, "")
    assert "search_budget -1 is less than 0 candidates" in ran.err


def test_stages_end_with_the_search(bpfq: Run) -> None:
    found = package.compile(FILTER, level=3)
    out = bpfq("dump", "--stages", "-q", "-O3", FILTER).out
    assert "\nsearch\n    level 3: 10 instructions, 11 at level 2;" in out
    assert out.endswith(f"code: 10 instructions\n{found}\n")
    shown = json.loads(bpfq("dump", "--stages", "--json", "-q", "-O3", FILTER).out)
    assert shown["searched"] == str(found.gain)
    assert shown["program"] == [list(word) for word in found]


def test_figures_stand_beside_those_of_level_2(bpfq: Run) -> None:
    lines = bpfq("dump", "--stats", "-q", "-O3", FILTER).out.splitlines()
    rows = [line.split() for line in lines]
    assert rows[1][:3] == ["level", "3", "10"]
    assert rows[2][:2] == ["balanced", "11"]
    assert "bpfq -d prints the first, a search for balanced; the others are of level 2" in lines


@pytest.mark.parametrize("command", ["prove", "explain", "graph"])
def test_other_commands_take_searched_programs(bpfq: Run, command: str) -> None:
    assert bpfq(command, "-O3", FILTER).code == 0


def test_a_searched_program_is_decompiled() -> None:
    found = package.compile("tcp", optimise_for="size", level=3)
    again = package.decompile(list(found.words))
    assert package.compare(again.text, "tcp").relation == "equal"


def test_why_and_witness_take_level_3() -> None:
    packet = bytes(12) + b"\x08\x00" + bytes(12) + b"\x7f\0\0\x01" + bytes(20)
    assert package.why(FILTER, packet, level=3).matched
    found = package.compile(FILTER, level=3)
    assert found.matches(packet) and not found.matches(bytes(12) + b"\x08\x00" + b"\x01" * 40)
    assert not found.matches(b"")
