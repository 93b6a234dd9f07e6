"""``bpfq dump --stages``: from the filter to its program, step by step."""

from __future__ import annotations

import json

import pytest

import bpfq as package

from .running import Run, process

FILTER = "tcp port 80 or tcp port 443"


@pytest.mark.parametrize(
    "words", [("dump", "--stages", FILTER), ("-d", "--stages", FILTER), (FILTER, "--stages")]
)
def test_the_stages_are_printed(bpfq: Run, words: tuple[str, ...]) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.out, ran.err) == (0, f"{package.stages(FILTER)}\n", "")


def test_options_reach_the_compiler(bpfq: Run) -> None:
    assert bpfq("dump", "--stages", "-O", "-y", "RAW", "ip").out == (
        "query\n    ip\n\n"
        "graph, as written: 1 test\n"
        " 0  [0] & 0xf0 = 0x40  ip  ✓ accept  ✗ reject\n\n"
        f"code: 5 instructions\n{package.compile('ip', link='RAW', level=0)}\n"
    )


def test_json_has_every_stage(bpfq: Run) -> None:
    shown = json.loads(bpfq("-d", "--stages", "--json", "--opt", "2", FILTER).out)
    made = package.stages(FILTER, level=2)
    assert (shown["query"], shown["simplified"], shown["made"]) == (FILTER, None, "lists as sets")
    assert [one["name"] for one in shown["passes"]] == [step.name for step in made.steps]
    last = shown["passes"][-1]
    assert [one["number"] for one in last["graph"]["tests"]] == [
        one.number for one in made.steps[-1].after.decisions
    ]
    step = made.steps[-1]
    assert (last["new"], len(last["gone"])) == (sorted(step.new), len(step.gone))
    assert last["before"] == step.before
    assert any(one["new"] and one["gone"] for one in shown["passes"])
    assert shown["program"] == [list(word) for word in made.program]


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ((), "accept, whatever the packet holds"),
        (("--allow-empty", "ip", "and", "ip6"), "starts at 0→reject"),
    ],
)
def test_constants_have_stages(bpfq: Run, words: tuple[str, ...], out: str) -> None:
    ran = bpfq("dump", "--stages", "-q", *words)
    assert ran.code == 0 and out in ran.out


def test_a_mistake_is_told_as_always(bpfq: Run) -> None:
    assert bpfq("dump", "--stages", "ip and ip6").err.startswith("bpfq: matches no packet")
    assert bpfq("dump", "--stages", "tcp prot 80").code == 2


@pytest.mark.parametrize("words", [("-dd",), ("-ddd",), ("--raw",)])
def test_stages_end_in_a_listing(bpfq: Run, words: tuple[str, ...]) -> None:
    assert bpfq(*words, "--stages", "ip") == (
        2, "", "bpfq: --stages prints no such format: leave out -dd, -ddd and --raw\n",
    )  # fmt: skip


def test_a_terminal_without_the_signs_gets_others() -> None:
    ran = process("dump", "--stages", FILTER, PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert b"+ accept" in ran.stdout and b"?" not in ran.stdout


@pytest.mark.parametrize(
    ("words", "colours"), [((), False), (("--color", "always"), True), (("--color=never",), False)]
)
def test_colours_are_for_terminals(bpfq: Run, words: tuple[str, ...], colours: bool) -> None:
    assert ("\x1b[" in bpfq("dump", "--stages", *words, FILTER).out) is colours
