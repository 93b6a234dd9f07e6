"""The slots of an eBPF program: what follows each, what is read from it on.

Places of a state: R0 to R10, how far the packet was pulled together, the bytes of the stack from
the lowest up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bpfq.errors import FilterError, UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import STACK_SIZE, Instruction, Register, slots
from bpfq.record import field, record
from bpfq.symbolic.ebpf.lookups import Key, keys

PULLED: Final = len(Register)
_STACK_END: Final = PULLED + 1 + STACK_SIZE
PLACES: Final = _STACK_END

ARGUMENTS: Final = {
    HELPERS["get_prandom_u32"]: 0, HELPERS["get_smp_processor_id"]: 0,
    HELPERS["skb_load_bytes"]: 4, HELPERS["skb_pull_data"]: 2, HELPERS["map_lookup_elem"]: 2,
}  # fmt: skip


def stack(offset: int, size: int) -> range:
    """The places of bytes of the stack; raises UnsupportedError where there are none."""
    if not -STACK_SIZE <= offset <= -size:
        raise UnsupportedError(f"r10{offset:+d} is outside of the stack")
    return range(_STACK_END + offset, _STACK_END + offset + size)


@record(frozen=False)
class Code:
    """instructions: by slot.  following: of each, for a test first where it leads if it holds.

    order: the slots that are reached, each behind those that lead to it but for ways back in a
    loop.  live: the places that are read from a slot on, as bits.  key_sizes: bytes of a key of the
    map that a slot asks for; keys: what calls look for.  Raises UnsupportedError, and FilterError
    for ways out of the program.
    """

    words: Sequence[e.BpfInsn]
    key_sizes: Mapping[int, int] = MappingProxyType({})
    instructions: dict[int, Instruction] = field(default_factory=dict)
    following: dict[int, tuple[int, ...]] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    live: dict[int, int] = field(default_factory=dict)
    keys: dict[int, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        slot = 0
        for instruction in disassemble(self.words):
            self.instructions[slot] = instruction
            slot += slots(instruction)
        self.order = self._ordered()
        if self.key_sizes:
            self.keys = keys(self.instructions, self.following, self.key_sizes)
        self._find_live()

    def _ordered(self) -> tuple[int, ...]:
        """Depth first, and then the other way round."""
        done: dict[int, None] = {}
        work = [(0, False)]
        while work:
            slot, left = work.pop()
            if left:
                done[slot] = None
            elif slot not in self.following:
                self.following[slot] = self._following(slot)
                work.append((slot, True))
                work += [(target, False) for target in self.following[slot]]
        return tuple(done)[::-1]

    def _following(self, slot: int) -> tuple[int, ...]:
        instruction = self.instructions[slot]
        behind = slot + slots(instruction)
        match instruction:
            case e.Exit():
                found: tuple[int, ...] = ()
            case e.Jump(skip) | e.JumpLong(skip):
                found = (behind + skip,)
            case e.JumpIf(skip=skip) | e.JumpIfRegister(skip=skip):
                found = (behind + skip, behind)
            case e.Raw(insn):
                raise FilterError(f"slot {slot}: opcode {insn.opcode:#04x} is no instruction")
            case _:
                found = (behind,)
        for target in found:
            if target not in self.instructions:
                raise FilterError(f"slot {slot}: goes on to slot {target}, where nothing starts")
        return found

    def _find_live(self) -> None:
        accesses = {slot: self._accesses(slot) for slot in self.following}
        self.live = dict.fromkeys(self.following, 0)
        changed = True
        while changed:
            changed = False
            for slot in reversed(self.order):
                live = 0
                for target in self.following[slot]:
                    live |= self.live[target]
                read, written = accesses[slot]
                live = live & ~written | read
                if live != self.live[slot]:
                    self.live[slot], changed = live, True

    def _accesses(self, slot: int) -> tuple[int, int]:
        try:
            read, written = _accesses(self.instructions[slot])
            if slot in self.keys:
                read |= _bits(stack(*self.keys[slot]))
            return read, written
        except UnsupportedError as error:
            raise UnsupportedError(f"slot {slot}: {error.message}") from None


def _accesses(instruction: Instruction) -> tuple[int, int]:
    """The places that an instruction reads for certain or perhaps, and those that it writes."""
    match instruction:
        case e.Alu(dst=dst) | e.Negate(dst) | e.ByteSwap(dst):
            return 1 << dst, 1 << dst
        case e.AluRegister(dst=dst, src=src):
            return 1 << dst | 1 << src, 1 << dst
        case e.Move(dst) | e.LoadImmediate64(dst):
            return 0, 1 << dst
        case e.MoveRegister(dst, src):
            return 1 << src, 1 << dst
        case e.LoadMemory(dst, Register.R10, offset, size):
            return _bits(stack(offset, size)), 1 << dst
        case e.LoadMemory(dst, base):
            return 1 << base | 1 << PULLED, 1 << dst
        case e.StoreMemory(Register.R10, offset, src, size):
            return 1 << src, _bits(stack(offset, size))
        case e.StoreMemory(base, _, src) | e.Atomic(base=base, src=src):
            return 1 << base | 1 << src, 0
        case e.StoreImmediate(Register.R10, offset, _, size):
            return 0, _bits(stack(offset, size))
        case e.CallKernel():
            return _bits(range(1, 6)) | _bits(range(PULLED + 1, PLACES)), _bits(range(6))
        case e.LoadAbsolute():
            return 1 << Register.R6, _bits(range(6))
        case e.LoadIndirect(src):
            return 1 << Register.R6 | 1 << src, _bits(range(6))
        case e.Call(helper):
            read = _bits(range(1, 1 + ARGUMENTS.get(helper, 5))) | 1 << PULLED
            return read, _bits(range(6))
        case e.JumpIf(dst=dst):
            return 1 << dst, 0
        case e.JumpIfRegister(dst=dst, src=src):
            return 1 << dst | 1 << src, 0
        case e.Exit():
            return 1 << Register.R0, 0
        case _:
            return 0, 0


def _bits(places: range) -> int:
    return (1 << places.stop) - (1 << places.start)
