"""What a filter's program costs, beside other programs of the same filter.

                    instructions   executed worst   loads      ns   eBPF   bytes
    balanced                  16       9.59    12    3.80    16.0     98     880
    as written, -O            22      10.97    21    5.43    15.0    172    1472
    libpcap 1.10.3            20       9.31    13    4.00    13.5    140    1216

Means are over the packets of a profile: default traffic, or that of a capture.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from bpfq.backends.cbpf.cost import cost
from bpfq.compiler import compile_query
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import optmem_charge
from bpfq.opt.profile import Profile
from bpfq.query.nodes import Query
from bpfq.record import record, replace
from bpfq.settings import OBJECTIVES, SEARCHING, SIZE, Settings

_LABEL = 18  # columns
_WIDTH = 80
_MOST_FOR_LIBPCAP = 6500  # instructions as written; beyond, its optimiser can take minutes


@record
class Figures:
    """One program.

    instructions: static.  worst: executed by one packet at most.  executed, loads, nanoseconds:
    executed instructions, loads of packet bytes, and time by the kernel's prices, means over the
    packets of a profile; None without packets.  converted: eBPF instructions in the kernel.
    option_memory: bytes that a socket is charged for them.
    """

    instructions: int
    worst: int
    executed: float | None
    loads: float | None
    nanoseconds: float | None
    converted: int
    option_memory: int


@record
class Stats:
    """The figures of a filter's programs.

    objective: what the program was chosen by.  result: the program.  models: that of each
    objective, by its name; none below level 2, where there is no choice.  searched: the program is
    that of level 3, and the models are without a search.  written: without the optimiser.
    libpcap: its program, None where there is none to compare; libpcap_says: its version, or why
    there is none.  packets: kinds of packets in the profile.  own_profile: it is the caller's, not
    the default traffic.  given: the result was not made by bpfq, the models are.
    """

    objective: str
    result: Figures
    models: dict[str, Figures]
    written: Figures
    libpcap: Figures | None
    libpcap_says: str
    packets: int
    own_profile: bool
    searched: bool = False
    given: bool = False

    def __str__(self) -> str:
        return "\n".join(table(self))


def stats(query: Query, words: tuple[SockFilter, ...], settings: Settings, text: str) -> Stats:
    """words: the program of a query.  text: the filter as libpcap is to read it."""
    profile = settings.traffic
    unlimited = replace(settings.target, limit=None)
    free = replace(settings, target=unlimited, allow_empty=True)
    written = compile_query(query, replace(free, level=0)).words
    objective = settings.optimise_for if settings.level > 1 else SIZE  # else nothing is chosen
    models, searched = {}, settings.level == SEARCHING
    if settings.level > 1:
        for name in OBJECTIVES:
            chosen = name == settings.optimise_for and not searched
            made = words if chosen else compile_query(query, replace(free, optimise_for=name)).words
            models[name] = figures(made, profile)
    theirs, said = _libpcap(text, settings, len(written))
    return Stats(
        objective, figures(words, profile), models, figures(written, profile),
        None if theirs is None else figures(theirs, profile), said,
        len(profile.samples), settings.profile is not None, searched,
    )  # fmt: skip


def figures(words: tuple[SockFilter, ...], profile: Profile) -> Figures:
    """What a program costs over a profile."""
    found = cost(words, profile)

    def mean(total: float) -> float | None:
        return total / found.packets if found.packets else None

    return Figures(
        found.instructions, found.worst, mean(found.executed), mean(found.loads),
        mean(found.price / 10), found.converted, optmem_charge(words),
    )  # fmt: skip


def _libpcap(
    text: str, settings: Settings, written: int
) -> tuple[tuple[SockFilter, ...] | None, str]:
    """libpcap's program and version, or why there is none to compare."""
    reason = _incomparable(settings, written)
    if reason:
        return None, reason
    from bpfq.kernel import libpcap

    version = libpcap.version()
    if version is None:
        return None, "it is not installed"
    netmask = settings.options.netmask
    try:
        made = libpcap.compiled(text, settings.link.number, settings.snaplen, netmask)
        check(made, limit=len(made))
    except libpcap.Refused as refusal:
        return None, f"version {version} refuses: {refusal}"
    except BpfqError as error:  # protochain is a loop
        return None, f"no kernel loads the program of version {version}: {error.message}"
    return made, version


def _incomparable(settings: Settings, written: int) -> str:
    """Why libpcap has no program that does the same, "" where it may have one."""
    if settings.through or settings.options.tcp6:
        return "it has no --through and no --tcp6"
    if settings.savefile is not None:
        return "its program for the byte order of a file is not asked for"
    if settings.target.name not in ("file", "xt_bpf", "raw4"):
        return f"it compiles for files, not for target '{settings.target.name}'"
    if written > _MOST_FOR_LIBPCAP:
        return f"its optimiser may take minutes, so it is not asked: {written} instructions"
    return ""


# ---------------------------------------------------------------- as text


def table(found: Stats) -> Iterator[str]:
    """A line each program, and what the means are over."""
    yield (
        f"{'':<{_LABEL}}{'instructions':>12}{'executed':>11}{'worst':>6}{'loads':>8}{'ns':>8}"
        f"{'eBPF':>7}{'bytes':>8}"
    )
    rows = dict(found.models) or {"this program": found.result}
    if found.searched:
        rows = {f"level {SEARCHING}": found.result, **rows}
    if found.given:
        rows = {"as given": found.result, **rows}
    rows["as written, -O"] = found.written
    if found.libpcap is not None:
        rows[f"libpcap {found.libpcap_says}"] = found.libpcap
    for label, row in rows.items():
        yield (
            f"{label:<{_LABEL}}{row.instructions:>12}{_mean(row.executed, 2):>11}{row.worst:>6}"
            f"{_mean(row.loads, 2):>8}{_mean(row.nanoseconds, 1):>8}{row.converted:>7}"
            f"{row.option_memory:>8}"
        )
    yield ""
    if found.searched:
        yield f"bpfq -d prints the first, a search for {found.objective}; the others are of level 2"
    elif found.given:
        yield "the first is the program that was given; the others are of the filter that it is"
    elif found.models:
        yield f"bpfq -d prints the one for {found.objective}; --optimise-for takes another"
    for line in (_compared(found), _traffic(found)):
        yield from wrap(line, _WIDTH)


def _mean(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _compared(found: Stats) -> str:
    theirs, ours = found.libpcap, found.result
    if theirs is None:
        return f"libpcap: {found.libpcap_says}"
    text = f"{ours.instructions / theirs.instructions:.2f} of libpcap's instructions"
    if ours.executed is not None and theirs.executed:
        text += f", {ours.executed / theirs.executed:.2f} of what it executes"
    return text


def _traffic(found: Stats) -> str:
    if not found.packets:
        return "executed, loads, ns: no traffic is known there; --profile FILE for your own"
    if found.own_profile:
        return f"executed, loads, ns: means over {found.packets} packets of the profile"
    return (
        f"executed, loads, ns: means over {found.packets} kinds of packets; "
        "--profile FILE for your own"
    )
