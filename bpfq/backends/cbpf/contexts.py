"""Terms that depend on the way a packet came: what an edge knows of their conditions.

    a: [12:2] = 0x800 ? c : b
    b: [12:2] = 0x86dd ? c : reject
    c: ([12:2] = 0x800 ? [23:1] : [20:1]) = 6 ? ...

Both edges into c know which of the two loads it is.  A condition that some edge into a test with it
decides is a condition of context; terms are made anew, so that those with equal conditions of
context share their loads, and can be had as they are where the conditions are known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeAlias

from bpfq.graph.nodes import Builder, Test
from bpfq.graph.terms import Binary, Choose, Constant, Load, Lookup, Metadata, Term, operands
from bpfq.isa.cbpf.instructions import LINK_BASE
from bpfq.operators import Operator, Relation
from bpfq.opt.facts import Domain, width
from bpfq.record import field, record

Condition: TypeAlias = tuple[Relation, Term, int]
Facts: TypeAlias = Mapping[Term | Condition, Domain | bool]  # what a term can be, what came out
Edge: TypeAlias = tuple[Test, bool]  # a test and its outcome

NO_FACTS: Facts = {}
_DEEPEST = 8  # choices in choices that are looked into
_NO_CONDITIONS: tuple[Condition, ...] = ()


def condition(term: Term) -> Condition | None:
    """What a choice depends on, if that is one field of the packet and nothing that can fail."""
    match term:
        case Choose(relation, (Load(None) | Metadata()) as left, Constant(value), divides=False):
            return relation, left, value
        case _:
            return None


def outcome(asked: Condition, facts: Facts) -> bool | None:
    known = facts.get(asked)
    if known is None:
        relation, left, value = asked
        domain = facts.get(left)
        return domain.decide(relation, value) if isinstance(domain, Domain) else None
    return known if isinstance(known, bool) else None


def refine(facts: Facts, asked: Condition, holds: bool) -> Facts:
    """The facts behind a comparison that came out so; domains do not tell all of them."""
    relation, left, value = asked
    before = facts.get(left)
    domain = before if isinstance(before, Domain) else width(left)
    refined: Facts = {**facts, left: domain.refine(relation, value, holds)}
    return refined if outcome(asked, refined) is holds else {**refined, asked: holds}


def meet(facts: list[Facts]) -> Facts:
    """What is known where edges meet."""
    common = facts[0]
    for other in facts[1:]:
        if other is common:
            continue
        met: dict[Term | Condition, Domain | bool] = {}
        for key, known in common.items():
            also = other.get(key)
            if isinstance(known, Domain) and isinstance(also, Domain):
                met[key] = known.join(also)
            elif also is not None and known == also:
                met[key] = known
        common = met
    return common


@record(frozen=False)
class Contexts:
    """The conditions of context of a graph, and its terms made anew.

    tests: term and operand of every test.  facts: what the edges out of a test know of the fields
    that conditions ask for.  nothing: what X holds at the start.
    joined: choices of loads that became one load at a chosen index.
    """

    tests: dict[Test, tuple[Term, Term]]
    facts: dict[Edge, Facts]
    builder: Builder
    _asked: frozenset[Condition]
    nothing: Term | None = None
    joined: tuple[Term, ...] = ()
    _conditions: dict[Term, tuple[Condition, ...]] = field(default_factory=dict)
    _where: dict[object, Term] = field(default_factory=dict)

    def is_choice(self, term: Term) -> bool:
        """A choice with a condition of context."""
        return condition(term) in self._asked

    def conditions(self, term: Term) -> tuple[Condition, ...]:
        """The conditions of context in a term, those of the parts first."""
        if not self._asked:
            return _NO_CONDITIONS
        for part in _parts(term, self._conditions):
            found: dict[Condition, None] = {}
            for child in operands(part):
                found.update(dict.fromkeys(self._conditions[child]))
            own = condition(part)
            if own in self._asked and own is not None:
                found[own] = None
            self._conditions[part] = tuple(found)
        return self._conditions[term]

    def where(self, term: Term, facts: Facts, *, fold: bool = True) -> Term:
        """The term where these facts hold.  fold: a load at a constant index is an absolute one."""
        asked = self.conditions(term) if facts else _NO_CONDITIONS
        known = tuple((c, holds) for c in asked if (holds := outcome(c, facts)) is not None)
        if not known:
            return term
        key = (term, fold, known)
        found = self._where.get(key)
        if found is None:
            found = self._where[key] = self._specialised(term, facts, fold)
        return found

    def _specialised(self, term: Term, facts: Facts, fold: bool) -> Term:
        made: dict[Term, Term] = {}
        work = [term]
        while work:
            part = work[-1]
            needed = self._taken(part, facts)
            waiting = [child for child in needed if child not in made]
            if waiting:
                work += waiting
                continue
            work.pop()
            made[part] = self._made(part, needed, made, fold)
        return made[term]

    def _taken(self, part: Term, facts: Facts) -> tuple[Term, ...]:
        """The operands of a term that matter, or the one that a choice comes to."""
        asked = condition(part)
        if isinstance(part, Choose) and asked is not None and asked in self._asked:
            holds = outcome(asked, facts)
            if holds is not None:
                return (part.then if holds else part.otherwise,)
        return operands(part)

    def _made(
        self, part: Term, needed: tuple[Term, ...], made: dict[Term, Term], fold: bool
    ) -> Term:
        if isinstance(part, Choose) and len(needed) == 1:
            return made[needed[0]]
        if not fold and isinstance(part, Load) and part.index is not None:
            index = made.get(part.index, part.index)
            if isinstance(index, Constant) and index is not part.index:
                return Load(index, part.offset, part.size)
        return remade(part, made, self.builder)


def no_contexts(order: list[Test]) -> Contexts:
    """The terms of the tests as they are."""
    plain = {test: (test.term, test.operand) for test in order}
    return Contexts(plain, {}, Builder(), frozenset())


def find_contexts(order: list[Test], apart: Collection[Term] = ()) -> Contexts | None:
    """The contexts of a graph in topological order, if it has any.

    apart: choices whose loads keep offsets of their own, though one index would do for both.
    """
    terms = children_first((test.term, test.operand) for test in order)
    asked = {found for found in map(condition, terms) if found is not None}
    tested = {test.term for test in order}
    if not any(left in tested for _, left, _ in asked):
        return None
    decided = _decided(order, asked)
    if not decided:
        return None
    builder = Builder()
    made: dict[Term, Term] = {}
    joined: list[Term] = []
    for term in terms:
        shared = None
        if term not in apart and condition(term) in decided:
            shared = _shared(term, made, builder)
        if shared is not None:
            joined.append(term)
        made[term] = shared or remade(term, made, builder)
    tests = {test: (made[test.term], made[test.operand]) for test in order}
    remembered = frozenset((relation, made[left], value) for relation, left, value in decided)
    facts = _flow(order, tests, {left for _, left, _ in remembered})
    return Contexts(tests, facts, builder, remembered, builder.constant(0), tuple(joined))


def _decided(order: list[Test], asked: set[Condition]) -> set[Condition]:
    """The conditions that some edge between two tests decides."""
    plain = {test: (test.term, test.operand) for test in order}
    facts = _flow(order, plain, {left for _, left, _ in asked})
    found: set[Condition] = set()
    for (test, holds), known in facts.items():
        if known and isinstance(test.yes if holds else test.no, Test):
            found.update(c for c in asked if outcome(c, known) is not None)
    return found


def _flow(
    order: list[Test], tests: Mapping[Test, tuple[Term, Term]], lefts: set[Term]
) -> dict[Edge, Facts]:
    """What every edge knows of some terms; a fact exists only where its term was computed."""
    arriving: dict[object, list[Facts]] = {order[0]: [NO_FACTS]}
    edges: dict[Edge, Facts] = {}
    for test in order:
        facts = meet(arriving.pop(test))
        term, operand = tests[test]
        for holds, successor in ((True, test.yes), (False, test.no)):
            known = facts
            if term in lefts and isinstance(operand, Constant):
                known = refine(facts, (test.relation, term, operand.value), holds)
            edges[test, holds] = known
            arriving.setdefault(successor, []).append(known)
    return edges


# ---------------------------------------------------------------- terms


def children_first(pairs: Iterable[tuple[Term, Term]]) -> list[Term]:
    """Every term of some tests once, operands before what is made of them."""
    seen: dict[Term, None] = {}
    for pair in pairs:
        for root in pair:
            if root not in seen:
                seen.update(dict.fromkeys(_parts(root, seen)))
    return list(seen)


def _parts(root: Term, known: Mapping[Term, object]) -> list[Term]:
    """A term and all it is made of but for what is known, operands first."""
    found: dict[Term, None] = {}
    work = [(root, False)]
    while work:
        term, done = work.pop()
        if done:
            found[term] = None
        elif term not in known and term not in found:
            work.append((term, True))
            work.extend((child, False) for child in operands(term))
    return list(found)


def remade(term: Term, made: Mapping[Term, Term], builder: Builder) -> Term:
    """The term over operands made anew."""
    match term:
        case Constant(value):
            return builder.constant(value)
        case Load(index, offset, size):
            return builder.load(None if index is None else made.get(index, index), offset, size)
        case Lookup(members, index, offset, size):
            found = builder.load(None if index is None else made.get(index, index), offset, size)
            assert isinstance(found, Load)
            return builder.lookup(members, found)
        case Binary(operator, left, right):
            return builder.binary(operator, made[left], made[right])
        case Choose(relation, left, right, then, otherwise):
            return builder.choose(relation, made[left], made[right], made[then], made[otherwise])
        case _:
            return term


def _shared(term: Term, made: Mapping[Term, Term], builder: Builder) -> Term | None:
    """A choice of two terms of one shape, as that shape over a choice.

    c ? [i + 14] : [54]  ->  [(c ? i : 40) + 14]        c ? a & k : b & k  ->  (c ? a : b) & k
    """
    if not isinstance(term, Choose):
        return None

    def choose(then: Term, otherwise: Term) -> Term:
        return builder.choose(term.relation, made[term.left], made[term.right], then, otherwise)

    constants: list[tuple[Operator, Term]] = []
    then, otherwise = made[term.then], made[term.otherwise]
    while isinstance(then, Binary) and isinstance(otherwise, Binary):
        same = then.operator is otherwise.operator and then.right is otherwise.right
        if not same or not isinstance(then.right, Constant):
            break
        constants.append((then.operator, then.right))
        then, otherwise = then.left, otherwise.left
    found = _choice_of_loads(then, otherwise, choose, builder)
    if found is None and not constants:
        return None
    result = found or choose(then, otherwise)
    for operator, right in reversed(constants):
        result = builder.binary(operator, result, right)
    return result


def _choice_of_loads(
    then: Term, otherwise: Term, choose: Callable[[Term, Term], Term], builder: Builder
) -> Term | None:
    """One load at a chosen index; the smallest offset leaves X as it is at the start."""
    if not isinstance(then, Load) or not isinstance(otherwise, Load) or then.size != otherwise.size:
        return None
    loads = (then, otherwise)
    for offset in sorted({load.offset for load in loads}):
        arms = [_index_from(load, offset, builder) for load in loads]
        if arms[0] is not None and arms[1] is not None:
            return builder.load(choose(arms[0], arms[1]), offset, then.size)
    return None


def _index_from(load: Load, offset: int, builder: Builder) -> Term | None:
    """The index that makes a load one at this offset."""
    if load.offset == offset and load.index is not None:
        return load.index
    if not offset <= load.offset < LINK_BASE:
        return None
    index = builder.constant(0) if load.index is None else load.index
    return _raised(index, load.offset - offset, builder, _DEEPEST)


def _raised(index: Term, by: int, builder: Builder, depth: int) -> Term | None:
    """A constant, or a choice of constants, with something added."""
    match index:
        case Constant(value) if value + by < LINK_BASE:
            return builder.constant(value + by)
        case Choose(relation, left, right) if depth:
            then = _raised(index.then, by, builder, depth - 1)
            otherwise = _raised(index.otherwise, by, builder, depth - 1)
            if then is None or otherwise is None:
                return None
            return builder.choose(relation, left, right, then, otherwise)
        case _:
            return None
