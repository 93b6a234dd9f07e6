"""How many instructions and packet loads do bpfq's programs execute, against libpcap -O?

Over the test half of bench/traffic.py.  Limits: executed instructions 0.92 in the geometric mean
(aim 0.88), no filter above 1.10, loads 0.75 in sum; with the training half as profile 0.82 (aim
0.75).  On a socket, long lists not slower.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import kernel_time
import rival
from corpus import NETMASK, Compile, Filter, compiler, groups
from report import Missed, every, heading, mean
from traffic import traffic
from traffic_links import profile

import bpfq
from bpfq.backends.cbpf.cost import Cost, cost
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.profile import Profile
from bpfq.settings import DEFAULT_LEVEL, OBJECTIVES, link_type

MOST = 1.10  # of what libpcap's program executes


class Executed(NamedTuple):
    """What both programs cost, summed over the frames."""

    text: str
    ours: Cost
    theirs: Cost

    @property
    def ratio(self) -> float:
        return self.ours.executed / self.theirs.executed


@cache
def test_half(link: str) -> Profile:
    return profile(link, traffic().test)


def executed(one: Filter, program: bpfq.Program) -> Executed | None:
    """None where libpcap refuses the filter."""
    found = rival.compile_filter(one.text, link_type(one.link).number, netmask=NETMASK)
    if found is None:
        return None
    frames = test_half(one.link)
    ours = cost(program.words, frames)
    theirs = cost([SockFilter(*word) for word in found.words], frames)
    return Executed(one.text, ours, theirs)


class Ratios(NamedTuple):
    """Ours against libpcap's: the mean and the worst of what is executed, and the sum of loads."""

    executed: float
    worst: float
    loads: float


def ratios(several: Sequence[Executed]) -> Ratios:
    found = [one.ratio for one in several]
    loads = sum(one.ours.loads for one in several) / sum(one.theirs.loads for one in several)
    return Ratios(mean(found), max(found), loads)


def row(name: str, several: Sequence[Executed], limits: str = "") -> None:
    found = ratios(several)
    size = mean(one.ours.instructions / one.theirs.instructions for one in several)
    print(
        f"  {name:22}{len(several):8}{found.executed:10.3f}{found.worst:8.2f}"
        f"{found.loads:8.3f}{size:8.3f}  {limits}".rstrip()
    )


def measured(compiled: Compile) -> dict[str, list[Executed]]:
    """Every group, without the filters that libpcap refuses."""
    return {
        name: [row for one in several if (row := executed(one, compiled(one))) is not None]
        for name, several in groups().items()
    }


def trained(level: int, objective: str) -> Compile:
    """bpfq.compile with the training half as profile."""

    def compiled(one: Filter) -> bpfq.Program:
        frames = [sample.octets for sample in profile(one.link, traffic().training).samples]
        return compiler(level=level, optimise_for=objective, profile=frames)(one)

    return compiled


def head(title: str) -> None:
    print(f"  {title:22}{'filters':>8}{'executed':>10}{'worst':>8}{'loads':>8}{'size':>8}")


def checked(several: Sequence[Executed], missed: Missed) -> str:
    """The limits of all filters, as they are printed behind the figures."""
    found = ratios(several)
    return (
        f"executed{missed.check('executed', found.executed, 0.92)}, aim 0.88; "
        f"loads{missed.check('loads', found.loads, 0.75)}"
    )


def slower(several: Sequence[Executed], missed: Missed) -> None:
    over = sorted((one for one in several if one.ratio > MOST), key=lambda one: -one.ratio)
    print(f"  more than 10 % slower: {len(over)}{missed.check('slower', len(over), 0)}")
    for one in over:
        print(f"    {one.ratio:5.2f}  {one.text[:90]}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--level", type=int, default=DEFAULT_LEVEL)
    arguments.add_argument("--counts", action="store_true", help="counts only, no socket")
    asked = arguments.parse_args()
    level = asked.level
    heading(f"executed over {len(traffic().test)} frames of bench/traffic.py, level {level}")
    compiled = compiler(level=level)
    found = measured(compiled)
    head("group")
    for name, several in found.items():
        row(name, several)
    missed = Missed()
    row("all", every(found), checked(every(found), missed))
    slower(every(found), missed)
    head("optimised for")
    for objective in OBJECTIVES:
        row(objective, every(measured(compiler(level=level, optimise_for=objective))))
    for objective in ("balanced", "speed"):
        name, several = f"{objective}, a profile", every(measured(trained(level, objective)))
        wanted = 0.82 if objective == "balanced" else None  # speed counts time
        row(name, several, missed.check(name, ratios(several).executed, wanted) + ", aim 0.75")
    if not asked.counts:
        kernel_time.report(lambda text: compiled(Filter("EN10MB", text)))
    missed.report()


if __name__ == "__main__":
    main()
