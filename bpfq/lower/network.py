"""Network layer: protocol words and numbers, header chains, IPv4, ARP, IPv6, DECnet addresses."""

from __future__ import annotations

from bpfq.graph.chains import Chain
from bpfq.graph.formula import FALSE, TRUE, Atom, Formula, both, either, negation
from bpfq.graph.nodes import NEAR_THE_END
from bpfq.graph.terms import Term
from bpfq.headers.linktype import type_is
from bpfq.headers.places import IPV6_HEADER, Frame, Place
from bpfq.lower import linklayer, lists
from bpfq.lower.context import Context, directed
from bpfq.operators import Operator, Relation
from bpfq.query import nodes as q
from bpfq.tables import protocols as p

WORD = 2**32 - 1
FRAGMENT_OFFSET = 0x1FFF  # of the flags and fragment halfword (RFC 791)

_NO_NEXT_HEADER = 59
_AH = 51


def is_ip(c: Context, frame: Frame) -> Formula:
    return type_is(c.headers, frame, p.ETHERTYPE_IP)


def is_ip6(c: Context, frame: Frame) -> Formula:
    return type_is(c.headers, frame, p.ETHERTYPE_IPV6)


def protocol(node: q.Protocol, c: Context) -> Formula:
    row = p.PROTOCOLS[node.name]
    frame = c.frame(node.under)
    return either(
        *(
            protocol_number(layer, number, c, frame)
            for layer in row.layers
            for number in row.numbers
        )
    )


def protocol_number(layer: str, number: int, c: Context, frame: Frame) -> Formula:
    """A layer's type or next-protocol field holds ``number``."""
    h = c.headers
    match layer:
        case "link":
            return type_is(h, frame, number)
        case "ip":
            return both(is_ip(c, frame), next_is(c, frame, "ip", number))
        case "ip6":
            fragmented = both(
                h.atom(frame.network, 6, 1, p.PROTO_FRAGMENT),
                h.atom(frame.network, IPV6_HEADER, 1, number),
            )
            here = next_is(c, frame, "ip6", number)
            return both(is_ip6(c, frame), either(here, fragmented) if here != FALSE else FALSE)
        case "inet":
            return either(
                protocol_number("ip", number, c, frame), protocol_number("ip6", number, c, frame)
            )
        case "iso":
            return _iso(number, c, frame)
        case _:  # isis: the PDU type's low five bits
            shift = 1 if frame.kind == "hdlc" else 0
            pdu = h.atom(frame.nosnap, 4 + shift, 1, number, 0x1F)
            return both(_iso(p.NLPID_ISIS, c, frame), pdu)


def next_is(c: Context, frame: Frame, family: str, number: int) -> Formula:
    """The header's protocol field holds ``number``; known where one transport alone arrives."""
    only = c.headers.target.transport
    if only is not None and not frame.encapsulated:
        mine = number in p.PROTOCOLS[only].numbers
        if family == "ip":
            return TRUE if mine else FALSE
        if not mine and number not in p.EXTENSION_HEADERS:
            return FALSE
    return c.headers.atom(frame.network, 9 if family == "ip" else 6, 1, number)


def _iso(number: int, c: Context, frame: Frame) -> Formula:
    h = c.headers
    if frame.kind == "frelay":
        return h.atom(frame.header, 2, 2, 0x0300 | number)
    shift = 1 if frame.kind == "hdlc" else 0  # a fudge byte between the type and the identifier
    return both(type_is(h, frame, p.SAP_ISO), h.atom(frame.nosnap, shift, 1, number))


# ---------------------------------------------------------------- header chains


def protocol_chain(node: q.ProtocolChain, c: Context) -> Formula:
    """Walk next headers forward, at most ``options.protochain`` of them.

    Always from the IP header: a target whose byte 0 is the transport header has passed the chain.
    """
    frame = c.frame(node.under)
    if frame.kind in ("wlan", "pflog"):
        raise c.refuse("'protochain' (the link header has a variable length)", node.span)
    if c.options.loops and frame.network.base is None:
        return either(*(_loop(c, node, frame, each) for each in ("ip", "ip6")))
    walks = []
    if node.layer in ("ip", "inet"):
        start = c.headers.add(frame.network, c.headers.ipv4_length(frame.network))
        first = c.headers.load(frame.network, 9, 1)
        length = c.headers.atom(frame.network, 0, 1, 0, relation=Relation.GE)  # must be there
        walks.append(both(is_ip(c, frame), length, _walk(c, node.number, first, start, ())))
    if node.layer in ("ip6", "inet"):
        start = frame.network.plus(IPV6_HEADER)
        before = frame.network.base is None and frame.network.constant >= NEAR_THE_END
        if before and not c.headers.target.network_at:
            start = frame.network  # before byte 0: the reference's [x - 2] fails for every X
        first = c.headers.load(frame.network, 6, 1)
        walks.append(both(is_ip6(c, frame), _walk(c, node.number, first, start, p.CHAIN_HEADERS)))
    return either(*walks)


def _loop(c: Context, node: q.ProtocolChain, frame: Frame, family: str) -> Formula:
    """The walk as one word, which tells where the byte is that names the header at its end."""
    if node.layer not in (family, "inet"):
        return FALSE
    chain = Chain(family, node.number, frame.network.constant, c.options.protochain)
    b = c.headers.builder
    end = Atom(b.load(b.metadata(chain.name), 0, 1), Relation.EQ, b.constant(node.number))
    return both(is_ip(c, frame) if family == "ip" else is_ip6(c, frame), end)


def _walk(
    c: Context, number: int, following: Term, place: Place, extensions: tuple[int, ...]
) -> Formula:
    """``following`` is the protocol of the header at ``place``; built from the last step back."""
    h, b = c.headers, c.headers.builder
    steps: list[tuple[Term, Place]] = [(following, place)]
    sizes: list[Term] = []
    for _ in range(c.options.protochain):
        following, place = steps[-1]
        size = h.load(place, 1, 1)
        sizes.append(size)
        length: Term = h.sum(Operator.LSH, h.sum(Operator.ADD, size, 2), 2)
        if extensions:
            plain = h.sum(Operator.LSH, h.sum(Operator.ADD, size, 1), 3)
            length = b.choose(Relation.EQ, following, b.constant(_AH), length, plain)
        steps.append((h.load(place, 0, 1), h.add(place, length)))

    def is_(term: Term, value: int) -> Formula:
        return Atom(term, Relation.EQ, b.constant(value))

    result: Formula = is_(steps[-1][0], number)
    for (following, _), size in zip(reversed(steps[:-1]), reversed(sizes), strict=True):
        more = either(*(is_(following, value) for value in (*extensions, _AH)))
        there = Atom(size, Relation.GE, b.constant(0))  # both its bytes, before it is passed
        result = either(is_(following, number), both(more, there, result))
    return result


# ---------------------------------------------------------------- addresses


_HOSTS = {  # protocol -> EtherType, offset of the source and of the destination address
    "ip": (p.ETHERTYPE_IP, 12, 16),
    "arp": (p.ETHERTYPE_ARP, 14, 24),
    "rarp": (p.ETHERTYPE_RARP, 14, 24),
}


def type_of(word: str, c: Context, frame: Frame) -> Formula:
    """The frame is of a protocol with IPv4 addresses."""
    return type_is(c.headers, frame, _HOSTS[word][0])


def address_places(word: str) -> tuple[int, int]:
    """Where it has the source and the destination address, from its header's start."""
    _, source, destination = _HOSTS[word]
    return source, destination


def address4(node: q.Address4, c: Context) -> Formula:
    frame = c.frame(node.under)
    words = words_of(node.protocol, frame)
    return either(*(_hosts(word, node.direction, node.networks, c, frame) for word in words))


def words_of(protocol: str | None, frame: Frame) -> tuple[str, ...]:
    """The protocols that have IPv4 addresses, of which one may be named."""
    if protocol is not None:
        return (protocol,)
    # behind an MPLS label only IP can be told
    return ("ip",) if frame.labels else ("ip", "arp", "rarp")


def _hosts(
    word: str, direction: str, networks: tuple[q.Network, ...], c: Context, frame: Frame
) -> Formula:
    ethertype, source, destination = _HOSTS[word]

    def word_in(offset: int) -> Formula:
        return either(*(_word_matches(c, frame, offset, *network) for network in networks))

    if len(networks) == 1:
        found = directed(direction, word_in(source), word_in(destination))
    else:
        found = either(
            *(
                directed(
                    direction,
                    _word_matches(c, frame, source, *network),
                    _word_matches(c, frame, destination, *network),
                )
                for network in networks
            )
        )
    return both(type_is(c.headers, frame, ethertype), found)


def _word_matches(c: Context, frame: Frame, offset: int, address: int, mask: int) -> Formula:
    if mask == 0:
        return both()
    return c.headers.atom(frame.network, offset, 4, address, mask)


def addresses4(node: lists.Addresses, c: Context) -> Formula:
    """Any of many networks; each field is tested once."""
    frame = c.frame(node.under)

    def ends(word: str) -> Formula:
        ethertype, *offsets = _HOSTS[word]
        tests = (
            lists.within(c.headers.load(frame.network, offset, 4), node.intervals)
            for offset in offsets
        )
        return both(type_is(c.headers, frame, ethertype), directed(node.direction, *tests))

    return either(*map(ends, words_of(node.protocol, frame)))


def address6(node: q.Address6, c: Context) -> Formula:
    frame = c.frame(node.under)
    found = either(
        *(
            directed(
                node.direction,
                _address6_matches(c, frame, 8, *network),
                _address6_matches(c, frame, 24, *network),
            )
            for network in node.networks
        )
    )
    return both(is_ip6(c, frame), found)


def _address6_matches(c: Context, frame: Frame, offset: int, address: int, mask: int) -> Formula:
    """The words whose mask is not zero, from the first to the last."""
    tests = []
    for word in range(4):
        shift = 96 - 32 * word
        part = mask >> shift & WORD
        if part:
            value = address >> shift & part
            tests.append(c.headers.atom(frame.network, offset + 4 * word, 4, value, part))
    return both(*tests)


def decnet_address(node: q.DecnetAddress, c: Context) -> Formula:
    frame = c.frame(node.under)
    found = directed(node.direction, _decnet(c, frame, node, 3, 15), _decnet(c, frame, node, 1, 7))
    return both(type_is(c.headers, frame, p.ETHERTYPE_DECNET), found)


def _decnet(c: Context, frame: Frame, node: q.DecnetAddress, short: int, long: int) -> Formula:
    """Data packets with short and long headers, with and without one pad byte.

    The address is little-endian; the flags are at byte 2, behind the packet length.
    """
    h, net = c.headers, frame.network
    address = (node.address & 0xFF) << 8 | node.address >> 8
    if short == 1:  # flags and address share one word
        plain_short = h.atom(net, 2, 4, 0x02000000 | address << 8, 0x07FFFF00)
        padded_short = h.atom(net, 2, 4, 0x81020000 | address, 0xFF07FFFF)
    else:
        plain_short = both(h.atom(net, 2, 1, 0x02, 0x07), h.atom(net, 2 + short, 2, address))
        padded_short = both(h.atom(net, 2, 2, 0x8102, 0xFF07), h.atom(net, 3 + short, 2, address))
    return either(
        plain_short,
        padded_short,
        both(h.atom(net, 2, 1, 0x06, 0x07), h.atom(net, 2 + long, 2, address)),
        both(h.atom(net, 2, 2, 0x8106, 0xFF07), h.atom(net, 3 + long, 2, address)),
    )


def gateway(node: q.Gateway, c: Context) -> Formula:
    """Sent to or from the host's station, but not to or from its IPv4 addresses."""
    frame = c.frame(node.under)
    if frame.labels or frame.encapsulated:
        raise c.refuse("'gateway' behind an MPLS label or in a tunnel", node.span)
    station = linklayer.mac_address(q.MacAddress("src or dst", node.macs, node.under), c)
    words = ("ip", "arp", "rarp") if node.protocol is None else (node.protocol,)
    networks = tuple((address, WORD) for address in node.addresses)
    through = []
    for word in words:
        ethertype, source, destination = _HOSTS[word]
        mine = either(
            *(_word_matches(c, frame, at, *n) for n in networks for at in (source, destination))
        )
        through.append(both(type_is(c.headers, frame, ethertype), negation(mine)))
    return both(station, either(*through))


def not_later_fragment(c: Context, frame: Frame) -> Formula:
    """IPv4: the transport header is in this packet."""
    if c.headers.target.reassembled and not frame.encapsulated:
        return TRUE
    fragment = c.headers.atom(frame.network, 6, 2, FRAGMENT_OFFSET, relation=Relation.SET)
    return negation(fragment)
