"""Programs that look into maps decide as those that compare with every value."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf import sets
from bpfq.backends.ebpf.emit import Verdicts, programs
from bpfq.backends.ebpf.layout import Laid
from bpfq.ebpf.install import install
from bpfq.errors import ObjectError
from bpfq.graphs import ways
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.environment import xdp
from bpfq.isa.ebpf.maps import Map
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.isa.ebpf.vm import run as interpret
from bpfq.kernel.testrun import run
from bpfq.program.ebpf import function
from bpfq.objfile.object import object_file
from bpfq.settings import settings_of

DRAW = Random(5)
HOSTS = sorted(DRAW.sample(range(1 << 24, 200 << 24, 2), 40))
NETS = sorted({(DRAW.getrandbits(31) >> bits << bits, 32 - bits) for bits in range(4, 24)})
PORTS = sorted(DRAW.sample(range(2, 65000, 2), 40))


def hosts(words: Iterable[int]) -> str:
    return " or ".join(str(IPv4Address(word)) for word in words)


FILTERS = {
    "hash": f"src host ({hosts(HOSTS)})",
    "trie": " or ".join(f"dst net {IPv4Address(net)}/{bits}" for net, bits in NETS),
    "bits": f"dst port ({' or '.join(map(str, PORTS))})",
    "several": f"src host ({hosts(HOSTS)}) and dst host ({hosts(HOSTS[::2])}) and "
    f"port ({' or '.join(map(str, PORTS))}) and ip[4:2] = ip[10:2] + {HOSTS[0] & 0xFF} - 3",
}  # fmt: skip
KINDS = {
    "hash": ["hash"], "trie": ["lpm_trie"], "bits": ["array"], "several": ["array", "hash", "hash"]
}  # fmt: skip
L3: tuple[Hook, ...] = ("socket", "cgroup_skb", "netfilter")


def packets() -> list[bytes]:
    """At members, beside them, and with both ends of each kind."""
    near = [each + by for each in HOSTS for by in (-1, 0, 1)]
    for net, bits in NETS:
        whole = IPv4Network((net, bits))
        first, last = int(whole.network_address), int(whole.broadcast_address)
        near += [max(first - 1, 0), first, last, last + 1]
    found = [frame(one, other, 9, PORTS[0]) for one, other in zip(near, reversed(near))]
    found += [frame(one, one, 9, PORTS[0]) for one in near]
    found += [frame(HOSTS[0], HOSTS[2], 9, p + by) for p in PORTS for by in (-1, 0, 1)]
    found += [frame(HOSTS[0], HOSTS[2], p, 9) for p in PORTS]
    return found


def frame(source: int, destination: int, sport: int, dport: int) -> bytes:
    sum_, identification = 7, 7 + (HOSTS[0] & 0xFF) - 3
    header = b"\x45\0\0\x28" + identification.to_bytes(2, "big") + b"\0\0\x40\x11"
    ends = source.to_bytes(4, "big") + destination.to_bytes(4, "big")
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return bytes(12) + b"\x08\0" + header + sum_.to_bytes(2, "big") + ends + ports + bytes(20)


def laid(text: str, hook: Hook, maps: bool) -> list[Laid]:
    settings = settings_of("file", "IPV4" if hook in L3 else "EN10MB")
    return [
        each
        for way in ways(query_of(text, None), settings)
        for one in selections(way.graph, 2)
        for each in programs(one, hook, Verdicts(1, 0), maps=maps)
    ]


def module(made: Laid, hook: Hook) -> Module:
    return Module(hook, function(made), made.maps)


def verdicts(made: Laid, hook: Hook) -> list[int]:
    start = 14 if hook == "netfilter" else 0
    with install(module(made, hook)) as installed:
        return [run(installed.program, packet[start:]).verdict for packet in packets()]


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("hook", ["xdp", "tc", "cgroup_skb", "socket", "netfilter"])
@pytest.mark.parametrize("name", FILTERS)
def test_maps_and_comparisons_give_the_same_verdicts(
    name: str, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "MANY", dict.fromkeys(sets.MANY, 1))
    (compared, *_), looked_up = (laid(FILTERS[name], hook, maps) for maps in (False, True))
    expected = verdicts(compared, hook)
    assert {*expected} == {0, 1}
    found = [each for each in looked_up if each.maps]
    assert found
    for each in found:
        assert verdicts(each, hook) == expected
        kinds = sorted(spec.kind for spec in each.maps)
        assert [*dict.fromkeys(kinds)] == [*dict.fromkeys(KINDS[name])]


def test_the_interpreter_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MANY", dict.fromkeys(sets.MANY, 1))
    for text in FILTERS.values():
        compared, *_ = laid(text, "xdp", False)
        looked_up = next(each for each in laid(text, "xdp", True) if each.maps)
        assert interpreted(looked_up) == interpreted(compared)


def interpreted(made: Laid) -> list[int]:
    maps = {number: Map(spec) for number, spec in enumerate(made.maps)}
    words = assemble(made.instructions)
    return [interpret(words, xdp(packet, maps=maps)) for packet in packets()]


def test_small_sets_are_compared_with_and_large_ones_looked_up() -> None:
    hosts_of = (" or ".join(f"src host 10.0.{n >> 8}.{n & 255}" for n in range(0, 2 * m, 2))
                for m in (200, 300))  # fmt: skip
    assert [[bool(each.maps) for each in laid(text, "xdp", True)][-1] for text in hosts_of] == [
        False,
        True,
    ]


@given(st.lists(st.integers(0, 300), min_size=1, unique=True))
def test_prefixes_hold_what_the_intervals_hold(values: list[int]) -> None:
    ordered = sorted(values)
    bounds = tuple(ordered[: len(ordered) // 2 * 2])
    held = [
        value
        for first, bits in sets.prefixes(bounds, 32)
        for value in range(first, first + (1 << 32 - bits))
    ]
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    assert held == [value for first, end in pairs for value in range(first, end)]


@pytest.mark.root
@needs_bpf
def test_maps_of_a_filter_are_frozen() -> None:
    text = f"dst port ({' or '.join(str(port) for port in range(2, 400, 2))})"
    made = laid(text, "xdp", True)[-1]
    with install(module(made, "xdp")) as installed:
        (found,) = installed.maps.values()
        with pytest.raises(Exception, match="the map is frozen"):
            found.update(bytes(4), bytes(8192))


def test_an_object_file_does_not_take_a_map_with_entries() -> None:
    text = f"src host ({hosts(range(1 << 24, (1 << 24) + 1000, 2))})"
    made = laid(text, "xdp", True)[-1]
    with pytest.raises(ObjectError) as error:
        object_file([module(made, "xdp")])
    assert str(error.value) == "map _set0 has entries, which an object file cannot carry"


def test_a_compiled_filter_has_its_map_and_can_do_without() -> None:
    text = f"udp dst port ({' or '.join(str(port) for port in range(2, 400, 2))})"
    program = bpfq.compile(text, target="ebpf:xdp", action="drop")
    assert [(spec.name, spec.kind, spec.frozen) for spec in program.module.maps] == [
        ("_set0", "array", True)
    ]
    plain = program.without_maps
    assert plain.module.maps == () and len(plain) > len(program)
    for port in range(410):
        matches = port in range(2, 400, 2)
        packet = frame(1, 2, 9, port)
        assert program.matches(packet) is plain.matches(packet) is matches
