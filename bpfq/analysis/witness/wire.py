"""A packet as a capture file holds it, whatever part of it the target shows to a filter."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from bpfq.analysis.witness.pieces import MAC_SOURCE
from bpfq.record import record
from bpfq.settings import Settings
from bpfq.tables import protocols as p

_TYPE_AT: Final = 12  # bytes: behind the two Ethernet addresses
_ARPHRD_ETHER: Final = 1


@record
class Frame:
    """link: name of the link type.  length: on the wire."""

    link: str
    octets: bytes
    length: int


def on_wire(
    settings: Settings,
    octets: bytes,
    length: int,
    metadata: Mapping[str, int],
    network_header: bytes = b"",
) -> Frame:
    """The frame with its tag where it was, and with a header where the target shows none."""
    link, target = settings.link.name, settings.target
    if link == "COOKED":
        return _with(Frame("LINUX_SLL", octets, length), _cooked(metadata))
    if target.layer == 3:
        return _with(Frame("RAW", octets, length), network_header)
    if metadata.get("vlanp") and target.vlan == "metadata" and len(octets) >= _TYPE_AT:
        tagged = octets[:_TYPE_AT] + _tag(metadata) + octets[_TYPE_AT:]
        return Frame(link, tagged, length + len(tagged) - len(octets))
    return Frame(link, octets, length)


def _with(frame: Frame, header: bytes) -> Frame:
    return Frame(frame.link, header + frame.octets, len(header) + frame.length)


def _tag(metadata: Mapping[str, int]) -> bytes:
    identifier = metadata.get("vlan_tpid") or p.ETHERTYPE_8021Q
    return struct.pack(">HH", identifier, metadata.get("vlan_tci", 0) & 0xFFFF)


def _cooked(metadata: Mapping[str, int]) -> bytes:
    """A Linux cooked header (LINUX_SLL), and the tag behind it as libpcap puts it."""
    kind, protocol = metadata.get("type", 0) & 0xFFFF, metadata.get("proto", 0) & 0xFFFF
    head = struct.pack(">HHH", kind, _ARPHRD_ETHER, len(MAC_SOURCE)) + MAC_SOURCE + bytes(2)
    tag = _tag(metadata) if metadata.get("vlanp") else b""
    return head + tag + struct.pack(">H", protocol)
