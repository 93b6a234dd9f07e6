"""``bpfq dump --stats``: what the program costs."""

from __future__ import annotations

import json

import pytest

import bpfq as package

from .running import Run

FILTER = "tcp port 80"


@pytest.mark.parametrize(
    "words", [("dump", "--stats", FILTER), ("-d", "--stats", FILTER), (FILTER, "--stats")]
)
def test_the_figures_are_printed(bpfq: Run, words: tuple[str, ...]) -> None:
    assert bpfq(*words) == (0, f"{package.stats(FILTER)}\n", "")


def test_json_has_the_same_figures(bpfq: Run) -> None:
    shown = json.loads(bpfq("dump", "--stats", "--json", "--optimise-for", "speed", FILTER).out)
    program = package.compile(FILTER, optimise_for="speed")
    made = package.stats(program)
    assert shown["optimised_for"] == "speed"
    assert shown["result"] == shown["models"]["speed"]
    assert shown["result"]["instructions"] == shown["instructions"] == len(program)
    assert shown["written"]["executed"] == made.written.executed
    assert set(shown["models"]) == set(made.models)


@pytest.mark.parametrize(
    ("words", "label"),
    [(("-O",), "this program"), (("-y", "RAW"), "balanced"), (("--target", "packet"), "balanced")],
)
def test_other_places_and_levels(bpfq: Run, words: tuple[str, ...], label: str) -> None:
    ran = bpfq("dump", "--stats", *words, "udp")
    assert (ran.code, ran.err) == (0, "") and ran.out.split("\n")[1].startswith(label)


def test_two_reports_at_once_are_an_error(bpfq: Run) -> None:
    assert bpfq("dump", "--stats", "--stages", "ip") == (
        2, "", "bpfq: --stages and --stats print different things: leave out one of them\n",
    )  # fmt: skip


def test_a_filter_that_matches_nothing_is_a_mistake(bpfq: Run) -> None:
    assert bpfq("dump", "--stats", "ip and ip6").code == 2
    assert bpfq("dump", "--stats", "-q", "--allow-empty", "ip and ip6").code == 0
