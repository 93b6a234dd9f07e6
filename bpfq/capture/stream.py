"""Binary streams in large chunks, and how long a packet may sanely be."""

from __future__ import annotations

from typing import Final, Protocol

from bpfq.capture.errors import CaptureError

CHUNK_SIZE: Final = 1 << 16  # bytes asked of a stream at once; more leaves the cache

_MAXIMUM_SNAPLEN: Final = 262144  # bytes
_LARGER_SNAPLEN: Final = {
    231: 128 << 20,  # DBUS
    249: 1 << 20,  # USBPCAP
    279: 8 << 20,  # EBHSCR
}


class Readable(Protocol):
    """A binary stream; it need not seek."""

    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    """A binary stream that takes all it is given."""

    def write(self, octets: bytes, /) -> object: ...


def maximum_length(link_type: int) -> int:
    """The largest captured length, in bytes, that is no sign of a damaged file.

    Source: libpcap pcap-common.c, max_snaplen_for_dlt.
    """
    return _LARGER_SNAPLEN.get(link_type, _MAXIMUM_SNAPLEN)


def adjusted_snaplen(snaplen: int, link_type: int) -> int:
    """The snapshot length, in bytes, that a field of a file stands for; 0 is no limit.

    Source: libpcap savefile.c, pcap_adjust_snapshot.
    """
    return snaplen if 0 < snaplen <= 0x7FFF_FFFF else maximum_length(link_type)


class ChunkReader:
    """A stream in chunks as large as it gives them, never waiting for more than is needed.

    ``ahead`` was read from the stream before.
    """

    def __init__(self, stream: Readable, ahead: bytes = b"") -> None:
        # read1 returns what a pipe holds now, where read would wait for a whole chunk
        self._read = getattr(stream, "read1", stream.read)
        self._ahead = ahead

    def next(self) -> bytes:
        """Some bytes, at most a chunk; none at the end."""
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead
        try:
            return self._read(CHUNK_SIZE) or b""
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CaptureError(f"cannot read the file: {reason}") from error

    def extend(self, rest: bytes, needed: int) -> bytes:
        """rest and what follows it: at least needed bytes, fewer where the stream ends."""
        parts = [rest]
        have = len(rest)
        while have < needed:
            chunk = self.next()
            if not chunk:
                break
            parts.append(chunk)
            have += len(chunk)
        return b"".join(parts)
