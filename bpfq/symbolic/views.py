"""One Ethernet frame on the wire, as each target sees it.

    file, EN10MB             the frame
    packet, tc               the frame without its outermost tag, which is in vlanp and vlan_tci
    packet-cooked            what follows the type field, the tag and the type in metadata
    raw4, xt_bpf, file RAW   what follows the type field of an untagged IP frame

A view is a packet whose words are computed from those of the frame.  Kernels see whole frames: the
length is that of the captured bytes.  What the views say is received, not sent: a kernel may find
the tag of what it sends itself still in the frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.operators import Operator
from bpfq.record import field, record
from bpfq.symbolic.classic import either
from bpfq.symbolic.propositions import FALSE, TRUE, Every, Packet, Proposition
from bpfq.symbolic.words import START, Word, Words
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import LinkType
from bpfq.targets import SKF_NET_OFF, Target

TYPE_AT: Final = 12  # bytes from the start of the frame: its EtherType or length
HEADER: Final = 14  # bytes of an Ethernet header
TAG: Final = 4  # bytes of an 802.1Q tag: its EtherType, priority and identifier
_LEAST_TAGGED: Final = HEADER + TAG + 2  # bytes that skb_vlan_untag needs, net/core/skbuff.c
_TAG_TYPES: Final = (p.ETHERTYPE_8021Q, p.ETHERTYPE_8021AD)
_LEAST_TYPE: Final = 0x600  # below it is a length, ETH_P_802_3_MIN of <linux/if_ether.h>
_RAW_IPX, _ETH_P_802_3, _ETH_P_802_2 = 0xFFFF, 1, 4  # eth_type_trans(), <linux/if_ether.h>
_FRAGMENT: Final = 0x3FFF  # IPv4: more fragments, or an offset
_VERSIONS: Final = {"RAW": (4, 6), "IPV4": (4,), "IPV6": (6,)}
_LEAST_IHL: Final = 5  # words of four bytes
_LEAST_IP: Final = {4: 20, 6: 40}  # bytes
VLAN_WORDS: Final = ("vlanp", "vlan_tci", "vlan_tpid")
_TYPE_OF: Final = {4: p.ETHERTYPE_IP, 6: p.ETHERTYPE_IPV6}


@record
class View:
    """What a target shows of a frame.

    link: of the frame.  header: bytes of it that are not seen.  untagged: the outermost tag is in
    metadata.  versions: of IP, the only packets that arrive; none where all do.  reassembled: no
    fragments arrive.  kernel: the kernel supplies metadata.
    """

    link: str
    header: int = 0
    untagged: bool = False
    versions: tuple[int, ...] = ()
    reassembled: bool = False
    kernel: bool = False


def view_of(target: Target, link: LinkType) -> View:
    """What the target shows; raises UnsupportedError where part of it is no part of a frame."""
    if target.network_at >= SKF_NET_OFF:
        raise UnsupportedError(
            f"target '{target.name}' sees a packet without its headers: "
            "it is compared with filters for the same target only"
        )
    untagged = target.vlan == "metadata"
    if link.name == "EN10MB":
        return View("EN10MB", 0, untagged, kernel=target.metadata)
    if link.name == "COOKED":
        return View("EN10MB", HEADER, untagged, kernel=target.metadata)
    if link.name in _VERSIONS:
        versions = _VERSIONS[link.name]
        return View("EN10MB", HEADER, False, versions, target.reassembled, target.metadata)
    return View(link.name, kernel=target.metadata)


# ---------------------------------------------------------------- a frame of words


@record(frozen=False)
class _Words(Words):
    """The words of a view, made by the frame's; ``untagged`` is TRUE where a tag was taken out."""

    frame: Packet = field(kw_only=True)
    view: View = field(kw_only=True)
    untagged: Proposition = field(kw_only=True)

    def length(self) -> Word:
        whole = self.frame.words.length()
        seen = self._less(whole, self.view.header)
        return either(self.frame, self.untagged, self._less(seen, TAG), seen)

    def _less(self, length: Word, by: int) -> Word:
        return self.frame.words.operation(Operator.SUB, length, self.frame.words.number(by))

    def metadata(self, name: str) -> Word:
        make = self.frame.words
        match name:
            case "vlanp":
                return either(self.frame, self.untagged, make.number(1), make.number(0))
            case "vlan_tci":
                return self._of_tag(HEADER)
            case "vlan_tpid":
                return self._of_tag(TYPE_AT)
            case "proto" if self.view.link == "EN10MB":
                inner, plain = self._protocol(TYPE_AT + TAG), self._protocol(TYPE_AT)
                return either(self.frame, self.untagged, inner, plain)
            case _:
                return make.metadata(name)

    def _of_tag(self, at: int) -> Word:
        make = self.frame.words
        return either(self.frame, self.untagged, make.bytes(START, None, at, 2), make.number(0))

    def _protocol(self, at: int) -> Word:
        """The kernel's number for the type field at a place and what follows it."""
        make, frame = self.frame.words, self.frame
        written, behind = (make.bytes(START, None, place, 2) for place in (at, at + 2))
        ipx = frame.member(behind, (_RAW_IPX, _RAW_IPX + 1))
        length = either(frame, ipx, make.number(_ETH_P_802_3), make.number(_ETH_P_802_2))
        return either(frame, frame.member(written, (_LEAST_TYPE, 1 << 16)), written, length)

    def bytes(self, base: str, index: Word | None, offset: int, size: int) -> Word:
        assert base == START, "a view has no header before byte 0"
        offset += self.view.header
        plain = self.frame.words.bytes(START, index, offset, size)
        if self.untagged is FALSE:
            return plain
        return either(self.frame, self.untagged, self._moved(index, offset, size), plain)

    def _moved(self, index: Word | None, offset: int, size: int) -> Word:
        """size bytes at a place of the frame from which a tag was taken out."""
        make = self.frame.words
        index, offset = make.address(index, offset)
        if index is None:
            return self._around(offset, size)
        word = make.bytes(START, index, offset + TAG, size)
        before = TYPE_AT - size  # the last place in front of the tag
        for address in range(max(offset, before + 1), TYPE_AT):
            here = self.frame.member(index, (address - offset, address - offset + 1))
            word = either(self.frame, here, self._around(address, size), word)
        if offset <= before:
            here = self.frame.member(index, (0, before - offset + 1))
            word = either(self.frame, here, make.bytes(START, index, offset, size), word)
        return word

    def _around(self, address: int, size: int) -> Word:
        """The same, where the place is known."""
        make = self.frame.words
        before = min(max(TYPE_AT - address, 0), size)
        if before in (0, size):
            return make.bytes(START, None, address if before else address + TAG, size)
        word = make.number(0)
        for at in range(address, address + size):
            octet = make.bytes(START, None, at if at < TYPE_AT else at + TAG, 1)
            high = make.operation(Operator.LSH, word, make.number(8))
            word = make.operation(Operator.OR, high, octet)
        return word


@record(frozen=False)
class _Seen(Packet):
    """The packet that a view shows."""

    frame: Packet = field(kw_only=True)
    view: View = field(kw_only=True)
    untagged: Proposition = field(kw_only=True)

    def captured(self, base: str, index: Word | None, end: int) -> Proposition:
        end += self.view.header
        plain = self.frame.captured(base, index, end)
        if self.untagged is FALSE:
            return plain
        return self.choose(self.untagged, self.frame.captured(base, index, end + TAG), plain)


def seen(frame: Packet, view: View) -> Packet:
    """The frame's packet as the view shows it."""
    ethernet = view.link == "EN10MB"
    untagged = _tagged(frame) if view.untagged and ethernet else FALSE
    words = _Words(frame.words._made, frame=frame, view=view, untagged=untagged)
    return _Seen(
        words, frame._conditions, frame._decisions, frame=frame, view=view, untagged=untagged
    )


def _tagged(frame: Packet) -> Proposition:
    kinds = tuple(edge for kind in sorted(_TAG_TYPES) for edge in (kind, kind + 1))
    return frame.member(frame.words.bytes(START, None, TYPE_AT, 2), kinds)


def arrives(frame: Packet, view: View) -> Proposition:
    """TRUE of the frames that the target gets to see."""
    if view.link != "EN10MB":
        return TRUE
    header = frame.captured(START, None, HEADER)
    if not view.versions:
        if not view.kernel:
            return TRUE
        tag = frame.choose(_tagged(frame), frame.captured(START, None, _LEAST_TAGGED), TRUE)
        return Every((header, tag))
    ethertype = frame.words.bytes(START, None, TYPE_AT, 2)
    packets: Proposition = FALSE
    for version in view.versions:
        kind = _TYPE_OF[version]
        named = frame.member(ethertype, (kind, kind + 1))
        packets = frame.choose(named, _arrives_as(version, frame, view), packets)
    return Every((header, packets))


def _arrives_as(version: int, frame: Packet, view: View) -> Proposition:
    """A packet of that IP version; kernels take no header that is cut or too short."""
    first = frame.words.bytes(START, None, HEADER, 1)
    least = _LEAST_IHL if version == 4 and view.kernel else 0
    wanted = [
        frame.captured(START, None, HEADER + (_LEAST_IP[version] if view.kernel else 1)),
        frame.member(first, (version << 4 | least, (version + 1) << 4)),
    ]
    if version == 4 and view.reassembled:
        wanted.append(is_whole(frame, HEADER))
    return Every(tuple(wanted))


def is_whole(packet: Packet, header: int) -> Proposition:
    """The IPv4 packet whose header starts there is no fragment."""
    field = packet.words.bytes(START, None, header + 6, 2)
    part = packet.words.operation(Operator.AND, field, packet.words.number(_FRAGMENT))
    return packet.member(part, (0, 1))


# ---------------------------------------------------------------- a frame of bytes


@record
class Sight:
    """What a target shows of one frame."""

    octets: bytes
    length: int
    metadata: Mapping[str, int]


def is_seen(view: View, frame: Sight) -> bool:
    """Whether the frame arrives at the target."""
    octets = frame.octets
    if view.link != "EN10MB" or not (view.kernel or view.versions):
        return True
    if len(octets) < HEADER or (view.kernel and len(octets) != frame.length):
        return False
    kind = int.from_bytes(octets[TYPE_AT:HEADER], "big")
    if not view.versions:
        return kind not in _TAG_TYPES or len(octets) >= _LEAST_TAGGED
    for version in view.versions:
        if kind == _TYPE_OF[version]:
            return _is_packet(version, octets[HEADER:], view)
    return False


def _is_packet(version: int, octets: bytes, view: View) -> bool:
    least = _LEAST_IP[version] if view.kernel else 1
    if len(octets) < least or octets[0] >> 4 != version:
        return False
    if version == 4 and view.kernel and octets[0] & 0xF < _LEAST_IHL:
        return False
    fragment = int.from_bytes(octets[6:8], "big") & _FRAGMENT
    return not (version == 4 and view.reassembled and fragment)


def look(view: View, frame: Sight) -> Sight:
    """The frame as the view shows it; it is one that arrives there."""
    octets, length, metadata = frame.octets, frame.length, dict(frame.metadata)
    if view.link != "EN10MB":
        return Sight(octets, length, metadata | dict.fromkeys(VLAN_WORDS, 0))
    kind, tag = (int.from_bytes(octets[at : at + 2], "big") for at in (TYPE_AT, HEADER))
    untagged = view.untagged and kind in _TAG_TYPES
    for name, value in zip(VLAN_WORDS, (1, tag, kind), strict=True):
        metadata[name] = value if untagged else 0
    if untagged:
        octets, length = octets[:TYPE_AT] + octets[HEADER + TAG - 2 :], length - TAG
    metadata["proto"] = _protocol_of(octets)
    return Sight(octets[view.header :], length - view.header, metadata)


def _protocol_of(octets: bytes) -> int:
    written, behind = (int.from_bytes(octets[at : at + 2], "big") for at in (TYPE_AT, HEADER))
    if written >= _LEAST_TYPE:
        return written
    return _ETH_P_802_3 if behind == _RAW_IPX else _ETH_P_802_2
