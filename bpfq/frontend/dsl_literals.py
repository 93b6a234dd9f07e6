"""Addresses, ports and protocols as Python writes them: texts and numbers, checked.

A wrong value raises FilterError; what can be no value at all raises TypeError.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.errors import FilterError
from bpfq.query import build
from bpfq.query.nodes import Network, Query
from bpfq.source import Suggestion, nearest

FULL4 = (1 << 32) - 1
FULL6 = (1 << 128) - 1
LAST_PORT = 0xFFFF

PortItem: TypeAlias = int | str | tuple[int, int] | range


def network(address: object) -> tuple[int, Network]:
    """Family (4 or 6), address and mask of an address, a prefix, or a number (IPv4)."""
    import ipaddress  # not needed to import bpfq

    if isinstance(address, int):
        return 4, (address, FULL4)
    if isinstance(
        address,
        (
            ipaddress.IPv4Address,
            ipaddress.IPv4Network,
            ipaddress.IPv6Address,
            ipaddress.IPv6Network,
        ),
    ):
        address = str(address)
    if not isinstance(address, str):
        raise TypeError(f"an address is text such as '10.0.0.1' or '10.0.0.0/8', not {address!r}")
    text, slash, length = address.partition("/")
    try:
        value = ipaddress.ip_address(text)
    except ValueError:
        raise FilterError(f"'{address}' is not an IPv4 or IPv6 address") from None
    bits = value.max_prefixlen
    mask = _mask(address, length, bits) if slash else (1 << bits) - 1
    if int(value) & ~mask:
        inside = f"{type(value)(int(value) & mask)}/{length}"
        raise FilterError(
            f"'{address}' has bits set outside its prefix; did you mean '{inside}'?",
            suggestions=(Suggestion(inside),),
        )
    return value.version, (int(value), mask)


def _mask(address: str, length: str, bits: int) -> int:
    """The mask of a prefix length or, for IPv4, of a dotted mask."""
    import ipaddress

    full = (1 << bits) - 1
    if bits == 32 and "." in length:
        try:
            return int(ipaddress.IPv4Address(length))
        except ValueError:
            raise FilterError(f"the mask of '{address}' is not an IPv4 mask") from None
    if not (length.isascii() and length.isdigit() and len(length) <= 3 and int(length) <= bits):
        raise FilterError(f"the prefix length of '{address}' is not 0 to {bits}")
    return full & ~(full >> int(length))


def mac(address: object) -> int:
    """The number of a MAC address."""
    if isinstance(address, int):
        return address
    if not isinstance(address, str):
        raise TypeError(f"a MAC address is text such as '02:00:00:00:00:01', not {address!r}")
    groups = address.replace("-", ":").split(":")
    try:
        octets = [int(group, 16) for group in groups if len(group) <= 2 and group.isalnum()]
    except ValueError:
        octets = []
    if len(groups) != 6 or len(octets) != 6:
        raise FilterError(
            f"'{address}' is not a MAC address; it has six groups of hexadecimal digits, "
            "such as 02:00:00:00:00:01"
        )
    return int.from_bytes(bytes(octets), "big")


def port_number(item: object, protocol: str | None) -> tuple[int, str | None]:
    """Number and protocol of a port given by number or by service name."""
    if isinstance(item, int):
        return item, protocol
    if not isinstance(item, str):
        raise TypeError(f"a port is a number or a service name, not {item!r}")
    from bpfq.tables.services import services

    known = services()
    if item not in known:
        close = nearest(item, known)
        hint = f"; did you mean '{close}'?" if close else ""
        raise FilterError(f"unknown port '{item}'{hint}")
    number, named = known[item]
    if protocol and named and protocol != named:
        raise FilterError(f"port '{item}' is {named}, not {protocol}")
    return number, protocol or named


def protocol_value(protocol: int | str) -> int:
    """The number of an IP protocol given by number or by name."""
    if isinstance(protocol, int):
        return protocol
    from bpfq.tables.ipprotocols import ip_protocols

    known = ip_protocols()
    if protocol not in known:
        close = nearest(protocol, known)
        hint = f"; did you mean '{close}'?" if close else ""
        raise FilterError(f"unknown protocol '{protocol}'{hint}")
    return known[protocol]


def bounds(item: object, what: str) -> tuple[int, int]:
    """First and last number of one item of a list: a number, a pair, or a range of step 1."""
    match item:
        case range(start=start, stop=stop, step=1) if start < stop:
            return start, stop - 1
        case int():
            return item, item
        case (int() as low, int() as high):
            if low > high:
                raise FilterError(f"({low}, {high}) is empty: the smaller bound comes first")
            return low, high
    raise TypeError(f"{what} is in numbers, (first, last) pairs and ranges, not {item!r}")


def spread(items: tuple[object, ...]) -> list[object]:
    """The items of ``in_``: lists are opened, ranges with a step become their members."""
    out: list[object] = []
    for item in items:
        if isinstance(item, list | range) and not (isinstance(item, range) and item.step == 1):
            out.extend(item)
        elif not (isinstance(item, range) and not item):
            out.append(item)
    return out


def ports(
    protocol: str | None, direction: str, relation: str, number: int, under: tuple[str, ...] = ()
) -> Query:
    """The ports that stand in a relation to a number."""
    build.port(protocol, direction, number, number)  # the number itself must be a port
    pairs = {
        "=": ((number, number),),
        "!=": ((0, number - 1), (number + 1, LAST_PORT)),
        ">": ((number + 1, LAST_PORT),),
        ">=": ((number, LAST_PORT),),
        "<": ((0, number - 1),),
        "<=": ((0, number),),
    }[relation]
    return build.any_of(
        *(build.port(protocol, direction, low, high, under) for low, high in pairs if low <= high)
    )
