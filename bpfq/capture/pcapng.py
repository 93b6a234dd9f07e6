"""Pcapng files as a sequence of blocks, each with its bytes.

Source: draft-ietf-opsawg-pcapng; block and option numbers are named there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from bpfq.capture import blocks
from bpfq.capture.blocks import Block, PacketView
from bpfq.capture.errors import CaptureError, cut_file
from bpfq.capture.linktypes import dlt_of_linktype
from bpfq.capture.pcap import NATIVE_ORDER
from bpfq.capture.stream import ChunkReader, Readable

MAGIC: Final = blocks.SECTION_HEADER.to_bytes(4, "big")
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_FRAME_SIZE: Final = 12  # bytes of type, length, length again; the smallest block
_LENGTH_SIZE: Final = 4  # bytes of the length that ends a block
_MAXIMUM_BLOCK: Final = (128 << 20) + 131072  # bytes; libpcap's for the longest link type
_TIMED_DATA: Final = 28  # bytes from the start of an enhanced or obsolete packet block
_SIMPLE_DATA: Final = 12  # bytes from the start of a simple packet block
_SMALLEST: Final = {  # bytes of a block without options or data
    blocks.SECTION_HEADER: 28,
    blocks.INTERFACE_DESCRIPTION: 20,
    blocks.OBSOLETE_PACKET: _TIMED_DATA + _LENGTH_SIZE,
    blocks.SIMPLE_PACKET: _SIMPLE_DATA + _LENGTH_SIZE,
    blocks.ENHANCED_PACKET: _TIMED_DATA + _LENGTH_SIZE,
}
_NANOSECONDS_A_SECOND: Final = 1_000_000_000


class _Option(IntEnum):
    """Options of an interface description block."""

    END = 0
    TIME_RESOLUTION = 9  # if_tsresol: 10**-n, or 2**-n with the highest bit
    TIME_OFFSET = 14  # if_tsoffset


class Interface(NamedTuple):
    """What an interface description block says about the packets that name it."""

    number: int  # within its section
    link_type: int  # DLT_*
    swapped: bool  # the section is in the byte order that this machine does not have
    snaplen: int  # bytes; 0 is no limit
    ticks: int  # of the time stamp in a second
    offset: int  # seconds to add to the time stamp


Captured: TypeAlias = tuple[Interface, bytes, int]
"""Of a packet: where it was captured, its data, its wire length in bytes."""


class _Layouts(NamedTuple):
    """How to unpack the blocks of a section."""

    order: str  # < or >
    frame: struct.Struct  # type, length
    enhanced: struct.Struct  # from byte 8: interface, time (high, low), captured, wire length
    obsolete: struct.Struct  # the same; xx are packets lost before
    simple: struct.Struct  # from byte 8: wire length

    @classmethod
    def of(cls, order: str) -> _Layouts:
        return cls(order, *(struct.Struct(order + f) for f in ("II", "IIIII", "HxxIIII", "I")))


class Reader:
    """A pcapng file, read once from front to back.  ``ahead`` was read before.

    Unlike libpcap, it takes sections of different byte orders, interfaces of different link
    types and snapshot lengths, and packets longer than the snapshot length.

    Raises CaptureError: no section header first, cut, damaged lengths, unknown interface.
    """

    def __init__(self, stream: Readable, *, ahead: bytes = b"") -> None:
        self._chunks = ChunkReader(stream, ahead)
        self._unread = self._chunks.extend(b"", _FRAME_SIZE)
        if not self._unread.startswith(MAGIC):
            begins = self._unread[:4].hex() or "nothing"
            raise CaptureError(f"not a pcapng file: it begins with {begins}", offset=0)
        self._layouts = _Layouts.of(NATIVE_ORDER)
        self._interfaces: list[Interface] = []

    def __iter__(self) -> Iterator[Block]:
        """The blocks in order; a cut file raises behind its last whole one."""
        for buffer, start, stop, captured in self.frames():
            kind, _ = self._layouts.frame.unpack_from(buffer, start)
            packet = None
            if captured is not None:
                interface, data, wire_length = captured
                packet = PacketView(
                    interface.link_type,
                    interface.swapped,
                    data,
                    wire_length,
                    self._timestamp_ns(kind, buffer, start, interface),
                    interface.number,
                )
            yield Block(kind, buffer[start:stop], packet)

    def frames(self) -> Iterator[tuple[bytes, int, int, Captured | None]]:
        """(buffer, start, stop, packet or None) of each block, for loops in a hurry.

        The raw block is buffer[start:stop]; most callers do not need that copy.
        """
        buffer, self._unread = self._unread, b""
        here, base, end = 0, 0, len(buffer)
        while True:
            if here + _FRAME_SIZE > end:
                base += here
                buffer = self._chunks.extend(buffer[here:], _FRAME_SIZE)
                here, end = 0, len(buffer)
                if end < _FRAME_SIZE:
                    break
            if buffer.startswith(MAGIC, here):
                self._begin_section(buffer[here + 8 : here + 12], base + here)
            kind, length = self._layouts.frame.unpack_from(buffer, here)
            if not _FRAME_SIZE <= length <= _MAXIMUM_BLOCK or length % 4:
                raise _damaged(base + here, f"claims {length} bytes")
            stop = here + length
            if stop > end:
                base += here
                buffer = self._chunks.extend(buffer[here:], length)
                here, stop, end = 0, length, len(buffer)
                if stop > end:
                    raise cut_file("the block", base, end, length)
            yield buffer, here, stop, self._packet(kind, buffer, here, stop, base)
            here = stop
        if buffer:
            raise cut_file("the block", base, end, _FRAME_SIZE)

    def _begin_section(self, magic: bytes, offset: int) -> None:
        for order in "<>":
            if struct.unpack(order + "I", magic)[0] == _BYTE_ORDER_MAGIC:
                self._layouts = _Layouts.of(order)
                self._interfaces = []
                return
        raise _damaged(offset, f"has the byte order mark {magic.hex()}")

    def _packet(
        self, kind: int, buffer: bytes, start: int, stop: int, base: int
    ) -> Captured | None:
        """The packet of a block; a section or interface header is taken note of."""
        last = stop - _LENGTH_SIZE
        if buffer[start + 4 : start + 8] != buffer[last:stop]:
            raise _damaged(base + start, "ends with another length than it begins with")
        layouts = self._layouts
        match kind:
            case blocks.ENHANCED_PACKET if start + _TIMED_DATA <= last:
                number, _, _, length, wire_length = layouts.enhanced.unpack_from(buffer, start + 8)
                data = start + _TIMED_DATA
            case blocks.OBSOLETE_PACKET if start + _TIMED_DATA <= last:
                number, _, _, length, wire_length = layouts.obsolete.unpack_from(buffer, start + 8)
                data = start + _TIMED_DATA
            case blocks.SIMPLE_PACKET if start + _SIMPLE_DATA <= last:
                (wire_length,) = layouts.simple.unpack_from(buffer, start + 8)
                number, length, data = 0, None, start + _SIMPLE_DATA
            case _:
                self._take_note(kind, buffer[start:stop], base + start)
                return None
        if number >= len(self._interfaces):
            count = len(self._interfaces)
            raise _damaged(base + start, f"names interface {number}, the section has {count}")
        interface = self._interfaces[number]
        if length is None:  # only a simple packet block leaves it out
            length = min(wire_length, interface.snaplen) if interface.snaplen else wire_length
        if data + length > last:
            raise _damaged(base + start, f"of {stop - start} bytes claims a packet of {length}")
        return interface, buffer[data : data + length], wire_length

    def _take_note(self, kind: int, raw: bytes, offset: int) -> None:
        if len(raw) < _SMALLEST.get(kind, _FRAME_SIZE):
            raise _damaged(offset, f"is too short for its type {kind}")
        order, number = self._layouts.order, len(self._interfaces)
        if kind == blocks.INTERFACE_DESCRIPTION:
            self._interfaces.append(_interface(order, number, raw, offset))
        if kind == blocks.SECTION_HEADER:
            _check_version(order, raw, offset)

    def _timestamp_ns(
        self, kind: int, buffer: bytes, start: int, interface: Interface
    ) -> int | None:
        if kind == blocks.SIMPLE_PACKET:
            return None
        high, low = self._layouts.frame.unpack_from(buffer, start + 12)
        since = (high << 32 | low) * _NANOSECONDS_A_SECOND // interface.ticks
        return int(since) + interface.offset * _NANOSECONDS_A_SECOND


def _check_version(order: str, raw: bytes, offset: int) -> None:
    (major,) = struct.unpack_from(order + "H", raw, 12)
    if major != 1:
        raise CaptureError(f"pcapng version {major} is not supported, 1 is", offset=offset)


def _interface(order: str, number: int, raw: bytes, offset: int) -> Interface:
    linktype, snaplen = struct.unpack_from(order + "HxxI", raw, 8)
    ticks, seconds = 1_000_000, 0
    for code, value in _options(order, raw, 16, offset):
        match code:
            case _Option.TIME_RESOLUTION if len(value) == 1:
                exponent = value[0] & 0x7F
                ticks = (2 if value[0] & 0x80 else 10) ** exponent
            case _Option.TIME_OFFSET if len(value) == 8:
                (seconds,) = struct.unpack(order + "q", value)
    link_type = dlt_of_linktype(linktype)
    return Interface(number, link_type, order != NATIVE_ORDER, snaplen, ticks, seconds)


def _options(order: str, raw: bytes, start: int, offset: int) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option; values are padded to four bytes in the file."""
    end = len(raw) - 4
    while start + 4 <= end:
        code, length = struct.unpack_from(order + "HH", raw, start)
        if code == _Option.END:
            return
        start += 4
        if start + length > end:
            raise _damaged(offset, f"claims {length} bytes for option {code}")
        yield code, raw[start : start + length]
        start += length + -length % 4


def _damaged(offset: int, how: str) -> CaptureError:
    return CaptureError(f"the file is damaged: the block at byte {offset} {how}", offset=offset)
