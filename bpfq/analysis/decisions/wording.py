"""Tests in the notation of listings, with letters for what is long.

    Load(((b[14] & 0xf) << 2), 14, 2) = 80    =>    [x+14:2] = 0x50    where x is 4*([14]&0xf)

x, y, z stand for places, v and w for values that depend on other tests, t for long sums, s for
large sets.
"""

from __future__ import annotations

from typing import Final, assert_never

from bpfq.graph.nodes import Test
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Lookup,
    Members,
    Metadata,
    Term,
    WireLength,
    operands,
)
from bpfq.operators import Operator, Relation
from bpfq.record import field, record
from bpfq.targets import SKF_NET_OFF
from bpfq.walk import bottom_up

_PLACES: Final = ("x", "y", "z")
_CHOICES: Final = ("v", "w")
_SUMS: Final = ("t",)
_SETS: Final = ("s",)
_LONGEST: Final = 40  # characters of a sum without a letter
_SMALL: Final = 10  # numbers below are written in base 10


@record(frozen=False)
class Wording:
    """The texts of terms.  definitions: letter -> what it stands for, in order of appearance."""

    definitions: dict[str, str] = field(default_factory=dict)
    _texts: dict[Term, str] = field(default_factory=dict)

    def test(self, test: Test) -> str:
        """``term relation operand``; bits that are tested are compared with 0."""
        term, operand = self.term(test.term), self.term(test.operand)
        if isinstance(test.term, WireLength) and isinstance(test.operand, Constant):
            operand = str(test.operand.value)
        if isinstance(test.operand, Members):
            return f"{term} in {operand}"
        if test.relation is Relation.SET:
            return f"{_apart(term)} & {_apart(operand)} != 0"
        return f"{term} {test.relation.value} {operand}"

    def term(self, term: Term) -> str:
        """Every part is short or has a letter, so that no text grows long."""
        for part in bottom_up((term,), operands, self._texts):
            self._texts[part] = self._text(part)
        return self._texts[term]

    def _text(self, term: Term) -> str:
        match term:
            case Constant(value):
                return number_text(value)
            case Members(bounds):
                return self._letter(_SETS, _set_text(bounds))
            case WireLength():
                return "len"
            case Metadata(name):
                return name
            case Draw(identity):
                return f"random{identity}"
            case Load():
                return self._load(term)
            case Lookup(members, index, offset, size, divides):
                return f"@{members.name}{self._load(Load(index, offset, size, divides))}"
            case Binary(operator, left, right):
                return self._sum(operator, left, right)
            case Choose(relation, left, right, then, otherwise):
                sign = "&" if relation is Relation.SET else relation.value
                condition = f"{self.term(left)} {sign} {self.term(right)}"
                ends = (self._end(then), self._end(otherwise))
                meant = f"{ends[0]} where {condition}, else {ends[1]}"
                return self._letter(_CHOICES, meant)
            case _:
                assert_never(term)

    def _end(self, term: Term) -> str:
        """What a choice leads to: a number there is a place, in bytes."""
        return str(term.value) if isinstance(term, Constant) else self.term(term)

    def _load(self, load: Load) -> str:
        size = "" if load.size == 1 else f":{load.size}"
        if load.index is None:
            behind = load.offset - SKF_NET_OFF  # bytes of the network header
            return f"[{load.offset if behind < 0 else f'net+{behind}'}{size}]"
        if isinstance(load.index, Constant):  # near 2**32, where the sum would mean something else
            return f"[{load.index.value:#x}+{load.offset}{size}]"
        index = self.term(load.index)
        if index not in self.definitions:
            index = self._texts[load.index] = self._letter(_PLACES, index)
        offset = f"+{load.offset}" if load.offset else ""
        return f"[{index}{offset}{size}]"

    def _sum(self, operator: Operator, left: Term, right: Term) -> str:
        match operator, left, right:
            case (
                Operator.LSH,
                Binary(Operator.AND, Load(index=None, offset=at, size=1), Constant(0xF)),
                Constant(2),
            ):
                return f"4*([{at}]&0xf)"
            case _:
                sides = (_apart(self.term(left)), _apart(self.term(right)))
                text = f" {operator.value} ".join(sides)
        return text if len(text) <= _LONGEST else self._letter(_SUMS, text)

    def _letter(self, letters: tuple[str, ...], meant: str) -> str:
        taken = sum(letter[0] in letters for letter in self.definitions)
        again, which = divmod(taken, len(letters))
        letter = f"{letters[which]}{again + 1 if again else ''}"
        self.definitions[letter] = meant
        return letter


def _set_text(bounds: tuple[int, ...]) -> str:
    """How many intervals a set has, and each of them."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=True))
    shown = (hex(a) if b == a + 1 else f"{a:#x}..{b - 1:#x}" for a, b in pairs)
    return f"a set of {len(pairs)}: {', '.join(shown)}"


def number_text(value: int) -> str:
    return str(value) if value < _SMALL else hex(value)


def _apart(text: str) -> str:
    return f"({text})" if " " in text else text
