"""Capture files of either format, compressed or not, and copies of what matches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from bpfq.capture import gunzip, pcap, pcapng
from bpfq.capture.blocks import RECORD, Block, PacketView
from bpfq.capture.errors import CaptureError
from bpfq.capture.stream import ChunkReader, Readable, Writable
from bpfq.closing import Closing

STANDARD_INPUT: Final = "-"

Accepts: TypeAlias = Callable[[int, bool, bytes, int], bool]
"""Does the packet match: DLT_* number, swapped byte order, captured data, wire length."""

_MAGIC_SIZE = 4  # bytes
_UNPACKERS = {  # formats that people keep captures in, by their first bytes
    b"(\xb5/\xfd": "zstd",
    b"\xfd7zX": "xz",
    b"BZh": "bzip2",
    b"\x04\x22M\x18": "lz4",
}


class Counts(NamedTuple):
    """Packets that were read, and those of them that matched."""

    seen: int
    matched: int


class Capture(Closing):
    """A capture file being read; a context manager that closes it.

    ``header`` is what a copy begins with before the raw bytes of the blocks: the file header
    of classic pcap, nothing in pcapng.  ``link_type`` is the DLT_* number of a classic file,
    None in pcapng, where each packet has its own.
    """

    def __init__(self, reader: pcap.Reader | pcapng.Reader, file: BinaryIO | None = None) -> None:
        self.reader = reader
        self._file = file
        self.header: bytes = b""
        self.link_type: int | None = None
        if isinstance(reader, pcap.Reader):
            self.header, self.link_type = reader.header.raw, reader.link_type

    def __iter__(self) -> Iterator[Block]:
        """Every piece of the file, packet or not."""
        match self.reader:
            case pcap.Reader():
                return _record_blocks(self.reader)
            case pcapng.Reader():
                return iter(self.reader)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._file is not None:
            self._file.close()


def open_capture(path: str) -> Capture:
    """The capture file at path, ``-`` for standard input; gzip is decompressed on the fly.

    Raises CaptureError: no such file, neither pcap nor pcapng.
    """
    if path == STANDARD_INPUT:
        return read_capture(sys.stdin.buffer)
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (the Capture closes it)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CaptureError(f"cannot open {path}: {reason}") from None
    try:
        return Capture(_reader(file), file)
    except CaptureError as error:
        file.close()
        raise CaptureError(f"{path}: {error}", offset=error.offset) from None


def read_capture(stream: Readable) -> Capture:
    """The capture file that a binary stream holds; it need not seek.

    Raises CaptureError: neither pcap nor pcapng.
    """
    return Capture(_reader(stream))


def copy_matching(
    source: Capture,
    destination: Writable | None,
    accepts: Accepts,
    *,
    limit: int | None = None,
) -> Counts:
    """Write the file with only the packets that accepts wants, byte for byte; count them.

    The copy has the format and byte order of the source, uncompressed.  Blocks of pcapng that
    are no packets are all copied.  With a limit, it stops behind that many matches.  Without
    destination it only counts.  Nothing is closed or flushed.

    Raises CaptureError for a cut or damaged source, when all before has been written.
    """
    if destination is not None:
        destination.write(source.header)
    match source.reader:
        case pcap.Reader():
            return _copy_records(source.reader, destination, accepts, limit)
        case pcapng.Reader():
            return _copy_blocks(source.reader, destination, accepts, limit)


def _copy_records(
    reader: pcap.Reader, destination: Writable | None, accepts: Accepts, limit: int | None
) -> Counts:
    link_type, swapped = reader.link_type, reader.swapped
    write = None if destination is None else destination.write
    seen = matched = 0
    for buffer, start, stop, data, wire_length in reader.frames():
        seen += 1
        if accepts(link_type, swapped, data, wire_length):
            matched += 1
            if write is not None:
                write(buffer[start:stop])
            if matched == limit:
                break
    return Counts(seen, matched)


def _copy_blocks(
    reader: pcapng.Reader, destination: Writable | None, accepts: Accepts, limit: int | None
) -> Counts:
    seen = matched = 0
    for buffer, start, stop, captured in reader.frames():
        if captured is not None:
            seen += 1
            interface, data, wire_length = captured
            if not accepts(interface.link_type, interface.swapped, data, wire_length):
                continue
            matched += 1
        if destination is not None:
            destination.write(buffer[start:stop])
        if matched == limit:
            break
    return Counts(seen, matched)


def _record_blocks(reader: pcap.Reader) -> Iterator[Block]:
    for record in reader:
        timestamp_ns = reader.timestamp_ns(record)
        packet = PacketView(
            reader.link_type, reader.swapped, record.data, record.wire_length, timestamp_ns, 0
        )
        yield Block(RECORD, record.raw, packet)


def _reader(stream: Readable) -> pcap.Reader | pcapng.Reader:
    ahead = ChunkReader(stream).extend(b"", _MAGIC_SIZE)
    if ahead.startswith(gunzip.MAGIC):
        stream = gunzip.Gunzip(stream, ahead)
        ahead = ChunkReader(stream).extend(b"", _MAGIC_SIZE)
    if ahead.startswith(pcapng.MAGIC):
        return pcapng.Reader(stream, ahead=ahead)
    if pcap.is_pcap(ahead):
        return pcap.Reader(stream, ahead=ahead)
    raise CaptureError(_unknown(ahead), offset=0)


def _unknown(ahead: bytes) -> str:
    if not ahead:
        return "the file is empty"
    for magic, unpacker in _UNPACKERS.items():
        if ahead.startswith(magic):
            return f"the file is compressed, read it with: {unpacker} -dc FILE"
    return f"neither pcap nor pcapng: the file begins with {ahead[:_MAGIC_SIZE].hex()}"
