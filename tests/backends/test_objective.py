"""Which of several programs each objective takes."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.backends.cbpf.cost import cost
from bpfq.backends.cbpf.objective import figures, limits
from bpfq.errors import FilterError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.profile import Profile, Sample
from bpfq.opt.traffic_links import default_profile
from bpfq.settings import OBJECTIVES, link_type
from bpfq.targets import TARGETS

ACCEPT, REJECT = SockFilter(6, 0, 0, 1), SockFilter(6, 0, 0, 0)
PACKETS = Profile(tuple(Sample(bytes((n, 0, 0, 0)), 4) for n in range(100)))
LOAD, LOAD_BEHIND_X = SockFilter(0x30, 0, 0, 0), SockFilter(0x50, 0, 0, 0)
PORTS = " or ".join(f"tcp dst port {n * 37 % 5000 + 1}" for n in range(40))


def chain(tests: int, load: SockFilter = LOAD) -> tuple[SockFilter, ...]:
    """Compares with 0, 1, 2, ... in turn."""
    equal = (SockFilter(0x15, tests - n, 0, n) for n in range(tests))
    return (load, *equal, REJECT, ACCEPT)


def padded(words: tuple[SockFilter, ...], more: int) -> tuple[SockFilter, ...]:
    """The same but for instructions that nothing reaches."""
    return (*words, *(ACCEPT for _ in range(more)))


def best(
    programs: list[tuple[SockFilter, ...]], objective: str, profile: Profile
) -> tuple[SockFilter, ...]:
    costs = {words: cost(words, profile) for words in programs}
    limit = limits(list(costs.values()), objective)
    allowed = [words for words in programs if limit.allow(costs[words])]
    return min(allowed, key=lambda words: figures(costs[words], objective))


@pytest.mark.parametrize(("objective", "number"), [("size", 0), ("speed", 1), ("kernel-size", 2)])
def test_each_objective_takes_what_is_least(objective: str, number: int) -> None:
    programs = [chain(5), padded(chain(4), 2), padded(chain(4, LOAD_BEHIND_X), 2)]
    assert best(programs, objective, PACKETS) == programs[number]


def test_balanced_takes_the_smallest_that_executes_little_more() -> None:
    assert best([padded(chain(20), 5), chain(21)], "balanced", PACKETS) == chain(21)
    assert best([padded(chain(20), 5), chain(23)], "balanced", PACKETS) == padded(chain(20), 5)


def test_balanced_takes_no_program_whose_worst_case_is_much_longer() -> None:
    rare = SockFilter(0x15, 0, 99, 7)  # one packet in a hundred meets 99 instructions more
    deep = (LOAD, rare, *(SockFilter(0x04, 0, 0, 1) for _ in range(98)), ACCEPT, REJECT)
    flat = padded(chain(2), 120)
    costs = [cost(words, PACKETS) for words in (deep, flat)]
    assert costs[0].executed < costs[1].executed
    assert best([flat, deep], "balanced", PACKETS) == flat
    assert best([flat, deep], "speed", PACKETS) == deep


def test_balanced_is_longer_than_the_filter_as_written_only_where_that_saves_much() -> None:
    quick = padded(chain(2), 70)
    assert best([chain(60), quick], "balanced", PACKETS) == chain(60)
    assert best([chain(70), quick], "balanced", PACKETS) == quick


def test_equal_programs_are_told_apart_by_what_they_execute() -> None:
    late = (LOAD, SockFilter(0x15, 1, 0, 5), SockFilter(0x25, 0, 1, 10), ACCEPT, REJECT)
    early = (LOAD, SockFilter(0x25, 1, 0, 10), SockFilter(0x15, 0, 1, 5), ACCEPT, REJECT)
    for objective in ("balanced", "size", "speed"):
        assert best([late, early], objective, PACKETS) == early


def test_without_samples_the_worst_case_decides() -> None:
    nothing = Profile(())
    short, shallow = chain(80), padded(chain(5), 100)
    assert best([short, shallow], "balanced", nothing) == shallow
    assert best([short, shallow], "size", nothing) == short


@pytest.mark.parametrize("text", ["tcp port 80", "host 10.0.0.1 or net 10.2.0.0/16", PORTS])
def test_no_objective_is_beaten_at_its_own_figure(text: str) -> None:
    profile = default_profile(TARGETS["file"], link_type("EN10MB"))
    made = {name: cost(bpfq.compile(text, optimise_for=name).words, profile) for name in OBJECTIVES}
    others = made.values()
    assert made["size"].instructions == min(each.instructions for each in others)
    assert made["speed"].price == min(each.price for each in others)
    assert made["kernel-size"].converted == min(each.converted for each in others)


def test_a_wrong_objective_is_named_with_the_nearest_right_one() -> None:
    with pytest.raises(FilterError) as caught:
        bpfq.compile("ip", optimise_for="sped")  # type: ignore[arg-type]
    assert caught.value.render() == (
        "cannot optimise for 'sped'; the objectives are balanced, size, speed, kernel-size\n"
        "  try:  --optimise-for speed"
    )


def test_a_profile_makes_balanced_take_the_quickest_that_is_no_larger() -> None:
    dns = bytes.fromhex(
        "02" * 12 + "0800 4500 0020 0000 4000 4011 0000 0a000001 0a000002 0035 0035"
    )
    other = dns[:12] + b"\x86\xdd" + dns[14:]
    text = "ip and tcp port 80"
    usual = bpfq.compile(text)
    trained = bpfq.compile(text, profile=[dns] + 9 * [other])
    profile = Profile((Sample(dns, 60), Sample(other, 60, 9)))
    written = bpfq.compile(text, level=1)
    assert len(trained) <= len(written)
    assert cost(trained.words, profile).executed < cost(usual.words, profile).executed
