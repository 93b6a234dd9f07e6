"""Walks over a query tree without recursion: leaves, reads, and trees made from trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar, assert_never

from bpfq.query import nodes
from bpfq.query.nodes import Leaf, Query, Under, Value
from bpfq.record import replace

_T = TypeVar("_T")

Read: TypeAlias = nodes.Index | nodes.FieldValue
Combination: TypeAlias = nodes.Not | nodes.And | nodes.Or | nodes.When

# encapsulation keywords that move what is tested behind them
SHIFTING = ("vlan", "mpls", "pppoes", "lane", "geneve", "vxlan", "gre", "ipip")


def operands(query: Query) -> tuple[Query, ...]:
    """The queries right below a node, in the order in which they are written."""
    match query:
        case nodes.Not(operand):
            return (operand,)
        case nodes.And(parts) | nodes.Or(parts):
            return parts
        case nodes.When(condition, then, otherwise):
            return (condition, then, otherwise)
        case _:
            return ()


def leaves(query: Query) -> Iterator[Leaf]:
    """The primitives of a tree, in the order in which they are written."""
    work = [query]
    while work:
        item = work.pop()
        match item:
            case nodes.Not() | nodes.And() | nodes.Or() | nodes.When():
                work.extend(reversed(operands(item)))
            case _:
                yield item


def map_leaves(query: Query, change: Callable[[Leaf], Query]) -> Query:
    """The same tree with every primitive changed; spans stay."""
    return folded(query, change, lambda item, changed: with_operands(item, tuple(changed)))


def folded(
    query: Query, leaf: Callable[[Leaf], _T], join: Callable[[Combination, list[_T]], _T]
) -> _T:
    """What the tree comes to, from its primitives upwards, each once and from left to right."""
    done: list[_T] = []
    work: list[tuple[Query, bool]] = [(query, False)]
    while work:
        item, ready = work.pop()
        match item:
            case nodes.Not() | nodes.And() | nodes.Or() | nodes.When():
                below = operands(item)
                if not ready:
                    work.append((item, True))
                    work.extend((x, False) for x in reversed(below))
                    continue
                parts = done[len(done) - len(below) :]
                del done[len(done) - len(below) :]
                done.append(join(item, parts))
            case _:
                done.append(leaf(item))
    return done[0]


def replaced(query: Query, part: Query, other: Query) -> Query:
    """The same tree with another node in the place of one, which is found by identity."""
    path: dict[int, tuple[Query, int]] = {}  # node -> the one above, and its number there
    work = [query]
    while work:
        node = work.pop()
        for number, below in enumerate(operands(node)):
            path[id(below)] = (node, number)
            work.append(below)
    made, at = other, part
    while at is not query:
        above, number = path[id(at)]
        assert isinstance(above, nodes.Not | nodes.And | nodes.Or | nodes.When)
        parts = operands(above)
        made = with_operands(above, (*parts[:number], made, *parts[number + 1 :]))
        at = above
    return made


def with_operands(
    query: nodes.Not | nodes.And | nodes.Or | nodes.When, below: tuple[Query, ...]
) -> Query:
    """The node with other queries right below it; its span stays."""
    match query:
        case nodes.Not():
            return nodes.Not(below[0], span=query.span)
        case nodes.And():
            return nodes.And(below, span=query.span)
        case nodes.Or():
            return nodes.Or(below, span=query.span)
        case nodes.When():
            return nodes.When(*below, span=query.span)
        case _:
            assert_never(query)


def reads(value: Value) -> Iterator[Read]:
    """Every header read of a value, outer before inner, left before right."""
    work = [value]
    while work:
        item = work.pop()
        match item:
            case nodes.Index(offset=offset):
                yield item
                work.append(offset)
            case nodes.FieldValue():
                yield item
            case nodes.Arithmetic(left=left, right=right):
                work += [right, left]
            case nodes.Negative(operand):
                work.append(operand)
            case nodes.Number() | nodes.Length():
                pass
            case _:
                assert_never(item)


def map_reads(value: Value, change: Callable[[Read], Value]) -> Value:
    """The same value with every header read changed, inner ones first."""
    done: list[Value] = []
    work: list[tuple[Value, bool]] = [(value, False)]
    while work:
        item, ready = work.pop()
        below = value_operands(item)
        if below and not ready:
            work.append((item, True))
            work.extend((x, False) for x in reversed(below))
            continue
        changed = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        match item:
            case nodes.Index():
                done.append(change(replace(item, offset=changed[0])))
            case nodes.FieldValue():
                done.append(change(item))
            case nodes.Arithmetic():
                done.append(replace(item, left=changed[0], right=changed[1]))
            case nodes.Negative():
                done.append(replace(item, operand=changed[0]))
            case _:
                done.append(item)
    return done[0]


def value_operands(value: Value) -> tuple[Value, ...]:
    """The values right below a value, in the order in which they are written."""
    match value:
        case nodes.Index(offset=offset):
            return (offset,)
        case nodes.Arithmetic(left=left, right=right):
            return (left, right)
        case nodes.Negative(operand):
            return (operand,)
        case _:
            return ()


# ---------------------------------------------------------------- position


def unders(leaf: Leaf) -> tuple[Under, ...]:
    """The position of everything that a primitive reads; empty where it reads no header."""
    match leaf:
        case nodes.Constant() | nodes.Sample():
            return ()
        case nodes.Compare(left=left, right=right):
            return tuple(read.under for side in (left, right) for read in reads(side))
        case _:
            return (leaf.under,)


def map_unders(query: Query, change: Callable[[Under], Under]) -> Query:
    """The same tree with every position changed."""

    def read(item: Read) -> Value:
        return replace(item, under=change(item.under))

    def primitive(leaf: Leaf) -> Query:
        match leaf:
            case nodes.Constant() | nodes.Sample():
                return leaf
            case nodes.Compare(left=left, right=right):
                return replace(leaf, left=map_reads(left, read), right=map_reads(right, read))
            case _:
                return replace(leaf, under=change(leaf.under))

    return map_leaves(query, primitive)


def moved(read: Read, words: Under) -> Value:
    """A header read behind the encapsulations ``words``."""
    return replace(read, under=(*words, *read.under))


def behind(query: Query, words: Under) -> Query:
    """The same tests behind the encapsulations ``words``, outermost first."""
    return map_unders(query, lambda under: (*words, *under))


def position_after(leaf: Leaf, position: Under) -> Under:
    """Where filter text stands behind a primitive that was written at a position."""
    match leaf:
        case nodes.Encapsulation(kind=kind) if kind in SHIFTING:
            return (*position, kind)
        case nodes.AtmClass(name="lane") if "lane" not in position:
            return (*position, "lane")
        case nodes.Llc():
            return tuple(word for word in position if word != "lane")
        case _:
            return position
