"""Classic pcap files: read them, write them, keep the bytes of each record.

Source: draft-ietf-opsawg-pcap; libpcap sf-pcap.c for old versions and damaged lengths.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

from bpfq.capture.errors import CaptureError, cut_file
from bpfq.capture.linktypes import LINKTYPE_MASK, dlt_of_linktype, linktype_of_dlt
from bpfq.capture.stream import (
    ChunkReader,
    Readable,
    Writable,
    adjusted_snaplen,
    maximum_length,
)

MICROSECONDS: Final = 0xA1B2C3D4
NANOSECONDS: Final = 0xA1B23C4D
MODIFIED: Final = 0xA1B2CD34  # Kuznetzov's, whose record headers come in several forms
HEADER_SIZE: Final = 24  # bytes of the file header
RECORD_SIZE: Final = 16  # bytes of a record header
DEFAULT_SNAPLEN: Final = 262144  # bytes

NATIVE_ORDER: Final = "<" if sys.byteorder == "little" else ">"
_HEADER_FIELDS = "IHHiIII"  # magic, major, minor, thiszone, sigfigs, snaplen, network
_RECORD_FIELDS = "IIII"  # seconds, fraction, captured length, wire length
_VERSION: Final = (2, 4)
_DGUX_VERSION: Final = (543, 0)  # DG/UX tcpdump
_NANOSECONDS_A_SECOND: Final = 1_000_000_000


class Header(NamedTuple):
    """The file header, 24 bytes."""

    raw: bytes
    order: str  # < or >, as struct writes it
    nanosecond: bool  # else microseconds
    version: tuple[int, int]
    snaplen: int  # bytes, as the file has it; 0 is no limit
    network: int  # LINKTYPE_* and, in the upper six bits, the length of the FCS


class Record(NamedTuple):
    """One packet."""

    seconds: int  # since 1970
    fraction: int  # micro- or nanoseconds, as the header says
    wire_length: int  # bytes
    data: bytes  # what was captured, up to the snapshot length of the file
    raw: bytes  # the record as it is in the file, its header included


def is_pcap(magic: bytes) -> bool:
    """Do these four bytes begin a classic pcap file, of a readable kind or not?"""
    either = {int.from_bytes(magic[:4], "little"), int.from_bytes(magic[:4], "big")}
    return not either.isdisjoint((MICROSECONDS, NANOSECONDS, MODIFIED))


class Reader:
    """A classic pcap file, read once from front to back.

    ``link_type`` is the DLT_* number, ``swapped`` tells whether the file's byte order is not
    this machine's, ``snaplen`` is in bytes.  ``ahead`` was read from the stream before.

    Raises CaptureError: not a pcap file, an unsupported kind, cut, or damaged lengths.
    """

    def __init__(self, stream: Readable, *, ahead: bytes = b"") -> None:
        self._chunks = ChunkReader(stream, ahead)
        first = self._chunks.extend(b"", HEADER_SIZE)
        self._unread = first[HEADER_SIZE:]
        self.header = read_header(first[:HEADER_SIZE])
        self.link_type = dlt_of_linktype(self.header.network & LINKTYPE_MASK)
        self.swapped = self.header.order != NATIVE_ORDER
        self.snaplen = adjusted_snaplen(self.header.snaplen, self.link_type)

    def __iter__(self) -> Iterator[Record]:
        """The records in order; a cut file raises behind its last whole one."""
        unpack = struct.Struct(self.header.order + "II").unpack_from
        for buffer, start, stop, data, wire_length in self.frames():
            seconds, fraction = unpack(buffer, start)
            yield Record(seconds, fraction, wire_length, data, buffer[start:stop])

    def timestamp_ns(self, record: Record) -> int:
        """Nanoseconds since 1970."""
        unit = 1 if self.header.nanosecond else 1000
        return record.seconds * _NANOSECONDS_A_SECOND + record.fraction * unit

    def frames(self) -> Iterator[tuple[bytes, int, int, bytes, int]]:
        """(buffer, start, stop, data, wire length) of each record, for loops in a hurry.

        The raw record is buffer[start:stop]; most callers do not need that copy.
        """
        unpack = struct.Struct(self.header.order + "8xII").unpack_from
        exchanged, maybe_exchanged = _length_order(self.header.version)
        limit = min(self.snaplen, maximum_length(self.link_type))
        buffer, self._unread = self._unread, b""
        here, base, end = 0, HEADER_SIZE, len(buffer)
        while True:
            start = here + RECORD_SIZE
            if start > end:
                base += here
                buffer = self._chunks.extend(buffer[here:], RECORD_SIZE)
                here, start, end = 0, RECORD_SIZE, len(buffer)
                if end < RECORD_SIZE:
                    break
            length, wire_length = unpack(buffer, here)
            if exchanged or (maybe_exchanged and length > wire_length):
                length, wire_length = wire_length, length
            kept = length if length <= limit else self._kept(length, base + here)
            stop = start + length
            if stop > end:
                base += here
                buffer = self._chunks.extend(buffer[here:], RECORD_SIZE + length)
                here, start, stop, end = 0, RECORD_SIZE, RECORD_SIZE + length, len(buffer)
                if stop > end:
                    raise cut_file("the record", base, end, stop)
            yield buffer, here, stop, buffer[start : start + kept], wire_length
            here = stop
        if buffer:
            raise cut_file("the record header", base, end, RECORD_SIZE)

    def _kept(self, length: int, offset: int) -> int:
        """The bytes shown of a record longer than the snapshot length, as in libpcap."""
        maximum = maximum_length(self.link_type)
        if length > maximum:
            raise CaptureError(
                f"the file is damaged: the record at byte {offset} claims {length} bytes, "
                f"a packet has at most {maximum}",
                offset=offset,
            )
        return self.snaplen


def read_header(raw: bytes) -> Header:
    """The file header in the first 24 bytes of a file.

    Raises CaptureError: no pcap magic, the modified format, unknown version, too few bytes.
    """
    if not is_pcap(raw):
        raise CaptureError(
            f"not a pcap file: it begins with {raw[:4].hex() or 'nothing'}", offset=0
        )
    if len(raw) < HEADER_SIZE:
        raise cut_file("the file header", 0, len(raw), HEADER_SIZE)
    magics = (MICROSECONDS, NANOSECONDS, MODIFIED)
    order = "<" if int.from_bytes(raw[:4], "little") in magics else ">"
    magic, major, minor, _, _, snaplen, network = struct.unpack(order + _HEADER_FIELDS, raw)
    if magic == MODIFIED:
        raise CaptureError(
            "modified pcap (magic a1b2cd34) is not supported, "
            "convert it with: tcpdump -r OLD -w NEW",
            offset=0,
        )
    version = (major, minor)
    if version != _DGUX_VERSION and not (2, 0) <= version <= _VERSION:
        raise CaptureError(f"pcap version {major}.{minor} is not supported, 2.4 is", offset=4)
    return Header(raw, order, magic == NANOSECONDS, version, snaplen, network)


def write_header(
    link_type: int,
    *,
    snaplen: int = DEFAULT_SNAPLEN,
    nanosecond: bool = False,
    order: str = NATIVE_ORDER,
) -> bytes:
    """The 24 bytes that begin a file of packets of that DLT_* number; snaplen in bytes.

    Raises UnsupportedError for a DLT_* number that files cannot have.
    """
    magic = NANOSECONDS if nanosecond else MICROSECONDS
    network = linktype_of_dlt(link_type)
    return struct.pack(order + _HEADER_FIELDS, magic, *_VERSION, 0, 0, snaplen, network)


class Writer:
    """Writes a classic pcap file; the header at once."""

    def __init__(
        self,
        stream: Writable,
        link_type: int,
        *,
        snaplen: int = DEFAULT_SNAPLEN,
        nanosecond: bool = False,
        order: str = NATIVE_ORDER,
    ) -> None:
        self._write = stream.write
        self._pack = struct.Struct(order + _RECORD_FIELDS).pack
        self._snaplen = snaplen or DEFAULT_SNAPLEN
        self._unit = 1 if nanosecond else 1000
        self._write(write_header(link_type, snaplen=snaplen, nanosecond=nanosecond, order=order))

    def write(self, data: bytes, *, timestamp_ns: int, wire_length: int | None = None) -> None:
        """Append a packet, cut to the snapshot length; wire_length is len(data) unless given."""
        seconds, nanoseconds = divmod(timestamp_ns, _NANOSECONDS_A_SECOND)
        kept = data[: self._snaplen]
        on_wire = len(data) if wire_length is None else wire_length
        header = self._pack(seconds, nanoseconds // self._unit, len(kept), on_wire)
        self._write(header + kept)


def _length_order(version: tuple[int, int]) -> tuple[bool, bool]:
    """Does the wire length come first: always, or where it is the smaller number?

    Version 2.3 exchanged them; some of its writers had not heard.  Source: libpcap sf-pcap.c.
    """
    return version < (2, 3) or version == _DGUX_VERSION, version == (2, 3)
