"""Each primitive as what packets do: "are IPv4", "carry VLAN tag 5", "have TCP flag SYN set"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from bpfq.analysis.phrases import address_text, mac_text, phrase
from bpfq.operators import Operator, calculate
from bpfq.query import nodes as q
from bpfq.query.walk import unders
from bpfq.tables.constants import ICMP6_TYPES, ICMP_TYPES, TCP_FLAGS
from bpfq.tables.services import services

_MOST_LISTED = 4  # addresses or ports named in a sentence
_FROM = {"src": "from", "dst": "to", "src or dst": "from or to", "src and dst": "both from and to"}
_NAMES = {
    "ip": "IPv4", "ip6": "IPv6", "arp": "ARP", "rarp": "RARP", "tcp": "TCP", "udp": "UDP",
    "sctp": "SCTP", "icmp": "ICMP", "icmp6": "ICMPv6", "igmp": "IGMP", "igrp": "IGRP",
    "pim": "PIM", "ah": "AH", "esp": "ESP", "vrrp": "VRRP", "carp": "CARP", "ipx": "IPX",
    "stp": "spanning tree", "iso": "OSI", "isis": "IS-IS", "esis": "ES-IS", "clnp": "CLNP",
    "atalk": "AppleTalk", "aarp": "AppleTalk ARP", "decnet": "DECnet", "netbeui": "NetBEUI",
    "lat": "LAT", "moprc": "MOP RC", "mopdl": "MOP DL", "loopback": "Ethernet loopback",
}  # fmt: skip
_BEHIND = {"*": "any encapsulation", "vlan": "a VLAN tag", "mpls": "an MPLS label",
           "pppoes": "a PPPoE session"}  # fmt: skip


def leaf_words(leaf: q.Leaf, text: str | None) -> str:
    """What the packets that the primitive matches do; begins with a plural verb."""
    words = _plain(leaf, text)
    places = {word for under in unders(leaf) for word in under}
    if not places:
        return words
    where = listed([_BEHIND.get(word, word) for word in sorted(places)], "and")
    return f"{words} (behind {where})"


def _plain(leaf: q.Leaf, text: str | None) -> str:
    match leaf:
        case q.Protocol(name):
            return f"are {_NAMES.get(name, name)}"
        case q.Address4(networks=networks):
            return address4_words(leaf, networks)
        case q.Address6(networks=networks):
            return address6_words(leaf, networks)
        case q.Port(low=low, high=high):
            return port_words(leaf, [(low, high)])
        case q.InSet() if leaf.direction in _FROM:
            return _in_set(leaf)
        case q.MacAddress(direction, addresses) if direction in _FROM:
            return f"are {_FROM[direction]} station {_some(map(mac_text, addresses))}"
        case q.Encapsulation(kind, identifier):
            return _encapsulation(kind, identifier)
        case q.Broadcast(layer):
            return f"are {'IPv4' if layer == 'ip' else 'link-layer'} broadcasts"
        case q.Multicast(layer):
            return f"are {_NAMES.get(layer, 'link-layer')} multicasts"
        case q.PacketDirection(inbound):
            return "are received by this host" if inbound else "are sent by this host"
        case q.Compare():
            return _compare(leaf, text)
        case q.Sample(threshold):
            return f"are in a random sample of {100 * threshold / 2**32:.3g} %"
        case q.Constant(value):
            return "are any packet" if value else "are no packet"
        case _:
            return f"are such that {phrase(leaf, text)}"


def address4_words(leaf: q.Address4, networks: Sequence[q.Network]) -> str:
    kinds = "IPv4, ARP or RARP" if leaf.protocol is None else _NAMES[leaf.protocol]
    return f"are {kinds} {_FROM[leaf.direction]} {_some(_network(n, 32) for n in networks)}"


def address6_words(leaf: q.Address6, networks: Sequence[q.Network]) -> str:
    return f"are IPv6 {_FROM[leaf.direction]} {_some(_network(n, 128) for n in networks)}"


def port_words(leaf: q.Port, ports: Sequence[tuple[int, int]]) -> str:
    kinds = "TCP, UDP or SCTP" if leaf.protocol is None else _NAMES[leaf.protocol]
    noun = "port" if len(ports) == 1 and ports[0][0] == ports[0][1] else "ports"
    return f"are {kinds} {_FROM[leaf.direction]} {noun} {_some(_port(*port) for port in ports)}"


def _in_set(leaf: q.InSet) -> str:
    members, way = leaf.members, _FROM[leaf.direction]
    count = f"{len(members.entries)} {'entry' if len(members.entries) == 1 else 'entries'}"
    where = f"in the set {members.name} ({count})"
    match members.kind:
        case "mac":
            return f"are {way} a station {where}"
        case "port":
            kinds = "TCP, UDP or SCTP" if leaf.protocol is None else _NAMES[leaf.protocol]
            return f"are {kinds} {way} a port {where}"
        case _:
            kinds = "IP, ARP or RARP" if leaf.protocol is None else _NAMES[leaf.protocol]
            return f"are {kinds} {way} an address {where}"


def listed(words: Sequence[str], conjunction: str) -> str:
    """a, b or c."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def _some(words: Iterable[str]) -> str:
    """A few names, or how many there are."""
    named = list(words)
    if len(named) <= _MOST_LISTED:
        return listed(named, "or")
    return f"one of {len(named)} ({', '.join(named[:2])}, ... {named[-1]})"


def _network(network: q.Network, bits: int) -> str:
    address, mask = network
    text, ones = address_text(address, bits), mask.bit_count()
    if ones == bits:
        return text
    if mask == (1 << bits) - (1 << (bits - ones)):
        return f"{text}/{ones}"
    return f"{text} mask {address_text(mask, bits)}"


def _port(low: int, high: int) -> str:
    if low != high:
        return f"{low} to {high}"
    name = _service_names().get(low)
    return f"{low} ({name})" if name else str(low)


@cache
def _service_names() -> dict[int, str]:
    """The first name of each port."""
    names: dict[int, str] = {}
    for name, (port, _) in services().items():
        names.setdefault(port, name)
    return names


def _encapsulation(kind: str, identifier: int | None) -> str:
    which = "" if identifier is None else f" {identifier}"
    match kind:
        case "vlan":
            return f"carry VLAN tag{which}" if which else "carry a VLAN tag"
        case "mpls":
            return f"carry MPLS label{which}" if which else "carry an MPLS label"
        case "pppoed":
            return "are PPPoE discovery"
        case "pppoes":
            return f"belong to PPPoE session{which}" if which else "are in a PPPoE session"
        case _:
            return f"are {kind.upper() if kind == 'vxlan' else kind.capitalize()}{which}"


# ---------------------------------------------------------------- relations


def _compare(leaf: q.Compare, text: str | None) -> str:
    value = _number(leaf.right)
    if value is None:
        return _written(leaf, text)
    mask = 0xFF
    read = leaf.left
    if isinstance(read, q.Arithmetic) and read.operator is Operator.AND:
        folded = _number(read.right)
        if folded is None:
            return _written(leaf, text)
        read, mask = read.left, folded
    match read:
        case q.Length() if mask == 0xFF and leaf.relation in _LENGTHS:
            return f"are {_LENGTHS[leaf.relation].format(value)} bytes long"
        case q.Index(protocol, q.Number(offset), 1):
            named = _byte(protocol, offset, mask, leaf.relation, value)
            return named or _written(leaf, text)
        case _:
            return _written(leaf, text)


def _number(value: q.Value) -> int | None:
    """What a value without reads comes to."""
    match value:
        case q.Number(number):
            return number
        case q.Arithmetic(operator, left, right):
            sides = _number(left), _number(right)
            if sides[0] is None or not sides[1]:
                return None
            return calculate(operator, sides[0], sides[1])
        case _:
            return None


_LENGTHS = {"=": "{}", "==": "{}", ">": "more than {}", ">=": "at least {}", "<": "less than {}",
            "<=": "at most {}"}  # fmt: skip


def _written(leaf: q.Compare, text: str | None) -> str:
    """The relation as it stands; that the header must be there is said in full elsewhere."""
    return f"are such that {phrase(leaf, text).rpartition(': ')[2]}"


def _byte(protocol: str, offset: int, mask: int, relation: str, value: int) -> str | None:
    """Tests of one byte that have a name."""
    same = relation in ("=", "==")
    match protocol, offset:
        case "tcp", 13 if same or relation == "!=":
            return _flags(mask, value, same=same)
        case ("icmp", 0) | ("icmp6", 0) if mask == 0xFF and same:
            types = ICMP_TYPES if protocol == "icmp" else ICMP6_TYPES
            name = next((n for n, k in types.items() if k == value), "")
            return f"are {_NAMES[protocol]} type {value}{f' ({name})' if name else ''}"
        case "ip", 8 if mask == 0xFF:
            return f"are IPv4 with TTL {relation} {value}"
        case _:
            return None


def _flags(mask: int, value: int, *, same: bool) -> str | None:
    """TCP flags that must be set, and that must be clear."""
    if not same:
        if value or not mask:
            return None
        names = _flag_names(mask)
        return f"are TCP over IPv4 with {listed(names, 'or')} set"
    if value & ~mask:
        return None
    set_, clear = _flag_names(mask & value), _flag_names(mask & ~value)
    parts = [f"{listed(set_, 'and')} set"] if set_ else []
    if mask == 0xFF:
        parts.append("no other flag" if set_ else "no flag")
    elif clear:
        parts.append(f"{listed(clear, 'and')} clear")
    return f"are TCP over IPv4 with {' and '.join(parts)}" if parts else None


def _flag_names(bits: int) -> list[str]:
    return [name.removeprefix("tcp-").upper() for name, bit in TCP_FLAGS.items() if bits & bit]
