"""How many filters come back from their bytecode, and in how many words?  (Counts, not times.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import rival
from corpus import filters
from report import heading

import bpfq
from bpfq.analysis.decompile.decompile import Decompiled
from bpfq.settings import link_type

Words = tuple[tuple[int, int, int, int], ...]


def ours(text: str, link: str) -> Words | None:
    return bpfq.compile(text, link=link, allow_empty=True).words


def theirs(text: str, link: str, optimise: bool) -> Words | None:
    found = rival.compile_filter(text, link_type(link).number, optimise)
    return None if found is None else found.words


SHAPES: dict[str, Callable[[str, str], Words | None]] = {
    "bpfq": ours,
    "libpcap -O": lambda text, link: theirs(text, link, True),
    "libpcap, unoptimised": lambda text, link: theirs(text, link, False),
}


def main() -> None:
    heading("bytecode back to filters over bench/filters.txt")
    print(f"  {'':22}{'programs':>9}{'proved':>9}{'as short':>10}")
    longer = []
    for shape, compiled in SHAPES.items():
        found = list(_decompiled(compiled))
        proved = [(text, back) for text, back in found if back.proved]
        short = sum(len(back.text) <= len(text) for text, back in proved)
        total = len(found)
        print(f"  {shape:22}{total:9}{len(proved) / total:9.1%}{short / total:10.1%}")
        longer += [(shape, text, back) for text, back in found
                   if not back.proved or len(back.text) > len(text)]  # fmt: skip
    print("  not proved, or longer than what was compiled:")
    for shape, text, back in longer:
        print(f"    {shape:22}{back.verdict:10} {text[:60]}")
        print(f"    {'':32} {back.text[:60]}")


def _decompiled(
    compiled: Callable[[str, str], Words | None],
) -> Iterator[tuple[str, Decompiled]]:
    for link, text in filters():
        words = compiled(text, link)
        if words is not None:
            yield text, bpfq.decompile(words, link=link)


if __name__ == "__main__":
    main()
