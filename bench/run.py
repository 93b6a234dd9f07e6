"""How many instructions and packet loads do bpfq's programs execute, against libpcap -O?

Over the test half of bench/traffic.py.  Limits: executed instructions 0.92 in the geometric mean
(aim 0.88), no filter above 1.10, loads 0.75 in sum.  On a socket, long lists not slower.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import kernel_time
import rival
from corpus import NETMASK, Filter, compiler, groups
from report import every, heading, mean
from traffic import traffic
from traffic_links import profile

import bpfq
from bpfq.backends.cbpf.cost import cost
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.opt.profile import Profile
from bpfq.settings import DEFAULT_LEVEL, link_type

MOST = 1.10  # of what libpcap's program executes


class Executed(NamedTuple):
    """Instructions and loads of both, summed over the frames."""

    text: str
    ours: int
    theirs: int
    our_loads: int
    their_loads: int

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


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
    return Executed(one.text, ours.executed, theirs.executed, ours.loads, theirs.loads)


def row(name: str, several: Sequence[Executed], limits: str = "") -> None:
    ours = sum(one.our_loads for one in several)
    theirs = sum(one.their_loads for one in several)
    worst = max(one.ratio for one in several)
    print(f"  {name:18}{len(several):8}{mean(one.ratio for one in several):10.3f}{worst:8.2f}"
          f"{ours / theirs:8.3f}  {limits}".rstrip())  # fmt: skip


def table(found: dict[str, list[Executed]]) -> None:
    print(f"  {'group':18}{'filters':>8}{'executed':>10}{'worst':>8}{'loads':>8}")
    for name, several in found.items():
        row(name, several)
    row("all", every(found), "limits 0.92 (aim 0.88), 1.10, 0.75")


def slower(several: Sequence[Executed]) -> None:
    over = sorted((one for one in several if one.ratio > MOST), key=lambda one: -one.ratio)
    print(f"  more than 10 % slower: {len(over)} (limit 0)")
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
    found = {
        name: [row for one in several if (row := executed(one, compiled(one))) is not None]
        for name, several in groups().items()
    }
    table(found)
    slower(every(found))
    if not asked.counts:
        kernel_time.report(lambda text: compiled(Filter("EN10MB", text)))


if __name__ == "__main__":
    main()
