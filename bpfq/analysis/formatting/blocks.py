"""A query as nested blocks: primitives, rows of parts that one word joins, and lists.

    host A or host B or tcp     row "or" of a list "host" (A, B) and the test "tcp"
    not port 1 and not port 2   negated list "port" (1, 2)

Nothing changes its place: only what stands side by side becomes a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bpfq.analysis.formatting.comments import Comment, Comments, Remarks
from bpfq.analysis.formatting.spelling import words_of
from bpfq.query import nodes
from bpfq.query.nodes import Leaf, Query
from bpfq.query.walk import Combination, folded
from bpfq.record import record, replace
from bpfq.source import Span

_APART = 1 << 30  # more parentheses than there are
_MOST_HEADS = 2  # lists about one thing that stand side by side


@record(eq=False)
class Block:
    """word: "and" or "or" between the parts; empty for a single test.

    head: what a list is about, or a test that a list could take.  text: the rest of a test.
    width: of the whole in one line.  split: it has comments, so that it takes several lines.
    """

    head: str = ""
    text: str = ""
    word: str = ""
    parts: tuple[Block, ...] = ()
    negated: bool = False
    above: tuple[Comment, ...] = ()
    behind: str = ""
    width: int = 0
    split: bool = False

    @property
    def is_list(self) -> bool:
        return bool(self.parts and self.head)

    @property
    def opening(self) -> str:
        """What stands before the parts, but for a parenthesis."""
        sign = "not " if self.negated else ""
        return f"{sign}{self.head} " if self.head else sign


def block_of(query: Query, text: str | None, comments: Comments) -> Block:
    """The query must be one that ``to_pcap`` writes as it stands; text: what it was read from."""
    left = {**comments.remarks}
    return folded(query, lambda leaf: _test(leaf, text, comments, left), _combined)


def _combined(node: Combination, parts: list[Block]) -> Block:
    match node:
        case nodes.Not():
            return _measured(replace(parts[0], negated=not parts[0].negated))
        case nodes.And() | nodes.Or():
            return _row("and" if isinstance(node, nodes.And) else "or", parts)
        case nodes.When():
            raise AssertionError(node)


def _test(leaf: Leaf, text: str | None, comments: Comments, left: dict[Span, Remarks]) -> Block:
    head, entry = words_of(leaf, text)
    block = Block(head, entry)
    if leaf.span is not None and left.pop(leaf.span, None) is not None:
        remarks = comments.remarks[leaf.span]
        block = replace(block, above=tuple(remarks.above), behind="  ".join(remarks.behind))
    return _measured(block)


def _row(word: str, parts: list[Block]) -> Block:
    """The parts side by side; those of a row of the same word are parts of this one."""
    flat: list[Block] = []
    for part in parts:
        if part.parts and part.word == word and not part.head and not part.negated:
            first, *others = part.parts
            flat += [replace(first, above=(*part.above, *first.above)), *others]
        else:
            flat.append(part)
    joined = [part for run in _runs(flat, negated=word == "and") for part in _lists(run)]
    if len(joined) == 1:
        return joined[0]
    return _measured(_hoisted(Block(word=word, parts=tuple(joined))))


def _runs(parts: list[Block], negated: bool) -> Iterator[list[Block]]:
    """Stretches of tests and lists about one thing; ``not A and not B`` is ``not (A or B)``."""

    def subject(part: Block) -> str | None:
        if part.head == "" or part.negated != negated:
            return None
        return part.head.removesuffix("host").removesuffix("net")

    run: list[Block] = []
    for part in parts:
        if run and (subject(part) is None or subject(part) != subject(run[0])):
            yield run
            run = []
        run.append(part)
    yield run


def _lists(run: list[Block]) -> list[Block]:
    """One list for each head; where hosts and networks take turns, one of networks."""
    stretches = [list(each) for _, each in groupby(run, key=lambda part: part.head)]
    if len(stretches) > _MOST_HEADS:
        stretches = [[_as_networks(part) for part in run]]
    return [_list(stretch) for stretch in stretches]


def _as_networks(part: Block) -> Block:
    """``net 10.0.0.1/32`` for host 10.0.0.1."""
    if not part.head.endswith("host"):
        return part
    head = f"{part.head.removesuffix('host')}net"
    entries = tuple(_measured(replace(each, text=_as_network(each.text))) for each in part.parts)
    return _measured(replace(part, head=head, text=_as_network(part.text), parts=entries))


def _as_network(host: str) -> str:
    return f"{host}/{128 if ':' in host else 32}" if host else ""


def _list(run: list[Block]) -> Block:
    if len(run) == 1:
        return run[0]
    entries: list[Block] = []
    for part in run:
        if part.is_list:
            first, *others = part.parts
            entries += [replace(first, above=(*part.above, *first.above)), *others]
        else:
            entries.append(_measured(replace(part, head="", negated=False)))
    block = Block(run[0].head, word="or", parts=tuple(entries), negated=run[0].negated)
    return _measured(_hoisted(block))


def _hoisted(block: Block) -> Block:
    """Comments above the first part stand above the whole, where they do not belong inside."""
    first, *others = block.parts
    apart = _apart(first.above)
    each_its_own = block.is_list and any(part.above for part in others)
    least, step = (0, 0) if block.is_list else (1, 1)  # a list has no parenthesis of its own
    outer: list[Comment] = []
    inner: list[Comment] = []
    for number, comment in enumerate(first.above):
        if number < apart:
            outer.append(replace(comment, outside=_APART))
        elif comment.outside >= least and not each_its_own:
            outer.append(replace(comment, outside=comment.outside - step))
        else:
            inner.append(comment)
    if not outer:
        return block
    parts = (_measured(replace(first, above=tuple(inner))), *others)
    return replace(block, parts=parts, above=tuple(outer))


def _apart(comments: tuple[Comment, ...]) -> int:
    """How many comments an empty line sets apart from what they stand above."""
    gaps = [
        number
        for number, comment in enumerate(comments, 1)
        if comment.gap_below or any(each.gap_above for each in comments[number : number + 1])
    ]
    return max(gaps, default=0)


def _measured(block: Block) -> Block:
    """The block with its width; rows are measured with the parentheses around them."""
    width = len(block.opening) + len(block.text)
    if block.parts:
        between = (len(block.word) + 2) * (len(block.parts) - 1)
        width += sum(part.width for part in block.parts) + between + len("()")
    split = bool(block.behind) or any(part.split or part.above for part in block.parts)
    return replace(block, width=width, split=split)
