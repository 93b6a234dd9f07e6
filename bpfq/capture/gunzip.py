"""Decompress a gzip stream that cannot seek.  Source: RFC 1952."""

from __future__ import annotations

import zlib
from typing import Final

from bpfq.capture.errors import CaptureError
from bpfq.capture.stream import ChunkReader, Readable

MAGIC: Final = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect the gzip header and check sum


class Gunzip:
    """The decompressed bytes of a gzip stream; several members are one after the other."""

    def __init__(self, stream: Readable, ahead: bytes = b"") -> None:
        self._chunks = ChunkReader(stream, ahead)
        self._member = zlib.decompressobj(_GZIP)
        self._packed = b""  # read, not yet decompressed
        self._inside = False  # a member has begun

    def read(self, size: int, /) -> bytes:
        """Up to size bytes; none at the end.  Raises CaptureError for a cut or damaged file."""
        while True:
            if not self._packed:
                self._packed = self._chunks.next()
                if not self._packed:
                    return self._end()
            if not self._inside:
                self._begin()
                continue
            plain = self._decompress(size)
            if plain:
                return plain

    def _begin(self) -> None:
        self._packed = self._packed.lstrip(b"\0")  # tapes pad with zeros
        if self._packed:
            self._member = zlib.decompressobj(_GZIP)
            self._inside = True

    def _decompress(self, size: int) -> bytes:
        try:
            plain = self._member.decompress(self._packed, size)
        except zlib.error as error:
            raise CaptureError(f"the gzip file is damaged: {error}") from None
        self._inside = not self._member.eof
        self._packed = self._member.unconsumed_tail if self._inside else self._member.unused_data
        return plain

    def _end(self) -> bytes:
        if self._inside:
            raise CaptureError("the gzip file is cut: its last member has no end")
        return b""
