"""Long lists of every kind on members, their neighbours, and packets cut short, and proved.

What the reference meaning accepts in order the program accepts, and what the program accepts the
reference accepts whatever was cut off; where nothing is cut off the two are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from random import Random

import pytest

import bpfq
from bpfq.frontend.pcap.parse import parse
from bpfq.meaning.evaluate import meaning
from bpfq.meaning.setting import Setting

COUNT = 20
KINDS = ("host", "net", "port", "host6", "ether", "pairs")
CUTS = (13, 27, 33, 37, 39, 53, 55)  # bytes, inside of fields that are tested


def ethernet(ethertype: int, payload: bytes, station: int = 5) -> bytes:
    return bytes(6) + station.to_bytes(6, "big") + ethertype.to_bytes(2, "big") + payload


def ip4(source: int, destination: int, sport: int = 9, dport: int = 9) -> bytes:
    ends = source.to_bytes(4, "big") + destination.to_bytes(4, "big")
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return ethernet(0x0800, b"\x45" + bytes(8) + b"\x06" + bytes(2) + ends + ports + bytes(20))


def arp(sender: int, target: int) -> bytes:
    ends = sender.to_bytes(4, "big") + bytes(6) + target.to_bytes(4, "big")
    return ethernet(0x0806, bytes(14) + ends)


def ip6(source: int, destination: int, sport: int = 9, dport: int = 9) -> bytes:
    ends = source.to_bytes(16, "big") + destination.to_bytes(16, "big")
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return ethernet(0x86DD, b"\x60" + bytes(5) + b"\x11" + bytes(1) + ends + ports + bytes(20))


def dotted(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


def listed(kind: str) -> tuple[list[str], Iterator[bytes]]:
    """The entries of a list, and packets at and beside each of them."""
    draw = Random(kind)
    words = [draw.getrandbits(32) | 4 for _ in range(COUNT)]
    ports = draw.sample(range(2, 65000), COUNT)
    match kind:
        case "host":
            frames = (
                make(*ends)
                for word in words
                for near in (word - 1, word, word + 1)
                for ends in ((near, 7), (7, near))
                for make in (ip4, arp)
            )
            return [f"host {dotted(word)}" for word in words], frames
        case "net":
            nets = [word & 0xFFFF_FF00 for word in words]
            frames = (
                ip4(*ends)
                for net in nets
                for near in (net - 1, net, net + 255, net + 256)
                for ends in ((near & 0xFFFF_FFFF, 7), (7, near & 0xFFFF_FFFF))
            )
            return [f"net {dotted(net)}/24" for net in nets], frames
        case "port":
            frames = (
                make(7, 8, *ends)
                for port in ports
                for near in (port - 1, port, port + 1)
                for ends in ((near, 1), (1, near))
                for make in (ip4, ip6)
            )
            return [f"port {port}" for port in ports], frames
        case "host6":
            hosts = [0x20010DB8 << 96 | draw.getrandbits(96) | 4 for _ in range(COUNT)]
            frames = (
                ip6(*ends)
                for host in hosts
                for near in (host - 1, host, host + 1, host ^ 1 << 64)
                for ends in ((near, 7), (7, near))
            )
            return [f"host {IPv6Address(host)}" for host in hosts], frames
        case "ether":
            stations = [draw.getrandbits(48) | 4 for _ in range(COUNT)]
            frames = (
                ethernet(0x0800, bytes(40), near)
                for station in stations
                for near in (station - 1, station, station + 1, station ^ 1 << 40)
            )
            texts = (station.to_bytes(6, "big").hex(":") for station in stations)
            return [f"ether host {text}" for text in texts], frames
        case _:
            pairs = list(zip(words, ports, strict=True))
            frames = (
                ip4(*ends, *near)
                for word, port in pairs
                for ends in ((word, 7), (7, word))
                for near in ((port, 1), (1, port), (port + 1, 1))
            )
            return [f"(host {dotted(word)} and port {port})" for word, port in pairs], frames


@pytest.mark.parametrize("around", ["{}", "not ({})"])
@pytest.mark.parametrize("kind", KINDS)
def test_members_and_their_neighbours_and_what_is_left_of_them(kind: str, around: str) -> None:
    entries, frames = listed(kind)
    text = around.format(" or ".join(entries))
    meant, programs = (
        meaning(parse(text), Setting()),
        [bpfq.compile(text, optimise_for=o) for o in ("size", "speed")],
    )
    accepted = set()
    for number, whole in enumerate(frames):
        for frame in (whole, whole[: CUTS[number % len(CUTS)]]):
            least, most = (
                meant.accepts(frame, reading=reading) for reading in ("sequential", "total")
            )
            for program in programs:
                found = program.matches(frame)
                assert least <= found <= most
                accepted.add((found, len(frame) == len(whole)))
    assert {(True, True), (False, True)} <= accepted


@pytest.mark.parametrize("optimise_for", ["balanced", "size", "speed"])
@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_proved(kind: str, optimise_for: str) -> None:
    entries, _ = listed(kind)
    program = bpfq.compile(" or ".join(entries), optimise_for=optimise_for)
    assert program.prove().verdict == "proved"
