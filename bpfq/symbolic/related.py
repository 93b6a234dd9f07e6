"""A diagram over words that share bytes of the packet: can it lead to TRUE at all?

    [12:2] = 0x800, then [12:4] >= 0x8060000    =>    [12:2] in {0x806 ..}: never

A diagram takes its words as independent of each other.  What it leaves is decided again here, over
the parts that its words have in common, so that long lists stay whole where nothing overlaps them.
"""

from __future__ import annotations

from bpfq.symbolic.diagram import MOST_PIECES, Diagram, Diagrams
from bpfq.symbolic.overlap import splits
from bpfq.symbolic.propositions import FALSE, Proposition
from bpfq.symbolic.words import Words

_BUDGET = 200_000  # intervals, half a second of work


def related(diagrams: Diagrams, diagram: Diagram, words: Words) -> Proposition:
    """The diagram with decisions only, FALSE where it leads to TRUE for no packet; raises TooLarge.

    words: what made the words of the diagrams.
    """
    parts, found = in_parts(diagrams, diagram, words)
    return FALSE if found is parts.fails else diagrams.proposition(diagram)


def in_parts(diagrams: Diagrams, diagram: Diagram, words: Words) -> tuple[Diagrams, Diagram]:
    """The diagram over the parts of its words, and what made it; raises TooLarge."""
    left = diagrams.proposition(diagram)
    split = splits(left, words)
    if not split:
        return diagrams, diagram
    parts = Diagrams(splits=split, pieces=MOST_PIECES - _BUDGET)
    parts.place(diagrams.tested(diagram))
    return parts, parts.of(left)
