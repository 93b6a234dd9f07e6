"""What could not be recovered: the instructions concerned, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bpfq.analysis.decompile.space import conditions
from bpfq.analysis.decompile.values import leaf_words
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.record import record
from bpfq.symbolic.code import METADATA
from bpfq.symbolic.propositions import Member, Order, Proposition
from bpfq.symbolic.words import NETWORK, Bytes, Draw, Either, Metadata, Word


@record
class Gap:
    """instructions: their numbers, from 0; none where it is about the whole program."""

    instructions: tuple[int, ...]
    reason: str

    def __str__(self) -> str:
        if not self.instructions:
            return self.reason
        word = "instruction" if len(self.instructions) == 1 else "instructions"
        return f"{word} {ranges(self.instructions)}: {self.reason}"


def ranges(numbers: Iterable[int]) -> str:
    """``0-3, 7``"""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def gap_of(words: Sequence[i.SockFilter], program: Proposition) -> Gap:
    """The instructions that compute or test what filter text has no word for."""
    unsayable = [word for word in _tested(program) if _reason(word)]
    names = {_ancillary(word) for word in unsayable}
    found: list[int] = []
    for pc, word in enumerate(words):
        instruction = decode(word)
        match instruction:
            case i.LoadAbsolute(offset) if METADATA.get(offset) in names:
                found += _until_test(words, pc)
            case i.LoadIndirect() if None in names:
                found += _until_test(words, pc)
            case _:
                continue
    reasons = dict.fromkeys(map(_reason, unsayable))
    said = "; ".join(reasons) or "a computation that filter text cannot say"
    return Gap(tuple(dict.fromkeys(found)), said)


def _until_test(words: Sequence[i.SockFilter], pc: int) -> Iterable[int]:
    """From a load to the jump or the ret that looks at what was loaded."""
    for at in range(pc, len(words)):
        yield at
        match decode(words[at]):
            case i.JumpIf() | i.JumpIfX() | i.Jump() | i.Return() | i.ReturnA():
                return
            case _:
                continue


def _tested(program: Proposition) -> tuple[Word, ...]:
    found: list[Word] = []
    for condition in conditions(program):
        match condition:
            case Member(word=word):
                found.append(word)
            case Order(left=left, right=right):
                found += [left, right]
            case _:
                continue
    return leaf_words(*found)


def _ancillary(word: Word) -> str | None:
    match word:
        case Metadata(name=name):
            return name
        case Draw():
            return "random"
        case _:
            return None


def _reason(word: Word) -> str:
    """Why filter text cannot say the word; empty where it can."""
    match word:
        case Metadata(name=name):
            return f"filter text has no word for the kernel's {name}"
        case Draw():
            return "filter text has no word for a random number"
        case Either():
            return "an index has different values on different ways to here"
        case Bytes(base=base) if base == NETWORK:
            return "the bytes lie before byte 0"
        case _:
            return ""
