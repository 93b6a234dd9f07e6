"""Listings and explanations of programs for hooks of the kernel."""

from __future__ import annotations

import json

import pytest

import bpfq as library

from .running import Run

HOOKS = ("xdp", "tc", "cgroup_skb", "netfilter", "socket")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_listing_is_the_program_as_bpftool_writes_it(bpfq: Run, hook: str) -> None:
    ran = bpfq("-d", "--target", f"ebpf:{hook}", "udp dst port 53")
    program = library.compile("udp dst port 53", target=f"ebpf:{hook}")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{program}\n"


def test_the_listing_follows_the_action(bpfq: Run) -> None:
    dropped = bpfq("-d", "--target", "ebpf:xdp", "--action", "drop", "arp").out
    counted = bpfq("-d", "--target", "ebpf:xdp", "--action", "count", "arp").out
    assert dropped != counted
    program = library.compile("arp", target="ebpf:xdp", action="drop")
    assert dropped == f"{program}\n"


def test_json_has_the_slots_the_action_and_what_is_returned(bpfq: Run) -> None:
    ran = bpfq("-d", "--json", "--target", "ebpf:tc", "--action", "drop", "arp")
    found = json.loads(ran.out)
    program = library.compile("arp", target="ebpf:tc", action="drop")
    assert found["program"] == [list(slot) for slot in program]
    assert (found["action"], found["verdicts"], found["option_memory"]) == ("drop", [2, -1], None)
    assert found["instructions"] == len(program)


def test_an_explanation_has_the_size_of_the_ebpf_program(bpfq: Run) -> None:
    program = library.compile("arp", target="ebpf:tc", action="drop")
    lines = bpfq("-q", "--target", "ebpf:tc", "--action", "drop", "arp").out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Program "))
    assert lines[start : start + 2] == [
        f"Program   {len(program)} instructions for target 'ebpf:tc', DLT_EN10MB",
        "          action 'drop': returns 2 for a match, -1 for all else",
    ]
    assert not any("option memory" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("-dd",), "-dd"),
        (("-ddd",), "-ddd"),
        (("--raw",), "--raw"),
        (("--stages",), "--stages"),
        (("--stats",), "--stats"),
    ],
)
def test_a_form_of_classic_programs_is_refused_with_those_there_are(
    bpfq: Run, words: tuple[str, ...], asked: str
) -> None:
    ran = bpfq(*words, "--target", "ebpf:xdp", "arp")
    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        f"bpfq: {asked}: for classic programs only; of an eBPF program there are the listing, -d, "
        "its numbers, --json, and an object file, bpfq export elf\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("-d", "--action", "drop", "arp"),
            "bpfq: target 'file' takes classic programs, which return what they keep: no action\n",
        ),
        (
            ("-d", "--target", "ebpf:xdp", "--action", "drpo", "arp"),
            "bpfq: 'drpo' is no action of 'ebpf:xdp'; the actions are drop, pass, count\n"
            "  try:  --action drop\n",
        ),
        (
            ("-d", "--target", "ebpf:socket", "--action", "pass", "arp"),
            "bpfq: 'pass' is no action of 'ebpf:socket'; the actions are keep, drop\n",
        ),
    ],
    ids=["classic", "misspelt", "of another hook"],
)
def test_an_action_that_the_target_lacks_is_a_wrong_command_line(
    bpfq: Run, words: tuple[str, ...], message: str
) -> None:
    assert bpfq(*words) == (2, "", message)
