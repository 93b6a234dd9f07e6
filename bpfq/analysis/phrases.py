"""One line of words for each primitive: everything that it tests, spelled out.

    port 53    =>    (ip proto tcp, udp or sctp, first fragment) or (ip6 next header tcp, udp or
                     sctp): src or dst port 53
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop

from bpfq.query import nodes as q
from bpfq.query.dsl_text import to_python
from bpfq.query.walk import reads
from bpfq.source import Span
from bpfq.tables.fields import FIELDS
from bpfq.tables.ipprotocols import ip_protocols
from bpfq.tables.protocols import LARGEST_LENGTH, PROTOCOLS, ProtocolRow

_PORTS = ("tcp", "udp", "sctp")
_LAYERS = {
    "ip": "ip proto",
    "ip6": "ip6 next header",
    "inet": "ip or ip6, next protocol",
    "iso": "iso proto",
    "isis": "isis proto",
}


def phrase(leaf: q.Leaf, text: str | None = None) -> str:
    """The primitive in words; text is the filter that spans refer to."""
    match leaf:
        case q.Compare():
            return _compare(leaf, text)
        case q.Constant(value):
            return "every packet" if value else "no packet"
        case q.Sample(threshold):
            return f"a random {100 * threshold / 2**32:.3g} % of packets"
        case _:
            words = _tested(leaf, text)
            return f"behind {' > '.join(leaf.under)}: {words}" if leaf.under else words


def _tested(leaf: q.Leaf, text: str | None) -> str:
    match leaf:
        case q.Protocol(name):
            return _protocol(name)
        case q.ProtocolNumber(layer, number):
            return _protocol_number(layer, number)
        case q.ProtocolChain(layer, number):
            head = "ip or ip6" if layer == "inet" else layer
            return f"{head}: {_named(number)} somewhere in the chain of headers"
        case q.Encapsulation(kind, identifier):
            return _encapsulation(kind, identifier)
        case q.Address4(protocol, direction, networks, under):
            words = [protocol] if protocol else ["ip"] if "mpls" in under else ["ip", "arp", "rarp"]
            head = words[0] if len(words) == 1 else f"({' or '.join(words)})"
            return f"{head} {direction} {_networks(networks, 32)}"
        case q.Address6(direction, networks):
            return f"ip6 {direction} {_networks(networks, 128)}"
        case q.MacAddress(direction, addresses):
            return f"link-layer {direction} {' or '.join(map(mac_text, addresses))}"
        case q.Port():
            return _port(leaf)
        case q.InSet(protocol, direction, members):
            head = "link-layer" if members.kind == "mac" else protocol or ""
            what = "port " if members.kind == "port" else ""
            return f"{head} {direction} {what}in the set {members.name}".lstrip()
        case _:
            return _rest(leaf, text)


def _rest(leaf: q.Leaf, text: str | None) -> str:
    """Primitives whose own words say all."""
    match leaf:
        case q.Broadcast(layer):
            return "ip dst of a broadcast" if layer == "ip" else "link-layer dst is broadcast"
        case q.Multicast(layer):
            return "link-layer dst is multicast" if layer == "link" else f"{layer} dst is multicast"
        case q.PacketDirection(inbound):
            return "received, not sent by this host" if inbound else "sent by this host"
        case q.InterfaceIndex(index):
            return f"interface index {index}"
        case q.Llc(kind):
            return f"802.2 LLC frame{f', {kind}' if kind else ''}"
        case q.Gateway():
            return "to or from the gateway's station, but not its IPv4 address"
        case q.LinkByte(offset, operator, value):
            return f"link header byte {offset} {operator} {value}"
        case _:
            return _written(leaf.span, text) or to_python(leaf)


def _written(span: Span | None, text: str | None) -> str:
    return "" if span is None or text is None else " ".join(text[span.start : span.end].split())


def _protocol(name: str) -> str:
    row = PROTOCOLS[name]
    numbers = " or ".join(map(str, row.numbers))
    match row.layers:
        case ("link",):
            return f"{name} ({_link_number(row.numbers[0])})"
        case ("ip",) | ("ip6",):
            return f"{_LAYERS[row.layers[0]]} {numbers} ({name})"
        case ("ip", "ip6"):
            return f"{_LAYERS['inet']} {numbers} ({name})"
        case _:
            return f"{'/'.join(row.layers)} {numbers} ({name})"


def _link_number(number: int) -> str:
    return f"LLC SAP {number:#x}" if number <= LARGEST_LENGTH else f"EtherType {number:#06x}"


def _protocol_number(layer: str, number: int) -> str:
    if layer == "link":
        return _link_number(number)
    return f"{_LAYERS[layer]} {number if layer in ('iso', 'isis') else _named(number)}"


def _named(number: int) -> str:
    return next((f"{number} ({n.lower()})" for n, k in ip_protocols().items() if k == number),
                str(number))  # fmt: skip


def _encapsulation(kind: str, identifier: int | None) -> str:
    which = "" if identifier is None else f" {identifier}"
    match kind:
        case "vlan":
            return f"an 802.1Q tag{f', vlan{which}' if which else ''}"
        case "mpls":
            return f"an MPLS label{which}"
        case "pppoed":
            return "PPPoE discovery"
        case "pppoes":
            return f"a PPPoE session{which}"
        case _:
            return f"{kind}{which}"


def _port(leaf: q.Port) -> str:
    names = (leaf.protocol,) if leaf.protocol else _PORTS
    listed = names[0] if len(names) == 1 else "tcp, udp or sctp"
    number = f"{leaf.low}" if leaf.low == leaf.high else f"{leaf.low}-{leaf.high}"
    return (
        f"(ip proto {listed}, first fragment) or (ip6 next header {listed}): "
        f"{leaf.direction} port {number}"
    )


# ---------------------------------------------------------------- relations


def _compare(leaf: q.Compare, text: str | None) -> str:
    needed: dict[str, None] = {}  # in order, each once
    for side in (leaf.left, leaf.right):
        for read in reads(side):
            needed[_needs(read)] = None
    needed.pop("", None)
    words = _written(leaf.span, text) or to_python(leaf)
    return f"{' and '.join(needed)}: {words}" if needed else words


def _needs(read: q.Index | q.FieldValue) -> str:
    """What must be there for the read to count."""
    name = read.protocol if isinstance(read, q.Index) else FIELDS[read.name].protocol
    row = PROTOCOLS.get(name)
    words = "" if row is None else _presence(row, both=isinstance(read, q.FieldValue))
    return f"behind {' > '.join(read.under)}: {words}" if read.under and words else words


def _presence(row: ProtocolRow, *, both: bool) -> str:
    match row.base:
        case "transport" if both and "ip6" in row.layers:
            return f"(ip proto {row.name}, first fragment) or (ip6 next header {row.name})"
        case "transport":
            return f"ip proto {row.name}, first fragment"
        case "icmp6":
            return f"ip6 next header {row.name}"
        case "network":
            return row.name
        case _:
            return ""


# ---------------------------------------------------------------- addresses


def _networks(networks: tuple[q.Network, ...], bits: int) -> str:
    return " or ".join(_network(address, mask, bits) for address, mask in networks)


def _network(address: int, mask: int, bits: int) -> str:
    ones = mask.bit_count()
    text = address_text(address, bits)
    if ones == bits:
        return f"host {text}"
    if mask == (1 << bits) - (1 << (bits - ones)):
        return f"net {text}/{ones}"
    return f"net {text} mask {address_text(mask, bits)}"


def address_text(address: int, bits: int) -> str:
    """An IPv4 address of 32 bits or an IPv6 address of 128."""
    family = AF_INET if bits == 32 else AF_INET6
    return inet_ntop(family, address.to_bytes(bits // 8, "big"))


def mac_text(address: int) -> str:
    return ":".join(f"{octet:02x}" for octet in address.to_bytes(6, "big"))
