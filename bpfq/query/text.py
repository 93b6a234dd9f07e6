"""A query as text: pcap-filter language and Python expression.

pcap text says position by order: what stands behind ``vlan`` is tested behind the tag.  A tree is
therefore written in its own order, and a primitive whose position is not the one that the words
before it make cannot be written at all.
"""

from __future__ import annotations

from typing import assert_never

from bpfq.errors import FilterError
from bpfq.query import build, nodes
from bpfq.query.dsl_leaves import network4_text, network6_text
from bpfq.query.dsl_text import to_python
from bpfq.query.nodes import Leaf, Network, Query, Under
from bpfq.query.text_values import compare_text, without_fields
from bpfq.query.walk import operands, position_after, reads, unders, with_operands
from bpfq.tables.names import PF_ACTIONS
from bpfq.tables.protocols import ETHERTYPE_IP, ETHERTYPE_IPV6, PROTOCOLS

__all__ = ["to_pcap", "to_python"]


def to_pcap(query: Query) -> str:
    """Filter text that parses to the same tree, or, where there is none, to an equal filter.

    Raises FilterError for what pcap text cannot say.
    """
    if query == build.everything():
        return ""
    out: list[str] = []
    position: Under = ()
    plain = in_plain_words(query)
    work: list[str | tuple[Query, str]] = [(plain, "")]  # text, or a node and the word around it
    while work:
        item = work.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        node, around = item
        match node:
            case nodes.Not(operand):
                work += [(operand, "not"), "not "]
            case nodes.And(parts):
                work.extend(_joined(parts, "and", around))
            case nodes.Or(parts):
                work.extend(_joined(parts, "or", around))
            case nodes.When():
                raise AssertionError(node)
            case _:
                _check_position(node, position)
                out.append(_primitive(node))
                position = position_after(node, position)
    return "".join(out)


def in_plain_words(query: Query) -> Query:
    """An equal query of primitives that pcap text has words for: no when(), no named fields.

    Raises FilterError where there is none.
    """
    done: list[Query] = []
    work: list[tuple[Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        match node:
            case nodes.When():
                work.append((_alternatives(node), False))
            case nodes.Not() | nodes.And() | nodes.Or():
                below = operands(node)
                if not ready:
                    work.append((node, True))
                    work.extend((part, False) for part in reversed(below))
                    continue
                parts = tuple(done[len(done) - len(below) :])
                del done[len(done) - len(below) :]
                done.append(with_operands(node, parts))
            case _:
                plain = _plain(node)
                if plain is node:
                    done.append(node)
                else:
                    work.append((plain, False))
    return done[0]


def _joined(queries: tuple[Query, ...], word: str, around: str) -> list[str | tuple[Query, str]]:
    """The operands with the word between them, last first; in parentheses inside another word."""
    parts: list[str | tuple[Query, str]] = []
    for number, operand in enumerate(queries):
        parts += [f" {word} "] if number else []
        parts.append((operand, word))
    if around not in ("", word):
        parts = ["(", *parts, ")"]
    parts.reverse()
    return parts


def _alternatives(node: nodes.When) -> Query:
    """when(c, t, e) -> (c and t) or (not c and e)"""
    work: list[Query] = [node.condition]
    while work:  # a condition is written twice, one inside it four times, and so on
        inner = work.pop()
        if isinstance(inner, nodes.When):
            raise _unsayable("when() in the condition of when()")
        work.extend(operands(inner))
    return build.any_of(
        build.all_of(node.condition, node.then),
        build.all_of(build.negate(node.condition), node.otherwise),
    )


def _unsayable(what: str) -> FilterError:
    return FilterError(f"cannot be written as pcap text: {what}")


# ---------------------------------------------------------------- primitives in other words


def _plain(leaf: Leaf) -> Query:
    """The primitive itself if pcap text can say it, else an equal query that it can."""
    match leaf:
        case nodes.Constant(value):
            always = build.compare(">=", build.length(), build.number(0))
            never = build.compare("<", build.length(), build.number(0))
            return always if value else never
        case nodes.Address4(protocol, direction, networks, under) if len(networks) > 1:
            return build.any_of(
                *(build.address4(protocol, direction, (one,), under) for one in networks)
            )
        case nodes.Address6(direction, networks, under) if len(networks) > 1:
            return build.any_of(*(build.address6(direction, (one,), under) for one in networks))
        case nodes.MacAddress(direction, addresses, under) if len(addresses) > 1:
            return build.any_of(*(build.mac_address(direction, (a,), under) for a in addresses))
        case nodes.Compare():
            return without_fields(leaf)
        case _:
            return leaf


# ---------------------------------------------------------------- position


def _check_position(leaf: Leaf, position: Under) -> None:
    for under in unders(leaf):
        if under != position:
            raise _unsayable(
                f"'{_shown(leaf)}' {_place(under)}, where the words before it make it "
                f"{_place(position)}"
            )
    if "mpls" in position and not _fits_over_mpls(leaf):
        raise _unsayable(f"'{_shown(leaf)}' behind 'mpls', where only ip and ip6 can be told")
    links = [word for word in position if word in ("pppoes", "geneve", "vxlan", "lane")]
    is_vlan = isinstance(leaf, nodes.Encapsulation) and leaf.kind == "vlan"
    if is_vlan and links and links[-1] == "pppoes":
        raise _unsayable("'vlan' behind 'pppoes'")


def _shown(leaf: Leaf) -> str:
    text = _primitive(leaf)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _place(under: Under) -> str:
    return f"behind '{' '.join(under)}'" if under else "outside of any encapsulation"


def _fits_over_mpls(leaf: Leaf) -> bool:
    """A label says nothing about what follows it, so only the version nibble can be tested."""
    match leaf:
        case nodes.Protocol(name):
            return _needs_no_type(name)
        case nodes.ProtocolNumber(layer, number):
            of_ip = layer == "link" and number in (ETHERTYPE_IP, ETHERTYPE_IPV6)
            return of_ip or layer in ("ip", "ip6", "inet")
        case nodes.Encapsulation(kind):
            return kind not in ("vlan", "pppoed", "pppoes")
        case nodes.Address4(protocol):
            return protocol in (None, "ip")
        case nodes.InSet(protocol):
            return protocol not in ("arp", "rarp")
        case nodes.DecnetAddress():
            return False
        case nodes.Compare(left=left, right=right):
            return all(
                read.protocol == "link" or _needs_no_type(read.protocol)
                for side in (left, right)
                for read in reads(side)
                if isinstance(read, nodes.Index)
            )
        case _:
            return True


def _needs_no_type(word: str) -> bool:
    layers = set(PROTOCOLS[word].layers)
    return word in ("ip", "ip6") or not layers & {"link", "iso", "isis"}


# ---------------------------------------------------------------- primitives


def _primitive(leaf: Leaf) -> str:
    match leaf:
        case nodes.Constant() | nodes.Sample():
            raise _unsayable("rand(), which draws at random")
        case nodes.Compare():
            return compare_text(leaf)
        case nodes.Protocol(name):
            return name
        case nodes.ProtocolNumber(layer, number):
            return _words(_LAYERS[layer], "proto", str(number))
        case nodes.ProtocolChain(layer, number):
            return _words(_LAYERS[layer], "protochain", str(number))
        case nodes.Encapsulation(kind, identifier):
            if kind in ("gre", "ipip"):
                raise _unsayable(f"'{kind}', which is no word of it")
            return kind if identifier is None else f"{kind} {identifier}"
        case nodes.Broadcast(layer):
            return _words("" if layer == "link" else layer, "broadcast")
        case nodes.Multicast(layer):
            return _words("" if layer == "link" else layer, "multicast")
        case (
            nodes.Address4()
            | nodes.Address6()
            | nodes.MacAddress()
            | nodes.StationAddress()
            | nodes.DecnetAddress()
            | nodes.Gateway()
            | nodes.Port()
            | nodes.InSet()
        ):
            return _address(leaf)
        case _:
            return _link_layer(leaf)


_LAYERS = {"link": "ether", "ip": "ip", "ip6": "ip6", "inet": "", "iso": "iso", "isis": "isis"}


def _words(*words: str | None) -> str:
    return " ".join(word for word in words if word)


def _way(direction: str) -> str:
    return "" if direction == "src or dst" else direction


def _address(
    leaf: nodes.Address4
    | nodes.Address6
    | nodes.MacAddress
    | nodes.StationAddress
    | nodes.DecnetAddress
    | nodes.Gateway
    | nodes.Port
    | nodes.InSet,
) -> str:
    match leaf:
        case nodes.Address4(protocol, direction, networks):
            return _words(protocol, _way(direction), _network4(networks[0]))
        case nodes.Address6(direction, networks):
            return _words(_way(direction), _network6(networks[0]))
        case nodes.MacAddress(direction, addresses):
            return _words(
                "ether", _way(direction), "host", addresses[0].to_bytes(6, "big").hex(":")
            )
        case nodes.StationAddress(direction, address):
            return _words("ether", _way(direction), f"host ${address:02x}")
        case nodes.DecnetAddress(direction, address):
            return _words("decnet", _way(direction), f"host {address >> 10}.{address & 0x3FF}")
        case nodes.Gateway():
            raise _unsayable("gateway with addresses instead of a name")
        case nodes.Port(protocol, direction, low, high):
            word = f"port {low}" if low == high else f"portrange {low}-{high}"
            return _words(protocol, _way(direction), word)
        case nodes.InSet(protocol, direction, members):
            word = {"address": "net", "port": "port", "mac": "host"}[members.kind]
            owner = "ether" if members.kind == "mac" else protocol
            return _words(owner, _way(direction), word, f"@{members.name}")
        case _:
            assert_never(leaf)


def _network4(network: Network) -> str:
    """``host 10.0.0.1``, ``net 10.0.0.0/8`` or ``net 10.0.0.1 mask 255.0.0.255``."""
    text = network4_text(network)
    address, slash, mask = text.partition("/")
    if "." in mask:
        return f"net {address} mask {mask}"
    return f"net {text}" if slash else f"host {text}"


def _network6(network: Network) -> str:
    text = network6_text(network)
    if text is None:
        raise _unsayable("an IPv6 mask that is no prefix")
    return f"net {text}" if "/" in text else f"host {text}"


def _link_layer(
    leaf: nodes.LinkByte
    | nodes.PacketDirection
    | nodes.InterfaceIndex
    | nodes.Llc
    | nodes.FrameType
    | nodes.FrameDirection
    | nodes.FirewallLog
    | nodes.AtmField
    | nodes.AtmClass
    | nodes.Ss7Unit
    | nodes.Ss7Field,
) -> str:
    match leaf:
        case nodes.LinkByte(offset, operator, value):
            return f"byte {offset} {operator} {value}"
        case nodes.PacketDirection(inbound):
            return "inbound" if inbound else "outbound"
        case nodes.InterfaceIndex(index):
            return f"ifindex {index}"
        case nodes.Llc(kind):
            return _words("llc", kind)
        case nodes.FrameType(kind, subtype):
            return f"type {kind}" if subtype is None else f"type {kind} subtype {subtype}"
        case nodes.FrameDirection(number):
            return f"dir {number}"
        case nodes.FirewallLog(name, value):
            return f"{name} {_log_value(name, value)}"
        case nodes.AtmClass(name) | nodes.Ss7Unit(name):
            return name
        case nodes.AtmField(name, relation, values) | nodes.Ss7Field(name, relation, values):
            listed = " or ".join(map(str, values))
            return f"{name} ({listed})" if len(values) > 1 else f"{name} {relation} {listed}"
        case _:
            assert_never(leaf)


def _log_value(name: str, value: int | str) -> str:
    if isinstance(value, str):
        if not value or any(character in value for character in " !()\n\t"):
            raise _unsayable(f"the {name} '{value}'")
        return f"\\{value}"
    if name != "action":
        return str(value)
    for word, number in PF_ACTIONS.items():
        if number == value:
            return word
    raise _unsayable(f"pf action {value}, which has no name")
