"""How long does bpfq.compile take on everyday filters, after import?

Limits: a median under 2 ms at level 1 and under 15 ms at level 2 (aim 8) over bench/filters.txt;
under 60 ms where tests share bytes and z3 is asked.
"""

from __future__ import annotations

from statistics import median, quantiles

import rival
from corpus import filters
from report import best_of, heading

import bpfq
from bpfq.graphs import lowering
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.nodes import Builder
from bpfq.settings import Settings, link_type
from bpfq.simplify.driver import simplify
from bpfq.simplify.needed import may_interact
from bpfq.targets import TARGETS

# Filters whose tests read bytes in common; most match nothing, which nothing but z3 finds.
SHARING = (
    "ip[6] & 0x40 != 0 and ip[6:2] & 0x4000 = 0",
    "ip src host 10.0.0.1 and ip[12] = 11",
    "udp[0:2] = 53 and udp[0:4] & 0xffff0000 = 0x00360000",
    "ip[2:2] > ip[2:2]+1 and ip[2:2] < 65535",
    "ip[8] = ip[9] and ip[8:2] = 0x0102",
    "tcp and ip and ether[12] = 8 and ip[9:2] & 0xff00 = 0x0600",
)


def main() -> None:
    heading("bpfq.compile over bench/filters.txt, after import")
    corpus = filters()
    sharing = [("EN10MB", text) for text in SHARING]
    plain, asked = [], []
    for link, text in [*corpus, *sharing]:
        bpfq.compile(text, link=link, allow_empty=True)
        (asked if questions(link, text) else plain).append((link, text))
    for name, level, chosen, limit in (
        ("level 0", 0, corpus, None),
        ("level 1", 1, corpus, 2),
        ("level 2 without z3", 2, plain, 15),
        ("level 2 with z3", 2, asked, 60),
    ):
        times = [milliseconds(link, text, level) for link, text in chosen]
        tail = quantiles(times, n=20)[-1]
        print(
            f"  {name}: {len(times)} filters, median {median(times):.2f} ms, "
            f"95 % {tail:.2f} ms, longest {max(times):.2f} ms"
            + (f" (limit {limit})" if limit else "")
        )
    print(f"  of the {len(corpus)} filters {sum(one in asked for one in corpus)} need z3")
    compiled = [rival.compile_filter(text, link_type(link).number) for link, text in corpus]
    theirs = [1e3 * one.seconds for one in compiled if one]
    if theirs:
        print(f"  libpcap -O: {len(theirs)} of them, median {median(theirs):.2f} ms")


def milliseconds(link: str, text: str, level: int) -> float:
    return 1e3 * best_of(3, lambda: bpfq.compile(text, link=link, level=level, allow_empty=True))


def questions(link: str, text: str) -> int:
    """How many are asked of z3."""
    query = parse(text)
    if not may_interact(query):
        return 0
    settings = Settings(TARGETS["file"], link_type(link))
    return simplify(query, lowering(settings, Builder(), share=True)).questions


if __name__ == "__main__":
    main()
