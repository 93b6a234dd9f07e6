"""The Python matcher decides as the program does."""

from __future__ import annotations

from random import Random

import pytest

import bpfq
from bpfq.backends.pyfunc import source
from bpfq.frontend.pcap.parse import parse
from bpfq.graphs import decide
from bpfq.isa.cbpf.vm import run
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS

TEXTS = [
    "ip and udp",
    "port 80 or port 443",
    "not (tcp port 22 or vlan)",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "ip[0] % (ip[1] & 3) = 1",
    "len > 40 and ip[2:2] - 5 < 100",
    "ip6 protochain 17",
    "geneve and ip",
    "host 10.0.0.1 or host 10.0.0.2 or net 192.168.0.0/16",
]


def packets(count: int) -> list[bytes]:
    """IPv4 and IPv6 frames with random rest, cut at random lengths."""
    draw = Random(7)
    heads = [b"\x08\x00\x45\x00", b"\x86\xdd\x60\x00", b"\x81\x00\x00\x05", b"\x08\x06\x00\x01"]
    made = []
    for _ in range(count):
        rest = bytearray(draw.randbytes(draw.randrange(70)))
        if len(rest) > 8:
            rest[5] = draw.choice((6, 17, 44))
            rest[2:4] = b"\x00\x00"
        made.append(bytes(12) + draw.choice(heads) + bytes(rest))
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_matches_agrees_with_the_interpreted_program(text: str) -> None:
    program = bpfq.compile(text)
    for packet in packets(400):
        assert program.matches(packet) == (run(program.words, packet) != 0), packet.hex()


def test_the_wire_length_is_what_len_tests() -> None:
    program = bpfq.compile("len > 1000")
    assert not program.matches(bytes(60))
    assert program.matches(bytes(60), wire_length=1500)


def test_metadata_is_read_by_name_and_is_zero_when_missing() -> None:
    program = bpfq.compile("vlan 100", target="packet")
    assert program.matches(bytes(60), metadata={"vlanp": 1, "vlan_tci": 0x2064})
    assert not program.matches(bytes(60), metadata={"vlanp": 1, "vlan_tci": 101})
    assert not program.matches(bytes(60))


def test_long_lists_nest_no_deeper_than_python_allows() -> None:
    text = " or ".join(f"host 10.{n >> 8}.{n & 255}.1" for n in range(3000))
    program = bpfq.compile(text)
    inside = bytes(12) + b"\x08\x00\x45" + bytes(11) + bytes((10, 11, 183, 1)) + bytes(4)
    assert program.matches(inside)
    assert not program.matches(inside[:26] + bytes((10, 11, 184, 1)) + bytes(4))


def test_equalities_of_one_field_become_a_membership_test() -> None:
    settings = Settings(TARGETS["file"], link_type("EN10MB"))
    graph = decide(parse("ip[8] = 1 or ip[8] = 2 or ip[8] = 5"), settings)
    assert "in {1, 2, 5}" in source(graph)


def test_long_chains_of_shared_nodes_do_not_recurse() -> None:
    text = " or ".join(f"host 10.{n >> 8}.{n & 255}.1" for n in range(1500))
    program = bpfq.compile(text, level=0)
    inside = bytes(12) + b"\x08\x06" + bytes(24) + bytes((10, 5, 219, 1))
    assert program.matches(inside)
    assert not program.matches(inside[:-1] + b"\x02")


@pytest.mark.parametrize("kind", ["host", "portrange"])
def test_long_lists_match_their_members(kind: str) -> None:
    draw = Random(5)
    firsts = sorted(draw.sample(range(0, 60000, 4), 40))
    if kind == "host":
        text = " or ".join(f"ip src host 10.0.{v >> 8}.{v & 255}" for v in firsts)
    else:
        text = " or ".join(f"tcp src portrange {v}-{v + 2}" for v in firsts)
    match = bpfq.compile(text).matches

    def packet(value: int) -> bytes:
        word, ports = (0x0A000000 + value, 0) if kind == "host" else (0, value << 16)
        head = bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x06" + bytes(2)
        return head + word.to_bytes(4, "big") + bytes(4) + ports.to_bytes(4, "big")

    width = 1 if kind == "host" else 3
    for value in range(firsts[0] - 2, firsts[5] + 8):
        assert match(packet(value)) is any(v <= value < v + width for v in firsts)
