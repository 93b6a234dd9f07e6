"""Packets out: a line each, or a capture file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from bpfq.capture.summary import summary
from bpfq.cli.request import STANDARD_STREAM, unreadable
from bpfq.errors import BpfqError, LoadError
from bpfq.tables.linktypes import by_number, link_types

if TYPE_CHECKING:
    from bpfq.analysis.witness.found import Witness
    from bpfq.analysis.witness.wire import Frame

_NANOSECONDS = 1_000_000_000
_NOTHING: Mapping[str, str | None] = {}


class PacketPrinter:
    """Prints time, length and a summary of each packet."""

    def __init__(self, *, json: bool, flush: bool = False) -> None:
        self._json = json
        self._flush = flush

    def show(
        self,
        link: int,
        data: bytes,
        wire_length: int,
        timestamp_ns: int | None,
        beside: Mapping[str, str | None] = _NOTHING,
    ) -> None:
        """beside: what else is known, by the names that it has as JSON."""
        row = by_number().get(link)
        words = summary(row.name if row else f"DLT {link}", data)
        if self._json:
            self._show_json(words, data, wire_length, timestamp_ns, beside)
        else:
            words = " ".join([*(each or "-" for each in beside.values()), words])
            print(f"{_clock(timestamp_ns)}  {wire_length:5}  {words}", flush=self._flush)

    def _show_json(
        self,
        words: str,
        data: bytes,
        wire_length: int,
        timestamp_ns: int | None,
        beside: Mapping[str, str | None],
    ) -> None:
        import json

        line = {
            "timestamp_ns": timestamp_ns,
            "length": wire_length,
            "captured": len(data),
            "summary": words,
            **beside,
        }
        print(json.dumps(line), flush=self._flush)


def _clock(timestamp_ns: int | None) -> str:
    """The local time of day, in microseconds, as tcpdump prints it."""
    if timestamp_ns is None:
        return "--:--:--.------"
    seconds, nanoseconds = divmod(timestamp_ns, _NANOSECONDS)
    try:
        clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):  # a damaged file holds any number
        clock = "??:??:??"
    return f"{clock}.{nanoseconds // 1000:06}"


@contextmanager
def writable(
    path: str, what: str = "packets are", option: str = "-w", *, buffered: bool = True
) -> Iterator[BinaryIO]:
    """A binary stream to write to, - for standard output; raises BpfqError.

    what: goes there, with its verb, for a message; option: the one that names the file.
    """
    if path == STANDARD_STREAM:
        if sys.stdout is None:
            raise LoadError("standard output is closed")
        if sys.stdout.isatty():
            raise BpfqError(
                f"{what} not for a terminal: give {option} a file, or a pipe to {option} -"
            )
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = open(path, "wb", buffering=-1 if buffered else 0)
    except OSError as error:
        raise unreadable(path, error) from None
    with file:
        yield file


def print_beside(path: str | None, fields: dict[str, Any] | list[dict[str, Any]]) -> None:
    """JSON on standard output, or on standard error where packets go to standard output."""
    import json

    print(json.dumps(fields), file=sys.stderr if path == STANDARD_STREAM else sys.stdout)


def write_frames(path: str, frames: Sequence[Frame]) -> None:
    """A pcap file of frames of one link type, a second between them; none without a frame."""
    from bpfq.capture.pcap import DEFAULT_SNAPLEN, Writer

    if not frames:
        return
    longest = max(DEFAULT_SNAPLEN, *(len(frame.octets) for frame in frames))
    with writable(path) as stream:
        writer = Writer(stream, link_types()[frames[0].link].number, snaplen=longest)
        for number, frame in enumerate(frames):
            moment = number * _NANOSECONDS
            writer.write(frame.octets, timestamp_ns=moment, wire_length=frame.length)
    if path == STANDARD_STREAM:
        sys.stdout.flush()


def packet_fields(packet: Witness) -> dict[str, Any]:
    """A packet as ``--json`` prints it; keys are only ever added."""
    return {
        "summary": packet.summary,
        "octets": packet.octets.hex(),
        "length": packet.wire_length,
        "metadata": packet.metadata,
        "network_header": packet.network_header.hex() or None,
        "faults": list(packet.faults),
    }
