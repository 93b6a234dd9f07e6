"""What does the search of level 3 gain over level 2, and what does it take?

Each program is proved by the search itself; the ratios are geometric means.  ``--sample 8`` takes
every eighth filter of bench/filters.txt.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from time import process_time
from typing import NamedTuple

from corpus import Filter, compiler, filters
from report import heading, mean

from bpfq.backends.cbpf.cost import Cost, cost
from bpfq.program.classic import Program
from bpfq.settings import BALANCED, OBJECTIVES, SEARCH_BUDGET, SEARCHING


class Searched(NamedTuple):
    """One filter: its costs at level 2 and at level 3, and seconds of work for the latter."""

    text: str
    before: Cost
    after: Cost
    program: Program
    seconds: float

    @property
    def is_shorter(self) -> bool:
        return self.after.instructions < self.before.instructions


def searched(one: Filter, objective: str, budget: int) -> Searched:
    plain = compiler(optimise_for=objective)(one)
    start = process_time()
    found = compiler(optimise_for=objective, level=SEARCHING, search_budget=budget)(one)
    seconds = process_time() - start
    traffic = plain.settings.traffic
    return Searched(
        one.text, cost(plain.words, traffic), cost(found.words, traffic), found, seconds
    )


def ratio(several: Sequence[Searched], figure: str) -> float:
    pairs = [(getattr(one.after, figure), getattr(one.before, figure)) for one in several]
    return mean(after / before for after, before in pairs if after and before)


def shorter(several: Sequence[Searched]) -> None:
    found = sorted(several, key=lambda one: one.after.instructions / one.before.instructions)
    for one in found:
        if one.is_shorter:
            print(f"    {one.before.instructions:3} -> {one.after.instructions:3}  {one.text[:80]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every Nth filter")
    parser.add_argument("--optimise-for", default=BALANCED, choices=OBJECTIVES)
    parser.add_argument("--budget", type=int, default=SEARCH_BUDGET)
    options = parser.parse_args()
    heading(f"level 3 against level 2, {options.optimise_for}, a budget of {options.budget}")
    corpus = filters()[:: options.sample]
    found = [searched(one, options.optimise_for, options.budget) for one in corpus]
    figures = ("instructions", "executed", "price", "worst", "converted")
    print("  " + ", ".join(f"{figure} {ratio(found, figure):.4f}" for figure in figures))
    gains = [one.program.gain for one in found if one.program.gain is not None]
    print(
        f"  {len(found)} filters, {sum(one.is_shorter for one in found)} shorter, "
        f"{sum(gain.shortest for gain in gains)} with none shorter of the same loads and constants"
    )
    seconds = [one.seconds for one in found]
    print(f"  {sum(seconds):.0f} s of work: median {median(seconds):.2f} s, "
          f"longest {max(seconds):.1f} s")  # fmt: skip
    shorter(found)


if __name__ == "__main__":
    main()
