"""How many instructions does bpfq emit, against libpcap -O?

Limits, as geometric means of the ratio: 0.825 over bench/filters.txt (aim 0.80), alone and with the
filters of bench/best.txt, in which libpcap wastes most; 0.65 over its lists (aim 0.55), no filter
longer, every filter of bench/best.txt at most at its best; none longer when the kernel has
converted it.  Compiled in a median under 15 ms (aim 8).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from statistics import median, quantiles
from typing import NamedTuple

import rival
from converted import in_kernel
from corpus import NETMASK, Best, Compile, Filter, best, compiler, groups
from report import Missed, best_of, every, heading, mean

from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import converted_size
from bpfq.settings import DEFAULT_LEVEL, OBJECTIVES, link_type


class Measured(NamedTuple):
    """One filter: instructions of both, and what the kernel makes of them."""

    text: str
    ours: tuple[SockFilter, ...]
    theirs: tuple[SockFilter, ...] | None  # None where libpcap refuses the filter
    proved: bool

    @property
    def ratio(self) -> float:
        return len(self.ours) / len(self.theirs or self.ours)

    @property
    def converted_ratio(self) -> float:
        return converted_size(self.ours) / converted_size(self.theirs or self.ours)


def measured(one: Filter, compiled: Compile) -> Measured:
    program = compiled(one)
    found = rival.compile_filter(one.text, link_type(one.link).number, netmask=NETMASK)
    theirs = None if found is None else tuple(SockFilter(*word) for word in found.words)
    return Measured(one.text, program.words, theirs, program.prove().verdict == "proved")


def static(found: dict[str, list[Measured]], missed: Missed) -> None:
    """The ratio of each group, of the lists and of all."""
    print(f"  {'group':18}{'filters':>8}{'libpcap':>9}{'bpfq':>7}{'ratio':>8}")
    for group, several in found.items():
        row(group, several)
    lists = [one for group, several in found.items() if "lists" in group for one in several]
    row("all lists", lists, "aim 0.55", missed.check("lists", ratio(lists), 0.65))
    row("all", every(found), "aim 0.80", missed.check("all", ratio(every(found)), 0.825))


def ratio(several: Sequence[Measured]) -> float:
    return mean(one.ratio for one in several if one.theirs is not None)


def row(name: str, several: Sequence[Measured], aim: str = "", limit: str = "") -> None:
    both = [one for one in several if one.theirs is not None]
    theirs = sum(len(one.theirs or ()) for one in both)
    ours = sum(len(one.ours) for one in both)
    print(f"  {name:18}{len(both):8}{theirs:9}{ours:7}{ratio(both):8.3f}{limit}  {aim}".rstrip())


def longer(several: Sequence[Measured], missed: Missed) -> None:
    found = [one for one in several if one.ratio > 1]
    print(f"  longer than libpcap's: {len(found)}{missed.check('longer', len(found), 0)}")
    for one in sorted(found, key=lambda one: -one.ratio):
        print(f"    {len(one.ours):4} against {len(one.theirs or ()):4}  {one.text[:80]}")


def proved(several: Sequence[Measured], missed: Missed) -> None:
    left = [one for one in several if not one.proved]
    print(f"  not proved: {len(left)} of {len(several)}{missed.check('not proved', len(left), 0)}")
    for one in left:
        print(f"    {one.text[:90]}")


def converted(several: Sequence[Measured], missed: Missed) -> None:
    """What the kernel's converter makes of both; asked where the program attaches."""
    both = [one for one in several if one.theirs is not None]
    sizes = [(converted_size(words), in_kernel(words))
             for one in both for words in (one.ours, one.theirs or ())]  # fmt: skip
    asked = [(model, real) for model, real in sizes if real is not None]
    agree = sum(model == real for model, real in asked)
    found = [one for one in both if one.converted_ratio > 1]
    print(f"  converted to eBPF: ratio {mean(one.converted_ratio for one in both):.3f}; "
          f"longer on {len(found)}{missed.check('longer when converted', len(found), 0)}; the kernel was asked for {len(asked)} of "
          f"{len(sizes)} programs and agreed on {agree}")  # fmt: skip
    for one in sorted(found, key=lambda one: -one.converted_ratio):
        ours, theirs = converted_size(one.ours), converted_size(one.theirs or ())
        print(f"    {ours:4} against {theirs:4}  {one.text[:80]}")


def against_best(compiled: Compile, corpus: Sequence[Filter], missed: Missed) -> None:
    """Those of bench/best.txt, and all together."""
    rows = [(measured(filter_of(one), compiled), one.instructions) for one in best()]
    others = [measured(one, compiled) for one in corpus if one not in set(map(filter_of, best()))]
    together = [*others, *(one for one, _ in rows)]
    limit = missed.check("with best.txt", ratio(together), 0.825)
    row("with best.txt", together, "aim 0.80", limit)
    over = [(one, count) for one, count in rows if len(one.ours) > count]
    under = sum(len(one.ours) < count for one, count in rows)
    print(
        f"  bench/best.txt: {len(rows)} filters, {len(over)} over the best known"
        f"{missed.check('over the best known', len(over), 0)}, {under} under it; against libpcap {mean(one.ratio for one, _ in rows):.3f}"
    )
    for one, count in sorted(over, key=lambda row: -len(row[0].ours) / row[1]):
        theirs = len(one.theirs or ())
        print(f"    {len(one.ours):4} best {count:4} libpcap {theirs:4}  {one.text[:80]}")


def filter_of(one: Best) -> Filter:
    return Filter("EN10MB", one.text)


def objectives(level: int, corpus: Sequence[Filter]) -> None:
    """The same ratios for everything that can be optimised for."""
    print(f"  {'optimised for':18}{'ratio':>8}{'longer':>8}", end="")
    print(f"{'in kernel':>11}{'longer':>8}{'proved':>8}{'over best':>11}")
    for objective in OBJECTIVES:
        compiled = compiler(level=level, optimise_for=objective)
        found = [measured(one, compiled) for one in corpus]
        both = [one for one in found if one.theirs is not None]
        print(
            f"  {objective:18}{mean(one.ratio for one in both):8.3f}"
            f"{sum(one.ratio > 1 for one in both):8}"
            f"{mean(one.converted_ratio for one in both):11.3f}"
            f"{sum(one.converted_ratio > 1 for one in both):8}"
            f"{sum(one.proved for one in found) / len(found):8.1%}"
            f"{sum(len(compiled(filter_of(one))) > one.instructions for one in best()):11}"
        )


def speed(corpus: Sequence[Filter], compiled: Compile, missed: Missed) -> None:
    times = [1e3 * best_of(3, partial(compiled, one)) for one in corpus]
    limit = missed.check("compiled in", median(times), 15)
    print(f"  compiled in: median {median(times):.2f} ms{limit}, aim 8, "
          f"95 % {quantiles(times, n=20)[-1]:.2f} ms, longest {max(times):.2f} ms")  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--level", type=int, default=DEFAULT_LEVEL)
    level = arguments.parse_args().level
    compiled = compiler(level=level)
    heading(f"instructions over bench/filters.txt, level {level} against libpcap -O")
    corpus = groups()
    found = {name: [measured(one, compiled) for one in several] for name, several in corpus.items()}
    missed = Missed()
    static(found, missed)
    longer(every(found), missed)
    proved(every(found), missed)
    converted(every(found), missed)
    against_best(compiled, every(corpus), missed)
    objectives(level, every(corpus))
    speed(every(corpus), compiled, missed)
    missed.report()


if __name__ == "__main__":
    main()
