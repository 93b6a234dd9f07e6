"""How many instructions does bpfq emit, against libpcap's optimiser?  (Counts, not times.)"""

from __future__ import annotations

from math import exp, log

import rival
from corpus import filters
from report import heading

import bpfq
from bpfq.settings import link_type


def main() -> None:
    heading("instructions over bench/filters.txt, level 1 against libpcap -O")
    ratios, longer, ours_total, theirs_total = [], [], 0, 0
    for link, text in filters():
        rivals = rival.compile_filter(text, link_type(link).number)
        if rivals is None:
            continue
        ours, theirs = len(bpfq.compile(text, link=link, allow_empty=True)), len(rivals.words)
        ratios.append(ours / theirs)
        ours_total, theirs_total = ours_total + ours, theirs_total + theirs
        if ours > theirs:
            longer.append((ours - theirs, text, ours, theirs))
    mean = exp(sum(map(log, ratios)) / len(ratios))
    print(f"  {len(ratios)} filters: geometric mean ratio {mean:.3f}")
    print(f"  in all {ours_total} against {theirs_total}; {len(longer)} filters are longer:")
    for _, text, ours, theirs in sorted(longer, reverse=True)[:10]:
        print(f"    {ours:4} against {theirs:4}  {text[:80]}")


if __name__ == "__main__":
    main()
