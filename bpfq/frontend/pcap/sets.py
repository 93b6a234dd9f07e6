"""``@name``: an address, a port or a MAC address of a list that has a name.

bad.txt            192.0.2.0/24        # a comment
                   2001:db8::/32

--set bad=bad.txt 'src net @bad'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bpfq.errors import BpfqError, FilterError
from bpfq.frontend.pcap import addresses
from bpfq.frontend.pcap.identifiers import Context
from bpfq.frontend.pcap.names import Listing
from bpfq.frontend.pcap.qualifiers import check_direction, check_over_mpls, check_protocol
from bpfq.query import build
from bpfq.query.nodes import InSet, NamedSet
from bpfq.source import Suggestion, nearest

_COUNTER: Final = "matches"  # a map of programs that count
LONGEST_NAME: Final = 15  # characters; BPF_OBJ_NAME_LEN - 1, for the map of the set
_MAC = re.compile("[0-9A-Fa-f]{1,2}(?:[:-][0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{12}")
_PORTS = re.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?")


def in_set(context: Context, name: str, sets: Mapping[str, Listing]) -> InSet:
    """The test of a set; raises FilterError for one that is not known or has a wrong entry."""
    qualifiers = context.qualifiers
    kind = _kind(context)
    listing = sets.get(name)
    if listing is None:
        close = nearest(name, sets)
        hint = f"; did you mean '@{close}'?" if close else ""
        raise context.error(
            f"unknown set '{name}'{hint}", Suggestion(f"--set {name}=FILE", "or sets= in Python")
        )
    try:
        members = named_set(name, kind, listing)
    except BpfqError as error:
        error.span = context.span
        raise
    protocol = None if kind == "mac" else qualifiers.protocol
    direction = qualifiers.direction_word
    return build.in_set(protocol, direction, members, context.under, span=context.whole)


def _kind(context: Context) -> str:
    """What entries the qualifiers ask for."""
    qualifiers, word = context.qualifiers, context.type
    protocol = qualifiers.protocol
    if word in ("port", "portrange"):
        check_protocol(protocol, word, qualifiers.span)
        check_direction(qualifiers, f"'{word}'", qualifiers.span)
        return "port"
    if word not in ("host", "net"):
        raise context.error(f"'{word}' does not take a set")
    if protocol == "link":
        if word == "net":
            raise context.error("'ether net' does not take a set; write 'ether host'")
        return "mac"
    if protocol not in (None, "ip", "ip6", "arp", "rarp"):
        raise context.error(f"'{protocol}' cannot qualify a set of addresses")
    check_direction(qualifiers, "a set of addresses", qualifiers.span)
    check_over_mpls(str(protocol), protocol in (None, "ip", "ip6"), context.under, context.whole)
    return "address"


def named_set(name: str, kind: str, listing: Listing) -> NamedSet:
    """The entries as numbers, in order and each once; raises FilterError."""
    if not listing.entries:
        raise FilterError(f"the set '{name}' is empty: {listing.source} has no entry")
    read = _READERS[kind]
    found: set[tuple[int, ...]] = set()
    for text, place in listing.entries:
        try:
            found.add(read(text))
        except ValueError as error:
            raise FilterError(f"{place}: {error}") from None
    return NamedSet(name, kind, tuple(sorted(found)))


def entry(kind: str, text: str) -> tuple[int, ...]:
    """One entry as numbers; raises ValueError that says what would be right."""
    return _READERS[kind](text)


def _address(text: str) -> tuple[int, ...]:
    from ipaddress import ip_address, ip_network  # only a set needs it

    try:
        network = ip_network(text, strict=False)
        address = ip_address(text.partition("/")[0])
    except ValueError:
        raise ValueError(f"{_brief(text)} is no address and no network") from None
    if address != network.network_address:
        raise ValueError(
            f"{_brief(text)} has bits set outside the network mask; did you mean {network}?"
        )
    return network.version, int(address), network.prefixlen


def _ports(text: str) -> tuple[int, ...]:
    match = _PORTS.fullmatch(text)
    if match is None:
        from bpfq.tables.services import services

        if text in services():
            port, _ = services()[text]
            return port, port
        raise ValueError(f"{_brief(text)} is no port and no range such as 8000-8010")
    low, high = int(match[1]), int(match[2] or match[1])
    if max(low, high) > 0xFFFF:
        raise ValueError(f"port number {max(low, high)} is greater than the maximum 65535")
    return min(low, high), max(low, high)


def _mac(text: str) -> tuple[int, ...]:
    if _MAC.fullmatch(text) is None:
        raise ValueError(f"{_brief(text)} is no MAC address such as 00:00:5e:00:53:01")
    return (addresses.mac_address(text),)


_READERS: Final = {"address": _address, "port": _ports, "mac": _mac}


def _brief(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


# ---------------------------------------------------------------- lists


def from_text(text: str, source: str) -> Listing:
    """One entry a line; # begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    entries = ((line, f"{source}:{number}") for number, line in enumerate(lines, 1) if line)
    return Listing(tuple(entries), source)


def from_values(name: str, values: Iterable[object]) -> Listing:
    """Addresses, networks, ports or MAC addresses as texts, numbers or objects of ipaddress.

    Raises FilterError for what is no iterable.
    """
    source = f"sets[{name!r}]"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise FilterError(f"{source} is a list of entries, not {values!r}")
    entries = ((str(value), f"{source}, entry {n}") for n, value in enumerate(values, 1))
    return Listing(tuple(entries), source)


def check_name(name: str) -> None:
    """Raise FilterError for what is no name of a set."""
    if name == _COUNTER:
        raise FilterError(f"{name!r} is no name of a set: the counter of matches has it")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or len(name) > LONGEST_NAME:
        raise FilterError(
            f"{name!r} is no name of a set: a letter, then letters, digits and _, "
            f"{LONGEST_NAME} in all"
        )
