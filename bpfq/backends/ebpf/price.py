"""What reading costs on a socket: a legacy load each time, or a copy for many loads.

    legacy     10 ns a load
    copied     25 ns a copy of up to 64 bytes, whatever number of loads is served by it

Measured on Linux 6.18, x86-64, as what a program takes more with one load or copy more.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.ebpf.flow import Advance, Branch, Flow, Operation
from bpfq.backends.ebpf.hooks import NAMES
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.webs import A, X
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.operators import WORD_MASK, DivisionByZero, calculate, wrap
from bpfq.opt.profile import Profile, Sample, drawn
from bpfq.record import field, record

_LEGACY: Final = 10  # ns
_COPY: Final = 25  # ns
_SCRATCH: Final = 2


def copies_are_cheaper(made: Plan, traffic: Profile) -> bool:
    """made: with what is asked for at once where bytes are copied."""
    counts = visits(made.flow, traffic)
    loads = sum(counts[number] for number in made.asked)
    copies = sum(counts[n] for n, asked in made.asked.items() if asked.request is not None)
    return _COPY * copies < _LEGACY * loads


def visits(flow: Flow, traffic: Profile) -> list[int]:
    """How often each operation is executed over the traffic, by the weights of its samples."""
    found = [0] * len(flow.operations)
    for number, sample in enumerate(traffic.samples):
        machine = _Machine(sample, drawn(number))
        at: int | None = flow.entry
        while at is not None and at >= 0:
            found[at] += sample.weight
            taken = machine.step(flow.operations[at])
            at = None if taken is None else flow.successors[at][taken]
    return found


@record(frozen=False)
class _Machine:
    """The packet machine on one sample; registers are numbered as those of webs."""

    sample: Sample
    random: int
    registers: dict[int, int] = field(default_factory=dict)

    def step(self, operation: Operation) -> int | None:
        """Which successor follows; None where the packet is too short or a divisor is 0."""
        if isinstance(operation, Branch):
            return 0 if self._holds(operation) else 1
        try:
            register, value = self._compute(operation)
        except DivisionByZero:
            return None
        if value is None:
            return None
        self.registers[register] = value
        return 0

    def _get(self, register: int) -> int:
        return self.registers.get(register, 0)

    def _holds(self, branch: Branch) -> bool:
        left = self._get(A)
        match branch.value:
            case Members(bounds):
                return bisect_right(bounds, left) % 2 == 1
            case None:
                return branch.relation.holds(left, self._get(X))
            case value:
                return branch.relation.holds(left, value)

    def _compute(self, operation: Operation) -> tuple[int, int | None]:
        match operation:
            case LookAbsolute(offset):
                return A, None if self.sample.load(offset, 1) is None else 0
            case LookIndirect(offset):
                there = self._load_at(self._get(X) + offset, 1)
                return A, None if there is None else 0
            case i.LoadAbsolute(offset, _) if offset in NAMES:
                return A, self._word(NAMES[offset])
            case i.LoadAbsolute(offset, size):
                return A, self.sample.load(offset, size)
            case i.LoadIndirect(offset, size):
                return A, self._load_at(self._get(X) + offset, size)
            case i.LoadXHeaderLength(offset):
                octet = self.sample.load(offset, 1)
                return X, None if octet is None else (octet & 0xF) * 4
            case i.LoadImmediate(value):
                return A, value
            case i.LoadXImmediate(value):
                return X, value
            case i.LoadLength():
                return A, self.sample.length
            case i.LoadXLength():
                return X, self.sample.length
            case i.LoadScratch(slot):
                return A, self._get(_SCRATCH + slot)
            case i.LoadXScratch(slot):
                return X, self._get(_SCRATCH + slot)
            case i.StoreA(slot):
                return _SCRATCH + slot, self._get(A)
            case i.StoreX(slot):
                return _SCRATCH + slot, self._get(X)
            case i.Tax():
                return X, self._get(A)
            case i.Txa():
                return A, self._get(X)
            case i.Alu(operator, value):
                return A, calculate(operator, self._get(A), value)
            case i.AluX(operator):
                return A, calculate(operator, self._get(A), self._get(X))
            case Advance():
                return X, wrap(self._get(A) + self._get(X))
            case i.Negate():
                return A, wrap(-self._get(A))
            case Branch():
                raise AssertionError("tests compute nothing")

    def _word(self, name: str) -> int:
        if name == "random":
            return self.random
        return 0 if self.sample.metadata is None else self.sample.metadata.get(name, 0)

    def _load_at(self, address: int, size: int) -> int | None:
        return self.sample.load(address, size) if address <= WORD_MASK >> 1 else None
