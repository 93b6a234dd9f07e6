"""Terms without the choices that a world makes.

[20] where [12:2] = 0x86dd, else [23]    for packets with [12:2] = 0x800    =>    [23]
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final, TypeAlias

from bpfq.analysis.decisions.landmarks import Header, Landmarks, World, window_of
from bpfq.analysis.decisions.worlds import Comparison, learnt
from bpfq.graph.terms import Binary, Choose, Constant, Load, Lookup, Metadata, Term, operands
from bpfq.graph.walk import subterms
from bpfq.operators import Relation
from bpfq.record import field, record
from bpfq.walk import bottom_up

# relation, left and right side of a condition -> whether it holds
Taken: TypeAlias = Mapping[tuple[Relation, Term, Term], bool]
_MOST_WAYS: Final = 6  # in which the choices of one term are made
_LARGEST_TERM: Final = 60  # nodes; larger ones are not resolved


@record(eq=False)
class Resolved:
    """A term in a world, and how the conditions of its choices were taken to fall out."""

    term: Term
    world: World
    taken: Taken


@record(frozen=False, eq=False)
class Resolver:
    """Makes terms anew by the builder of the landmarks, so that equal places are one object."""

    marks: Landmarks
    _same: dict[Term, Term] = field(default_factory=dict)

    def own(self, term: Term) -> Term:
        """The same term, of the landmarks' builder."""
        return self._made(term, self._same, {})

    def where(self, header: Header, taken: Taken) -> Header:
        """The header in packets for which conditions fell out so."""
        if header.base is None or not taken:
            return header
        base = self._made(header.base, {}, taken)
        if isinstance(base, Constant):
            return Header(header.word, None, header.at + base.value)
        return Header(header.word, base, header.at)

    def resolved(self, term: Term, world: World) -> list[Resolved]:
        """A term of its own without choices, for each way that the world leaves to make them."""
        parts = list(islice(subterms(term), _LARGEST_TERM + 1))
        if len(parts) > _LARGEST_TERM:
            return [Resolved(term, world, {})]
        choices = [part for part in reversed(parts) if isinstance(part, Choose)]
        done: list[Resolved] = []
        work: list[tuple[Taken, World]] = [({}, world)]
        while work:
            taken, known = work.pop()
            untaken = next((one for one in choices if _condition(one) not in taken), None)
            if untaken is None:
                done.append(Resolved(self._made(term, {}, taken), known, taken))
                continue
            for holds in (False, True):
                behind, possible = self._behind(untaken, known, holds)
                if possible:
                    work.append(({**taken, _condition(untaken): holds}, behind))
            if len(work) + len(done) > _MOST_WAYS:
                return [Resolved(term, world, {})]
        return done

    def _behind(self, choice: Choose, world: World, holds: bool) -> tuple[World, bool]:
        """The world in which a choice's condition holds, or does not."""
        window = window_of(choice.left)
        if window is None or not isinstance(choice.right, Constant):
            return world, True
        asked = Comparison(window, choice.relation, choice.right.value)
        return learnt(world, asked, holds, self.marks.keys)

    def _made(self, term: Term, made: dict[Term, Term], taken: Taken) -> Term:
        """A term made anew; choices whose condition was taken to hold or not are made."""
        for part in bottom_up((term,), operands, made):
            made[part] = self._copied(part, made, taken)
        return made[term]

    def _copied(self, term: Term, made: dict[Term, Term], taken: Taken) -> Term:
        builder = self.marks.builder
        match term:
            case Load(Constant(value), offset, size):  # no operand: part of the place
                return builder.load(builder.constant(value), offset, size)
            case Load(index, offset, size):
                return builder.load(None if index is None else made[index], offset, size)
            case Lookup(members, index, offset, size):
                at = index if index is None or isinstance(index, Constant) else made[index]
                found = builder.load(at, offset, size)
                assert isinstance(found, Load)
                return builder.lookup(members, found)
            case Binary(operator, left, right):
                return builder.binary(operator, made[left], made[right])
            case Choose(then=then, otherwise=otherwise) if _condition(term) in taken:
                return made[then if taken[_condition(term)] else otherwise]
            case Choose(relation, left, right, then, otherwise):
                sides = (made[left], made[right], made[then], made[otherwise])
                return builder.choose(relation, *sides)
            case Constant(value):
                return builder.constant(value)
            case Metadata(name):
                return builder.metadata(name)
            case _:
                return term


def _condition(choice: Choose) -> tuple[Relation, Term, Term]:
    return choice.relation, choice.left, choice.right
