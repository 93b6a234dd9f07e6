"""Whole searches: what they gain, that it is right, and what they leave alone."""

from __future__ import annotations

import copy
import subprocess
import sys
import zlib
from random import Random
from typing import Any

import pytest
from differential.queries import query
from differential.verdicts import (
    Case,
    contract_broken,
    machines_broken,
    program_of,
    samples_for,
)
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import bpfq
from bpfq.backends.cbpf.cost import cost
from bpfq.errors import BpfqError
from bpfq.frontend.dsl import rand
from bpfq.isa.cbpf.size import converted_size

LOCAL = "src net 0.0.0.0/8 or src net 127.0.0.0/8"
SHORTER = (
    (LOCAL, {}, 11, 10),
    ("ip and tcp port 22", {"link": "PFLOG"}, 26, 20),
    (
        "tcp port 80 and (((ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2)) != 0)",
        {},
        20,
        19,
    ),
    ("tcp", {"optimise_for": "size"}, 11, 10),
    ("tcp", {"optimise_for": "size", "strict": True}, 11, 10),
    ("tcp or udp or icmp", {"target": "packet"}, 15, 14),
)
RANDOM = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("text", "options", "before", "after"), SHORTER)
def test_a_shorter_program_is_found_and_proved(
    text: str, options: dict[str, Any], before: int, after: int
) -> None:
    found = bpfq.compile(text, level=3, **options)
    assert (len(bpfq.compile(text, **options)), len(found)) == (before, after)
    assert found.prove().verdict == "proved"
    assert found.gain is not None
    assert (found.gain.before, found.gain.after) == (before, after)


@pytest.mark.parametrize(
    ("text", "budget", "shortest"),
    [
        ("ip", 9000, True),
        ("arp or rarp", 9000, True),
        ("ip proto 6", 40, False),
        ("port 9", 9000, False),
    ],
)
def test_only_a_search_to_the_end_says_that_nothing_is_shorter(
    text: str, budget: int, shortest: bool
) -> None:
    found = bpfq.compile(text, level=3, search_budget=budget)
    assert found.gain is not None and found.gain.shortest == shortest


def test_speed_is_searched_for_time() -> None:
    before = bpfq.compile(LOCAL, optimise_for="speed")
    after = bpfq.compile(LOCAL, optimise_for="speed", level=3)
    traffic = after.settings.traffic
    assert cost(after.words, traffic).price < cost(before.words, traffic).price
    assert after.prove().verdict == "proved"


def test_kernel_size_is_searched_for_what_the_kernel_makes() -> None:
    before = bpfq.compile("udp port 53", optimise_for="kernel-size")
    after = bpfq.compile("udp port 53", optimise_for="kernel-size", level=3)
    assert converted_size(after.words) < converted_size(before.words)
    assert after.prove().verdict == "proved"


@pytest.mark.parametrize("text", ["tcp", "udp or tcp"])
def test_balanced_does_not_become_slow_for_an_instruction(text: str) -> None:
    """``size`` finds less, by loads behind X, which are calls in the kernel."""
    before, after = bpfq.compile(text), bpfq.compile(text, level=3)
    least = bpfq.compile(text, level=3, optimise_for="size")
    assert len(least) < len(after)
    traffic = after.settings.traffic
    old, new = cost(before.words, traffic), cost(after.words, traffic)
    assert new.price * 10 <= old.price * 11 and new.executed * 10 <= old.executed * 11
    assert cost(least.words, traffic).price * 10 > old.price * 11


def test_without_a_budget_nothing_changes() -> None:
    found = bpfq.compile(LOCAL, level=3, search_budget=0)
    assert found.words == bpfq.compile(LOCAL).words
    assert str(found.gain) == "level 3: not searched, 11 instructions"


@pytest.mark.parametrize(
    "text", ["", "ip6 protochain 6", " or ".join(f"host 10.0.{n}.{n * 7 % 256}" for n in range(99))]
)
def test_what_is_not_searched_is_as_at_level_2(text: str) -> None:
    found = bpfq.compile(text, level=3)
    assert found.words == bpfq.compile(text).words
    assert found.gain is not None and found.gain.candidates == 0


def test_sampling_is_left_alone() -> None:
    filter = rand(0.5) & bpfq.parse(LOCAL)
    found = bpfq.compile(filter, target="packet", level=3)
    assert found.words == bpfq.compile(filter, target="packet").words


def test_the_budget_is_kept() -> None:
    gain = bpfq.compile("tcp port 179 or ip proto 4", level=3, search_budget=9000).gain
    assert gain is not None and gain.candidates + 500 * gain.asked < 9000 + 500
    assert gain.proved <= gain.asked


SEARCHED_AGAIN = (
    ("tcp port 179 or ip proto 4", "EN10MB"),
    ("ip and tcp port 22", "PFLOG"),
    ("geneve 0xb and ip", "EN10MB"),
)
PRINTING = """
import sys, bpfq
for at in range(0, len(sys.argv) - 1, 2):
    found = bpfq.compile(sys.argv[at + 1], link=sys.argv[at + 2], level=3, search_budget=9000)
    print(found.format("ddd"), found.gain)
"""


def test_a_search_comes_to_the_same_always() -> None:
    """In one process again, and in another one: z3 answers differently after other questions."""
    arguments = [part for one in SEARCHED_AGAIN for part in one]
    found = [
        bpfq.compile(text, link=link, level=3, search_budget=9000)
        for text, link in SEARCHED_AGAIN + SEARCHED_AGAIN[::-1]
    ]
    told = [f"{one.format('ddd')} {one.gain}" for one in found]
    command = [sys.executable, "-c", PRINTING, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told[3:] == told[2::-1]
    assert ran.stdout == "".join(f"{one}\n" for one in told[:3])


def test_a_searched_program_is_copied_with_its_gain() -> None:
    program = bpfq.compile(LOCAL, level=3)
    again = copy.deepcopy(program)
    assert (again, again.gain, again.notes) == (program, program.gain, (str(program.gain),))


def test_a_match_returns_what_was_asked_for() -> None:
    found = bpfq.compile(LOCAL, level=3, snaplen=96)
    assert sorted(word.k for word in found.words if word.code == 6) == [0, 96]


@pytest.mark.oracle
@RANDOM
@given(st.randoms(use_true_random=False))
def test_random_searches_keep_the_contract(draw: Random) -> None:
    case = Case(query(draw, draw.randint(1, 3)), draw.choice(("EN10MB", "EN10MB", "RAW", "PPP")))
    objective = draw.choice(("balanced", "size", "speed"))
    strict = not draw.randrange(3)
    note(case.label)
    options = {"optimise_for": objective, "search_budget": 6000}
    try:
        found = program_of(case, 3, strict, **options)
    except BpfqError:
        return
    samples, _ = samples_for([found.words], zlib.crc32(case.label.encode()))
    name = "level 3 strict" if strict else "level 3"
    assert contract_broken(case, {name: found}, samples) == []
    assert machines_broken(found, samples) == []
    assert found.prove().verdict == "proved"
