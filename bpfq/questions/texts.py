"""A filter as text for other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from bpfq.api import query_of, with_sets
from bpfq.errors import quoting
from bpfq.program.classic import Program
from bpfq.settings import settings_of

if TYPE_CHECKING:
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver


def fmt(
    filter: str | Cond | Program,
    *,
    width: int = 0,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    sets: Mapping[str, Iterable[object]] | None = None,
    family: Literal[4, 6] | None = None,
    protochain: int = 8,
) -> str:
    """The filter as pcap text that tcpdump, Wireshark and Suricata read, in one layout.

        >>> fmt("tcp port 80 || tcp port 443 && !ip")
        'tcp port (80 or 443) and not ip'

    What stands side by side becomes a list, and where ``and`` and ``or`` meet there are
    parentheses.  The text tests the same in the same order, which is checked; that of a Python
    node whose words pcap text does not have is proved to accept the same packets of the link type.
    Where nobody can decide that, the plain words are returned.

    width: columns that a line may take, 0 for any.  The other options are those of ``compile``; a
    Program brings its own.  Raises FilterError for what pcap text cannot say.
    """
    from bpfq.analysis.formatting.formatted import Source, formatted

    if isinstance(filter, Program):
        return formatted(filter.query, Source(), filter.settings, width=width).text
    settings = settings_of(
        target, link, netmask=netmask, savefile=savefile, family=family, allow_empty=True,
        protochain=protochain,
    )  # fmt: skip
    known = with_sets(resolver, sets)
    source = Source(filter if isinstance(filter, str) else None, known)
    with quoting(filter):
        return formatted(query_of(filter, known), source, settings, width=width).text
