"""Operations -> blocks of eBPF: every web in its register, every load by what the hook allows.

ldh [12]                    r3 = *(u16 *)(r1 -12)         r1 points behind the bytes that are
jeq #0x800   2, REJECT      if w3 != 0x8 goto REJECT      known to be there
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.ebpf import live
from bpfq.backends.ebpf.access import Access
from bpfq.backends.ebpf.blocks import Goto, If, Label, Writer
from bpfq.backends.ebpf.flow import ACCEPT, REJECT, Advance, Branch, Operation
from bpfq.backends.ebpf.frame import WORD, Frame
from bpfq.backends.ebpf.hooks import NAMES, HookFacts
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Load, load, pieces
from bpfq.backends.ebpf.registers import Places
from bpfq.backends.ebpf.sets import PREFIX, WORDS, Maps, kind
from bpfq.backends.ebpf.webs import A, X
from bpfq.backends.loops import LoadChain
from bpfq.errors import UnsupportedError
from bpfq.graph.terms import Members
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.arithmetic import swapped
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Comparison, Register
from bpfq.operators import WORD_BITS, Operator, Relation
from bpfq.record import record

_OPERATIONS: Final = {
    Operator.ADD: e.Operation.ADD, Operator.SUB: e.Operation.SUB, Operator.MUL: e.Operation.MUL,
    Operator.DIV: e.Operation.DIV, Operator.MOD: e.Operation.MOD, Operator.AND: e.Operation.AND,
    Operator.OR: e.Operation.OR, Operator.XOR: e.Operation.XOR, Operator.LSH: e.Operation.LSH,
    Operator.RSH: e.Operation.RSH,
}  # fmt: skip
_COMPARISONS: Final = {
    Relation.EQ: Comparison.EQ, Relation.GT: Comparison.GT, Relation.GE: Comparison.GE,
    Relation.SET: Comparison.SET,
}  # fmt: skip


@record(frozen=False)
class Selector:
    """first: the label of the first operation.  accept, reject: where verdicts lead.

    spills: where on the stack the webs begin that have no register; a key stands above them.
    """

    plan: Plan
    hook: HookFacts
    places: Places
    frame: Frame
    writer: Writer
    first: int
    accept: Label
    reject: Label
    spills: int
    maps: Maps

    def select(self, access: Access) -> None:
        """Write the block of every operation, behind what enters the program."""
        access.enter()
        self.writer.end(Goto(self.entry))
        for number, operation in enumerate(self.plan.flow.operations):
            self.writer.source = self.plan.flow.tests[number]
            self.writer.start(self._label(number))
            following = [self._label(each) for each in self.plan.flow.successors[number]]
            if isinstance(operation, Branch):
                self._branch(number, operation, following)
            elif isinstance(operation, LookAbsolute | LookIndirect):
                self._look(number, operation, access, following[0])
            else:
                self._compute(number, operation, access)
                self.writer.end(Goto(following[0]))
        self.writer.source = None

    @property
    def entry(self) -> Label:
        """The first operation."""
        return self._label(self.plan.flow.entry)

    def read(self, web: int, temporary: Register) -> Register:
        """The register of a web; one that lies on the stack is loaded."""
        register = self.places.registers.get(web)
        if register is not None:
            return register
        self.writer.add(e.LoadMemory(temporary, e.R10, self._word(web), WORD))
        return temporary

    def _word(self, web: int) -> int:
        return self.spills - WORD * (self.places.spilled[web] + 1)

    def _label(self, number: int) -> Label:
        if number == ACCEPT:
            return self.accept
        return self.reject if number == REJECT else Label(self.first + number)

    # ------------------------------------------------------------ tests

    def _branch(self, number: int, branch: Branch, following: list[Label]) -> None:
        read = self.plan.webs.read[number]
        size = self.plan.sizes.get(read[A], 0)
        left = self.read(read[A], self.frame.temporary[0])
        yes, no = following
        match branch:
            case Branch(relation, None):
                right = self.read(read[X], self.frame.temporary[1])
                self.writer.end(If(_COMPARISONS[relation], left, right, yes, no, 32))
            case Branch(relation, int(value)):
                if size:
                    if relation is Relation.EQ and value >> 8 * size:
                        self.writer.end(Goto(no))
                        return
                    value = swapped(value, 8 * size)
                test = If(_COMPARISONS[relation], left, signed(value, WORD_BITS), yes, no, 32)
                self.writer.end(test)
            case Branch(_, Members() as members) if kind(members) == "array":
                bit = self._bit(read[A], members, size)
                self.writer.end(If(Comparison.SET, bit, 1, yes, no))
            case Branch(_, Members() as members):
                self._look_up(left, members, size)
                self.writer.end(If(Comparison.NE, e.R0, 0, yes, no))

    def _bit(self, web: int, members: Members, size: int) -> Register:
        """The register whose lowest bit tells of a member."""
        at, word = self.frame.temporary
        self._move(at, self.read(web, at))
        number = self.maps.number(members, size)
        self.writer.add(
            e.Operation.RSH.imm(at, 3, 32),
            e.Operation.AND.imm(at, WORDS, 32),
            e.LoadImmediate64(word, number, e.Immediate.MAP_VALUE),
            e.Operation.ADD.reg(word, at),
            e.LoadMemory(word, word, 0, 8),
        )
        self.writer.add(e.Operation.RSH.reg(word, self.read(web, at)))
        return word

    def _look_up(self, value: Register, members: Members, size: int) -> None:
        """R0 is not 0 for a member; size: bytes of a value in the packet's order, 0 in another."""
        if not size:
            size = 4
            temporary = self.frame.temporary[0]
            self._move(temporary, value)
            self.writer.add(e.ByteSwap(temporary, e.ByteOrder.BIG, 8 * size))
            value = temporary
        start = self.spills
        if kind(members) == "lpm_trie":
            self.writer.add(
                e.StoreImmediate(e.R10, start, 8 * size, PREFIX),
                e.StoreMemory(e.R10, start + PREFIX, value, size),
            )
        else:
            self.writer.add(e.StoreMemory(e.R10, start, value, size))
        self._call_map(self.maps.number(members, size))

    def _call_map(self, number: int) -> None:
        """Look for the key in a map; R0 is not 0 where it is there."""
        self.writer.add(
            e.LoadImmediate64(e.R1, number, e.Immediate.MAP_FD),
            e.MoveRegister(e.R2, e.R10),
            e.Operation.ADD.imm(e.R2, self.spills),
            e.Call(HELPERS["map_lookup_elem"]),
        )

    # ------------------------------------------------------------ sets that may change

    def _look(
        self, number: int, operation: LookAbsolute | LookIndirect, access: Access, then: Label
    ) -> None:
        """Copy bytes of the packet to the key, look for it, and go on with what came out."""
        found = load(operation, self.plan.webs.read[number])
        assert found is not None
        members, temporary = operation.members, self.frame.temporary[0]
        at = self.spills + live.place(members) - found.extent.first
        for count, piece in enumerate(pieces(found.extent)):
            part = Load(found.base, piece)
            access.load(number, part, temporary, asks=count == 0)
            if access.in_machine_order:
                self.writer.add(e.ByteSwap(temporary, e.ByteOrder.BIG, 8 * part.size))
            self.writer.add(e.StoreMemory(e.R10, at + piece.first, temporary, part.size))
        self.writer.add(*live.around(members, found.size, self.spills))
        self._call_map(self.maps.add(live.spec(members)))
        exits = self._decided_behind(number)
        if exits is None:
            self._as_number(number, then)
        else:
            self.writer.end(If(Comparison.NE, e.R0, 0, *exits))

    def _decided_behind(self, number: int) -> tuple[Label, Label] | None:
        """Where 1 and 0 lead, if all that follows is a test of that."""
        flow, webs = self.plan.flow, self.plan.webs
        target, web = flow.successors[number][0], webs.written[number]
        if target < 0 or web is None:
            return None
        test = flow.operations[target]
        if not isinstance(test, Branch) or not isinstance(test.value, int):
            return None
        if webs.read[target][A] != web or web in webs.live[target]:
            return None
        yes, no = (self._label(each) for each in flow.successors[target])
        found, absent = (yes if test.relation.holds(n, test.value) else no for n in (1, 0))
        return found, absent

    def _as_number(self, number: int, then: Label) -> None:
        """Put 1 or 0 where the result belongs."""
        web = self.plan.webs.written[number]
        if web is None:
            self.writer.end(Goto(then))
            return
        dst = self.places.registers.get(web, self.frame.temporary[0])
        found, absent = self.writer.label(), self.writer.label()
        self.writer.end(If(Comparison.NE, e.R0, 0, found, absent))
        for label, value in ((found, 1), (absent, 0)):
            self.writer.start(label)
            self.writer.add(e.Move(dst, value, 32))
            if web in self.places.spilled:
                self.writer.add(e.StoreMemory(e.R10, self._word(web), dst, WORD))
            self.writer.end(Goto(then))

    # ------------------------------------------------------------ computations

    def _compute(self, number: int, operation: Operation, access: Access) -> None:
        read, web = self.plan.webs.read[number], self.plan.webs.written[number]
        found = load(operation, read)
        temporary = self.frame.temporary[0]
        dst = temporary if web is None else self.places.registers.get(web, temporary)
        pointer = dst
        if pointer is self.frame.packet:
            dst = temporary
        if found is not None:
            access.load(number, found, dst)
            if self.plan.is_swapped(number) and web is not None:
                self.writer.add(e.ByteSwap(dst, e.ByteOrder.BIG, 8 * found.size))
            if isinstance(operation, i.LoadXHeaderLength):
                self.writer.add(e.Operation.AND.imm(dst, 0xF, 32), e.Operation.LSH.imm(dst, 2, 32))
            if web is not None and access.is_pointer(web):
                access.point(number, web, pointer, dst)
        elif web is not None:
            self._without_load(number, operation, dst, pointer, access)
        elif isinstance(operation, i.AluX):
            self._divisor(operation, read)
        if web is not None and web in self.places.spilled:
            self.writer.add(e.StoreMemory(e.R10, self._word(web), pointer, WORD))

    def _without_load(
        self,
        number: int,
        operation: Operation,
        dst: Register,
        pointer: Register,
        access: Access,
    ) -> None:
        read, web = self.plan.webs.read[number], self.plan.webs.written[number]
        assert web is not None
        match operation:
            case i.LoadXImmediate(value) if access.is_pointer(web):
                access.point(number, web, pointer, value)
            case i.LoadImmediate(value) | i.LoadXImmediate(value):
                self.writer.add(e.Move(dst, signed(value, WORD_BITS), 32))
            case LoadChain(chain=chain):
                access.chain(number, chain, dst)
            case i.LoadAbsolute(offset, _):
                self._metadata(number, NAMES[offset], dst)
            case i.LoadLength() | i.LoadXLength():
                access.length(number, dst)
                if access.is_pointer(web):
                    access.point(number, web, pointer, dst)
            case i.Alu(operator, value):
                self._move(dst, self.read(read[A], dst))
                size = self.plan.sizes.get(web, 0)
                if size:
                    value = swapped(value, 8 * size)
                self.writer.add(_OPERATIONS[operator].imm(dst, signed(value, WORD_BITS), 32))
            case Advance():
                self._advance(number, web, pointer, access)
            case i.AluX(operator):
                right = self._divisor(operation, read)
                self._move(dst, self.read(read[A], dst))
                self.writer.add(_OPERATIONS[operator].reg(dst, right, 32))
            case i.Negate():
                self._move(dst, self.read(read[A], dst))
                self.writer.add(e.Negate(dst, 32))
            case i.Tax() | i.Txa() | i.StoreA() | i.StoreX() | i.LoadScratch() | i.LoadXScratch():
                source = self.read(next(iter(read.values())), dst)
                if access.is_pointer(web):
                    access.point(number, web, pointer, source)
                else:
                    self._move(dst, source)
            case i.LoadIndirect() | i.LoadXHeaderLength() | Branch():
                raise AssertionError("loads and tests are written elsewhere")
            case _:
                assert_never(operation)

    def _divisor(self, operation: i.AluX, read: Mapping[int, int]) -> Register:
        """The right operand; a division by 0 rejects, whether anybody reads its result or not."""
        right = self.read(read[X], self.frame.temporary[1])
        if operation.operator in (Operator.DIV, Operator.MOD):
            self.writer.leave_if(Comparison.EQ, right, 0, self.reject, 32)
        return right

    def _advance(self, number: int, web: int, dst: Register, access: Access) -> None:
        read = self.plan.webs.read[number]
        if access.is_pointer(read[X]):
            source = self.read(read[X], dst)
            if dst is not source:
                self.writer.add(e.MoveRegister(dst, source))
            self.writer.add(e.Operation.ADD.reg(dst, self.read(read[A], self.frame.temporary[1])))
            access.moved(number, web, dst, read[X])
            return
        sum_ = self.frame.temporary[0] if dst is self.frame.packet else dst
        self._move(sum_, self.read(read[X], sum_))
        self.writer.add(e.Operation.ADD.reg(sum_, self.read(read[A], self.frame.temporary[1]), 32))
        if access.is_pointer(web):
            access.point(number, web, dst, sum_)

    def _move(self, dst: Register, source: Register) -> None:
        if dst is not source:
            self.writer.add(e.MoveRegister(dst, source, 32))

    def _metadata(self, number: int, name: str, dst: Register) -> None:
        word = self.hook.metadata.get(name)
        if word is None:
            raise UnsupportedError(f"the kernel has no word '{name}' for programs at this hook")
        if word.helper is not None:
            self.writer.add(e.Call(HELPERS[word.helper]))
            self._move(dst, e.R0)
            return
        assert self.frame.context is not None
        self.writer.add(e.LoadMemory(dst, self.frame.context, word.offset, 4))
        if self.plan.is_swapped(number):
            self.writer.add(e.ByteSwap(dst, e.ByteOrder.BIG, 8 * word.size))
