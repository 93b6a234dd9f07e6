"""Blocks that ask for membership in a set -> blocks that compare: the search written out.

    0: ld [26]; in {a thousand values} ? accept : 1

    0: ld [26]; jge #v500 ? 2 : 1251          the entry keeps its code and its number
    2: jge #v750 ? 3 : 627                    the others have no code: A holds the term

The same search with the same exits is written once, and entered from wherever it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

from bpfq.backends.cbpf.select import Block, Label, Selection
from bpfq.graph.membership import INSIDE, OUTSIDE, Comparison, comparisons, weight
from bpfq.graph.terms import Members
from bpfq.record import record


def written_out(
    selection: Selection, leaf: int, kept: Callable[[Members], bool] = lambda members: False
) -> Selection:
    """The selection without sets but those that are kept; leaf: equalities in a row, at most."""
    if not has_sets(selection):
        return selection
    blocks = list(selection.blocks)
    known: dict[tuple[Members, Label, Label], _Search] = {}
    for number, block in enumerate(selection.blocks):
        if isinstance(block.value, Members) and not kept(block.value):
            key = (block.value, block.yes, block.no)
            search = known.get(key)
            if search is None:
                search = known[key] = _search(block.value, block, len(blocks), leaf)
                blocks += search.inner
            relation, value, yes, no = search.entry
            blocks[number] = Block(
                block.code, relation, value, search.labels[yes], search.labels[no], block.test
            )
    return Selection(tuple(blocks), selection.start)


def has_sets(selection: Selection) -> bool:
    return any(isinstance(block.value, Members) for block in selection.blocks)


def size(selection: Selection) -> int:
    """Instructions, as far as they can be told before layout."""
    blocks = selection.blocks
    searches = {(b.value, b.yes, b.no) for b in blocks if isinstance(b.value, Members)}
    compared = sum(weight(value) for value, _, _ in searches if isinstance(value, Members))
    return compared + sum(len(block.code) + 1 for block in blocks)


@record
class _Search:
    """entry: the first comparison.  labels: where each of the others is, and the exits."""

    entry: Comparison
    inner: list[Block]
    labels: dict[int, Label]


def _search(members: Members, block: Block, first: int, leaf: int) -> _Search:
    """first: the number of the block that is written next."""
    *others, entry = comparisons(members, leaf)
    labels = {INSIDE: block.yes, OUTSIDE: block.no}
    inner: list[Block] = []
    for number, (relation, value, yes, no) in enumerate(others):
        inner.append(Block((), relation, value, labels[yes], labels[no], block.test))
        labels[number] = Label(first + number)
    return _Search(entry, inner, labels)
