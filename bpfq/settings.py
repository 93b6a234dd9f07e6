"""What a filter is compiled for: target, link type and the options that change a program."""

from __future__ import annotations

import re

from bpfq import targets
from bpfq.errors import FilterError, UnsupportedError
from bpfq.lower.context import Options
from bpfq.opt.profile import Profile
from bpfq.opt.traffic_links import default_profile
from bpfq.record import record
from bpfq.source import Suggestion, nearest
from bpfq.tables import linktypes
from bpfq.tables.linktypes import LinkType
from bpfq.targets import Target

SNAPLEN = 262144  # tcpdump's default snapshot length, bytes
DEFAULT_LEVEL = 2
LEVELS = (0, 1, 2, 3)
SEARCHING = 3  # the level that searches
SEARCH_BUDGET = 40_000  # candidates, mostly half a second of work
BALANCED = "balanced"
SPEED = "speed"
SIZE = "size"
OBJECTIVES = (BALANCED, SIZE, SPEED, "kernel-size")
_LONGEST_NUMBER = 10  # digits; no DLT value has more than three


@record
class Settings:
    """What a filter is compiled for; ``bpfq.compile`` documents the fields."""

    target: Target
    link: LinkType
    snaplen: int = SNAPLEN
    level: int = DEFAULT_LEVEL
    savefile: str | None = None
    through: tuple[str, ...] = ()
    strict: bool = False
    allow_empty: bool = False
    options: Options = Options()
    optimise_for: str = BALANCED
    profile: Profile | None = None
    search_budget: int = SEARCH_BUDGET
    byteorder: str = "little"  # of the machine that runs an eBPF program

    @property
    def traffic(self) -> Profile:
        """The packets that programs are made quick for."""
        return self.profile or default_profile(self.target, self.link, self.savefile)

    @property
    def asks_for_speed(self) -> bool:
        """Quicker is worth an unusual order of the tests."""
        return self.profile is not None or self.optimise_for == SPEED

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
    plain = link if isinstance(link, int) else link.upper().removeprefix("DLT_")
    if isinstance(plain, int) or (plain.isdecimal() and len(plain) < _LONGEST_NUMBER):
        found = linktypes.by_number().get(int(plain))
    else:
        found = linktypes.link_types().get(plain)
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


def settings_of(
    target: str,
    link: str | int,
    *,
    snaplen: int = SNAPLEN,
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: str | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: int | None = None,
    strict: bool = False,
    allow_empty: bool = False,
    protochain: int = 8,
    optimise_for: str = BALANCED,
    search_budget: int = SEARCH_BUDGET,
    byteorder: str = "little",
) -> Settings:
    """The settings of a caller's values; raises FilterError or UnsupportedError for a wrong one."""
    level = DEFAULT_LEVEL if level is None else level
    numbers = {"snaplen": snaplen, "level": level, "protochain": protochain}
    for name, value in {**numbers, "search_budget": search_budget}.items():
        _require(type(value) is int, f"{name} is a whole number, not {value!r}")
    _require(isinstance(link, str) or type(link) is int, f"link is a name or number, not {link!r}")
    _require(isinstance(target, str), f"target is a name, not {target!r}")
    _require(
        isinstance(through, tuple | list) and all(isinstance(word, str) for word in through),
        f"through is a tuple of words such as ('vlan',), not {through!r}",
    )
    _require(level in LEVELS, f"level {level} is not one of {', '.join(map(str, LEVELS))}")
    _require(0 < snaplen < 2**32, f"snaplen {snaplen} is not in 1 to 4294967295")
    _require(savefile in (None, "unswapped", "swapped"), f"savefile {savefile!r} is unknown")
    _require(family in (None, 4, 6), f"family {family!r} is neither 4 nor 6")
    row = targets.target(target)
    _require(1 <= protochain <= 64, f"protochain {protochain} is not in 1 to 64 headers")
    _require(search_budget >= 0, f"search_budget {search_budget} is less than 0 candidates")
    _require(byteorder in ("little", "big"), f"byteorder {byteorder!r} is not little or big")
    return Settings(
        row, target_link(row, link, family), snaplen, level, savefile, tuple(through), strict,
        allow_empty, Options(netmask_of(netmask), tcp6, protochain), _objective(optimise_for),
        search_budget=search_budget, byteorder=byteorder,
    )  # fmt: skip


def _objective(name: str) -> str:
    """The objective of that name; raises FilterError that lists them."""
    if name in OBJECTIVES:
        return name
    close = nearest(str(name), OBJECTIVES)
    raise FilterError(
        f"cannot optimise for {name!r}; the objectives are {', '.join(OBJECTIVES)}",
        suggestions=(Suggestion(f"--optimise-for {close}"),) if close else (),
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise FilterError(message)


def netmask_of(netmask: str | int | None) -> int | None:
    """A dotted or whole-number netmask as a number; raises FilterError."""
    if netmask is None or type(netmask) is int:
        _require(netmask is None or 0 <= netmask < 2**32, f"netmask {netmask} is not 32 bits")
        return netmask
    parts = netmask.split(".") if isinstance(netmask, str) else []
    _require(
        len(parts) == 4
        and all(re.fullmatch("[0-9]{1,3}", part) for part in parts)
        and all(int(part) < 256 for part in parts),
        f"{netmask!r} is not a netmask; write it as in 255.255.255.0",
    )
    return int.from_bytes(bytes(map(int, parts)), "big")
