"""A filter as a decision diagram over its fields, and back: every field is tested once on a path.

    tcp port 80 or tcp port 443 or tcp portrange 79-81
    =>  [12:2], then [23], then [20:2], then [x+14] in {79, 80, 81, 443}, then [x+16] likewise

Equal, overlapping and contradictory tests of a field become one partition of its values, however
far apart they stand in the filter.  The diagram says what the filter says on packets that are not
cut short; what a program of it does to shorter ones has to be decided before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.graph.formula import Formula, size
from bpfq.graph.nodes import ACCEPT, REJECT, Builder, Node
from bpfq.graph.search import Piece
from bpfq.graph.terms import Term
from bpfq.operators import WORD_MASK, Operator, Relation
from bpfq.opt.partition import Bits, part
from bpfq.record import field, record
from bpfq.symbolic import words as w
from bpfq.symbolic.diagram import MOST_PIECES, Diagram, Diagrams, TooLarge
from bpfq.symbolic.formula import TOTAL, encode
from bpfq.symbolic.propositions import Packet
from bpfq.targets import SKF_NET_OFF
from bpfq.walk import bottom_up

_BUDGET = 50_000  # intervals; filters in daily use take some thousand
_LARGER = 4  # nodes for a test of the formula, of which one or two are usual
_NEGATIVE = 1 << 31  # words from here on are added as what they take away


def by_fields(formula: Formula, builder: Builder, bits: dict[Term, list[Bits]]) -> Node | None:
    """The graph of the formula's diagram, fields in the order in which the formula reads them.

    bits: masked tests of the filter by what they mask.  None where fields multiply, so that the
    diagram is larger than the formula, or where a field has no plain term.
    """
    packet = Packet()
    diagrams = Diagrams(pieces=MOST_PIECES - _BUDGET)
    try:
        root = diagrams.of(encode(formula, packet, TOTAL))
        nodes = list(bottom_up((root,), lambda node: node.children))
        if len(nodes) > _LARGER * size(formula):
            return None
        return _Rebuilder(builder, diagrams, bits).graph(nodes)
    except (TooLarge, _NoTerm):
        return None


class _NoTerm(Exception):
    """A word that no term says."""


@record(frozen=False)
class _Rebuilder:
    builder: Builder
    diagrams: Diagrams
    bits: dict[Term, list[Bits]]
    _terms: dict[w.Word, Term] = field(default_factory=dict)

    def graph(self, nodes: list[Diagram]) -> Node:
        """The graph of the last node; nodes: it and all below it, children first."""
        diagrams = self.diagrams
        made: dict[Diagram, Node] = {
            diagrams.holds: ACCEPT, diagrams.fails: REJECT, diagrams.faults: REJECT,
        }  # fmt: skip
        for each in nodes:
            if each not in made:
                made[each] = self._node(each, [made[child] for child in each.children])
        return made[nodes[-1]]

    def _node(self, diagram: Diagram, exits: list[Node]) -> Node:
        variable = self.diagrams.variables[diagram.level]
        if isinstance(variable, tuple):
            left, right = variable
            if isinstance(left, str) or right is None:
                raise _NoTerm  # how much was captured is not a filter's business
            return self._compared(self._term(left), self._term(right), diagram, exits)
        term = self._term(variable)
        edges = (0, *diagram.cuts, variable.most + 1)
        pieces = [Piece(*piece) for piece in zip(edges, edges[1:], exits, strict=False)]
        return part(self.builder, term, pieces, self.bits.get(term, ()))

    def _compared(self, left: Term, right: Term, diagram: Diagram, exits: list[Node]) -> Node:
        """Less, equal and greater, of which two or three differ."""
        test = self.builder.test
        less, equal, greater = (
            exits[sum(cut <= outcome for cut in diagram.cuts)] for outcome in (-1, 0, 1)
        )
        if less is equal:
            return test(left, Relation.GT, right, greater, less)
        if equal is greater:
            return test(left, Relation.GE, right, greater, less)
        rest = less
        if less is not greater:
            rest = test(left, Relation.GT, right, greater, less)
        return test(left, Relation.EQ, right, equal, rest)

    # ------------------------------------------------------------ words as terms

    def _term(self, word: w.Word) -> Term:
        work = [word]
        while work:
            current = work[-1]
            waiting = [part for part in _parts(current) if part not in self._terms]
            if waiting:
                work += waiting
                continue
            work.pop()
            if current not in self._terms:
                self._terms[current] = self._plain(current)
        return self._terms[word]

    def _plain(self, word: w.Word) -> Term:
        """The term of a word whose parts are done."""
        make, terms = self.builder, self._terms
        match word:
            case w.Number(value=value):
                return make.constant(value)
            case w.Length():
                return make.wire_length()
            case w.Metadata(name=name):
                return make.metadata(name)
            case w.Bytes(base=base, index=index, offset=offset, size=size):
                start = offset if base == w.START else SKF_NET_OFF + offset
                return make.load(None if index is None else terms[index], start, size)
            case w.Operation(Operator.ADD, left, w.Number(value=value)) if value >= _NEGATIVE:
                taken = make.constant(WORD_MASK + 1 - value)
                return make.binary(Operator.SUB, terms[left], taken)
            case w.Operation(operator, left, right):
                return make.binary(operator, terms[left], terms[right])
            case _:  # draws keep their place in the filter; choices are no field
                raise _NoTerm


def _parts(word: w.Word) -> Iterator[w.Word]:
    match word:
        case w.Bytes(index=index) if index is not None:
            yield index
        case w.Operation(left=left, right=right):
            yield left
            yield right
        case _:
            return
