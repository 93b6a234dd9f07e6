"""What is decided about a flow before code is written: webs, byte orders, what is asked for."""

from __future__ import annotations

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.ebpf.bounds import bounds
from bpfq.backends.ebpf.flow import Flow
from bpfq.backends.ebpf.hooks import NAMES, HookFacts
from bpfq.backends.ebpf.orders import packet_order
from bpfq.backends.ebpf.reach import Asked, asked
from bpfq.backends.ebpf.webs import Webs, webs, with_start
from bpfq.isa.cbpf import instructions as i
from bpfq.record import record


@record
class Plan:
    """flow: with what has to be set at the start.  sizes: webs in the packet's order, bytes.

    loads: the operations that load several bytes in the packet's order, with how many.
    most: the largest value of each web.  asked: by the operation that loads.
    """

    flow: Flow
    webs: Webs
    loads: dict[int, int]
    sizes: dict[int, int]
    most: list[int]
    asked: dict[int, Asked]

    def is_swapped(self, number: int) -> bool:
        """The operation loads what has to be put into the machine's order."""
        return number in self.loads and self.webs.written[number] not in self.sizes


def plan(bare: Flow, hook: HookFacts, copied: int | None, host_order: bool = False) -> Plan:
    """copied: bytes copied at once, None for direct access.  host_order: loads swap by themselves."""
    flow = with_start(bare)
    made = webs(flow)
    loads = {} if host_order or hook.big_endian else _loads(flow, hook)
    sizes = packet_order(flow, made, loads)
    swapping = {number for number in loads if made.written[number] not in sizes}
    most = bounds(flow, made, swapping)
    return Plan(flow, made, loads, sizes, most, asked(flow, made, copied))


def _loads(flow: Flow, hook: HookFacts) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, operation in enumerate(flow.operations):
        match operation:
            case LookAbsolute() | LookIndirect():
                continue
            case i.LoadAbsolute(offset, _) if offset in NAMES:
                word = hook.metadata.get(NAMES[offset])
                if word is not None and word.packet_order:
                    found[number] = word.size
            case i.LoadAbsolute(_, size) | i.LoadIndirect(_, size) if size > 1:
                found[number] = size
    return found
