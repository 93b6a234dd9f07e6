"""Names of hosts, networks and stations: looked up only by a resolver that the caller passes.

Port and protocol names come from bundled tables, not from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from bpfq.record import record

MOST_ADDRESSES = 100  # of one family that a name may have


@record
class Addresses:
    """The addresses of a host name."""

    ip4: tuple[int, ...] = ()
    ip6: tuple[int, ...] = ()


class Resolver(Protocol):
    """What a filter may ask about names; every answer is None for an unknown name."""

    def host(self, name: str) -> Addresses | None: ...

    def network(self, name: str) -> int | None:
        """The network number, not left-justified: 127 or 0x7f000000 for a class A network."""
        ...

    def ether(self, name: str) -> int | None: ...


@record
class Listing:
    """The entries of a named set as they are written; each with where it stands, for messages."""

    entries: tuple[tuple[str, str], ...]  # text, place
    source: str


NO_SETS: Final[Mapping[str, Listing]] = MappingProxyType({})


@record
class WithSets:
    """A resolver, or none, and named sets."""

    resolver: Resolver | None
    sets: Mapping[str, Listing]

    def host(self, name: str) -> Addresses | None:
        return None if self.resolver is None else self.resolver.host(name)

    def network(self, name: str) -> int | None:
        return None if self.resolver is None else self.resolver.network(name)

    def ether(self, name: str) -> int | None:
        return None if self.resolver is None else self.resolver.ether(name)


@record
class SystemResolver:
    """getaddrinfo, /etc/networks and /etc/ethers of this machine."""

    networks: str = "/etc/networks"
    ethers: str = "/etc/ethers"

    def host(self, name: str) -> Addresses | None:
        import socket

        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return None
        by_family: dict[int, set[int]] = {socket.AF_INET: set(), socket.AF_INET6: set()}
        for family, _, _, _, address in found:
            if family in by_family:
                text = str(address[0]).partition("%")[0]
                packed = socket.inet_pton(family, text)
                by_family[family].add(int.from_bytes(packed, "big"))
        ip4, ip6 = by_family[socket.AF_INET], by_family[socket.AF_INET6]
        return Addresses(tuple(sorted(ip4)), tuple(sorted(ip6)))

    def network(self, name: str) -> int | None:
        for words in _rows(self.networks):
            if len(words) > 1 and name in (words[0], *words[2:]):
                return _network_number(words[1])
        return None

    def ether(self, name: str) -> int | None:
        for words in _rows(self.ethers):
            if len(words) > 1 and words[1] == name:
                return _mac_number(words[0])
        return None


def _rows(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.partition("#")[0].split() for line in file]
    except OSError:
        return []


def _network_number(text: str) -> int | None:
    value = 0
    for part in text.split("."):
        if not (part.isascii() and part.isdigit() and int(part[:4]) <= 255):
            return None
        value = value << 8 | int(part[:4])
    return value


def _mac_number(text: str) -> int | None:
    parts = text.split(":")
    try:
        octets = [int(part, 16) for part in parts]
    except ValueError:
        return None
    if len(octets) != 6 or max(octets) > 0xFF or min(octets) < 0:
        return None
    return int.from_bytes(bytes(octets), "big")
