"""A capture file with only the packets that match, as a stream of bytes.

    MatchingFile(open_capture("x.pcap"), matcher).read(24)      the file header

Whatever reads capture files reads this.  Packets are looked at as they are asked for, and the
rest of the file is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from bpfq.capture import pcap, pcapng
from bpfq.capture.files import Capture
from bpfq.closing import Closing

Matches: TypeAlias = Callable[[bytes, int, Mapping[str, int]], bool]
"""Captured bytes, length on the wire, ancillary words by name."""

MatcherOf: TypeAlias = Callable[[int, bool], Matches]
"""That of a DLT_* number and whether the packets' byte order is not this machine's."""

_NO_METADATA: Final[Mapping[str, int]] = {}


class MatchingFile(Closing):
    """The format and byte order of the source, uncompressed; blocks that are no packets stay.

    ``name`` is for messages.  Reading raises CaptureError where the source is cut or damaged, when
    all before has been read.
    """

    def __init__(self, source: Capture, matcher: MatcherOf, name: str) -> None:
        self.name = name
        self._source = source
        self._pieces = _pieces(source, matcher)
        self._ready = b""  # read from the source, not yet asked for

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes: that many, fewer at the end of the file; all that are left for -1."""
        parts = [self._ready]
        have = len(self._ready)
        while size < 0 or have < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        octets = b"".join(parts)
        cut = have if size < 0 else size
        self._ready = octets[cut:]
        return octets[:cut]

    def close(self) -> None:
        self._source.close()


def _pieces(source: Capture, matcher: MatcherOf) -> Iterator[bytes]:
    if source.header:
        yield source.header
    match source.reader:
        case pcap.Reader():
            yield from _records(source.reader, matcher)
        case pcapng.Reader():
            yield from _blocks(source.reader, matcher)


def _records(reader: pcap.Reader, matcher: MatcherOf) -> Iterator[bytes]:
    matches = matcher(reader.link_type, reader.swapped)
    for buffer, start, stop, data, wire_length in reader.frames():
        if matches(data, wire_length, _NO_METADATA):
            yield buffer[start:stop]


def _blocks(reader: pcapng.Reader, matcher: MatcherOf) -> Iterator[bytes]:
    for buffer, start, stop, captured in reader.frames():
        if captured is not None:
            interface, data, wire_length = captured
            matches = matcher(interface.link_type, interface.swapped)
            if not matches(data, wire_length, _NO_METADATA):
                continue
        yield buffer[start:stop]
