"""Capture files with only the packets that match, to be read by whatever reads capture files.

with bpfq.pcap.open("trunk.pcapng.gz", "vlan 295 and udp") as file:
    packets = scapy.all.sniff(offline=file)          # or dpkt.pcap.Reader(file)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from bpfq.api import compile as compile_filter
from bpfq.api import query_of
from bpfq.capture import pcap, pcapng
from bpfq.capture.files import Capture, open_capture, read_capture
from bpfq.capture.matching import Matches, MatchingFile
from bpfq.capture.stream import Readable
from bpfq.errors import UnsupportedError
from bpfq.program.classic import Program

if TYPE_CHECKING:
    from bpfq.frontend.dsl_handles import Cond

__all__ = ["open"]

_ETHERNET = 1  # DLT_EN10MB
_KEPT = 64  # programs; a list of files asks for the same one again and again


def open(  # the name that the standard library uses for it
    file: str | os.PathLike[str] | Readable, filter: str | Cond | Program
) -> MatchingFile:
    """The packets of a capture file that match, as a capture file: ``read(size)``, ``close()``.

    file: a path, ``-`` for standard input, or a binary stream that need not seek, which stays
    open.  pcap and pcapng, gzip is decompressed.  filter: pcap text, an expression or a program,
    compiled for the link types that are met; where a file has packets of several, those on which
    the filter cannot be decided do not match.

    Raises CaptureError for what is no capture file, FilterError and the other errors of ``compile``
    for what is wrong with the filter.
    """
    path = os.fspath(file) if isinstance(file, str | os.PathLike) else None
    matchers = _Matchers(filter)
    source = read_capture(file) if path is None else open_capture(path)  # type: ignore[arg-type]
    try:
        matchers.rehearse(source)
    except BaseException:
        source.close()
        raise
    return MatchingFile(source, matchers.of, path or str(getattr(file, "name", "a stream")))


def rehearse(filter: str | Cond | Program) -> None:
    """Raise what is wrong with a filter, wherever it is used; the link type is not known yet."""
    _Matchers(filter).of(_ETHERNET, False)


class _Matchers:
    """The matchers of one filter, by link type and byte order, made when they are met."""

    def __init__(self, filter: str | Cond | Program) -> None:
        self._filter = filter
        self._found: dict[tuple[int, bool], Matches] = {}

    def rehearse(self, source: Capture) -> None:
        """Compile before anything is read, for all packets where they have one link type."""
        match source.reader:
            case pcap.Reader() as reader:
                key = reader.link_type, reader.swapped
                self._found[key] = self._compiled(*key, allow_empty=False).matcher()
            case pcapng.Reader():
                self.of(_ETHERNET, False)

    def of(self, link: int, swapped: bool) -> Matches:
        found = self._found.get((link, swapped))
        if found is None:
            try:
                found = self._compiled(link, swapped, allow_empty=True).matcher()
            except UnsupportedError:
                found = _no_match
            self._found[link, swapped] = found
        return found

    def _compiled(self, link: int, swapped: bool, allow_empty: bool) -> Program:
        order: Literal["swapped", "unswapped"] = "swapped" if swapped else "unswapped"
        if isinstance(self._filter, Program):
            return self._filter.recompiled("file", link, savefile=order)
        query_of(self._filter, None)  # which refuses what is no filter
        return _compiled(self._filter, link, order, allow_empty)


@lru_cache(maxsize=_KEPT)
def _compiled(
    filter: str | Cond, link: int, order: Literal["swapped", "unswapped"], allow_empty: bool
) -> Program:
    return compile_filter(filter, link=link, savefile=order, allow_empty=allow_empty)


def _no_match(packet: bytes, wire_length: int, metadata: Mapping[str, int]) -> bool:
    return False
