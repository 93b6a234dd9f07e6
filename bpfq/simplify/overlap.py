"""Where words of a packet say something of each other: they read the same bytes.

A diagram takes its words as independent.  Where some path to "holds" tests only words that have
no byte in common, it is right about that path: a packet can be made that takes it, and no solver
needs to be asked.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.operators import WORD_MASK, Operator
from bpfq.symbolic.diagram import Diagram, Diagrams, Variable
from bpfq.symbolic.words import (
    Bytes,
    Draw,
    Either,
    Length,
    Metadata,
    Number,
    Operation,
    Word,
)

# What a word reads: where from, and the first byte and the end; a thing of its own has 0 and 1.
Read: TypeAlias = tuple[object, int, int]

_MOST_STEPS = 600  # edges followed in search of a path


def has_independent_path(diagrams: Diagrams, diagram: Diagram) -> bool:
    """Some path to "holds" tests words that have nothing in common.  May miss one.

    A load behind a header of variable length is taken not to meet the bytes before it.
    """
    steps = _MOST_STEPS
    work: list[tuple[Diagram, tuple[Read, ...]]] = [(diagram, ())]
    while work and steps:
        steps -= 1
        node, taken = work.pop()
        if node is diagrams.holds:
            return True
        if node is diagrams.fails or node is diagrams.faults:
            continue
        variable = diagrams.variables[node.level]
        reads = reads_of(variable)
        if _meet(taken, reads):
            continue
        for child in reversed(dict.fromkeys(node.children)):
            if child is not diagrams.fails and _is_free(variable, node, child):
                work.append((child, taken + reads))
    return False


def _meet(taken: tuple[Read, ...], reads: tuple[Read, ...]) -> bool:
    return any(
        place == other and first < other_end and other_first < end
        for place, first, end in reads
        for other, other_first, other_end in taken
    )


def reads_of(variable: Variable) -> tuple[Read, ...]:
    """What a variable of a diagram depends on, without the places of indexed loads."""
    if not isinstance(variable, tuple):
        return _reads(variable)
    left, right = variable
    if isinstance(left, str) or right is None:
        return ()  # how far the captured bytes reach
    return _reads(left) + _reads(right)


def _reads(word: Word) -> tuple[Read, ...]:
    found: list[Read] = []
    work: list[Word] = [word]
    while work:
        match work.pop():
            case Bytes(base, index, offset, size):
                found.append(((base, index), offset, offset + size))
            case Length():
                found.append(("length", 0, 1))
            case Metadata(name):
                found.append((name, 0, 1))
            case Draw(identity):
                found.append((identity, 0, 1))
            case Operation(_, left, right):
                work += [left, right]
            case Either(_, then, otherwise):
                work += [then, otherwise]
            case Number():
                continue
    return tuple(found)


def _is_free(variable: Variable, node: Diagram, child: Diagram) -> bool:
    """A packet can be made on which the variable leads from the node to the child."""
    if isinstance(variable, tuple):
        left, right = variable
        if isinstance(left, str) or right is None:
            return True
        return _is_plain(left) and _is_plain(right) and not _meet(_reads(left), _reads(right))
    match variable:
        case Operation(Operator.AND, left, Number(value=mask)) if _is_plain(left):
            return any(
                _leads(node, value) is child
                for value in _under(mask, node)
            )  # fmt: skip
        case _:
            return _is_plain(variable)


def _is_plain(word: Word) -> bool:
    return not isinstance(word, Operation | Either)


def _under(mask: int, node: Diagram) -> list[int]:
    """Some values under a mask: none and all of its bits, and those next to the node's cuts."""
    near = [cut - 1 for cut in node.cuts] + list(node.cuts)
    return [0, mask, *(value for value in near if 0 <= value <= WORD_MASK and not value & ~mask)]


def _leads(node: Diagram, value: int) -> Diagram:
    return node.children[sum(cut <= value for cut in node.cuts)]
