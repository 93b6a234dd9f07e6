"""What an id means under the qualifiers before it: numbers, addresses and prefixes.

Names are the business of ``frontend.pcap.named``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfq.errors import FilterError
from bpfq.frontend.pcap import addresses
from bpfq.frontend.pcap.qualifiers import (
    Qualifiers,
    brief,
    check_direction,
    check_over_mpls,
    check_protocol,
    rewrite,
    spelling,
)
from bpfq.frontend.pcap.tokens import Token
from bpfq.query import build
from bpfq.query.checks import PROTOCOL_NUMBERS, in_range
from bpfq.query.nodes import Network, Query, Under
from bpfq.record import record
from bpfq.source import Span, Suggestion

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver

_KINDS = {  # token type -> what messages call it
    "HID": "an IPv4 address",
    "HID6": "an IPv6 address",
    "EID": "a MAC address",
    "AID": "a station address",
    "NUM": "a number",
}
_NOT_ADDRESSES = ("port", "portrange", "proto", "protochain", "gateway")


@record
class Context:
    """All that gives an id its meaning."""

    text: str
    qualifiers: Qualifiers
    under: Under
    resolver: Resolver | None
    span: Span  # of the id
    whole: Span  # with the qualifiers, if they stand before this id

    @property
    def type(self) -> str:
        return self.qualifiers.type or "host"

    def error(self, message: str, *suggestions: Suggestion) -> FilterError:
        return FilterError(message, span=self.span, suggestions=suggestions)

    def instead(self, replacement: str, why: str = "") -> Suggestion:
        """The filter with this primitive written differently."""
        return rewrite(self.text, self.whole, replacement, why)


def spelled(qualifiers: Qualifiers, type_word: str, value: str, protocol: str | None) -> str:
    """The qualifiers with another type word, protocol and value."""
    words = (protocol, qualifiers.direction, type_word, value)
    return " ".join(word for word in words if word)


# ---------------------------------------------------------------- numbers


def number(context: Context, value: int) -> Query:
    match context.type:
        case "host":
            return _number_host(context, value)
        case "net":
            return ip4(context, (addresses.promoted(value),))
        case "port" | "portrange":
            return port(context, None, value, value)
        case "proto":
            return protocol_number(context, value)
        case "protochain":
            return protocol_chain(context, value)
    raise context.error(f"'{context.type}' takes the name of a host, not a number")


def _number_host(context: Context, value: int) -> Query:
    protocol = context.qualifiers.protocol
    if protocol in ("tcp", "udp", "sctp"):
        better = spelled(context.qualifiers, "port", str(value), protocol)
        raise context.error(
            f"'{protocol}' has ports, not hosts; did you mean '{brief(better)}'?",
            context.instead(better),
        )
    if protocol == "decnet":
        return decnet(context, value)
    return ip4(context, ((value, addresses.FULL_MASK),))


def port(context: Context, protocol: str | None, low: int, high: int) -> Query:
    """A port test; protocol is what a name brought along."""
    qualifiers = context.qualifiers
    if qualifiers.protocol in ("ip", "ip6"):
        raise _port_of_family(context)
    check_protocol(qualifiers.protocol, context.type, qualifiers.span)
    check_direction(qualifiers, f"'{context.type}'", qualifiers.span)
    wanted = qualifiers.protocol or protocol
    direction = qualifiers.direction_word
    in_range(high, 0xFFFF, "port number", context.span)
    return build.port(wanted, direction, low, high, context.under, span=context.whole)


def _port_of_family(context: Context) -> FilterError:
    """``ip port 80``."""
    value = context.text[context.span.start : context.span.end]
    family = context.qualifiers.protocol
    better = f"{family} and {spelled(context.qualifiers, context.type, value, None)}"
    alone = context.whole == Span(0, len(context.text))
    return context.error(
        f"'{family}' has no ports; did you mean '{brief(better)}'?",
        context.instead(better if alone else f"({better})"),
    )


def protocol_number(context: Context, value: int) -> Query:
    protocol = context.qualifiers.protocol
    check_protocol(protocol, "proto", context.qualifiers.span)
    layer = protocol or "inet"
    check_over_mpls(
        f"{layer} proto {value:#x}",
        layer in ("ip", "ip6", "inet") or (layer == "link" and value in (0x0800, 0x86DD)),
        context.under,
        context.whole,
    )
    name, largest = PROTOCOL_NUMBERS[layer]
    in_range(value, largest, name, context.span)
    return build.protocol_number(layer, value, context.under, span=context.whole)


def protocol_chain(context: Context, value: int) -> Query:
    protocol = context.qualifiers.protocol
    check_protocol(protocol, "protochain", context.qualifiers.span)
    in_range(value, 0xFF, "protocol number", context.span)
    return build.protocol_chain(protocol or "inet", value, context.under, span=context.whole)


# ---------------------------------------------------------------- addresses


def address(context: Context, token: Token) -> Query:
    """HID, HID6, EID or AID without a prefix length."""
    _refuse_address(context, _KINDS[token.type], token.word)
    match token.type:
        case "HID":
            if context.qualifiers.protocol == "decnet" and context.type == "host":
                return decnet(context, addresses.decnet_address(token.word, context.span))
            return ip4(context, (addresses.ip4_network(token.word, context.span),))
        case "HID6":
            return ip6(
                context, ((addresses.ip6_address(token.word, context.span), (1 << 128) - 1),)
            )
        case "EID":
            return _mac(context, addresses.mac_address(token.word))
    return _station(context, int(token.word, 16))


def _refuse_address(context: Context, kind: str, shown: str) -> None:
    if kind in ("a MAC address", "a station address"):
        return
    if context.type in _NOT_ADDRESSES:
        raise context.error(f"'{context.type}' does not take {kind}")
    protocol = context.qualifiers.protocol
    if protocol in ("tcp", "udp", "sctp"):
        alone = context.whole == Span(0, len(context.text))
        better = f"{protocol} and {spelled(context.qualifiers, context.type, shown, None)}"
        raise context.error(
            f"'{protocol}' has ports, not addresses; did you mean '{brief(better)}'?",
            context.instead(better if alone else f"({better})"),
        )


def ip4(context: Context, networks: tuple[Network, ...]) -> Query:
    """Networks of an IPv4 host or net test."""
    qualifiers = context.qualifiers
    protocol = qualifiers.protocol
    if protocol not in (None, "ip", "arp", "rarp"):
        raise _family_error(context, "an IPv4 address", "ip")
    check_direction(qualifiers, "an IPv4 address", qualifiers.span)
    check_over_mpls(str(protocol), protocol in (None, "ip"), context.under, context.whole)
    direction = qualifiers.direction_word
    return build.address4(protocol, direction, networks, context.under, span=context.whole)


def ip6(context: Context, networks: tuple[Network, ...]) -> Query:
    """Networks of an IPv6 host or net test."""
    qualifiers = context.qualifiers
    if qualifiers.protocol not in (None, "ip6"):
        raise _family_error(context, "an IPv6 address", "ip6")
    check_direction(qualifiers, "an IPv6 address", qualifiers.span)
    return build.address6(qualifiers.direction_word, networks, context.under, span=context.whole)


def _family_error(context: Context, kind: str, right: str) -> FilterError:
    """``ip6 host 10.0.0.1`` and the like: leave the protocol out, or name the right one."""
    qualifiers = context.qualifiers
    value = context.text[context.span.start : context.span.end]
    type_word = qualifiers.type or ""
    return context.error(
        f"'{spelling(qualifiers.protocol)}' cannot qualify {kind}",
        context.instead(spelled(qualifiers, type_word, value, None)),
        context.instead(spelled(qualifiers, type_word, value, right)),
    )


def _mac(context: Context, mac: int) -> Query:
    qualifiers = context.qualifiers
    if context.type != "host":
        raise context.error(f"'{context.type}' does not take a MAC address")
    if qualifiers.protocol != "link":
        value = context.text[context.span.start : context.span.end]
        better = spelled(qualifiers, qualifiers.type or "", value, "ether")
        raise context.error(
            f"a MAC address needs 'ether' before it; did you mean '{brief(better)}'?",
            context.instead(better),
        )
    return build.mac_address(qualifiers.direction_word, (mac,), context.under, span=context.whole)


def _station(context: Context, station: int) -> Query:
    qualifiers = context.qualifiers
    if context.type != "host":
        raise context.error(f"'{context.type}' does not take a station address")
    if qualifiers.protocol != "link":
        raise context.error("a station address needs 'link' before it")
    check_direction(qualifiers, "a station address", qualifiers.span)
    direction = qualifiers.direction_word
    return build.station_address(direction, station, context.under, span=context.whole)


def decnet(context: Context, value: int) -> Query:
    qualifiers = context.qualifiers
    check_direction(qualifiers, "a DECnet address", qualifiers.span)
    check_over_mpls("decnet", False, context.under, context.whole)
    in_range(value, 0xFFFF, "DECnet address", context.span)
    return build.decnet_address(qualifiers.direction_word, value, context.under, span=context.whole)


# ---------------------------------------------------------------- prefixes


def prefix(context: Context, token: Token, length: Token) -> Query:
    """``1.2.3.0/24``, ``fe80::/10`` or ``1.2.3.0 mask 255.255.255.0``."""
    _refuse_address(
        context, f"{_KINDS[token.type]} with a {'mask' if length.type == 'HID' else 'length'}", ""
    )
    if token.type == "HID6":
        return _prefix6(context, token, length)
    parts = addresses.ip4_parts(token.word, token.span)
    if length.type == "HID":
        mask = addresses.ip4_padded(addresses.ip4_parts(length.word, length.span))
        tail = f" mask {length.word}"
    else:
        in_range(length.number, 32, "prefix length", length.span)
        mask = addresses.FULL_MASK & ~(addresses.FULL_MASK >> length.number)
        tail = f"/{length.number}"
    value = addresses.ip4_padded(parts)
    inside = addresses.ip4_text(value & mask) + tail
    if context.type != "net":
        raise _needs_net(context, inside)
    if value & ~mask:
        raise _outside(context, addresses.ip4_text(value), inside)
    return ip4(context, ((value, mask),))


def _needs_net(context: Context, inside: str) -> FilterError:
    better = spelled(context.qualifiers, "net", inside, context.qualifiers.protocol)
    return context.error(
        f"'host' takes one address, a prefix needs 'net'; did you mean '{brief(better)}'?",
        context.instead(better),
    )


def _outside(context: Context, address: str, inside: str) -> FilterError:
    qualifiers = context.qualifiers
    better = spelled(qualifiers, "net", inside, qualifiers.protocol)
    host = spelled(qualifiers, "host", address, qualifiers.protocol)
    return context.error(
        f"{address} has bits set outside the network mask; did you mean '{brief(better)}'?",
        context.instead(better),
        context.instead(host),
    )


def _prefix6(context: Context, token: Token, length: Token) -> Query:
    value = addresses.ip6_address(token.word, token.span)
    in_range(length.number, 128, "prefix length", length.span)
    mask = (1 << 128) - (1 << (128 - length.number))
    inside = f"{addresses.ip6_text(value & mask)}/{length.number}"
    if context.type == "host" and length.number != 128:
        raise _needs_net(context, inside)
    if value & ~mask:
        raise _outside(context, token.word, inside)
    return ip6(context, ((value, mask),))
