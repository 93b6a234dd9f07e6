"""Packets put together by the tests, and the shortest way to ask for a verdict."""

from __future__ import annotations

from typing import Any

from bpfq.frontend.pcap.parse import parse
from bpfq.meaning import evaluate


def ethernet(ethertype: int, payload: bytes, *, source: str = "0a0b0c0d0e0f") -> bytes:
    return bytes.fromhex("010203040506" + source) + ethertype.to_bytes(2, "big") + payload


def tag(identifier: int, ethertype: int, payload: bytes) -> bytes:
    """What follows the EtherType 0x8100."""
    return identifier.to_bytes(2, "big") + ethertype.to_bytes(2, "big") + payload


def ip4(
    protocol: int,
    payload: bytes,
    *,
    source: str = "01020304",
    destination: str = "c0000214",
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    first = 0x45 + len(options) // 4
    head = bytes([first, 0, 0, 0, 0, 0]) + fragment.to_bytes(2, "big") + bytes([64, protocol, 0, 0])
    return head + bytes.fromhex(source + destination) + options + payload


def ip6(next_header: int, payload: bytes) -> bytes:
    head = bytes([0x60, 0, 0, 0]) + len(payload).to_bytes(2, "big") + bytes([next_header, 64])
    return head + bytes.fromhex("20010db8" + "00" * 11 + "01" + "ff02" + "00" * 13 + "02") + payload


def ports(source: int, destination: int, payload: bytes = bytes(16)) -> bytes:
    """The start of a TCP, UDP or SCTP header, and what follows the ports."""
    return source.to_bytes(2, "big") + destination.to_bytes(2, "big") + payload


def udp(destination: int, payload: bytes) -> bytes:
    return ports(4000, destination, bytes(4) + payload)


def extension(next_header: int, words: int = 0) -> bytes:
    """An IPv6 extension header of words * 8 bytes beyond the first 8."""
    return bytes([next_header, words]) + bytes(6 + 8 * words)


def authentication(next_header: int, words: int = 4) -> bytes:
    """An AH of (words + 2) * 4 bytes."""
    return bytes([next_header, words]) + bytes((words + 2) * 4 - 2)


TCP_SYN = ports(1234, 80, bytes(8) + b"\x50\x02" + bytes(6))
ARP_REQUEST = bytes.fromhex("0001080006040001" "0a0b0c0d0e0f" "01020304" "000000000000" "c0000214")
TCP4 = ethernet(0x0800, ip4(6, TCP_SYN))
TCP6 = ethernet(0x86DD, ip6(6, TCP_SYN))
ARP = ethernet(0x0806, ARP_REQUEST)
INNER = ethernet(0x0800, ip4(6, TCP_SYN, source="0a000001"), source="ffeeddccbbaa")
UNTAGGED = {"vlanp": 0, "vlan_tci": 0}
TAG_7 = {"vlanp": 1, "vlan_tci": 0x2007}
TAGGED = ethernet(0x8100, tag(7, 0x0800, ip4(6, TCP_SYN)))
TWICE = ethernet(0x88A8, tag(9, 0x8100, tag(7, 0x0800, ip4(6, TCP_SYN))))
SESSION = ethernet(0x8864, bytes.fromhex("110000050016" "0021") + ip4(6, TCP_SYN))
GENEVE = bytes.fromhex("02006558" "00000500") + bytes(8)  # eight bytes of options
GENEVE_BARE = bytes.fromhex("00000800" "00000500")
VXLAN = bytes.fromhex("08000000" "00000500")
OVER4 = ethernet(0x0800, ip4(17, udp(6081, GENEVE + INNER)))
OVER4_OPTIONS = ethernet(0x0800, ip4(17, udp(6081, GENEVE + INNER), options=bytes(8)))
OVER6 = ethernet(0x86DD, ip6(17, udp(6081, GENEVE + INNER)))
BARE = ethernet(0x0800, ip4(17, udp(6081, GENEVE_BARE + ip4(6, TCP_SYN, source="0a000001"))))
VXLAN4 = ethernet(0x0800, ip4(17, udp(4789, VXLAN + INNER), options=bytes(4)))
VXLAN6 = ethernet(0x86DD, ip6(17, udp(4789, VXLAN + INNER)))
INSIDE = "src host 10.0.0.1 and tcp port 80"


def shown(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def accepts(text: str, packet: bytes, **options: Any) -> bool:
    return evaluate(parse(text), packet, **options)
