"""Which groups of alike tests are worth one test, estimated in instructions.

    saved   the comparison of every member but one; loads that only one of them is left of
    paid    a jump for each term that has to be computed on a way of its own, putting an index
            into X, asking the condition again where the way in no longer tells

A group needs those that its members lead to.  Groups that cost more than they save are given up
from the entry on, so that what is left pays.  One that costs as much is kept: while the way is
still known, its code can put into X what those behind it need.
"""

from __future__ import annotations

from collections.abc import Iterable

from bpfq.graph.membership import weight
from bpfq.graph.nodes import Builder, Node, Test
from bpfq.graph.terms import Choose, Constant, Members, Term
from bpfq.opt.unify import Arms, by_choice, by_index, cost, index_of
from bpfq.record import record

_ASK_AGAIN = 3  # load the field, compare it, jump


@record(eq=False)
class Group:
    """Tests that could be one; the arms are their different terms."""

    members: tuple[Test, ...]
    arms: Arms


def paying(order: list[Test], groups: list[Group], builder: Builder) -> dict[Group, Term]:
    """The groups to keep with the term of each; groups: the farthest from the exits first."""
    region = _Regions(order, groups, builder)
    kept: dict[Group, Term] = {}
    for part in region.parts():
        kept.update(region.paying(part))
    return kept


class _Regions:
    """Groups that lead to each other are given up or kept together."""

    def __init__(self, order: list[Test], groups: list[Group], builder: Builder) -> None:
        self.groups, self.builder = groups, builder
        self.group_of: dict[Node, Group] = {m: group for group in groups for m in group.members}
        self.before: dict[Node, list[Test]] = {}
        for test in order:
            for exit in (test.yes, test.no):
                if isinstance(exit, Test):
                    self.before.setdefault(exit, []).append(test)
        self.wanted: dict[Node, Term | None] = {}  # choices that are in X at or behind a test
        for test in reversed(order):
            own = index_of(test.term)
            behind = self.wanted.get(test.yes) or self.wanted.get(test.no)
            self.wanted[test] = own if isinstance(own, Choose) else behind
        self.kept = dict.fromkeys(groups)
        self.by_index: dict[Group, Term] = {}

    def parts(self) -> list[list[Group]]:
        """The groups by connection, in the order given."""
        name = {group: group for group in self.groups}

        def root(group: Group) -> Group:
            while name[group] is not group:
                name[group] = group = name[name[group]]
            return group

        for group in self.groups:
            for exit in self._exits(group):
                name[root(exit)] = root(group)
        parts: dict[Group, list[Group]] = {}
        for group in self.groups:
            parts.setdefault(root(group), []).append(group)
        return list(parts.values())

    def paying(self, part: list[Group]) -> dict[Group, Term]:
        """What to keep of connected groups."""
        self._choose_indices(part)
        for group in part:
            above = [g for test in self._tests_before(group) if (g := self._kept(test))]
            if not above and self._marginal(group) < 0:
                del self.kept[group]
        left = [group for group in part if group in self.kept]
        if sum(map(self._gain, left)) - self._setting_up(left) <= 0:
            return {}
        return {g: self.by_index.get(g) or by_choice(g.arms, self.builder) for g in left}

    def _exits(self, group: Group) -> list[Group]:
        """The groups that its members' exits are, where they differ."""
        found: dict[Group, None] = {}
        for side in ("yes", "no"):
            exits = dict.fromkeys(getattr(member, side) for member in group.members)
            found.update({self.group_of[e]: None for e in exits if len(exits) > 1})
        return list(found)

    def _kept(self, test: Test) -> Group | None:
        group = self.group_of.get(test)
        return group if group in self.kept else None

    def _tests_before(self, group: Group) -> Iterable[Test]:
        return dict.fromkeys(test for m in group.members for test in self.before.get(m, ()))

    # ------------------------------------------------------------ terms by index

    def _choose_indices(self, part: list[Group]) -> None:
        """One index for all loads of a region: X is one register.

        A header's length first, which is there anyway; else what saves most, if nothing behind
        needs X for another index.
        """
        made: dict[Arms, Term | None] = {}
        candidates: dict[Term, dict[Group, Term]] = {}
        for group in part:
            if group.arms not in made:
                made[group.arms] = self._at_one_index(group.arms)
            term = made[group.arms]
            index = term and index_of(term)
            if term and index and self._is_free(group, index):
                candidates.setdefault(index, {})[group] = term
        lengths = [chosen for index, chosen in candidates.items() if _is_variable(index)]
        for chosen in lengths or [self._best(candidates)]:
            self.by_index.update(chosen)

    def _at_one_index(self, arms: Arms) -> Term | None:
        return by_index(arms, self.builder) if len(arms.terms) > 1 else None

    def _best(self, candidates: dict[Term, dict[Group, Term]]) -> dict[Group, Term]:
        """The groups of the index that saves most, none where loads of their own save as much."""
        best: dict[Group, Term] = {}
        most = 0
        for index, chosen in candidates.items():
            by_choice = sum(map(self._gain, chosen))
            self.by_index.update(chosen)
            saved = sum(map(self._gain, chosen)) - _constants(index) - by_choice
            for group in chosen:
                del self.by_index[group]
            if saved > most:
                best, most = chosen, saved
        return best

    def _is_free(self, group: Group, index: Term) -> bool:
        """X is not needed for another choice behind the group."""
        exits = [exit for member in group.members for exit in (member.yes, member.no)]
        wanted = [self.wanted.get(exit) for exit in exits]
        return _is_variable(index) or all(each is None or each is index for each in wanted)

    def _setting_up(self, groups: list[Group]) -> int:
        """Instructions that put constants into X; it is 0 at the entry of a program."""
        indices = dict.fromkeys(index_of(self.by_index[g]) for g in groups if g in self.by_index)
        return sum(_constants(index) for index in indices if index is not None)

    # ------------------------------------------------------------ what a group saves

    def _marginal(self, group: Group) -> int:
        """What is lost without the group, which no other group needs."""
        behind = [exit for exit in self._exits(group) if exit in self.kept]
        total = self._gain(group) + sum(map(self._gain, behind))
        del self.kept[group]
        rest = sum(map(self._gain, behind))
        self.kept[group] = None
        return total - rest

    def _gain(self, group: Group) -> int:
        loading = [member.term for member in group.members if not self._is_held(member)]
        compared = comparisons(group.members[0])
        before = len(group.members) * compared + sum(map(cost, loading))
        arms = dict.fromkeys(loading)
        if group in self.by_index:
            return before - compared - (cost(self.by_index[group]) if arms else 0)
        after = compared + sum(map(cost, arms)) + max(0, len(arms) - 1)
        if len(group.arms.terms) > 1 and self._is_lost(group):
            after += _ASK_AGAIN
        return before - after

    def _is_held(self, test: Test) -> bool:
        """A holds the test's term on every way into it."""
        before = self.before.get(test, ())
        return bool(before) and all(other.term is test.term for other in before)

    def _is_lost(self, group: Group) -> bool:
        """Some way into the group no longer tells which of its terms is meant."""
        for member in group.members:
            for test in self.before.get(member, ()):
                before = self._kept(test)
                if (
                    before is not None
                    and len(before.arms.terms) > 1
                    and test.term is not member.term
                ):
                    return True
        return False


def comparisons(test: Test) -> int:
    """Instructions behind the load."""
    return weight(test.operand) if isinstance(test.operand, Members) else 1


def _is_variable(index: Term) -> bool:
    return any(not isinstance(leaf, Constant) for leaf in _leaves(index))


def _constants(index: Term) -> int:
    """What a choice may put into X that is neither there already nor has to be put there anyway."""
    return sum(isinstance(leaf, Constant) and leaf.value != 0 for leaf in _leaves(index))


def _leaves(term: Term) -> list[Term]:
    found: list[Term] = []
    work = [term]
    while work:
        part = work.pop()
        if isinstance(part, Choose):
            work += [part.then, part.otherwise]
        else:
            found.append(part)
    return found
