"""Address texts to numbers."""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.query.nodes import Network
from bpfq.source import Span

FULL_MASK = 0xFFFF_FFFF


def ip4_parts(text: str, span: Span | None) -> list[int]:
    """The one to four decimal parts; raises FilterError for a part that is not 0..255."""
    parts = text.split(".")
    for part in parts:
        if not part.isdigit():
            raise FilterError(
                f"'{text}' is not an IPv4 address: '{part}' is not decimal", span=span
            )
        if len(part.lstrip("0")) > 3 or int(part) > 255:
            raise FilterError(
                f"'{text}' is not an IPv4 address: {part} is greater than 255", span=span
            )
    return [int(part) for part in parts]


def ip4_network(text: str, span: Span | None) -> Network:
    """Address and mask; fewer than four parts are a prefix of 8 bits a part."""
    parts = ip4_parts(text, span)
    missing = 32 - 8 * len(parts)
    return ip4_padded(parts), FULL_MASK << missing & FULL_MASK


def ip4_padded(parts: list[int]) -> int:
    """The parts as the upper bytes of an address."""
    return int.from_bytes(bytes(parts).ljust(4, b"\0"), "big")


def promoted(number: int) -> Network:
    """A bare network number, moved up by whole bytes until its first byte is not zero."""
    mask = FULL_MASK
    while number and not number & 0xFF00_0000:
        number <<= 8
        mask = mask << 8 & FULL_MASK
    return number, mask


def ip4_text(address: int) -> str:
    return ".".join(str(byte) for byte in address.to_bytes(4, "big"))


def ip6_address(text: str, span: Span | None) -> int:
    """The number of an address in a text form that the scanner let through."""
    head, gap, tail = text.partition("::")
    upper, lower = _groups(head, text, span), _groups(tail, text, span)
    zeros = [0] * (8 - len(upper) - len(lower)) if gap else []
    value = 0
    for group in (*upper, *zeros, *lower):
        value = value << 16 | group
    return value


def ip6_text(address: int) -> str:
    from ipaddress import IPv6Address  # only for messages

    return str(IPv6Address(address))


def _groups(text: str, whole: str, span: Span | None) -> list[int]:
    groups: list[int] = []
    for part in text.split(":") if text else ():
        if "." in part:
            groups += _quad(part, whole, span)
        else:
            groups.append(int(part, 16))
    return groups


def _quad(text: str, whole: str, span: Span | None) -> list[int]:
    parts = text.split(".")
    if not all(p.isdigit() and len(p) <= 3 and int(p) <= 255 and str(int(p)) == p for p in parts):
        raise FilterError(
            f"'{whole}' is not an IPv6 address: '{text}' is not an IPv4 address", span=span
        )
    a, b, c, d = (int(part) for part in parts)
    return [a << 8 | b, c << 8 | d]


def mac_address(text: str) -> int:
    """The number of a MAC address in a text form that the scanner let through."""
    if len(text) == 12 and text.isalnum():
        return int(text, 16)
    groups = text.replace(":", "-").replace(".", "-").split("-")
    bits = 16 if len(groups) == 3 else 8
    value = 0
    for group in groups:
        value = value << bits | int(group, 16)
    return value


def decnet_address(text: str, span: Span | None) -> int:
    """area.node as one number of 16 bits."""
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise FilterError(f"'{text}' is not a DECnet address: write area.node", span=span)
    area, node = (int(part) if len(part.lstrip("0")) <= 5 else 1 << 16 for part in parts)
    if area > 63 or node > 1023:
        raise FilterError(
            f"'{text}' is not a DECnet address: areas end at 63, nodes at 1023", span=span
        )
    return area << 10 | node
