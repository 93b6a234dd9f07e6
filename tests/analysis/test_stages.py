"""The stages of a filter: every change and nothing but changes, from the query to the program."""

from __future__ import annotations

from typing import Any

import pytest
from oracles.corpus import filters

import bpfq
from bpfq.analysis.decisions.picture import Exit, Picture
from bpfq.analysis.stages import Step
from bpfq.graph.walk import topological

_DIVERSE = [line.text for line in filters() if line.link == "EN10MB" and line.savefile is None]
_SAMPLE = [
    "ip", "tcp port 80 or tcp port 443", "host 10.0.0.1 or net 10.1.0.0/16 and port 80",
    "not (vlan 5 or arp)", "tcp and udp", "", "len > 100 and len > 50",
    "host 2001:db8::1 or host 2001:db8::2", *_DIVERSE[3::29],
]  # fmt: skip


def compiled(text: str, level: int) -> bpfq.Program:
    return bpfq.compile(text, level=level, allow_empty=True, netmask="255.255.255.0")


def rows(picture: Picture) -> dict[int, tuple[str, Exit, Exit]]:
    return {one.number: (one.test, one.yes, one.no) for one in picture.decisions}


def applied(step: Step, before: dict[int, tuple[str, Exit, Exit]]) -> dict[int, object]:
    """What a step says it did, done to the graph before."""
    after = rows(step.after)
    made: dict[int, object] = dict(before)
    for one in step.gone:
        assert made.pop(one.number) == (one.test, one.yes, one.no)
    for number in step.new:
        assert number not in before
        made[number] = after[number]
    for number, was in step.led.items():
        assert before[number][1:] == was
        made[number] = (before[number][0], *after[number][1:])
    return made


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", _SAMPLE)
def test_the_steps_lead_from_the_graph_to_that_of_the_program(text: str, level: int) -> None:
    program = compiled(text, level)
    made = bpfq.stages(program)
    assert made.program == program.words
    start, now = made.graph.start, rows(made.graph)
    for step in made.steps:
        assert (step.started, step.before) == (start, len(now))
        assert applied(step, now) == rows(step.after)
        assert step.new or step.gone or step.led or step.after.start != start
        start, now = step.after.start, rows(step.after)
    last = made.steps[-1].after if made.steps else made.graph
    assert len(last.decisions) == len(topological(program._graph))


def test_a_level_without_passes_has_no_steps() -> None:
    made = bpfq.stages("ip and ip", level=0)
    assert (made.query, made.simplified, made.made, made.steps) == (
        "ip and ip", None, "as written", (),
    )  # fmt: skip


def test_what_the_simplifier_leaves_out_is_a_stage() -> None:
    made = bpfq.stages("len > 100 and len > 50 and ip[0] & 1 = 0 and ip[0:2] & 0x100 = 0")
    assert made.simplified is not None and made.simplified != made.query


def test_a_list_is_said_to_be_one() -> None:
    assert bpfq.stages("tcp port 80 or tcp port 443").made == "lists as sets"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("udp", {"through": ("vlan", "mpls")}),
        ("tcp port 80", {"target": "xt_bpf", "family": 4}),
        ("vlan 5", {"target": "packet"}),
        ("tcp", {"link": "IEEE802_11_RADIO"}),
        ("ip", {"strict": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_options_mean_what_they_mean_to_compile(text: str, options: dict[str, Any]) -> None:
    assert bpfq.stages(text, **options).program == bpfq.compile(text, **options).words


def test_an_expression_of_python_has_stages() -> None:
    from bpfq import ip, tcp

    made = bpfq.stages(ip & (tcp.dport == 80))
    assert made.query == "ip and tcp dst port 80"


STORY = """\
query
    ip src net 10.0.0.0/8 and ip src host 10.1.2.3 and ip[6] & 0x40 = 0

graph, as written: 6 tests
 0  [12:2] = 0x800                   ip                  ✓ ↓       ✗ reject
 1  [26:4] & 0xff000000 = 0xa000000  src net 10.0.0.0/8  ✓ ↓       ✗ reject
 2  [12:2] = 0x800                   ip                  ✓ ↓       ✗ reject
 3  [26:4] = 0xa010203               src 10.1.2.3        ✓ ↓       ✗ reject
 4  [12:2] = 0x800                   ip                  ✓ ↓       ✗ reject
 5  [20] & 0x40 = 0                  ip.flags.df = 0     ✓ accept  ✗ reject

test bits: 6 tests, 1 gone, 1 new, 1 led elsewhere
    the same decisions with `term & mask = 0` as a bit test
~ 4  [12:2] = 0x800    ip               ✓ 5→6     ✗ reject
+ 6  [20] & 0x40 != 0  ip.flags.df      ✓ reject  ✗ accept
- 5  [20] & 0x40 = 0   ip.flags.df = 0

thread jumps: 6 → 4 tests, 2 gone, 2 led elsewhere
    the same decisions with every known test skipped
~ 1  [26:4] & 0xff000000 = 0xa000000  src net 10.0.0.0/8  ✓ 2→3  ✗ reject
~ 3  [26:4] = 0xa010203               src 10.1.2.3        ✓ 4→6  ✗ reject
- 2  [12:2] = 0x800                   ip
- 4  [12:2] = 0x800                   ip

code: 11 instructions
"""


def test_stages_are_printed_with_what_each_changed() -> None:
    made = bpfq.stages(
        "ip src net 10.0.0.0/8 and ip src host 10.1.2.3 and ip[6] & 0x40 = 0", level=1
    )
    assert str(made) == f"{STORY}{bpfq.compile(made.query, level=1)}"


@pytest.mark.parametrize("text", _SAMPLE)
def test_no_line_is_longer_than_a_terminal_is_wide(text: str) -> None:
    made = bpfq.stages(compiled(text, 2))
    letters = ("    ", "(")  # definitions and listings are not cut
    assert [x for x in made.lines() if len(x) > 80 and not x.startswith(letters)] == []


def test_long_filters_are_cut_with_a_note() -> None:
    hosts = " or ".join(f"host 10.{n // 250}.{n % 250}.1" for n in range(400))
    lines = bpfq.stages(hosts, level=1).lines()
    assert len(lines) < 500
    assert sum(line.strip().startswith("... and ") for line in lines) >= 4
