"""Which parts of a formula have to keep their place: a draw, a division whose divisor may be 0.

    host a or 10 / ip[8] = 2 or host b      host b stays behind the division

Either can end the filter, or come out anew, whatever was captured of the packet.
"""

from __future__ import annotations

from bpfq.graph.formula import Atom, Formula, Within, operands
from bpfq.graph.terms import Draw, Term, can_divide_by_zero
from bpfq.graph.walk import subterms
from bpfq.record import field, record


@record(eq=False)
class Bound:
    """What was asked of formulas and of terms before."""

    formulas: dict[Formula, bool] = field(default_factory=dict)
    terms: dict[Term, bool] = field(default_factory=dict)

    def keeps_its_place(self, formula: Formula) -> bool:
        """No recursion."""
        known = self.formulas
        if formula in known:
            return known[formula]
        work = [formula]
        while work:
            part = work[-1]
            below = operands(part)
            waiting = [other for other in below if other not in known]
            if waiting:
                work += waiting
            else:
                known[part] = self._is_bound(part) or any(known[other] for other in below)
                work.pop()
        return known[formula]

    def _is_bound(self, formula: Formula) -> bool:
        match formula:
            case Atom(term, _, operand):
                return self._can_end(term) or self._can_end(operand)
            case Within(term):
                return self._can_end(term)
            case _:
                return False

    def _can_end(self, term: Term) -> bool:
        found = self.terms.get(term)
        if found is None:
            drawn = any(isinstance(part, Draw) for part in subterms(term))
            found = self.terms[term] = drawn or can_divide_by_zero(term)
        return found
