"""What a filter is evaluated for: link type, place of byte 0, and the reader's choices."""

from __future__ import annotations

from dataclasses import dataclass

from bpfq.errors import UnsupportedError

READINGS = ("sequential", "total")
STARTS = ("link", "network", "transport")
SAVEFILES = ("unswapped", "swapped", "both")


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but the packet that a filter's meaning depends on.

    link: name of the link type; live: a live Linux capture, where the kernel may have moved the
    outermost VLAN tag into metadata; ancillary: metadata is supplied; netmask: None is unknown;
    savefile: None, or the byte order of the file, "both" where it may be either; tcp6: indexing
    tcp, udp and sctp also reads IPv6; family: 4 or 6 where it is fixed; protochain: how many
    extension headers are skipped at most; start: which header byte 0 belongs to.
    """

    link: str = "EN10MB"
    live: bool = False
    ancillary: bool = False
    netmask: int | None = None
    savefile: str | None = None
    tcp6: bool = False
    family: int | None = None
    protochain: int = 8
    start: str = "link"

    def require_metadata(self, word: str) -> None:
        """Raises UnsupportedError where only metadata can answer and there is none."""
        if not self.ancillary:
            raise UnsupportedError(
                f"not a live capture, '{word}' is not supported on {self.link}"
            )
