"""How the searches for one of many values end: rows of equalities, short or long."""

from __future__ import annotations

from random import Random

import pytest

import bpfq
from bpfq.backends.cbpf.cost import longest_path


def hosts(count: int) -> list[str]:
    draw = Random(count)
    return [".".join(map(str, draw.getrandbits(32).to_bytes(4, "big"))) for _ in range(count)]


def compiled(addresses: list[str], **options: str) -> bpfq.Program:
    return bpfq.compile(" or ".join(f"host {one}" for one in addresses), **options)


def frame(source: str, destination: str) -> bytes:
    addresses = b"".join(bytes(map(int, one.split("."))) for one in (source, destination))
    return bytes(12) + b"\x08\x00" + b"\x45" + bytes(11) + addresses


@pytest.mark.parametrize("count", [60, 400, 1000])
def test_size_takes_long_rows_and_speed_short_ones(count: int) -> None:
    size, balanced, speed = (
        compiled(hosts(count), optimise_for=one) for one in ("size", "balanced", "speed")
    )
    assert len(size) < len(balanced) < len(speed)
    assert longest_path(size.words) > longest_path(speed.words)


def test_rows_grow_until_the_program_fits() -> None:
    addresses = hosts(1900)
    free = compiled(addresses)
    limited = compiled(addresses, target="packet", link="EN10MB")
    assert len(limited) <= 4096 < len(free)
    others = [one for one in hosts(2000) if one not in addresses]
    for address in addresses:
        assert limited.matches(frame(address, others[0]))
        assert limited.matches(frame(others[1], address))
    assert not any(limited.matches(frame(*two)) for two in zip(others, others[1:]))


def test_both_sides_of_a_list_are_searched_once_for_all_protocols() -> None:
    assert len(compiled(hosts(1000))) < 2 * 1000 * 1.3
