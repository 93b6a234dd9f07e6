"""Terms -> instructions for an accumulator, an index register and scratch words.

One ``Emitter`` writes the code of one test.  It knows what A, X and M[] hold as it goes, and
records at which points a jump may enter late because the registers already hold what the skipped
instructions would compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, assert_never

from bpfq.backends.cbpf.lookups import LookAbsolute, LookIndirect
from bpfq.backends.cbpf.scratch import header_length
from bpfq.backends.loops import load_chain
from bpfq.errors import LimitError
from bpfq.graph.chains import chain_named
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Lookup,
    Members,
    Metadata,
    Term,
    WireLength,
    operands,
)
from bpfq.isa.cbpf import instructions as i
from bpfq.named_set import NamedSet
from bpfq.operators import Operator, Relation
from bpfq.record import field, record

_FARTHEST = 255  # jt and jf are bytes
# Sizes in which the reference loads the kernel's words; the kernel ignores them.
_METADATA_SIZES = {"ifidx": 4, "proto": 2, "type": 2, "vlan_tci": 2, "vlanp": 1}
_COMMUTING = (Operator.ADD, Operator.MUL, Operator.AND, Operator.OR, Operator.XOR)


class Entry(NamedTuple):
    """A point of a test's code where a jump may enter that holds these terms (None: any)."""

    position: int
    a: Term | None
    x: Term | None
    memory: dict[int, Term]


@record(frozen=False)
class Emitter:
    """memory: scratch word -> the term it holds; slots: term -> its word, from ``scratch.plan``.

    words: scratch words that computing a term takes, as far as known.
    """

    slots: dict[Term, int]
    memory: dict[int, Term]
    late_entries: bool
    words: dict[Term, int] = field(default_factory=dict)
    code: list[i.Instruction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    a: Term | None = None
    x: Term | None = None
    x_set_at: int | None = None
    _held: Term | None = None  # what X must keep until the test
    _spills: int = 0

    # ------------------------------------------------------------ one test

    def keep_in_x(self, index: Term) -> None:
        """Put into X, before all else, what must stay there and can be loaded there."""
        self._entry(None, None)
        self.to_x(index)
        self._held = index

    def comparison(self, term: Term, operand: Term, by_x: bool) -> None:
        """Put the term into A and, with by_x, the operand into X."""
        self._entry(None, None)
        if by_x:
            self._pair(term, operand, entering=True)
        else:
            self.to_a(term, entering=True)

    def _entry(self, a: Term | None, x: Term | None) -> None:
        held = x if x is not None else self._held
        self.entries.append(Entry(len(self.code), a, held, dict(self.memory)))

    def _pair(self, left: Term, right: Term, entering: bool = False) -> None:
        """left in A and right in X."""
        if not _needs_x(left, self) and not self._spoils(right, left):
            self.to_x(right)
            if entering:
                self._held = right
                reused = self.a is not None and self.a in _certain(left, _nothing)
                self._entry(self.a if reused else None, right)
            self.to_a(left, entering)
        elif self._loads_into_x(right) and not self._spoils(left, right):
            first = len(self.entries)
            self.to_a(left, entering)
            if entering and self.x is right:
                self._demand_x(first)
            self.to_x(right)
        elif self._words(left) > self._words(right):
            slot = self._wait(left)
            self.to_x(right)
            self._write(i.LoadScratch(slot))
            self.a = left
            self._spills -= 1
        else:
            slot = self._wait(right)
            self.to_a(left)
            self._write(i.LoadXScratch(slot))
            self._set_x(right)
            self._spills -= 1
        assert self.a is left and self.x is right

    def _demand_x(self, first: int) -> None:
        """Entries from the first on that come behind the load of X need what it holds."""
        assert self.x_set_at is not None
        for number in range(first, len(self.entries)):
            entry = self.entries[number]
            if entry.x is None and entry.position >= self.x_set_at:
                self.entries[number] = entry._replace(x=self.x)

    def _spoils(self, computed: Term, kept: Term) -> bool:
        """Computing one term may overwrite a word that another one is going to be read from."""
        held = {self.slots[t] for t in self._kept_in(kept) if self.in_memory(t)}
        stored = (t for t in self._kept_in(computed) if not self.in_memory(t))
        return any(self.slots[t] in held for t in stored)

    def _kept_in(self, term: Term) -> list[Term]:
        """The parts of a term that have a scratch word, down to those that memory holds."""
        if not self.slots:
            return []
        seen: set[Term] = set()
        work = [term]
        while work:
            part = work.pop()
            if part not in seen:
                seen.add(part)
                if not self.in_memory(part):
                    work.extend(operands(part))
        return [part for part in seen if part in self.slots]

    def _wait(self, term: Term) -> int:
        """Compute an operand and put it aside; returns its scratch word."""
        self.to_a(term)
        slot = self._spill()
        self._write(i.StoreA(slot))
        return slot

    def _words(self, term: Term) -> int:
        """Scratch words that computing a term takes (Sethi and Ullman, 1970)."""
        known = self.words.get(term)
        if known is None:
            match term:
                case Binary(left=left, right=right) if not isinstance(right, Constant):
                    first, second = self._words(left), self._words(right)
                    known = first + 1 if first == second else max(first, second)
                case _:
                    known = max((self._words(child) for child in operands(term)), default=0)
            self.words[term] = known
        return known

    # ------------------------------------------------------------ registers

    def to_a(self, term: Term, entering: bool = False) -> None:
        """A = term; the points where the register already holds a part of it become entries."""
        if self.a is term:
            return
        slot = self.slots.get(term)
        if slot is not None and self.memory.get(slot) is term:
            self._write(i.LoadScratch(slot))
        else:
            self._compute(term, entering)
            if slot is not None and slot < i.SCRATCH_WORDS - self._spills:
                self._write(i.StoreA(slot))
                self.memory[slot] = term
        self.a = term
        if entering:
            self._entry(term, None)

    def to_x(self, term: Term, entering: bool = False) -> None:
        """X = term; clobbers A unless the term can be loaded into X."""
        if self.x is term:
            return
        offset = header_length(term)
        slot = self.slots.get(term)
        if isinstance(term, Constant):
            self._write(i.LoadXImmediate(term.value))
        elif isinstance(term, WireLength):
            self._write(i.LoadXLength())
        elif offset is not None:
            self._write(i.LoadXHeaderLength(offset))
        elif slot is not None and self.memory.get(slot) is term and self.a is not term:
            self._write(i.LoadXScratch(slot))
        else:
            self.to_a(term, entering)
            self._write(i.Tax())
        self._set_x(term)

    def _loads_into_x(self, term: Term) -> bool:
        """X = term leaves A alone."""
        simple = isinstance(term, Constant | WireLength) or header_length(term) is not None
        return simple or self.in_memory(term)

    def _set_x(self, term: Term | None) -> None:
        self.x = term
        self.x_set_at = len(self.code)

    def _spill(self) -> int:
        """A scratch word for an operand that waits, taken from the top."""
        if self._spills >= i.SCRATCH_WORDS:
            raise LimitError(
                f"the expression needs more than the machine's {i.SCRATCH_WORDS} scratch words"
            )
        self._spills += 1
        slot = i.SCRATCH_WORDS - self._spills
        self.memory.pop(slot, None)
        return slot

    def _write(self, instruction: i.Instruction) -> None:
        self.code.append(instruction)

    # ------------------------------------------------------------ terms

    def _compute(self, term: Term, entering: bool) -> None:
        match term:
            case Constant(value):
                self._write(i.LoadImmediate(value))
            case WireLength():
                self._write(i.LoadLength())
            case Metadata(name) if (chain := chain_named(name)) is not None:
                self._write(load_chain(chain))
            case Metadata(name):
                self._write(i.LoadAbsolute(i.ANCILLARY[name], _METADATA_SIZES.get(name, 4)))
            case Draw():
                self._write(i.LoadAbsolute(i.ANCILLARY["random"], 4))
            case Load(index, offset, size):
                self._load(index, offset, size, entering)
            case Lookup(members, index, offset, size):
                self._look_up(members, index, offset, size, entering)
            case Binary(operator, left, right):
                self._binary(operator, left, right, entering)
            case Choose():
                self._choose(term)
            case Members():
                raise AssertionError("a set is compared with, and never computed")
            case _:
                assert_never(term)

    def _load(self, index: Term | None, offset: int, size: int, entering: bool) -> None:
        if index is None:
            self._write(i.LoadAbsolute(offset, size))
            return
        self.to_x(index, entering)
        if entering:
            self._entry(None, index)
        self._write(i.LoadIndirect(offset, size))

    def _look_up(
        self, members: NamedSet, index: Term | None, offset: int, size: int, entering: bool
    ) -> None:
        if index is None:
            self._write(LookAbsolute(offset, size, members))
            return
        self.to_x(index, entering)
        if entering:
            self._entry(None, index)
        self._write(LookIndirect(offset, size, members))

    def _binary(self, operator: Operator, left: Term, right: Term, entering: bool) -> None:
        if isinstance(right, Constant):
            self.to_a(left, entering)
            self._write(i.Alu(operator, right.value))
        elif operator is Operator.SUB and isinstance(left, Constant) and left.value == 0:
            self.to_a(right, entering)
            self._write(i.Negate())
        else:
            if operator in _COMMUTING and self._loads_into_x(left):
                left, right = right, left
            held = self._held
            self._pair(left, right, entering and held is None)
            self._held = held
            self._write(i.AluX(operator))

    def _choose(self, term: Choose) -> None:
        """Code with jumps inside; M[] keeps what both branches agree on."""
        for shared in self._needed_by_both(term):
            self.to_a(shared)
        by_x = not isinstance(term.right, Constant)
        if by_x:
            self._pair(term.left, term.right)
        else:
            self.to_a(term.left)
        then, otherwise = self._branch(term.then), self._branch(term.otherwise)
        after = list(otherwise.code)
        before = [*then.code, *([i.Jump(len(after))] if after else [])]
        value = term.right.value if isinstance(term.right, Constant) else None
        self.code += _split(term.relation, value, before) + before + after
        self.memory = {
            slot: held for slot, held in then.memory.items() if otherwise.memory.get(slot) is held
        }
        same_x = then.x is otherwise.x
        if not same_x or then.x is not self.x:
            self._set_x(then.x if same_x else None)

    def _needed_by_both(self, term: Choose) -> list[Term]:
        """Terms with a word of their own that either branch would compute for itself."""
        second = set(self._computed(term.otherwise))
        return [t for t in self._computed(term.then) if t in second and t in self.slots]

    def _computed(self, term: Term) -> list[Term]:
        """What computing a term certainly computes, operands first; nothing that memory holds."""
        return [t for t in _certain(term, self.in_memory) if not self.in_memory(t)]

    def in_memory(self, term: Term) -> bool:
        """A scratch word holds the term."""
        slot = self.slots.get(term)
        return slot is not None and self.memory.get(slot) is term

    def _branch(self, term: Term) -> Emitter:
        branch = Emitter(
            self.slots,
            dict(self.memory),
            False,
            self.words,
            a=self.a,
            x=self.x,
            _spills=self._spills,
        )
        branch.to_a(term)
        return branch


def _split(
    relation: Relation, value: int | None, before: list[i.Instruction]
) -> list[i.Instruction]:
    """Jumps to ``before`` where the relation holds, else behind it."""

    def jump(true: int, false: int) -> i.Instruction:
        if value is None:
            return i.JumpIfX(relation, true, false)
        return i.JumpIf(relation, value, true, false)

    if len(before) <= _FARTHEST:
        return [jump(0, len(before))]
    return [jump(1, 0), i.Jump(len(before))]


def _needs_x(term: Term, emitter: Emitter) -> bool:
    """Computing the term overwrites X."""
    if emitter.a is term or emitter.in_memory(term):
        return False
    match term:
        case Load(index=index) | Lookup(index=index):
            return index is not None
        case Binary(Operator.SUB, Constant(0), right):
            return _needs_x(right, emitter)
        case Binary(left=left, right=right):
            return not isinstance(right, Constant) or _needs_x(left, emitter)
        case Choose():
            return True
        case _:
            return False


def _nothing(term: Term) -> bool:
    return False


def _certain(term: Term, known: Callable[[Term], bool]) -> list[Term]:
    """What computing a term always computes, operands first, down to what is known."""
    found: dict[Term, None] = {}
    work = [(term, False)]
    while work:
        item, done = work.pop()
        if done:
            found[item] = None
        elif item not in found:
            children = operands(item)[:2] if isinstance(item, Choose) else operands(item)
            children = () if known(item) else children
            work.append((item, True))
            work.extend((child, False) for child in reversed(children))
    return list(found)
