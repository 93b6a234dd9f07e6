"""What a name means as an id: ports and protocols from tables, hosts from the resolver."""

from __future__ import annotations

import re

from bpfq.errors import FilterError
from bpfq.frontend.pcap import addresses
from bpfq.frontend.pcap.identifiers import (
    Context,
    ip4,
    ip6,
    port,
    protocol_chain,
    protocol_number,
)
from bpfq.frontend.pcap.names import MOST_ADDRESSES, Addresses
from bpfq.frontend.pcap.qualifiers import brief, check_direction, check_protocol
from bpfq.frontend.pcap.tokens import number_value
from bpfq.query import build
from bpfq.query.checks import in_range
from bpfq.query.nodes import Query
from bpfq.source import Suggestion, nearest
from bpfq.tables.names import ISO_PROTOCOLS, LINK_PROTOCOLS


def name(context: Context, word: str) -> Query:
    match context.type:
        case "host":
            return _host(context, word)
        case "net":
            return _network(context, word)
        case "port":
            return _port(context, word)
        case "portrange":
            return _port_range(context, word)
        case "proto":
            return protocol_number(context, _protocol(context, word))
        case "protochain":
            check_protocol(context.qualifiers.protocol, "protochain", context.qualifiers.span)
            return protocol_chain(context, _protocol(context, word))
    return _gateway(context, word)


def _unknown(context: Context, kind: str, word: str, known: tuple[str, ...]) -> FilterError:
    close = nearest(word, known) or nearest(word.lower(), known)
    if close is None:
        return context.error(f"unknown {kind} '{brief(word)}'")
    return FilterError(
        f"unknown {kind} '{brief(word)}'; did you mean '{close}'?",
        span=context.span,
        suggestions=(_replaced(context, close),),
    )


def _replaced(context: Context, word: str) -> Suggestion:
    before = context.text[context.whole.start : context.span.start]
    escaped = context.text[context.span.start] == "\\"
    return context.instead(f"{before}{chr(92) if escaped else ''}{word}")


# ---------------------------------------------------------------- ports


def _service(context: Context, word: str) -> tuple[int, str | None]:
    """Port and protocol of a service name, or of digits."""
    from bpfq.tables.services import services

    if re.fullmatch("0[xX][0-9A-Fa-f]+|[0-9]+", word):
        value = number_value(word)
        if value is None:
            raise context.error(f"number {brief(word)} contains a digit that is not octal")
        return in_range(value, 0xFFFF, "port number", context.span), None
    known = services()
    if word not in known:
        raise _unknown(context, "port", word, tuple(known))
    return known[word]


def _port(context: Context, word: str) -> Query:
    if context.qualifiers.protocol not in ("ip", "ip6"):
        check_protocol(context.qualifiers.protocol, "port", context.qualifiers.span)
    parts = re.fullmatch("([0-9]+)-([0-9]+)", word)
    if parts:
        qualifiers = context.qualifiers
        words = (qualifiers.protocol, qualifiers.direction, "portrange", word)
        better = " ".join(w for w in words if w)
        raise context.error(
            f"'port' takes one port; did you mean '{brief(better)}'?", context.instead(better)
        )
    number, protocol = _service(context, word)
    _check_service(context, f"port '{brief(word)}' is", protocol)
    return port(context, protocol, number, number)


def _check_service(context: Context, subject: str, protocol: str | None) -> None:
    wanted = context.qualifiers.protocol
    if wanted and protocol and wanted != protocol:
        raise context.error(f"{subject} {protocol}, not {wanted}")


def _port_range(context: Context, word: str) -> Query:
    check_protocol(context.qualifiers.protocol, "portrange", context.qualifiers.span)
    ends = word.split("-")
    if len(ends) == 1:
        raise context.error(f"port range '{brief(word)}' has no hyphen; write first-last")
    if len(ends) > 2 or not all(ends):
        raise context.error(
            f"port range '{brief(word)}' has more than one hyphen; "
            "give ports whose names contain one by number"
        )
    (low, first), (high, last) = (_service(context, end) for end in ends)
    protocol = first if first == last else None
    _check_service(context, f"the ports of '{brief(word)}' are", protocol)
    return port(context, protocol, min(low, high), max(low, high))


# ---------------------------------------------------------------- protocols


def _protocol(context: Context, word: str) -> int:
    protocol = context.qualifiers.protocol
    check_protocol(protocol, "proto", context.qualifiers.span)
    match protocol:
        case "link":
            known = LINK_PROTOCOLS
        case "iso":
            known = ISO_PROTOCOLS
        case "isis":
            raise context.error(f"'isis proto' takes a number, not '{brief(word)}'")
        case _:
            from bpfq.tables.ipprotocols import ip_protocols

            known = ip_protocols()
    if word not in known:
        kind = "link protocol" if protocol == "link" else "protocol"
        raise _unknown(context, kind, word, tuple(known))
    return known[word]


# ---------------------------------------------------------------- hosts and networks


def _host(context: Context, word: str) -> Query:
    protocol = context.qualifiers.protocol
    if protocol == "link":
        return _station_name(context, word)
    if protocol == "decnet":
        raise context.error("DECnet hosts have no names here; write area.node")
    if protocol in ("tcp", "udp", "sctp"):
        better = " ".join(w for w in (protocol, context.qualifiers.direction, "port", word) if w)
        raise context.error(
            f"'{protocol}' has ports, not hosts; did you mean '{brief(better)}'?",
            context.instead(better),
        )
    if protocol not in (None, "ip", "ip6", "arp", "rarp"):
        raise context.error(f"'{protocol}' cannot qualify a host")
    check_direction(context.qualifiers, "a host name", context.qualifiers.span)
    found = _addresses(context, word)
    wanted: list[Query] = []
    if found.ip4 and protocol != "ip6":
        wanted.append(ip4(context, tuple((a, addresses.FULL_MASK) for a in sorted(found.ip4))))
    if found.ip6 and protocol in (None, "ip6"):
        wanted.append(ip6(context, tuple((a, (1 << 128) - 1) for a in sorted(found.ip6))))
    if not wanted:
        raise context.error(f"host '{brief(word)}' has no address that '{protocol}' can test")
    return build.any_of(*wanted, span=context.whole)


def _addresses(context: Context, word: str) -> Addresses:
    if context.resolver is None:
        raise _not_looked_up(context, "host", word)
    found = context.resolver.host(word)
    if found is None:
        raise context.error(f"unknown host '{brief(word)}'")
    for family in (found.ip4, found.ip6):
        if len(family) > MOST_ADDRESSES:
            raise context.error(
                f"host '{brief(word)}' has {len(family)} addresses; the limit is {MOST_ADDRESSES}"
            )
    return found


def _not_looked_up(context: Context, kind: str, word: str) -> FilterError:
    if re.fullmatch(r"[0-9.]+", word):
        return context.error(f"'{brief(word)}' is not an IPv4 address: those have four parts")
    return context.error(
        f"{kind} names are not looked up; give the address of '{brief(word)}', or use --resolve"
    )


def _station_name(context: Context, word: str) -> Query:
    if context.resolver is None:
        raise _not_looked_up(context, "station", word)
    mac = context.resolver.ether(word)
    if mac is None:
        raise context.error(f"unknown station '{brief(word)}'")
    direction = context.qualifiers.direction_word
    return build.mac_address(direction, (mac,), context.under, span=context.whole)


def _network(context: Context, word: str) -> Query:
    check_direction(context.qualifiers, "a network name", context.qualifiers.span)
    if context.qualifiers.protocol not in (None, "ip", "arp", "rarp"):
        raise context.error(f"'{context.qualifiers.protocol}' cannot qualify a network name")
    if context.resolver is None:
        raise _not_looked_up(context, "network", word)
    number = context.resolver.network(word)
    if number is None:
        raise context.error(f"unknown network '{brief(word)}'")
    return ip4(context, (addresses.promoted(number),))


def _gateway(context: Context, word: str) -> Query:
    protocol = context.qualifiers.protocol
    check_protocol(protocol, "gateway", context.qualifiers.span)
    for tunnel in ("mpls", "geneve", "vxlan"):
        if tunnel in context.under:
            raise FilterError(
                f"'gateway' cannot be tested after '{tunnel}'", span=context.qualifiers.span
            )
    if context.resolver is None:
        raise _not_looked_up(context, "gateway", word)
    mac = context.resolver.ether(word)
    if mac is None:
        raise context.error(f"gateway '{brief(word)}' has no known MAC address")
    found = _addresses(context, word)
    if not found.ip4:
        raise context.error(f"gateway '{brief(word)}' has no IPv4 address")
    return build.gateway(
        protocol, (mac,), tuple(sorted(found.ip4)), context.under, span=context.whole
    )
