"""Questions about a filter and a packet, as users ask them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from bpfq.api import compile

if TYPE_CHECKING:
    from bpfq.analysis.why.answer import Why
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver


def why(
    filter: str | Cond,
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
) -> Why:
    """Why a filter matches one packet, or does not: ``print`` it, or look into its fields.

    packet, wire_length, metadata: as for ``Program.matches``.  The other options are those of
    ``compile``; a filter that can match nothing is explained like any other.

    Raises FilterError, UnsupportedError or LimitError, as ``compile`` does.
    """
    program = compile(
        filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
        resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
        allow_empty=True, protochain=protochain,
    )  # fmt: skip
    from bpfq.analysis.why.answer import why as answer

    return answer(
        program.query, program.settings, program.matcher(), packet,
        text=filter if isinstance(filter, str) else None,
        wire_length=wire_length, metadata=metadata,
    )  # fmt: skip
