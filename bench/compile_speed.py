"""How long does bpfq.compile take on everyday filters, after import?

Limit: a median under 2 ms at level 1 over bench/filters.txt.
"""

from __future__ import annotations

from statistics import median, quantiles

import rival
from corpus import filters
from report import best_of, heading

import bpfq
from bpfq.settings import link_type


def main() -> None:
    heading("bpfq.compile over bench/filters.txt, after import")
    corpus = filters()
    for link, text in corpus:
        bpfq.compile(text, link=link, allow_empty=True)
    for level in (0, 1):
        times = [
            1e3 * best_of(3, lambda: bpfq.compile(text, link=link, level=level, allow_empty=True))
            for link, text in corpus
        ]
        tail = quantiles(times, n=20)[-1]
        print(
            f"  level {level}: {len(times)} filters, median {median(times):.2f} ms, "
            f"95 % {tail:.2f} ms, longest {max(times):.2f} ms" + (" (limit 2)" if level else "")
        )
    compiled = [rival.compile_filter(text, link_type(link).number) for link, text in corpus]
    theirs = [1e3 * one.seconds for one in compiled if one]
    if theirs:
        print(f"  libpcap -O: {len(theirs)} of them, median {median(theirs):.2f} ms")


if __name__ == "__main__":
    main()
