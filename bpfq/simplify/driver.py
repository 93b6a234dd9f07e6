"""The walk: every primitive is asked about where it stands, then what its neighbours made needless.

    in context      what the tests to the left on the same path decided:   a and (a or b) => a
    from behind     what a later operand implies:                          a and b => b
    by algebra      two tests of one value as one (``rules``)

Each step keeps the total reading the same for every packet.  Each also keeps what the sequential
reading accepts: a test in context is not read where it was; an earlier operand is dropped only
where a failure of the whole rejects the packet, so that accepting meant reading all operands.
"""

from __future__ import annotations

from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.walk import leaves, operands
from bpfq.record import field, record, replace
from bpfq.simplify import rules
from bpfq.simplify.oracle import Encode, Oracle
from bpfq.symbolic.diagram import Diagram, TooLarge


@record
class Removal:
    """A clause that is not tested: it always holds where it stands, or never does.

    later: it holds wherever what stands behind it does.
    """

    clause: q.Query
    outcome: bool
    later: bool = False


@record
class Simplified:
    """questions: how many were asked of z3; none where it was not even imported."""

    query: q.Query
    removed: tuple[Removal, ...] = ()
    questions: int = 0


def simplify(query: q.Query, encode: Encode) -> Simplified:
    """The same filter without the tests that others of its tests decide.

    encode: the formula of a query where it will run.  Raises what lowering raises.  A query too
    large to be decided in a fixed number of steps is returned as it is.
    """
    for leaf in leaves(query):
        encode(leaf)  # so that the first error is the leftmost one
    oracle = Oracle(encode)
    try:
        made, removed = _Walk(oracle).run(query)
    except TooLarge:
        return Simplified(query, (), oracle.questions)
    return Simplified(query if made == query else made, tuple(removed), oracle.questions)


@record
class _Part:
    """A query, and where it holds; None where it must stay as it is."""

    query: q.Query
    diagram: Diagram | None

    @property
    def fixed(self) -> bool:
        return self.diagram is None


@record(frozen=False)
class _Frame:
    """A Boolean node on the way.  context: what is known here, and changes with each operand.

    rejecting: the outcomes of the node with which the whole filter rejects.
    """

    node: q.Query
    context: Diagram
    rejecting: frozenset[bool]
    start: Diagram
    done: list[_Part] = field(default_factory=list)


_NEITHER: frozenset[bool] = frozenset()


@record(frozen=False)
class _Walk:
    oracle: Oracle
    removed: list[Removal] = field(default_factory=list)

    def run(self, query: q.Query) -> tuple[q.Query, list[Removal]]:
        start = self.oracle.leaf(build.everything())  # what every packet of the link type has
        assert start is not None
        if not operands(query):
            return self._leaf(query, start).query, self.removed
        frames = [_Frame(query, start, frozenset((False,)), start)]
        part: _Part | None = None
        while frames:
            frame = frames[-1]
            if part is not None:
                self._learn(frame, part)
                part = None
            below = operands(frame.node)
            position = len(frame.done)
            if position < len(below) and not self._is_decided(frame):
                child = below[position]
                context, rejecting = self._situation(frame, position)
                if operands(child):
                    frames.append(_Frame(child, context, rejecting, context))
                else:
                    part = self._leaf(child, context)
            else:
                part = self._finished(frames.pop())
        assert part is not None
        return part.query, self.removed

    # ------------------------------------------------------------ one primitive

    def _leaf(self, leaf: q.Query, context: Diagram) -> _Part:
        oracle = self.oracle
        diagram = oracle.leaf(leaf)
        if diagram is None or isinstance(leaf, q.Constant):
            return _Part(leaf, diagram)
        for outcome, other in ((False, diagram), (True, oracle.opposite(diagram))):
            if oracle.impossible(oracle.both(context, other)):
                self.removed.append(Removal(leaf, outcome))
                return self._constant(outcome, leaf)
        return _Part(leaf, diagram)

    def _constant(self, value: bool, instead_of: q.Query) -> _Part:
        diagrams = self.oracle.diagrams
        made = q.Constant(value, span=getattr(instead_of, "span", None))
        return _Part(made, diagrams.holds if value else diagrams.fails)

    # ------------------------------------------------------------ down and up

    def _situation(self, frame: _Frame, position: int) -> tuple[Diagram, frozenset[bool]]:
        """What is known where an operand stands, and with which of its outcomes all is rejected."""
        last = position == len(operands(frame.node)) - 1
        match frame.node:
            case q.Not():
                return frame.context, frozenset(not one for one in frame.rejecting)
            case q.And():
                kept = frozenset((False, True)) if last else frozenset((False,))
                return frame.context, frame.rejecting & kept
            case q.Or():
                kept = frozenset((False, True)) if last else frozenset((True,))
                return frame.context, frame.rejecting & kept
            case _:
                return frame.context, frame.rejecting if position else _NEITHER

    def _learn(self, frame: _Frame, part: _Part) -> None:
        """What the next operand can rely on."""
        oracle = self.oracle
        frame.done.append(part)
        match frame.node:
            case q.And() if part.diagram is not None:
                frame.context = oracle.both(frame.context, part.diagram)
            case q.Or() if part.diagram is not None:
                frame.context = oracle.both(frame.context, oracle.opposite(part.diagram))
            case q.When() if frame.done[0].diagram is not None and len(frame.done) < 3:
                condition = frame.done[0].diagram
                known = condition if len(frame.done) == 1 else oracle.opposite(condition)
                frame.context = oracle.both(frame.start, known)

    def _is_decided(self, frame: _Frame) -> bool:
        """The operands so far leave nothing to the others."""
        if not frame.done or any(part.fixed for part in frame.done):
            return False
        match frame.node:
            case q.And() | q.Or():
                return frame.done[-1].query == q.Constant(isinstance(frame.node, q.Or))
            case _:
                return False

    def _finished(self, frame: _Frame) -> _Part:
        node, done = frame.node, frame.done
        match node:
            case q.Not():
                return self._negated(node, done[0])
            case q.When():
                return self._when(node, *done)
            case q.And() | q.Or():
                return self._joined(node, frame)
            case _:
                raise AssertionError("a primitive has no operands")

    def _negated(self, node: q.Not, part: _Part) -> _Part:
        if isinstance(part.query, q.Constant):
            return self._constant(not part.query.value, node)
        diagram = None if part.diagram is None else self.oracle.opposite(part.diagram)
        return _Part(build.negate(part.query, span=node.span), diagram)

    def _when(self, node: q.When, condition: _Part, then: _Part, otherwise: _Part) -> _Part:
        if isinstance(condition.query, q.Constant):
            return then if condition.query.value else otherwise
        decided = isinstance(then.query, q.Constant) and then.query == otherwise.query
        if decided and not condition.fixed:
            return then
        made = q.When(condition.query, then.query, otherwise.query, span=node.span)
        if condition.diagram is None or then.diagram is None or otherwise.diagram is None:
            return _Part(made, None)
        diagram = self.oracle.diagrams.choose(
            condition.diagram, then.diagram, otherwise.diagram, otherwise.diagram
        )
        return _Part(made, diagram)

    # ------------------------------------------------------------ and, or

    def _joined(self, node: q.And | q.Or, frame: _Frame) -> _Part:
        conjunction = isinstance(node, q.And)
        parts = self._without_constants(node, frame.done)
        if len(parts) == 1 and isinstance(parts[0].query, q.Constant):
            return parts[0]
        failing = (not conjunction) in frame.rejecting  # with a failure of any operand
        parts = self._without_implied(parts, frame.start, conjunction, failing)
        parts = self._merged(parts, conjunction)
        make = build.all_of if conjunction else build.any_of
        made = make(*(part.query for part in parts), span=node.span)
        return _Part(made, self._diagram(parts, conjunction))

    def _diagram(self, parts: list[_Part], conjunction: bool) -> Diagram | None:
        diagrams, oracle = self.oracle.diagrams, self.oracle
        made = diagrams.holds if conjunction else diagrams.fails
        for part in parts:
            if part.diagram is None:
                return None
            join = oracle.both if conjunction else oracle.either
            made = join(made, part.diagram)
        return made

    def _without_constants(self, node: q.And | q.Or, done: list[_Part]) -> list[_Part]:
        """Operands that change nothing go, and what follows one that decides.

        Not what must stay: where such an operand stands before it, a deciding one stays as it was.
        """
        conjunction = isinstance(node, q.And)
        kept: list[_Part] = []
        for part, written in zip(done, node.operands, strict=False):
            if part.query == q.Constant(conjunction):
                continue
            if not isinstance(part.query, q.Constant):
                kept.append(part)
            elif any(before.fixed for before in kept):
                kept.append(_Part(written, self._written(written)))
            else:
                return [part]
        return kept or [self._constant(conjunction, node)]

    def _written(self, query: q.Query) -> Diagram | None:
        """A compound operand is not looked at again."""
        return None if operands(query) else self.oracle.leaf(query)

    def _without_implied(
        self, parts: list[_Part], start: Diagram, conjunction: bool, failing: bool
    ) -> list[_Part]:
        """Drop each operand that the primitive behind it implies.

        failing: an operand that decides rejects, as its failure does.  Elsewhere the one behind
        has to find its bytes wherever this one decides.
        What stands further behind can imply it, too, but then the operands between have no use
        of it any more, and the program may grow.
        """
        oracle = self.oracle
        kept: list[_Part] = []
        before = start
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            own = self._passing(part, conjunction)
            rest = None if following is None else self._passing(following, conjunction)
            if own is not None:
                if following is not None and rest is not None and _is_primitive(following.query):
                    open_case = oracle.both(oracle.both(before, rest), oracle.opposite(own))
                    needless = oracle.impossible(open_case)
                    if needless and (failing or self._decides(following, part, conjunction)):
                        self.removed.append(Removal(part.query, conjunction, later=True))
                        continue
                before = oracle.both(before, own)
            kept.append(part)
        return kept

    def _decides(self, one: _Part, other: _Part, conjunction: bool) -> bool:
        """Wherever the other decides, the one does, with no more bytes than are there."""
        if not _is_primitive(other.query):
            return False
        queries = (build.negate(each.query) if conjunction else each.query for each in (other, one))
        return self.oracle.reads_whenever(*queries)

    def _passing(self, part: _Part, conjunction: bool) -> Diagram | None:
        """Where the operand leaves the decision to the next one."""
        if part.diagram is None:
            return None
        return part.diagram if conjunction else self.oracle.opposite(part.diagram)

    def _merged(self, parts: list[_Part], conjunction: bool) -> list[_Part]:
        into = rules.merged(
            [part.query for part in parts],
            [part.fixed for part in parts],
            conjunction=conjunction,
        )
        made: dict[int, _Part] = {}
        for number, place in enumerate(into):
            part = parts[number]
            if place == number:
                made[number] = part
                continue
            query = rules.merge(made[place].query, part.query, conjunction=conjunction)
            assert query is not None
            made[place] = replace(made[place], query=query, diagram=self.oracle.leaf(query))
        return list(made.values())


def _is_primitive(query: q.Query) -> bool:
    return not operands(query.operand if isinstance(query, q.Not) else query)
