"""Programs with one mistake: what a compiler or an optimiser may get wrong in one instruction."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bpfq.isa.cbpf import opcodes as o
from bpfq.isa.cbpf.instructions import SCRATCH_WORDS, SockFilter
from bpfq.isa.cbpf.opcodes import ALU, JUMP_IF, LOAD_ABSOLUTE, LOAD_INDIRECT
from bpfq.operators import WORD_BITS, WORD_MASK

ACCEPT = 262144
_STEPS = (1, -1, 2, -2, 4, -4)
_JUMPS = tuple(JUMP_IF.values())
_CONSTANTS = {o.LOAD_IMMEDIATE, o.LOADX_IMMEDIATE, *JUMP_IF.values(), *ALU.values()}
_MASKED = {ALU[one] for one in ALU if one.name in ("AND", "OR", "XOR")} | {0x45}
_OFFSETS = o.ABSOLUTE_LOADS | o.INDIRECT_LOADS | {o.LOADX_HEADER_LENGTH}


class Mutant(NamedTuple):
    """kind: the mistake, and where."""

    kind: str
    words: tuple[SockFilter, ...]


def mutants(words: Sequence[SockFilter], seed: int, most: int) -> list[Mutant]:
    """Up to ``most`` programs, each kind of mistake as likely as another."""
    by_kind: dict[str, list[Mutant]] = {}
    for at, word in enumerate(words):
        for kind, changed in _changes(words, at, word):
            made = Mutant(f"{kind} at {at}", (*words[:at], changed, *words[at + 1 :]))
            by_kind.setdefault(kind, []).append(made)
    chance = random.Random(seed)
    chosen: list[Mutant] = []
    while by_kind and len(chosen) < most:
        kind = chance.choice(sorted(by_kind))
        of_kind = by_kind[kind]
        chosen.append(of_kind.pop(chance.randrange(len(of_kind))))
        if not of_kind:
            del by_kind[kind]
    return chosen


def _changes(
    words: Sequence[SockFilter], at: int, word: SockFilter
) -> Iterator[tuple[str, SockFilter]]:
    code, k = word.code, word.k
    yield from _changed_constants(code, word)
    if code in o.CONDITIONAL_JUMPS:
        yield from _changed_jumps(word, room=len(words) - at - 2)
    if code in _OFFSETS:
        for step in _STEPS:
            yield "offset moved", word._replace(k=k + step & WORD_MASK)
    for sizes in (LOAD_ABSOLUTE, LOAD_INDIRECT):
        if code in sizes.values():
            for other in sizes.values():
                if other != code:
                    yield "load size changed", word._replace(code=other)
    if code in o.ARITHMETIC:
        for other in ALU.values():
            if other != code & ~o.OPERAND_X:
                changed = word._replace(code=other | code & o.OPERAND_X)
                yield "operator changed", changed
    if code == o.RETURN:
        yield "return swapped", word._replace(k=0 if k else ACCEPT)
    elif code not in o.CONDITIONAL_JUMPS and code != o.JUMP:
        yield "instruction removed", SockFilter(o.JUMP, 0, 0, 0)
    if code in o.SCRATCH_LOADS | o.STORES:
        for step in (1, -1):
            yield "scratch word changed", word._replace(k=(k + step) % SCRATCH_WORDS)


def _changed_constants(code: int, word: SockFilter) -> Iterator[tuple[str, SockFilter]]:
    if code in _CONSTANTS:
        for step in (1, -1):
            yield "constant by one", word._replace(k=word.k + step & WORD_MASK)
    if code in _MASKED:
        for bit in range(WORD_BITS):
            yield "mask by a bit", word._replace(k=word.k ^ 1 << bit)


def _changed_jumps(word: SockFilter, room: int) -> Iterator[tuple[str, SockFilter]]:
    code, jt, jf, _ = word
    if jt != jf:
        yield "exits swapped", word._replace(jt=jf, jf=jt)
    for skip in (jt, jf):
        yield "test dropped", SockFilter(o.JUMP, 0, 0, skip)
    for other in _JUMPS:
        if other != code & ~o.OPERAND_X:
            yield "relation changed", word._replace(code=other | code & o.OPERAND_X)
    for name, skip in (("jt", jt), ("jf", jf)):
        for step in (1, -1):
            if 0 <= skip + step <= min(room, 255):
                yield "exit moved", word._replace(**{name: skip + step})
