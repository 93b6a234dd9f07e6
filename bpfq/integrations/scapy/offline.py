"""Capture files that scapy filters: read here, and only what matches is dissected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from io import BytesIO
from typing import Any

from scapy import sendrecv
from scapy.supersocket import IterSocket
from scapy.utils import PcapReader, wrpcap

from bpfq.capture.matching import MatchingFile
from bpfq.integrations.scapy.hooks import Hook
from bpfq.pcap import open as open_matching

_TO_FILTER = ["-w", "-"]  # what sniff() asks tcpdump for


def offline_hook() -> Hook:
    """The one function by which ``sniff(offline=..., filter=...)`` has files filtered."""
    if hasattr(sendrecv, "_offline_pcap_reader"):  # scapy 2.8
        return Hook(sendrecv, "_offline_pcap_reader", _reader)
    return Hook(sendrecv, "tcpdump", _tcpdump)


def _reader(before: Callable[..., Any]) -> Callable[..., Any]:
    read: Any = PcapReader  # by its metaclass it takes files as well

    @wraps(before)
    def _offline_pcap_reader(source: Any, flt: Any, quiet: Any) -> Any:
        if flt is None:
            return before(source, flt, quiet)
        matching = _matching(source, flt)
        try:
            return read(matching)
        except BaseException:
            matching.close()
            raise

    return _offline_pcap_reader


def _tcpdump(before: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(before)
    def tcpdump(pktlist: Any = None, *arguments: Any, **options: Any) -> Any:
        if options.get("flt") is None or options.get("args") != _TO_FILTER:
            return before(pktlist, *arguments, **options)
        return _matching(pktlist, options["flt"])

    return tcpdump


def _matching(source: Any, filter: Any) -> MatchingFile:
    """The packets of a file name, a file, or packets in memory that match, as a file."""
    return open_matching(
        _written(source.iter) if isinstance(source, IterSocket) else source, filter
    )


class _Kept(BytesIO):
    """A file in memory that is read when it has been closed."""

    def close(self) -> None:
        self.seek(0)


def _written(packets: Iterable[Any]) -> BytesIO:
    """The packets as a capture file, of the link type that scapy gives them."""
    file = _Kept()
    wrpcap(file, list(packets))
    return file
