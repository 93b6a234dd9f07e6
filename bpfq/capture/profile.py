"""A profile from packets: a capture file, or packets in memory.

    lan.pcap, 80 000 Ethernet frames, for a filter on raw4
    =>  312 of them, evenly spread, without link header; what is not IPv4 never arrives there

What is read must have the link type that the filter is for, or carry what a target without link
headers sees.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from bpfq.capture.errors import CaptureError
from bpfq.capture.files import open_capture
from bpfq.errors import FilterError
from bpfq.opt.profile import Profile, Sample, drawn
from bpfq.source import Suggestion
from bpfq.tables import linktypes
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import LinkType
from bpfq.targets import Target

Source: TypeAlias = "str | os.PathLike[str] | Iterable[bytes | tuple[bytes, int]]"

_SAMPLES_AT_MOST: Final = 512
_IP_VERSIONS: Final = {4: p.ETHERTYPE_IP, 6: p.ETHERTYPE_IPV6}
_NETWORK_ONLY: Final = {"ipv4": p.ETHERTYPE_IP, "ipv6": p.ETHERTYPE_IPV6}
_TRANSPORTS: Final = {"udp": 17}
_FRAGMENT: Final = 0x3FFF  # more fragments, and the offset


class _Frame(NamedTuple):
    link: int  # DLT_*
    octets: bytes
    length: int  # bytes on the wire


def profile_of(source: Source, target: Target, link: LinkType) -> Profile:
    """The packets as the target sees them, at most 512 of them, evenly spread.

    source: a capture file by its path, or packets with the target's link type, each as bytes or
    as (captured bytes, length on the wire).  Raises FilterError where there are no packets or
    none that the target sees, CaptureError where a file cannot be read.
    """
    name = "the profile"
    if isinstance(source, str | os.PathLike):
        name = f"profile {os.fspath(source)}"
        frames = _in_file(os.fspath(source))
    else:
        frames = _in_memory(source, link)
    kept, count = _spread(frames)
    if not count:
        raise FilterError(f"{name} has no packets")
    seen = [_seen(frame, number, target, link) for number, frame in enumerate(kept)]
    samples = tuple(sample for sample in seen if sample is not None)
    if not samples:
        raise _nothing_seen(name, kept, target, link)
    return Profile(samples)


def _in_file(path: str) -> Iterator[_Frame]:
    count = 0
    with open_capture(path) as capture:
        try:
            for block in capture:
                if block.packet is not None:
                    count += 1
                    packet = block.packet
                    yield _Frame(packet.link_type, packet.data, packet.wire_length)
        except CaptureError as error:
            if not count:  # what stands before a cut is as good as any other sample
                raise CaptureError(f"profile {path}: {error}", offset=error.offset) from None


def _in_memory(packets: object, link: LinkType) -> Iterator[_Frame]:
    if not isinstance(packets, Iterable) or isinstance(packets, bytes | bytearray | memoryview):
        raise FilterError(f"profile is a capture file or packets, not {type(packets).__name__}")
    for packet in packets:
        match packet:
            case bytes() | bytearray() | memoryview():
                yield _Frame(link.number, bytes(packet), len(packet))
            case (bytes() as octets, int(length)):
                yield _Frame(link.number, octets, max(length, len(octets)))
            case _:
                raise FilterError(
                    f"a packet of a profile is bytes or (bytes, length), not {packet!r:.60}"
                )


def _spread(frames: Iterable[_Frame]) -> tuple[list[_Frame], int]:
    """Every 2**n-th frame, such that not too many are left; how many there were."""
    kept: list[_Frame] = []
    count, step = 0, 1
    for count, frame in enumerate(frames, 1):
        if (count - 1) % step:
            continue
        kept.append(frame)
        if len(kept) > _SAMPLES_AT_MOST:
            del kept[1::2]
            step *= 2
    return kept, count


def _nothing_seen(name: str, kept: list[_Frame], target: Target, link: LinkType) -> FilterError:
    numbers = sorted({frame.link for frame in kept})
    found = [linktypes.by_number().get(number) for number in numbers]
    names = " and ".join(
        row.name if row else str(number) for row, number in zip(found, numbers, strict=True)
    )
    if target.link is not None:
        return FilterError(f"{name} has no packet that arrives at target '{target.name}': {names}")
    first = found[0].name if found[0] else str(numbers[0])
    return FilterError(
        f"{name} has packets of link type {names}, the filter is for {link.name}",
        suggestions=(Suggestion(f"-y {first}"),),
    )


# ---------------------------------------------------------------- what a target sees


def _seen(frame: _Frame, number: int, target: Target, link: LinkType) -> Sample | None:
    """The frame as the target sees it; None where it never arrives."""
    if target.layer == 3:
        return _without_link(frame, number, target, link)
    if frame.link != link.number:
        return None
    octets, length = frame.octets, frame.length
    if not target.metadata:
        return Sample(octets, length)
    words = _words(number, int.from_bytes(octets[12:14], "big"))
    if link.name == "EN10MB" and target.vlan == "metadata" and words["proto"] in p.TAG_TYPES:
        tag = int.from_bytes(octets[14:16], "big")
        words |= {"vlanp": 1, "vlan_tci": tag, "vlan_tpid": words["proto"]}
        octets, length = octets[:12] + octets[16:], length - 4
        words["proto"] = int.from_bytes(octets[12:14], "big")
    return Sample(octets, length, metadata=words)


def _words(number: int, ethertype: int) -> dict[str, int]:
    """Metadata that a capture does not tell: an incoming packet, and a number drawn the same."""
    return {"proto": ethertype, "ifidx": 2, "hatype": 1, "random": drawn(number)}


def _without_link(frame: _Frame, number: int, target: Target, link: LinkType) -> Sample | None:
    found = _network(frame)
    if found is None or link.layout is None:
        return None
    ethertype, tag, start = found
    kind = link.layout.kind
    if kind != "cooked" and ethertype != _NETWORK_ONLY.get(kind, ethertype):
        return None
    if kind == "nibble" and ethertype not in _NETWORK_ONLY.values():
        return None
    octets, length = frame.octets[start:], frame.length - start
    words: Mapping[str, int] = _words(number, ethertype)
    if tag is not None:
        words = {**words, "vlanp": 1, "vlan_tci": tag, "vlan_tpid": p.ETHERTYPE_8021Q}
    network = b""
    if target.transport_at is not None:
        first = _transport(octets, target)
        if first is None:
            return None
        network, octets, length = octets[:first], octets[first:], length - first
    return Sample(octets, length, metadata=words, network=network)


def _network(frame: _Frame) -> tuple[int, int | None, int] | None:
    """Ethertype, VLAN tag and start of the network packet, where that is known."""
    row = linktypes.by_number().get(frame.link)
    layout = row.layout if row else None
    if layout is None:
        return None
    octets, tag = frame.octets, None
    match layout.kind:
        case "ethernet" | "ethertype" | "sll":
            at, start = layout.type_at or 0, layout.payload
            ethertype = int.from_bytes(octets[at : at + 2], "big")
            while layout.vlan and ethertype in p.TAG_TYPES:
                tag = int.from_bytes(octets[at + 2 : at + 4], "big") if tag is None else tag
                at, start = at + 4, start + 4
                ethertype = int.from_bytes(octets[at : at + 2], "big")
            return ethertype, tag, start
        case "nibble" | "ipv4" | "ipv6":
            version = octets[layout.payload] >> 4 if len(octets) > layout.payload else 0
            found = _IP_VERSIONS.get(version)
            return None if found is None else (found, None, layout.payload)
        case _:
            return None


def _transport(octets: bytes, target: Target) -> int | None:
    """Where the transport header of a whole packet starts, if the target sees its protocol."""
    if len(octets) < 20:
        return None
    version = octets[0] >> 4
    if version == 4:
        fragment = int.from_bytes(octets[6:8], "big") & _FRAGMENT
        start, protocol = 4 * (octets[0] & 0xF), octets[9]
    else:
        fragment, start, protocol = 0, 40, octets[6]
    wanted = protocol if target.transport is None else _TRANSPORTS[target.transport]
    return None if fragment or protocol != wanted or len(octets) < start else start
