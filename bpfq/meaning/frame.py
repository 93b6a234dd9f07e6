"""Where the headers of a packet stand, by link type.

A frame is one link layer: the outermost one here, those inside tunnels in ``encapsulation``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bpfq.errors import UnsupportedError
from bpfq.meaning.logic import Test
from bpfq.meaning.packet import Packet, Place, Reader
from bpfq.meaning.setting import Setting
from bpfq.operators import wrap
from bpfq.tables.linktypes import COOKED, Layout, link_types

BYTES_ONLY = Layout(kind="bytes")  # no type field that filters know
_PFLOG_ALIGNMENT = 4  # BPF_WORDALIGN of the header's length, <net/if_pflog.h>


@dataclass(frozen=True, slots=True)
class Frame:
    """One link layer.

    name: its link type; kind: how its type field is coded; link, type, payload: where the link
    header, the type field and the payload (an LLC header where there is one) start; network,
    nosnap: bytes from the payload to the network header, and to an OSI header behind bare LLC;
    layout: the row for addresses and keywords; labels: MPLS labels before the network header;
    tags: VLAN tags before the type field; inner: not the link layer that the packet starts with;
    data: what must hold before the type field counts; station: before MAC addresses count.
    """

    name: str
    kind: str
    link: Place
    type: Place
    payload: Place
    layout: Layout
    network: int = 0
    nosnap: int = 0
    labels: int = 0
    tags: int = 0
    inner: bool = False
    data: Test = True
    station: Test = True

    def net(self, offset: int) -> Place:
        """offset bytes from the start of the network header."""
        return self.payload.at(self.network + offset)

    def osi(self, offset: int) -> Place:
        """offset bytes from the start of the OSI header."""
        return self.payload.at(self.nosnap + offset)

    def transport4(self) -> Place:
        """Behind the IPv4 header, as long as that says it is."""
        header = self.net(0)
        return header.moved(lambda packet: 4 * (header.load(packet, 1) & 15))

    def transport6(self) -> Place:
        """Behind the fixed IPv6 header."""
        return self.net(40)


def unsupported(word: str, frame: Frame) -> UnsupportedError:
    """The error for a word that means nothing on this link layer."""
    row = link_types().get(frame.name)
    described = f" ({row.description})" if row is not None and row.description else ""
    return UnsupportedError(f"'{word}' is not supported on {frame.name}{described}")


def outermost(setting: Setting) -> Frame:
    """The link layer that the packet starts with."""
    if setting.start != "link":
        return _network_header(setting.family)
    row = COOKED if setting.link == COOKED.name else link_types().get(setting.link)
    if row is None:
        raise UnsupportedError(f"unknown link type '{setting.link}'")
    if row.name == "RAW" and setting.family is not None:
        return _network_header(setting.family)
    frame = _plain(row.name, row.layout or BYTES_ONLY)
    match frame.kind:
        case "wlan":
            return _wlan(frame)
        case "pflog":
            return replace(frame, payload=Place(0, _pflog_header))
        case _:
            return frame


def _network_header(family: int | None) -> Frame:
    """No link layer; the family is fixed, or the version nibble tells."""
    name = "RAW" if family is None else f"IPV{family}"
    layout = link_types()[name].layout
    assert layout is not None
    return _plain(name, layout)


def _plain(name: str, layout: Layout) -> Frame:
    return Frame(
        name=name,
        kind=layout.kind,
        link=Place(layout.header),
        type=Place(layout.type_at or 0),
        payload=Place(layout.payload),
        layout=layout,
        network=layout.network,
        nosnap=layout.nosnap or 0,
    )


def _pflog_header(packet: Packet) -> int:
    """The header's length, rounded up."""
    return packet.load(0, 1) + _PFLOG_ALIGNMENT - 1 & -_PFLOG_ALIGNMENT


# ---------------------------------------------------------------- 802.11


def _wlan(frame: Frame) -> Frame:
    """802.11, behind a radio header or not; its own header's length depends on the frame."""
    prefix = _PREFIXES[frame.name]
    link = Place(0, prefix)
    pads = frame.name == "IEEE802_11_RADIO"
    payload = Place(0, lambda packet: _wlan_payload(packet, link, pads))
    return replace(frame, link=link, payload=payload, type=payload.at(6))


def _wlan_payload(packet: Packet, link: Place, pads: bool) -> int:
    """24 bytes behind the start of the frame, 26 with quality of service, perhaps padded.

    That of a data frame, whatever the frame is: every test of the payload asks for one first.
    """
    at = wrap(link.register(packet) + 24)
    if link.load(packet, 1) & 0x80:
        at = wrap(at + 2)
    if pads and _is_padded(packet):
        at = wrap(at + 3) & ~3
    return at


def _is_padded(packet: Packet) -> bool:
    """The radiotap flags say that the 802.11 header is padded to four bytes (Atheros).

    Only the first presence word is looked at; more of them are taken as no padding.
    """
    present = packet.load(4, 4)  # little-endian in the packet, big-endian here
    flags, extension, timestamp = 0x0200_0000, 0x80, 0x0100_0000
    if not present & flags or present & extension:
        return False
    return packet.load(16 if present & timestamp else 8, 1) & 0x20 != 0


def _little_endian_length(packet: Packet) -> int:
    """Radiotap and PPI."""
    high = packet.load(3, 1)
    return high << 8 | packet.load(2, 1)


def _avs_length(packet: Packet) -> int:
    return packet.load(4, 4)


def _prism_length(packet: Packet) -> int:
    """144, unless the header is really an AVS one."""
    return packet.load(4, 4) if packet.load(0, 4) & 0xFFFF_F000 == 0x8021_1000 else 144


_PREFIXES: dict[str, Reader | None] = {
    "IEEE802_11": None,
    "PRISM_HEADER": _prism_length,
    "IEEE802_11_RADIO": _little_endian_length,
    "IEEE802_11_RADIO_AVS": _avs_length,
    "PPI": _little_endian_length,
}
