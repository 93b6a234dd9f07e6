"""How long does bpfq.witness take on everyday filters, after import, and who finds the packet?

Limit: a median under 100 ms over bench/filters.txt.
"""

from __future__ import annotations

from statistics import median, quantiles

from corpus import filters
from report import best_of, heading

import bpfq
from bpfq.analysis.witness.found import as_written, starts, steered
from bpfq.analysis.witness.steer import accepts


def main() -> None:
    heading("bpfq.witness over bench/filters.txt, after import")
    programs = [bpfq.compile(text, link=link, netmask="255.255.255.0") for link, text in filters()]
    times = [best_of(3, lambda one=program: bpfq.witness(one)) for program in programs]
    print(
        f"  one packet   median {median(times) * 1000:6.2f} ms   "
        f"95 % {quantiles(times, n=20)[-1] * 1000:6.2f} ms   most {max(times) * 1000:6.2f} ms"
    )
    for name, question in (("near misses", bpfq.near_misses), ("branches", bpfq.branches)):
        times = [best_of(1, lambda one=program, ask=question: ask(one)) for program in programs]
        print(
            f"  {name:<12} median {median(times) * 1000:6.2f} ms   "
            f"95 % {quantiles(times, n=20)[-1] * 1000:6.2f} ms   most {max(times) * 1000:6.2f} ms"
        )
    counts = {"template": 0, "patched": 0, "solver": 0}
    for program in programs:
        counts[_finder(program)] += 1
    print("  found by     " + "   ".join(f"{name} {n}" for name, n in counts.items()))


def _finder(program: bpfq.Program) -> str:
    graph = as_written(program.query, program.settings)
    every = starts(graph, program.settings)
    if any(accepts(graph, draft) for draft in every):
        return "template"
    return "solver" if steered(graph, program.settings, every) is None else "patched"


if __name__ == "__main__":
    main()
