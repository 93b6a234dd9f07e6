"""Names: looked up by the resolver that the caller passes, and only then."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bpfq.errors import FilterError
from bpfq.frontend.pcap.names import Addresses, SystemResolver
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build as b
from bpfq.query.nodes import Query

ALL, ALL6 = 0xFFFF_FFFF, (1 << 128) - 1
EITHER = "src or dst"


@dataclass
class Book:
    hosts: dict[str, Addresses] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)
    ethers: dict[str, int] = field(default_factory=dict)

    def host(self, name: str) -> Addresses | None:
        return self.hosts.get(name)

    def network(self, name: str) -> int | None:
        return self.networks.get(name)

    def ether(self, name: str) -> int | None:
        return self.ethers.get(name)


BOOK = Book(
    {
        "both": Addresses((7, 5), (9, 8)),
        "four": Addresses((5,)),
        "six": Addresses((), (8,)),
        "gw": Addresses((6, 5), (8,)),
        "crowd": Addresses(tuple(range(101))),
    },
    {"loopback": 127, "small": 0x7F00_0001},
    {"gw": 0x0102_0304_0506},
)
FOUR = b.address4(None, EITHER, ((5, ALL), (7, ALL)))
SIX = b.address6(EITHER, ((8, ALL6), (9, ALL6)))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("host both", b.any_of(FOUR, SIX)),
        ("ip host both", b.address4("ip", EITHER, ((5, ALL), (7, ALL)))),
        ("arp src both", b.address4("arp", "src", ((5, ALL), (7, ALL)))),
        ("ip6 host both", SIX),
        ("dst four", b.address4(None, "dst", ((5, ALL),))),
        (r"host \four", b.address4(None, EITHER, ((5, ALL),))),
        ("net loopback", b.address4(None, EITHER, ((0x7F00_0000, 0xFF00_0000),))),
        ("net small", b.address4(None, EITHER, ((0x7F00_0001, ALL),))),
        ("ether host gw", b.mac_address(EITHER, (0x0102_0304_0506,))),
        ("gateway gw", b.gateway(None, (0x0102_0304_0506,), (5, 6))),
        ("arp gateway gw", b.gateway("arp", (0x0102_0304_0506,), (5, 6))),
    ],
)
def test_resolver_gives_addresses(text: str, query: Query) -> None:
    assert parse(text, resolver=BOOK) == query


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host nobody", "unknown host 'nobody'"),
        ("ip host six", "host 'six' has no address that 'ip' can test"),
        ("ip6 host four", "host 'four' has no address that 'ip6' can test"),
        ("host crowd", "host 'crowd' has 101 addresses; the limit is 100"),
        ("net nowhere", "unknown network 'nowhere'"),
        ("ether host nobody", "unknown station 'nobody'"),
        ("gateway four", "gateway 'four' has no known MAC address"),
        ("wlan host", "'host' needs an address after it"),
        ("mpls and gateway gw", "'gateway' cannot be tested after 'mpls'"),
        ("ra host both", "'ra' names an 802.11 MAC address, it cannot qualify a host name"),
    ],
)
def test_unknown_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, resolver=BOOK)
    assert caught.value.message == message


def test_nothing_is_looked_up_without_a_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr("socket.getaddrinfo", lookup)
    with pytest.raises(FilterError) as caught:
        parse("host localhost")
    assert caught.value.span == (5, 14)


def test_system_resolver_reads_the_system_files(tmp_path: Path) -> None:
    networks = tmp_path / "networks"
    networks.write_text("# names\nloopback 127.0.0.0 lo # comment\nbad x.y\n")
    ethers = tmp_path / "ethers"
    ethers.write_text("1:2:3:4:5:6 gw\nzz:1 bad\n")
    resolver = SystemResolver(str(networks), str(ethers))
    assert resolver.network("lo") == 0x7F00_0000
    assert resolver.network("bad") is None
    assert resolver.network("none") is None
    assert resolver.ether("gw") == 0x0102_0304_0506
    assert resolver.ether("bad") is None
    assert SystemResolver(str(tmp_path / "absent")).network("lo") is None


def test_system_resolver_knows_this_machine() -> None:
    found = SystemResolver().host("localhost")
    assert found is not None
    assert 0x7F00_0001 in found.ip4 or 1 in found.ip6


def test_system_resolver_has_no_address_for_a_reserved_name() -> None:
    assert SystemResolver().host("host.invalid.") is None
