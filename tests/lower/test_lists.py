"""Long lists of primitives: what is joined, and that it keeps the contract."""

from __future__ import annotations

from random import Random

import pytest

from bpfq.errors import UnsupportedError
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.build import build
from bpfq.graph.formula import Formula, size
from bpfq.graph.nodes import Builder
from bpfq.graphs import lowering
from bpfq.lower.lists import has_long_list, joined
from bpfq.opt.candidates import keeps_contract
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

COUNT = 50


def addresses(seed: int) -> list[str]:
    draw = Random(seed)
    return [".".join(map(str, draw.getrandbits(32).to_bytes(4, "big"))) for _ in range(COUNT)]


def any_of(word: str, values: list[str]) -> str:
    return " or ".join(f"{word} {value}" for value in values)


def none_of(word: str, values: list[str]) -> str:
    return " and ".join(f"not {word} {value}" for value in values)


PORTS = [str(port) for port in Random(9).sample(range(65536), COUNT)]
RANGES = [f"{port}-{port + 30}" for port in Random(8).sample(range(60000), COUNT)]
NETS = [f"{address.rsplit('.', 1)[0]}.0/24" for address in addresses(4)]
MIXED = [part for pair in zip(addresses(1), PORTS, strict=True) for part in pair]

LISTS = {
    "hosts": (any_of("host", addresses(1)), 9),
    "source hosts": (any_of("src host", addresses(1)), 6),
    "ARP hosts": (any_of("arp dst host", addresses(1)), 2),
    "networks": (any_of("net", NETS), 9),
    "ports": (any_of("port", PORTS), 13),
    "ranges of ports": (any_of("udp dst portrange", RANGES), 7),
    "refused hosts": (none_of("host", addresses(2)), 9),
    "refused ports": (none_of("tcp port", PORTS), 9),
    "two lists in turn": (" or ".join(
        f"{'port' if value.isdigit() else 'host'} {value}" for value in MIXED
    ), 22),
    "a list among others": (f"arp or host 10.0.0.1 or {any_of('port', PORTS)} or icmp", 25),
    "a list in brackets": (f"len > 100 and ({any_of('src net', NETS)})", 7),
    "behind a tag": (f"vlan and ({any_of('dst host', addresses(3))})", 9),
}  # fmt: skip


def lowered(text: str, *, join: bool, link: str = "EN10MB") -> Formula:
    chosen = Settings(TARGETS["file"], link_type(link), level=2)
    return lowering(chosen, Builder(), share=True, join=join)(parse(text))


@pytest.mark.parametrize(("text", "tests"), LISTS.values(), ids=LISTS)
def test_a_long_list_is_one_test_a_field(text: str, tests: int) -> None:
    assert size(lowered(text, join=True)) == tests


@pytest.mark.parametrize("text", [text for text, _ in LISTS.values()], ids=LISTS)
def test_joining_keeps_the_contract(text: str) -> None:
    builder = Builder()
    chosen = Settings(TARGETS["file"], link_type("EN10MB"), level=2)
    plain = lowering(chosen, builder, share=True)(parse(text))
    graph = build(lowering(chosen, builder, share=True, join=True)(parse(text)), builder)
    kept = keeps_contract(plain, graph)
    assert kept


NO_LISTS = {
    "short": any_of("host", addresses(1)[:40]),
    "both ends": any_of("src and dst host", addresses(1)),
    "masks with holes": any_of("net", [f"10.0.0.{n} mask 255.0.0.255" for n in range(COUNT)]),
    "everything": any_of("net", ["0.0.0.0/0"] * COUNT),
    "alternatives refused": " or ".join(f"not port {port}" for port in PORTS),
    "stations": any_of("ether host", [f"0:0:0:0:0:{n:x}" for n in range(COUNT)]),
}


@pytest.mark.parametrize("text", NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list_stays_as_it_is(text: str) -> None:
    query = parse(text)
    assert not has_long_list(query)
    assert joined(query) == getattr(query, "operands", ())


def test_lists_of_several_kinds_stand_where_their_first_members_stood() -> None:
    query = parse(f"arp or {any_of('port', PORTS)} or icmp or {any_of('host', addresses(1))}")
    kinds = [type(item).__name__ for item in joined(query)]
    assert kinds == ["Protocol", "Ports", "Protocol", "Addresses"]


def test_a_list_that_covers_all_ports_asks_for_the_protocol_only() -> None:
    halves = [f"{start}-{start + 1023}" for start in range(0, 65536, 1024)]
    assert size(lowered(any_of("tcp src portrange", halves), join=True)) == 5


def test_what_a_target_cannot_see_is_told_of_the_first_member() -> None:
    text = any_of("port", PORTS)
    with pytest.raises(UnsupportedError) as caught:
        lowered(text, join=True, link="IEEE802_15_4_NOFCS")
    assert caught.value.span == (0, len(f"port {PORTS[0]}"))
