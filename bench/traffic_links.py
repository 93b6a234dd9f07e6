"""The frames of bench/traffic.py as other link types show them.

EN10MB           as they are
RAW, NULL, PPP   IPv4 and IPv6 only
LINUX_SLL        type at 14, packet at 16
IEEE802_11       six of ten are data frames; else management and control
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bpfq.opt.profile import Profile, Sample

IPV4, IPV6, LLC_AT_MOST = 0x0800, 0x86DD, 1500
AF_INET, AF_INET6, ARPHRD_ETHER, INTERFACE = 2, 10, 1, 2
SNAP = bytes.fromhex("aaaa03000000")
RADIOTAP = struct.pack("<BBHI", 0, 0, 24, 0x2E) + bytes(16)
PFLOG_HEADER = 61  # bytes; padded to 64
PPP = {IPV4: 0x0021, IPV6: 0x0057}
FAMILY = {IPV4: AF_INET, IPV6: AF_INET6}
# Frame control of every tenth: QoS data and data; beacon, probe, deauthentication, acknowledgement.
CONTROL = ("8802", "8801", "8802", "0802", "8802", "0801", "8000", "8000", "4000", "d400")
CONTROL_RARE = {18: "5000", 28: "c000", 38: "a000"}


def profile(link: str, frames: Sequence[bytes]) -> Profile:
    """The frames as samples of the link type; empty for one that is not made here."""
    found = (shown(link, frame, number) for number, frame in enumerate(frames))
    return Profile(tuple(Sample(octets, len(octets)) for octets in found if octets is not None))


def shown(link: str, frame: bytes, number: int) -> bytes | None:
    """What the link type shows of an Ethernet frame; None where it cannot carry it."""
    ethertype = int.from_bytes(frame[12:14], "big")
    packet, kind = frame[14:], frame[12:14]
    if link == "EN10MB":
        return frame
    if link.startswith("IEEE802_11"):
        air = wireless(frame, number)
        return RADIOTAP + air if link == "IEEE802_11_RADIO" else air
    if link == "FDDI":
        return b"\x50" + frame[:12] + (SNAP + kind if ethertype > LLC_AT_MOST else b"") + packet
    if link == "C_HDLC":
        return b"\x0f\0" + kind + packet
    if link in ("LINUX_SLL", "LINUX_SLL2"):
        return cooked(link, frame) + packet
    return None if ethertype not in PPP else before_ip(link, ethertype) + packet


def cooked(link: str, frame: bytes) -> bytes:
    direction = (
        4 if frame[6:8] == b"\2\0" else 1 if frame[:6] == b"\xff" * 6 else frame[0] & 1 and 2
    )
    address = frame[6:12] + bytes(2)
    if link == "LINUX_SLL":
        return struct.pack("!HHH", direction, ARPHRD_ETHER, 6) + address + frame[12:14]
    rest = struct.pack("!HIHBB", 0, INTERFACE, ARPHRD_ETHER, direction, 6)
    return frame[12:14] + rest + address


def before_ip(link: str, ethertype: int) -> bytes:
    match link:
        case "RAW":
            return b""
        case "NULL":
            return struct.pack("=I", FAMILY[ethertype])
        case "PPP":
            return b"\xff\3" + struct.pack("!H", PPP[ethertype])
        case "PFLOG":
            return bytes((PFLOG_HEADER, FAMILY[ethertype])) + bytes(62)
    raise ValueError(f"no traffic is made for {link}")


def wireless(frame: bytes, number: int) -> bytes:
    control = bytes.fromhex(CONTROL_RARE.get(number % 40, CONTROL[number % len(CONTROL)]))
    if control[0] == 0xD4:
        return control + bytes(2) + frame[:6]
    head = (
        control + bytes(2) + frame[:12] + frame[6:12] + (number << 4 & 0xFFFF).to_bytes(2, "little")
    )
    if control[0] & 0x0C == 0:  # management
        return head + bytes(8) + bytes.fromhex("64001104000777697265") + bytes(40)
    qos = bytes(2) if control[0] & 0x80 else b""
    return head + qos + SNAP + frame[12:]
