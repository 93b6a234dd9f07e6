"""A packet being made: its bytes, what it costs against the template it came from, and the values
that terms have on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from bpfq.analysis.witness.pieces import EXPERIMENT_TYPE, WITH_TEMPLATES, is_pretence
from bpfq.analysis.witness.templates import Template
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
)
from bpfq.operators import Operator, calculate
from bpfq.record import field, record, replace
from bpfq.targets import SKF_NET_OFF

MOST_BYTES: Final = 1 << 20  # a packet grows no longer than this
RANDOM: Final = "random"  # the word of every draw, as ``Program.matches`` takes it

# What changes cost.  A packet grows by some thousand bytes before it is rather cut short.
_OF_A_BYTE, _OF_A_KEPT_BYTE, _OF_A_FIXED_BYTE = 0.25, 1.0, 20.0
_OF_GROWING, _OF_CUTTING, _OF_A_WORD, _OF_SNAPPING = 0.3, 4.0, 0.25, 3.0
_OF_A_RANK, _OF_A_LATE_RANK, _EARLY = 0.03, 0.002, 30


@record
class Draft:
    """octets: captured, from the target's byte 0; length: on the wire; the rest as in Template."""

    template: Template
    octets: bytes
    length: int
    metadata: Mapping[str, int]
    network_header: bytes

    @property
    def cost(self) -> float:
        """How far this is from the template; fixed bytes count most."""
        template = self.template
        before, piece = template.octets, template.piece
        total = _OF_A_RANK * min(template.rank, _EARLY) + _OF_A_LATE_RANK * template.rank
        if self.octets[: len(before)] != before:
            for at, (old, new) in enumerate(zip(before, self.octets, strict=False)):
                if old != new:
                    total += (
                        _OF_A_FIXED_BYTE if at in piece.fixed
                        else _OF_A_KEPT_BYTE if at in piece.kept else _OF_A_BYTE
                    )  # fmt: skip
        if is_pretence(piece, self.octets):
            total += _OF_A_FIXED_BYTE
        grown = len(self.octets) - len(before)
        if grown > 0:
            total += _OF_GROWING + grown / 1024
        elif grown < 0:
            total += _OF_CUTTING - grown / 8
        if self.length != len(self.octets):
            total += _OF_SNAPPING
        if self.network_header != template.network_header:
            total += _cost_of_header(template.network_header, self.network_header)
        if self.metadata:
            total += _cost_of_words(dict(template.metadata), self.metadata)
        return total


def _cost_of_words(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The type that a kernel tells is fixed; any without a template of its own is as good."""
    changed = [name for name, value in now.items() if value != before.get(name, 0)]
    total = _OF_A_WORD * len(changed)
    if "proto" in changed and "proto" in before:
        loose = before["proto"] == EXPERIMENT_TYPE and now["proto"] not in WITH_TEMPLATES[2]
        total += 0 if loose else _OF_A_FIXED_BYTE
    return total


def _cost_of_header(before: bytes, now: bytes) -> float:
    """Of an IP header: its version and the protocol behind it are fixed."""
    fixed = (0, 6) if before[0] >> 4 == 6 else (0, 9)
    changed = [at for at, (old, new) in enumerate(zip(before, now, strict=True)) if old != new]
    return sum(_OF_A_FIXED_BYTE if at in fixed else _OF_A_BYTE for at in changed)


def begun(template: Template) -> Draft:
    metadata = dict(template.metadata)
    size = len(template.octets)
    return Draft(template, template.octets, size, metadata, template.network_header)


class Short(Exception):
    """A load ends ``by`` bytes past the captured ones."""

    def __init__(self, by: int) -> None:
        super().__init__(by)
        self.by = by


class ZeroDivisor(Exception):
    """The divisor is 0."""

    def __init__(self, divisor: Term) -> None:
        super().__init__(divisor)
        self.divisor = divisor


@record(frozen=False, eq=False)
class Values:
    """What terms are worth on one draft, each computed once."""

    draft: Draft
    _known: dict[Term, int] = field(default_factory=dict)

    def holds(self, test: Test) -> bool:
        """Whether the test's relation holds; raises Short or ZeroDivisor."""
        return test.relation.holds(self.value(test.term), self.value(test.operand))

    def value(self, term: Term) -> int:
        """Nesting is bounded by what the query allows."""
        found = self._known.get(term)
        if found is None:
            found = self._known[term] = self._computed(term)
        return found

    def _computed(self, term: Term) -> int:
        draft = self.draft
        match term:
            case Constant(value):
                return value
            case Load(size=size):
                octets, at = self.place(term)
                if at + size > len(octets):
                    raise Short(at + size - len(octets))
                return int.from_bytes(octets[at : at + size], "big")
            case Binary(operator, left, right):
                return self._arithmetic(operator, left, right)
            case Choose(then=then, otherwise=otherwise):
                return self.value(then if self.chooses(term) else otherwise)
            case Members():
                raise AssertionError("sets are written out before packets are drafted")
            case Lookup():
                raise AssertionError("what is looked up may change")
            case WireLength():
                return draft.length
            case Metadata(name):
                return draft.metadata.get(name, 0)
            case Draw():
                return draft.metadata.get(RANDOM, 0)
            case _:
                assert_never(term)

    def _arithmetic(self, operator: Operator, left: Term, right: Term) -> int:
        first, second = self.value(left), self.value(right)
        if second == 0 and operator in (Operator.DIV, Operator.MOD):
            raise ZeroDivisor(right)
        return calculate(operator, first, second)

    def chooses(self, term: Choose) -> bool:
        """Whether the first arm is taken."""
        return term.relation.holds(self.value(term.left), self.value(term.right))

    def place(self, load: Load) -> tuple[bytes, int]:
        """The bytes that a load reads from, and where in them."""
        index = 0 if load.index is None else self.value(load.index)
        if load.offset >= SKF_NET_OFF and self.draft.network_header:
            whole = self.draft.network_header + self.draft.octets
            return whole, index + load.offset - SKF_NET_OFF
        return self.draft.octets, index + load.offset


# ---------------------------------------------------------------- changes


def written(draft: Draft, load: Load, at: int, value: int) -> Draft:
    """The draft with a load's bytes set; ``at`` counts as in ``Values.place``."""
    octets = value.to_bytes(load.size, "big")
    if load.offset >= SKF_NET_OFF and draft.network_header:
        whole = draft.network_header + draft.octets
        whole = whole[:at] + octets + whole[at + load.size :]
        before = len(draft.network_header)
        return replace(draft, network_header=whole[:before], octets=whole[before:])
    changed = draft.octets[:at] + octets + draft.octets[at + load.size :]
    return replace(draft, octets=changed)


def grown(draft: Draft, by: int) -> Draft | None:
    """More captured bytes, and no fewer on the wire; None where that is too many."""
    size = len(draft.octets) + by
    if size > MOST_BYTES:
        return None
    whole = draft.length == len(draft.octets)
    length = size if whole else max(draft.length, size)
    return replace(draft, octets=draft.octets + bytes(by), length=length)


def of_length(draft: Draft, length: int, *, snapped: bool) -> Iterable[Draft]:
    """Whole packets of that length on the wire; where files may hold them, cut ones too."""
    size = len(draft.octets)
    if length <= MOST_BYTES:
        octets = draft.octets[:length] + bytes(max(length - size, 0))
        yield replace(draft, octets=octets, length=length)
    if snapped and length > size:
        yield replace(draft, length=length)


def with_word(draft: Draft, name: str, value: int) -> Draft:
    return replace(draft, metadata={**draft.metadata, name: value})
