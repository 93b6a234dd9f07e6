"""The encoder of an eBPF program.

One pass first to last finds what registers hold and what each instruction needs, one pass back what
each instruction and those behind it come to.  Loops are written out.

Where the packet lies in pieces (tc, cgroups) a comparison with the end of the first piece may fail
although the bytes are there.  All such comparisons lead to code that begins anew.  What that comes
to where not all is in one piece, S, is a proposition of the packet alone, and so is what the whole
program comes to where all is, P.  If P and S both are what the filter says, then so is the program
for every first piece: all is in it, that is P; or no comparison fails, then none fails for P, which
goes the same way; or one fails, then the rest is S.  Of what was computed in front of S nothing is
known there but what is the same for every packet.

Behind ``skb_pull_data`` of n bytes, or of all where there are fewer, comparisons up to n are certain,
and others lead to where another part of the program begins anew; that is the next turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.instructions import BpfInsn, Comparison, Register
from bpfq.operators import WORD_MASK
from bpfq.record import field, record
from bpfq.symbolic.ebpf import comparisons
from bpfq.symbolic.ebpf.calls import Calls
from bpfq.symbolic.ebpf.code import PLACES, PULLED, Code
from bpfq.symbolic.ebpf.comparisons import Test, compare
from bpfq.symbolic.ebpf.lookups import LOOK_UP
from bpfq.symbolic.ebpf.loops import Nodes
from bpfq.symbolic.ebpf.memory import HOOKS, Hook, State
from bpfq.symbolic.ebpf.numbers import immediate, number
from bpfq.symbolic.ebpf.sets import NO_COUNTER, Sets, Symbols
from bpfq.symbolic.ebpf.slices import KernelFunctions
from bpfq.symbolic.ebpf.steps import Machine, Need
from bpfq.symbolic.ebpf.tables import Tables
from bpfq.symbolic.ebpf.values import Bits, Context, End, Frame, MapOf, Scalar, Value, choose, low
from bpfq.symbolic.flow import Flow
from bpfq.symbolic.propositions import FALSE, FAULT, TRUE, Packet, Proposition
from bpfq.symbolic.words import START, Number, Word

_MOST_TURNS: Final = 16
_ACCEPTED, _REJECTED, _WRONG = -1, -2, -3  # nodes where nothing follows
_NO_SYMBOLS: Final = Symbols()
_OUTCOMES: Final = {_ACCEPTED: TRUE, _REJECTED: FALSE, _WRONG: FAULT}


@record(frozen=False)
class Limited(Packet):
    """A packet of which no byte behind ``limit`` is captured.

    What is captured at an index is at the start, too, which guards for several loads make use of.
    """

    limit: int = field(kw_only=True)

    def captured(self, base: str, index: Word | None, end: int) -> Proposition:
        index, end = self.words.address(index, end)
        if base == START and end > self.limit:
            return FAULT
        plain = Packet.captured(self, base, index, end)
        if base != START or index is None:
            return plain
        if index.most + end > self.limit:
            plain = self.choose(self.member(index, (0, self.limit - end + 1)), plain, FAULT)
        return self.choose(comparisons.reaches(self, None, end), plain, FAULT)


def packet_at(hook: str) -> Limited:
    """A symbolic packet as the hook sees it; raises UnsupportedError for unknown hooks."""
    if hook not in HOOKS:
        raise UnsupportedError(f"programs at the hook '{hook}' are not analysed")
    return Limited(limit=HOOKS[hook].limit)


def encode(
    words: Sequence[BpfInsn],
    packet: Packet,
    hook: str,
    accept: int,
    reject: int,
    symbols: Symbols = _NO_SYMBOLS,
) -> tuple[Proposition, ...]:
    """TRUE where the program returns ``accept``, FALSE where it returns ``reject``, else FAULT.

    A fault also is all that no verifier lets by, and all that depends on more than the packet.
    The first proposition is that of the whole program, others those of where it begins anew; see
    above.  packet: as ``packet_at`` makes it.  symbols: what slots ask for by a name; with a counter
    it is TRUE where that is looked up and FALSE where it is not, and FAULT where the program returns
    anything but ``reject``; only what leads to the counter begins anew.

    Raises UnsupportedError with the slot for what is not analysed, and FilterError for ways out of
    the program.
    """
    code, where = Code(words, symbols.key_sizes), HOOKS[hook]
    whole, *_ = _Encoder(code, packet, where, accept, reject, symbols, in_piece=True).encode()
    if where.in_piece or not where.direct:
        return (whole,)
    _, *anew = _Encoder(code, packet, where, accept, reject, symbols, in_piece=False).encode()
    return (whole, *anew)


class _Encoder:
    """Nodes are slots in their order, and those of each further round behind all of the one before."""

    def __init__(
        self,
        code: Code,
        packet: Packet,
        hook: Hook,
        accept: int,
        reject: int,
        symbols: Symbols,
        *,
        in_piece: bool,
    ) -> None:
        self.code, self.packet, self.in_piece = code, packet, in_piece
        self.ends = {accept: _ACCEPTED, reject: _REJECTED}
        self.calls, self.functions = Calls(packet), KernelFunctions(packet)
        self.names = symbols.names
        self.sets, self.tables = Sets(packet, symbols), Tables(packet, symbols.maps)
        self.machine = Machine(packet, hook, self.calls, _OUTCOMES[self._end(0)], in_piece)
        self.nodes = Nodes(code.following, code.order)
        self.needs: dict[int, tuple[Need, ...]] = {}
        self.counters: dict[int, int] = {}  # by the node that looks it up
        self.anew: dict[int, int] = {}  # where comparisons with the end of a piece lead, with turns
        self.begun: dict[int, None] = {}  # their slots
        self.flow: Flow[Value] = Flow(
            _start(),
            lambda node: code.live[self.nodes.slot(node)],
            lambda test, then, otherwise: choose(packet, test, then, otherwise),
        )

    def encode(self) -> tuple[Proposition, ...]:
        waiting, known = [0], {0}
        while waiting:
            node = heappop(waiting)
            try:
                self._pass(node)
            except UnsupportedError as error:
                raise UnsupportedError(f"slot {self.nodes.slot(node)}: {error.message}") from None
            for target in self.flow.following[node]:
                if target >= 0 and target not in known:
                    known.add(target)
                    heappush(waiting, target)
        return self._propositions()

    def _propositions(self) -> tuple[Proposition, ...]:
        made: dict[int, Proposition] = dict(_OUTCOMES)
        for node in reversed(self.needs):
            targets = self.flow.following[node]
            rest = self.packet.choose(self.flow.tests[node], made[targets[0]], made[targets[-1]])
            for need in reversed(self.needs[node]):
                rest = self.packet.choose(need.holds, rest, need.otherwise)
            made[node] = rest
        return tuple(made[node] for node in (0, *self._anew()))

    def _anew(self) -> list[int]:
        """Where the program begins anew; of those behind a counter it is asked about, none."""
        wanted = self.sets.symbols.counter
        leading: dict[int, frozenset[int]] = {}
        for node in reversed(self.needs):
            behind = [leading.get(each, frozenset()) for each in self.flow.following[node]]
            found = frozenset().union(*behind)
            number = self.counters.get(node)
            if number in found:
                raise UnsupportedError(f"counter {number} may be looked up twice")
            leading[node] = found if number is None else found | {number}
        every = wanted is None or wanted == NO_COUNTER
        return [node for node in self.anew if every or wanted in leading[node]]

    # ------------------------------------------------------------ forth

    def _pass(self, node: int) -> None:
        """Go by a node with what is known in front of it."""
        state = self._begun_anew(node) if node in self.anew else self.flow.state(node)
        assert state is not None
        slot = self.nodes.slot(node)
        instruction = self.code.instructions[slot]
        following = self.code.following[slot]
        match instruction:
            case e.JumpIf() | e.JumpIfRegister():
                self._branch(node, self._test(instruction, state), state)
            case e.Jump() | e.JumpLong():
                self._leave(node, state, following)
            case e.Exit():
                returned = low(self.packet.words, number(state[Register.R0]))
                accepts = self._is(returned, _ACCEPTED)
                known = self.packet.choose(accepts, TRUE, self._is(returned, _REJECTED))
                self.needs[node] = (Need(known),)
                self.flow.leave(node, state, accepts, (_ACCEPTED, _REJECTED))
            case e.LoadImmediate64(dst, _, (e.Immediate.MAP_FD | e.Immediate.MAP_VALUE) as kind):
                found = self._map(slot, kind)
                self._leave(node, (*state[:dst], found, *state[dst + 1 :]), following)
            case e.Call(helper) if helper == LOOK_UP and self._counts(node, slot, state):
                self.needs[node] = ()
                self.flow.leave(node, state, TRUE, (_ACCEPTED,))
            case e.Call(helper) if helper == LOOK_UP:
                behind, known = self.sets.look_up(state, self.code.keys.get(slot))
                self._leave(node, behind, following, (Need(known),))
            case e.CallKernel():
                behind, known = self.functions.call(self.names.get(slot, "of no name"), state)
                self._leave(node, behind, following, (Need(known),))
            case e.MayGoto() | e.Raw():
                raise UnsupportedError("loops of unknown length are not analysed")
            case _:
                behind, needs = self.machine.execute(instruction, state)
                self._leave(node, behind, following, needs)

    def _test(self, jump: e.JumpIf | e.JumpIfRegister, state: State) -> Test:
        match jump:
            case e.JumpIf(value=value):
                operand: Value = immediate(self.packet.words, value, jump.width)
            case e.JumpIfRegister(src=src):
                operand = state[src]
        match state[jump.dst], operand:
            case Bits() as bits, Scalar(Number(mask), 0) if jump.comparison is Comparison.SET:
                return Test(self.tables.is_set(bits, mask))
        return compare(self.packet, jump.comparison, state[jump.dst], operand, jump.width)

    def _counts(self, node: int, slot: int, state: State) -> bool:
        """It looks up the counter that is asked about."""
        number = self.sets.counter(state, self.code.keys.get(slot))
        if number is not None:
            self.counters[node] = number
        return number is not None and number == self.sets.symbols.counter

    def _map(self, slot: int, kind: e.Immediate) -> Value:
        """The map that a slot asks for, or the address of its value."""
        name = self.names.get(slot, "")
        return MapOf(name) if kind is e.Immediate.MAP_FD else self.tables.table(name)

    def _branch(self, node: int, test: Test, state: State) -> None:
        targets = self.code.following[self.nodes.slot(node)]
        short = None if test.beyond is None else targets[not test.beyond]
        if test.holds is TRUE or test.holds is FALSE:
            targets = (targets[test.holds is FALSE],)
        end = _end_of(state)
        certain = end.pulled is not None and (short == end.slot or short not in self.begun)
        if short not in targets or self.in_piece or certain:
            self._leave(node, state, targets, (Need(test.known),), test.holds)
            return
        assert short is not None
        turn = end.turn if end.pulled is None else end.turn + 1
        if turn > _MOST_TURNS:
            raise UnsupportedError(f"begins anew more than {_MOST_TURNS} times")
        anew = self._target(node, short, state, 2 * turn)
        self.anew[anew], self.begun[short] = turn, None
        self.needs[node] = ()
        found = tuple(anew if to == short else self._target(node, to, state) for to in targets)
        self.flow.leave(node, state, test.holds, found)

    def _leave(
        self,
        node: int,
        state: State,
        following: tuple[int, ...],
        needs: tuple[Need, ...] = (),
        test: Proposition = TRUE,
    ) -> None:
        self.needs[node] = needs
        targets = tuple(self._target(node, slot, state) for slot in following)
        self.flow.leave(node, state, test, targets)

    def _target(self, node: int, slot: int, state: State, phase: int | None = None) -> int:
        """The node of a slot behind another node; an end where it returns a known number."""
        match self.code.instructions[slot], state[Register.R0]:
            case e.Exit(), Scalar(Number(value), add):
                return self._end(value + add)
        if phase is None:
            end = _end_of(state)
            phase = 2 * end.turn + (end.pulled is not None)
        return self.nodes.behind(node, slot, phase=phase)

    def _end(self, returned: int) -> int:
        return self.ends.get(returned & WORD_MASK, _WRONG)

    def _is(self, returned: Word, end: int) -> Proposition:
        """Whether the program returns what that end stands for."""
        value = next((each for each, at in self.ends.items() if at == end), None)
        return FALSE if value is None else self.packet.member(returned, (value, value + 1))

    def _begun_anew(self, node: int) -> State:
        """What is the same however the program came here; nothing else is known from here on."""
        end = End(turn=self.anew[node], slot=self.nodes.slot(node))
        states = [
            [end if value == after[PULLED] else value for value in after]
            for after in map(self.flow.after.__getitem__, self.flow.came_from[node])
        ]
        self.calls.draws = 0
        return tuple(
            first if _is_fixed(first, end) and all(each == first for each in others) else None
            for first, *others in zip(*states, strict=True)
        )


def _start() -> State:
    state: list[Value] = [None] * PLACES
    state[Register.R1], state[Register.R10], state[PULLED] = Context(), Frame(0), End()
    return tuple(state)


def _end_of(state: State) -> End:
    """The end of the first piece as it is now; raises UnsupportedError."""
    end = state[PULLED]
    if not isinstance(end, End):
        raise UnsupportedError("how many bytes were pulled is not known")
    return end


def _is_fixed(value: Value, end: End) -> bool:
    match value:
        case None | Context() | Frame() | Scalar(Number()):
            return True
        case _:
            return value == end
