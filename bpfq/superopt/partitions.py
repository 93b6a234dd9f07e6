"""The ways in which comparisons split cases, each way once, by what A and X hold.

    A    5 6 6 80        jeq #6    - 6 6 -      jge #80    - - - 80
                         jge #6    - 6 6 80     jset #1    5 - - -

Equal, or at least: constants of the alphabet; and any value that an exit is right for, which is how
two halves that are tested one after the other become a word.  ``jgt`` is ``jge`` of the next
constant, and a split the other way round is the same one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bpfq.isa.cbpf import opcodes
from bpfq.operators import Relation
from bpfq.superopt.alphabet import Alphabet
from bpfq.superopt.cases import EQ, GE, GT, holds

Comparison: TypeAlias = tuple[int, int]  # code and k
_Split: TypeAlias = tuple[int, Comparison]  # bits of the rows where it holds

_JEQ, _JGE, _JSET = (
    opcodes.JUMP_IF[relation] for relation in (Relation.EQ, Relation.GE, Relation.SET)
)


def comparisons(
    rows: Sequence[tuple[int, int, int]], fits: Sequence[int], alphabet: Alphabet
) -> Iterator[_Split]:
    """rows: case, A, X.  fits: by exit, bits of the rows that it is right for."""
    every = (1 << len(rows)) - 1
    seen = {0, every}
    for bits, comparison in _all(rows, fits, alphabet):
        if bits not in seen:
            seen.update((bits, every ^ bits))
            yield bits, comparison


def _all(
    rows: Sequence[tuple[int, int, int]], fits: Sequence[int], alphabet: Alphabet
) -> Iterator[_Split]:
    at: dict[int, int] = {}
    for position, (_, a, _) in enumerate(rows):
        at[a] = at.get(a, 0) | 1 << position
    every = (1 << len(rows)) - 1
    telling = [fit for fit in fits if fit != every]
    for value, bits in at.items():
        if value in alphabet.constants or any(not bits & ~fit for fit in telling):
            yield bits, (_JEQ, value)
    yield from _thresholds(at, alphabet)
    for mask in alphabet.masks:
        yield sum(bits for value, bits in at.items() if value & mask), (_JSET, mask)
    if alphabet.compares_x:
        for relation in (EQ, GT, GE):
            code = opcodes.CLASS_JUMP | opcodes.OPERAND_X | relation
            taken = (holds(code, a, x, 0) << place for place, (_, a, x) in enumerate(rows))
            yield sum(taken), (code, 0)


def _thresholds(at: dict[int, int], alphabet: Alphabet) -> Iterator[_Split]:
    """Between neighbouring values where a constant lies."""
    ordered = sorted(at)
    limits = sorted(alphabet.constants)
    bits, number = 0, len(limits) - 1
    for low, high in zip(reversed(ordered[:-1]), reversed(ordered[1:])):
        bits |= at[high]
        while number >= 0 and limits[number] > high:
            number -= 1
        if number >= 0 and limits[number] > low:
            yield bits, (_JGE, limits[number])
