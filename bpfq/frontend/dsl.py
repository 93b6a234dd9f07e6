"""The names of the Python expression language: protocols, addresses, ports and the rest.

    from bpfq import ip, tcp, udp, vlan, host, src

    ip & udp & host("10.0.0.1")
    (tcp.dport == 443) & ~ip.src.in_("10.0.0.0/8", "192.0.2.1")
    tcp.flags.syn & ~tcp.flags.ack
    vlan(100) / (ip & udp)

Everything here is a ``Cond``, a ``Value``, or makes one.  What is said rarely is said in pcap
text and combined: ``ip & bpfq.parse("ether[0] & 1 = 0")``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import overload

from bpfq.errors import FilterError
from bpfq.frontend import dsl_literals as literals
from bpfq.frontend.dsl_handles import (
    AddressField,
    Cond,
    HardwareField,
    PortField,
    query_of,
    shown,
)
from bpfq.frontend.dsl_values import Value, read, unknown_field
from bpfq.query import build, nodes, walk
from bpfq.query.nodes import Query
from bpfq.record import record, replace
from bpfq.source import Suggestion
from bpfq.tables.fields import ADDRESS_FIELDS, FIELDS

__all__ = [  # the names that expressions, representations included, are made of
    "Cond", "Value", "aarp", "ah", "all_of", "any_of", "arp", "atalk", "broadcast", "carp", "clnp",
    "csnp", "decnet", "dst", "esis", "esp", "ether", "everything", "gateway", "geneve", "gre",
    "host", "icmp", "icmp6", "ifindex", "igmp", "igrp", "iih", "inbound", "ip", "ip6", "ipip",
    "ipx", "isis", "iso", "l1", "l2", "lat", "length", "llc", "lsp", "mopdl", "moprc", "mpls",
    "multicast", "net", "netbeui", "nothing", "outbound", "pim", "port", "portrange", "pppoed",
    "pppoes", "proto", "psnp", "radio", "rand", "rarp", "sca", "sctp", "snp", "src", "stp", "tcp",
    "udp", "vlan", "vrrp", "vxlan", "when",
]  # fmt: skip

# ---------------------------------------------------------------- protocols


def _fields_of(protocol: str) -> list[str]:
    start = f"{protocol}."
    names = [name.removeprefix(start) for name in FIELDS if name.startswith(start)]
    return [name for name in names if "." not in name]


def _field(owner: str, protocol: str, name: str, more: tuple[str, ...]) -> Value:
    known = [*_fields_of(protocol), *more]
    if name.startswith("_") or name not in known:
        raise unknown_field(owner, name, known)
    return Value(build.field_value(f"{protocol}.{name}"))


def _own(handle: type) -> tuple[str, ...]:
    """The fields that a class of handles writes as properties."""
    return tuple(name for name, value in vars(handle).items() if isinstance(value, property))


class Header:
    """Bytes that can be indexed, ``word[offset]`` and ``word[offset:size]``, and named fields."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def __getitem__(self, key: int | Value | slice) -> Value:
        return read(self._word, key)

    __iter__ = None  # else iteration would index without end

    def __getattr__(self, name: str) -> Value:
        return _field(repr(self), self._word, name, _own(type(self)))

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *_fields_of(self._word)})

    def __repr__(self) -> str:
        return "ether" if self._word == "link" else self._word


class Ether(Header):
    """The link-layer header; it is no filter by itself, since every frame has one."""

    __slots__ = ()

    @property
    def src(self) -> AddressField:
        return AddressField("link", "src")

    @property
    def dst(self) -> AddressField:
        return AddressField("link", "dst")

    @property
    def addr(self) -> AddressField:
        """Source or destination."""
        return AddressField("link", "src or dst")

    @property
    def broadcast(self) -> Cond:
        return Cond(build.broadcast("link"))

    @property
    def multicast(self) -> Cond:
        return Cond(build.multicast("link"))


@record(eq=False, repr=False)
class Protocol(Cond):
    """A protocol word: a filter, a header to index, and fields."""

    query: nodes.Protocol

    def __getitem__(self, key: int | Value | slice) -> Value:
        return read(self.query.name, key)

    __iter__ = None  # else iteration would index without end

    def __getattr__(self, name: str) -> Value:
        if name == "query":
            raise AttributeError(name)
        return _field(self.query.name, self.query.name, name, _own(type(self)))

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *_fields_of(self.query.name)})


class Ip(Protocol):
    __slots__ = ()

    @property
    def addr(self) -> AddressField:
        """Source or destination."""
        return AddressField("ip", "src or dst")

    @property
    def broadcast(self) -> Cond:
        return Cond(build.broadcast("ip"))

    @property
    def multicast(self) -> Cond:
        return Cond(build.multicast("ip"))


class Ip6(Protocol):
    __slots__ = ()

    @property
    def src(self) -> AddressField:
        return AddressField("ip6", "src")

    @property
    def dst(self) -> AddressField:
        return AddressField("ip6", "dst")

    @property
    def addr(self) -> AddressField:
        """Source or destination."""
        return AddressField("ip6", "src or dst")

    @property
    def multicast(self) -> Cond:
        return Cond(build.multicast("ip6"))


class Arp(Protocol):
    __slots__ = ()

    @property
    def addr(self) -> AddressField:
        """Sender's or target's protocol address."""
        return AddressField(self.query.name, "src or dst")

    @property
    def sha(self) -> HardwareField:
        return self._hardware("sha")

    @property
    def tha(self) -> HardwareField:
        return self._hardware("tha")

    def _hardware(self, name: str) -> HardwareField:
        row = ADDRESS_FIELDS[f"{self.query.name}.{name}"]
        return HardwareField(row.protocol, row.name, row.offset)


class Transport(Protocol):
    __slots__ = ()

    @property
    def port(self) -> PortField:
        """Source or destination port."""
        return PortField(self.query.name)


@record(eq=False, repr=False)
class Encapsulation(Cond):
    """A shim or tunnel: ``vlan``, ``vlan(100)``, and ``vlan / ...`` for what is inside."""

    query: nodes.Encapsulation

    @overload
    def __call__(self, packet: int) -> Cond: ...  # type: ignore[overload-overlap]  # no packet

    @overload
    def __call__(self, packet: object) -> bool: ...

    def __call__(self, packet: object) -> Cond | bool:
        """The same with that identifier; or whether a packet matches."""
        if isinstance(packet, int):
            return Cond(build.encapsulation(self.query.kind, packet))
        return Cond.__call__(self, packet)

    def __getattr__(self, name: str) -> Value:
        if name == "query":
            raise AttributeError(name)
        return _field(self.query.kind, self.query.kind, name, ())

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *_fields_of(self.query.kind)})


@record(eq=False, repr=False)
class Llc(Cond):
    """An 802.2 frame, or with a kind one of a class or control word: ``llc("ui")``."""

    @overload
    def __call__(self, packet: str) -> Cond: ...  # type: ignore[overload-overlap]  # no packet

    @overload
    def __call__(self, packet: object) -> bool: ...

    def __call__(self, packet: object) -> Cond | bool:
        """The frames of that kind; or whether a packet matches."""
        if isinstance(packet, str):
            return Cond(build.llc(packet))
        return Cond.__call__(self, packet)


def _words(*names: str) -> list[Protocol]:
    return [Protocol(build.protocol(name)) for name in names]


ether, radio = Ether("link"), Header("radio")
ip, ip6 = Ip(build.protocol("ip")), Ip6(build.protocol("ip6"))
arp, rarp = Arp(build.protocol("arp")), Arp(build.protocol("rarp"))
tcp, udp, sctp = (Transport(build.protocol(name)) for name in ("tcp", "udp", "sctp"))
icmp, icmp6, igmp, igrp, pim = _words("icmp", "icmp6", "igmp", "igrp", "pim")
vrrp, carp, ah, esp = _words("vrrp", "carp", "ah", "esp")
atalk, aarp, decnet, lat, sca = _words("atalk", "aarp", "decnet", "lat", "sca")
moprc, mopdl, iso, stp, ipx = _words("moprc", "mopdl", "iso", "stp", "ipx")
netbeui, esis, isis, clnp = _words("netbeui", "esis", "isis", "clnp")
l1, l2, iih, lsp, snp, csnp, psnp = _words("l1", "l2", "iih", "lsp", "snp", "csnp", "psnp")

vlan, mpls, pppoed, pppoes, geneve, vxlan, gre, ipip = (
    Encapsulation(build.encapsulation(kind))
    for kind in ("vlan", "mpls", "pppoed", "pppoes", "geneve", "vxlan", "gre", "ipip")
)
llc = Llc(build.llc())

# ---------------------------------------------------------------- whole packets

everything = Cond(build.everything())
nothing = Cond(build.nothing())
inbound = Cond(build.packet_direction(True))
outbound = Cond(build.packet_direction(False))
broadcast = Cond(build.broadcast("link"))
multicast = Cond(build.multicast("link"))
length = Value(build.length())


def ifindex(index: int) -> Cond:
    """The packet was seen on the interface of this number.

    >>> print(ifindex(2))
    ifindex 2
    """
    return Cond(build.interface_index(index))


def rand(probability: float) -> Cond:
    """Each packet with this probability, 0 to 1; live targets only.

    >>> print(rand(0.5))
    rand(0.5)
    """
    return Cond(build.sample(probability))


# ---------------------------------------------------------------- combination


def all_of(*filters: Cond) -> Cond:
    """Every filter accepts; without any, everything.

    >>> print(all_of(ip, udp, port(53)))
    ip and udp and port 53
    >>> print(repr(all_of()))
    everything
    """
    return Cond(build.all_of(*(query_of(one, "an operand of all_of") for one in filters)))


def any_of(*filters: Cond) -> Cond:
    """Some filter accepts; without any, nothing.

    >>> print(any_of(arp, rarp))
    arp or rarp
    """
    return Cond(build.any_of(*(query_of(one, "an operand of any_of") for one in filters)))


def when(condition: Cond, then: Cond, otherwise: Cond) -> Cond:
    """``then`` decides where the condition holds, ``otherwise`` elsewhere.

    >>> print(when(ip, ip.ttl < 5, ip6.hlim < 5))
    (ip and ip[8] < 5) or (not ip and ip6[7] < 5)
    """
    roles = zip((condition, then, otherwise), ("condition", "then", "otherwise"), strict=True)
    return Cond(build.when(*(query_of(one, f"'{role}' of when") for one, role in roles)))


# ---------------------------------------------------------------- addresses, ports, protocols

_NetworkTest = Callable[[int, nodes.Network], Query]


def _network_test(direction: str) -> _NetworkTest:
    def test(family: int, network: nodes.Network) -> Query:
        if family == 6:
            return build.address6(direction, (network,))
        return build.address4(None, direction, (network,))

    return test


def host(*addresses: object) -> Cond:
    """An IPv4 (also in ARP and RARP) or IPv6 address is source or destination.

    >>> print(host("10.0.0.1", "2001:db8::1"))
    host 10.0.0.1 or host 2001:db8::1
    """
    test = _network_test("src or dst")
    found = []
    for address in addresses:
        family, (number, mask) = literals.network(address)
        if mask != (literals.FULL6 if family == 6 else literals.FULL4):
            raise FilterError(
                f"'{address}' is a network, not a host; did you mean net('{address}')?",
                suggestions=(Suggestion(f"net('{address}')"),),
            )
        found.append(test(family, (number, mask)))
    return Cond(build.any_of(*found))


def net(*networks: object) -> Cond:
    """Source or destination is in a network: "10.0.0.0/8", "2001:db8::/32".

    >>> print(net("10.0.0.0/8"))
    net 10.0.0.0/8
    """
    test = _network_test("src or dst")
    return Cond(build.any_of(*(test(*literals.network(one)) for one in networks)))


def port(*ports: literals.PortItem) -> Cond:
    """A TCP, UDP or SCTP port, source or destination: numbers, names, (first, last), ranges.

    >>> print(port(53, "http", (8000, 8080)))
    port 53 or tcp port 80 or portrange 8000-8080
    """
    found: list[Query] = []
    for item in literals.spread(ports):
        if isinstance(item, str):
            number, protocol = literals.port_number(item, None)
            found.append(build.port(protocol, "src or dst", number, number))
        else:
            found.append(build.port(None, "src or dst", *literals.bounds(item, "a port")))
    return Cond(build.any_of(*found))


def portrange(first: int, last: int) -> Cond:
    """A TCP, UDP or SCTP port from first to last, source or destination.

    >>> print(portrange(8000, 8080))
    portrange 8000-8080
    """
    return port((first, last))


def src(*what: object) -> Cond:
    """Source only: addresses and networks, or a filter of hosts, networks and ports.

    >>> print(src("10.0.0.1"))
    src host 10.0.0.1
    """
    return _directed("src", what)


def dst(*what: object) -> Cond:
    """Destination only: addresses and networks, or a filter of hosts, networks and ports.

    >>> print(dst("10.0.0.1", "10.1.0.0/16"))
    dst host 10.0.0.1 or dst net 10.1.0.0/16
    >>> print(dst(port(53)))
    dst port 53
    """
    return _directed("dst", what)


def _directed(direction: str, what: tuple[object, ...]) -> Cond:
    test = _network_test(direction)

    def one_way(leaf: nodes.Leaf) -> Query:
        match leaf:
            case (
                nodes.Address4(direction="src or dst")
                | nodes.Address6(direction="src or dst")
                | nodes.MacAddress(direction="src or dst")
                | nodes.StationAddress(direction="src or dst")
                | nodes.DecnetAddress(direction="src or dst")
                | nodes.Port(direction="src or dst")
            ):
                return replace(leaf, direction=direction)
        raise TypeError(
            f"{direction} takes addresses, or a filter of hosts, networks and ports, "
            f"not {shown(Cond(leaf))}"
        )

    found: list[Query] = []
    for item in what:
        if isinstance(item, Cond):
            found.append(walk.map_leaves(item.query, one_way))
        elif isinstance(item, int):
            raise TypeError(f"{direction}({item}) is no address: write {direction}(port({item}))")
        else:
            found.append(test(*literals.network(item)))
    return Cond(build.any_of(*found))


def proto(protocol: int | str, layer: str = "inet") -> Cond:
    """The next protocol of IPv4 or IPv6 by number or name, or a number of another layer.

    layer: "inet", "ip", "ip6", "link" (EtherType, or LLC SAP up to 1500), "iso", "isis".

        >>> print(proto("igmp"))
        proto 2
        >>> print(proto(0x88CC, "link"))
        ether proto 35020
    """
    return Cond(build.protocol_number(layer, literals.protocol_value(protocol)))


def gateway(mac: str, *addresses: object) -> Cond:
    """Frames through a station that are not for its own IPv4 addresses.

    >>> through = gateway("02:00:00:00:00:01", "192.0.2.1")
    >>> bpfq.compile(through & ~arp).matches(bpfq.witness(through & ip)[0].octets)
    True
    """
    networks = [literals.network(address) for address in addresses]
    for address, (family, (_, mask)) in zip(addresses, networks, strict=True):
        if family != 4 or mask != literals.FULL4:
            raise FilterError(f"'{address}' is not the IPv4 address of a gateway")
    hosts = (number for _, (number, _) in networks)
    return Cond(build.gateway(None, (literals.mac(mac),), hosts))
