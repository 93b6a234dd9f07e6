"""What a filter is compiled for: target, link type and the options that change a program."""

from __future__ import annotations

from bpfq.errors import FilterError, UnsupportedError
from bpfq.lower.context import Options
from bpfq.record import record
from bpfq.source import Suggestion, nearest
from bpfq.tables import linktypes
from bpfq.tables.linktypes import LinkType
from bpfq.targets import Target

DEFAULT_LEVEL = 1
LEVELS = (0, 1)
_LONGEST_NUMBER = 10  # digits; no DLT value has more than three


@record
class Settings:
    """What a filter is compiled for; ``bpfq.compile`` documents the fields."""

    target: Target
    link: LinkType
    snaplen: int = 262144
    level: int = DEFAULT_LEVEL
    savefile: str | None = None
    through: tuple[str, ...] = ()
    strict: bool = False
    allow_empty: bool = False
    options: Options = Options()

    @property
    def where(self) -> str:
        """The target or link type, as messages name it."""
        if self.target.layer == 3:
            return f"target '{self.target.name}'"
        return f"DLT_{self.link.name}"

    @property
    def accept(self) -> int:
        return self.snaplen if self.target.accept is None else self.target.accept


def link_type(link: str | int) -> LinkType:
    """The link type of a DLT name (with or without "DLT_") or number.

    Raises FilterError that names the nearest known one.
    """
    if isinstance(link, int) or (link.isdecimal() and len(link) < _LONGEST_NUMBER):
        found = linktypes.by_number().get(int(link))
    else:
        found = linktypes.link_types().get(link.upper().removeprefix("DLT_"))
    if found is None:
        close = nearest(str(link).upper(), linktypes.link_types())
        raise FilterError(
            f"unknown link type '{link}'; bpfq -L lists them",
            suggestions=(Suggestion(f"-y {close}"),) if close else (),
        )
    return found


def target_link(target: Target, link: str | int, family: int | None) -> LinkType:
    """The link type a target sees: its own, narrowed by the family, or the one named."""
    if target.link is None:
        named = link_type(link)
        return link_type(f"IPV{family}") if named.name == "RAW" and family else named
    if target.link == "COOKED":
        return linktypes.COOKED
    name = target.link
    if name == "RAW" and family is not None:
        name = f"IPV{family}"
    elif family is not None and name != f"IPV{family}":
        raise UnsupportedError(f"target '{target.name}' carries {name} only, not IPv{family}")
    return link_type(name)
