"""An index that is moved on by a computed distance is one operation, which a pointer can do.

add x
tax                 =>      x += a
ld [x + 14]                 ld [x + 14]
"""

from __future__ import annotations

from bpfq.backends.ebpf.flow import Advance, Flow, Operation, renumbered
from bpfq.backends.ebpf.webs import A, needed
from bpfq.isa.cbpf import instructions as i
from bpfq.operators import Operator


def fuse(flow: Flow) -> Flow:
    """The sum and its copy to X as one, where nobody else reads the sum."""
    if flow.entry < 0:
        return flow
    later = needed(flow)
    operations: list[Operation] = list(flow.operations)
    successors = list(flow.successors)
    for number, operation in enumerate(operations):
        following = successors[number][0]
        if operation != i.AluX(Operator.ADD) or following < 0:
            continue
        behind = flow.successors[following][0]
        read = behind >= 0 and later[behind] >> A & 1
        if isinstance(operations[following], i.Tax) and not read:
            operations[number], successors[number] = Advance(), flow.successors[following]
    return renumbered(operations, successors, flow.entry, flow.tests)
