"""What a filter refuses, tested before what it wants.

    udp port 53 and not net 10.0.0.0/8   =>   not net 10.0.0.0/8 and udp port 53

Addresses are refused in IPv4 packets alone; tested first, they leave the ports of both families to
one block behind them.  A packet that is accepted passes all conditions, and so is read as far in
any order; where one fails, the filter does.
"""

from __future__ import annotations

from bpfq.graph.formula import All, Formula, Negation
from bpfq.opt.bound import Bound


def refusals_first(formula: Formula) -> Formula:
    """The conditions of a whole filter with the negated ones in front, if they may stand there."""
    if not isinstance(formula, All):
        return formula
    refused = [part for part in formula.operands if isinstance(part, Negation)]
    others = [part for part in formula.operands if not isinstance(part, Negation)]
    made = (*refused, *others)
    if made == formula.operands or Bound().keeps_its_place(formula):
        return formula
    return All(made)
