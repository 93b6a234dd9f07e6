"""Loads from places that no packet has."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.isa.cbpf.vm import Machine, run


def test_a_chain_behind_a_header_before_byte_0_cannot_be_passed() -> None:
    packet = bytes.fromhex("4d4743002c") + bytes(60)  # its next header, at 4, is a fragment's
    program = bpfq.compile("not ip6 protochain 17", link="JUNIPER_ES", level=0)
    assert not run(program.words, packet)
    assert run(program.words, packet.replace(b"\x2c", b"\x3b"))


@pytest.mark.parametrize("start", [0xFFF0_0000, 0xFFE0_0000, 0xFFFF_FFFF, 0x8000_0000])
@pytest.mark.parametrize("text", ["ether[ether[0:4]] != 1", "not ether[ether[0:4]] = 1"])
def test_an_index_beyond_every_packet_fails_in_the_kernel_too(text: str, start: int) -> None:
    packet = start.to_bytes(4, "big") + bytes(60)
    program = bpfq.compile(text, target="packet")
    assert run(program.words, packet, metadata={}, machine=Machine.KERNEL) == 0
    assert program.prove().verdict == "proved"
    near = (20).to_bytes(4, "big") + bytes(60)
    assert run(program.words, near, metadata={}, machine=Machine.KERNEL)
