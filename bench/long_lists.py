"""Filters of random lists, the same at every run, and what a program for one takes at least."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple


class LongList(NamedTuple):
    """comparisons: with different constants, those that any program of comparisons makes: one
    for each different value of each field, on either side.
    """

    text: str
    comparisons: int


def hosts(count: int) -> LongList:
    draw = Random(count)
    return LongList(_either(f"host {address(draw)}" for _ in range(count)), 2 * count)


def nets(count: int) -> LongList:
    draw = Random(count)
    numbers = {draw.getrandbits(24): None for _ in range(count)}
    texts = (".".join(map(str, number.to_bytes(3, "big"))) for number in numbers)
    return LongList(_either(f"net {text}.0/24" for text in texts), 2 * len(numbers))


def ports(count: int) -> LongList:
    found = Random(count).sample(range(1, 65536), count)
    values = set(found)
    runs = sum(port - 1 not in values for port in values)
    return LongList(_either(f"port {port}" for port in found), 2 * runs)


def hosts6(count: int) -> LongList:
    """Of one /32: the other three words of an address are random."""
    draw = Random(count)
    numbers = [draw.getrandbits(96) for _ in range(count)]
    texts = (f"2001:db8:{_colons(number.to_bytes(12, 'big'), 2)}" for number in numbers)
    words = sum(len({number >> shift & 0xFFFF_FFFF for number in numbers}) for shift in (0, 32, 64))
    return LongList(_either(f"host {text}" for text in texts), 2 * (1 + words))


def stations(count: int) -> LongList:
    draw = Random(count)
    numbers = [draw.getrandbits(48) for _ in range(count)]
    texts = (_colons(number.to_bytes(6, "big"), 1) for number in numbers)
    words = len({number & 0xFFFF_FFFF for number in numbers}) + len({n >> 32 for n in numbers})
    return LongList(_either(f"ether host {text}" for text in texts), 2 * words)


def pairs(count: int) -> LongList:
    draw = Random(count)
    found = [(address(draw), draw.randrange(1, 65536)) for _ in range(count)]
    texts = (f"(host {one} and port {port})" for one, port in found)
    values = len({one for one, _ in found}) + len({port for _, port in found})
    return LongList(_either(texts), 2 * values)


Make = Callable[[int], LongList]

LISTS: dict[str, Make] = {
    "host": hosts, "net /24": nets, "port": ports, "IPv6 host": hosts6, "ether host": stations,
    "host and port": pairs,
}  # fmt: skip


def address(draw: Random) -> str:
    return ".".join(map(str, draw.getrandbits(32).to_bytes(4, "big")))


def _either(texts: Iterable[str]) -> str:
    return " or ".join(texts)


def _colons(octets: bytes, width: int) -> str:
    return ":".join(octets[at : at + width].hex() for at in range(0, len(octets), width))
