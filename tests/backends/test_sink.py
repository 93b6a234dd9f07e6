"""X is loaded behind the jumps that part of the packets leave by."""

from __future__ import annotations

import pytest
from oracles.passes import BENCH, filter_name
from oracles.sweep import sampled

from bpfq.backends.cbpf.cost import cost
from bpfq.backends.cbpf.layout import layout
from bpfq.backends.cbpf.select import Selection, select
from bpfq.backends.cbpf.sink import sink
from bpfq.frontend.pcap.parse import parse
from bpfq.graphs import ways
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.text import dump_d
from bpfq.isa.cbpf.vm import run
from bpfq.opt.profile import Profile
from bpfq.opt.traffic_links import default_profile
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS


def selections(text: str, link: str = "EN10MB") -> list[Selection]:
    settings = Settings(TARGETS["file"], link_type(link), allow_empty=True)
    found = ways(parse(text), settings)
    return [made for way in found for made in select(way.graph, late_entries=True)]


def words(selection: Selection) -> tuple[SockFilter, ...]:
    return assemble(layout(selection, accept=1))


def traffic(link: str = "EN10MB") -> Profile:
    return default_profile(TARGETS["file"], link_type(link))


def names(words: tuple[SockFilter, ...]) -> list[str]:
    """The mnemonics in order."""
    return [line.split()[1] for line in dump_d(words).splitlines()]


def loads_of_x(words: tuple[SockFilter, ...]) -> list[int]:
    """Where they stand."""
    return [at for at, name in enumerate(names(words)) if name.startswith("ldx")]


def test_packets_that_leave_at_the_first_test_do_not_load_x() -> None:
    every = [(words(one), words(sink(one))) for one in selections("udp port 53")]
    changed = [(before, after) for before, after in every if before != after]
    assert changed
    for before, after in changed:
        assert sum(loads_of_x(after)) > sum(loads_of_x(before))
        assert sorted(names(before)) == sorted(names(after))
        assert cost(after, traffic()).executed < cost(before, traffic()).executed


@pytest.mark.parametrize("line", sampled(BENCH, every=4), ids=filter_name)
def test_programs_stay_as_long_and_decide_the_same(line: tuple[str, str]) -> None:
    profile = traffic(line[1])
    for selection in selections(*line):
        before, after = words(selection), words(sink(selection))
        assert len(before) == len(after)
        assert cost(after, profile).executed <= cost(before, profile).executed
        if before != after:
            for sample in profile.samples:
                for cut in (len(sample.octets), 40, 25):
                    packet, length = sample.octets[:cut], sample.length
                    expected = run(before, packet, wire_length=length)
                    assert run(after, packet, wire_length=length) == expected
