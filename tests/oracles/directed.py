"""Packets that take the branches of a classic program both ways.

    base packets -> executed, instruction by instruction
    jump         -> the numbers that decide it, followed back to the bytes they were made of
    bytes        -> patched, so that the jump goes the other way

Arithmetic is undone on the way back: (b[k] & 0x0f) * 4 = 20 becomes b[k] = 0x?5.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bpfq.isa.cbpf.encode import disassemble
from bpfq.isa.cbpf.instructions import (
    ANCILLARY_BASE,
    Alu,
    AluX,
    Instruction,
    JumpIf,
    JumpIfX,
    LoadAbsolute,
    LoadImmediate,
    LoadIndirect,
    LoadLength,
    LoadScratch,
    LoadXHeaderLength,
    LoadXImmediate,
    LoadXLength,
    LoadXScratch,
    Negate,
    SockFilter,
    StoreA,
    StoreX,
    Tax,
    Txa,
)
from bpfq.isa.cbpf.vm import Step, trace
from bpfq.operators import Operator, Relation

WORD = 0xFFFF_FFFF
SIZE = 160  # bytes of a base packet
LARGEST = 2048  # bytes that a packet grows to when a load asks for more
MOST_TRACES = 600  # of one search
MOST_TRIES = 24  # at one direction of one jump
NEAR_TRIES = 2  # at values around a jump's operand, once both directions were taken


@dataclass(frozen=True)
class Sample:
    """A packet and its length on the wire."""

    packet: bytes
    length: int

    @property
    def whole(self) -> bool:
        """What was captured is all there was."""
        return self.length == len(self.packet)


@dataclass
class Found:
    """Every sample, those that took a new branch, and the branches: (jump, whether taken).

    fixed: jumps between numbers that no byte of the packet has a part in.
    """

    samples: list[Sample] = field(default_factory=list)
    new: list[Sample] = field(default_factory=list)
    branches: set[tuple[int, bool]] = field(default_factory=set)
    fixed: set[int] = field(default_factory=set)

    def missing(self, words: Sequence[SockFilter]) -> set[tuple[int, bool]]:
        """The branches not taken, without those of fixed jumps."""
        jumps = {at for at, word in enumerate(words) if word.code & 7 == 5 and word.code & 0xF0}
        every = {(at, taken) for at in jumps - self.fixed for taken in (False, True)}
        return every - self.branches


def search(
    words: Sequence[SockFilter],
    bases: Sequence[bytes],
    most: int = MOST_TRACES,
    metadata: Mapping[str, int] | None = None,
) -> Found:
    """Samples that between them take each branch that patching reaches.

    metadata: the kernel's words, the same with every packet.
    """
    program = disassemble(words)
    found = Found()
    waiting = deque(Sample(packet, len(packet)) for packet in bases)
    known: set[Sample] = set()
    tries: Counter[tuple[int, bool | None]] = Counter()
    undecided: set[int] = set()  # jumps that some byte decides
    while waiting and len(found.samples) < most:
        sample = waiting.popleft()
        if sample in known:
            continue
        known.add(sample)
        found.samples.append(sample)
        steps = trace(
            words, sample.packet, wire_length=sample.length, metadata=metadata
        ).steps
        taken = dict(_taken(program, steps))
        fresh = {(steps[at].pc, way) for at, way in taken.items()} - found.branches
        found.branches |= fresh
        if fresh:
            found.new.append(sample)
        longer = _longer(program, steps, sample)
        if longer is not None:
            waiting.appendleft(longer)
        for at, way in taken.items():
            pc = steps[at].pc
            aim = None if (pc, not way) in found.branches else not way
            tries[pc, aim] += 1
            if tries[pc, aim] > (NEAR_TRIES if aim is None else MOST_TRIES):
                continue
            patched = list(_redirected(program, steps, at, sample))
            if patched:
                undecided.add(pc)
            if aim is None:
                waiting.extend(patched)
            else:  # what was reached last and has never gone the other way comes first
                waiting.extendleft(reversed(patched))
    met = {pc for pc, _ in found.branches}
    found.fixed = met - undecided
    return found


def truncations(
    words: Sequence[SockFilter], sample: Sample, metadata: Mapping[str, int] | None = None
) -> Iterator[Sample]:
    """Every length up to one byte short of what the program reads of the sample."""
    steps = trace(words, sample.packet, wire_length=sample.length, metadata=metadata).steps
    program = disassemble(words)
    ends = [end for at in range(len(steps)) if (end := _end_of_load(program, steps, at))]
    furthest = min(max(ends, default=0), len(sample.packet))
    for size in range(furthest):
        yield Sample(sample.packet[:size], sample.length)


def _taken(program: Sequence[Instruction], steps: Sequence[Step]) -> Iterator[tuple[int, bool]]:
    """The conditional jumps: index of the step, and whether the relation held."""
    for at, step in enumerate(steps):
        match program[step.pc]:
            case JumpIf(relation, value):
                yield at, relation.holds(step.a, value)
            case JumpIfX(relation):
                yield at, relation.holds(step.a, step.x)


def _end_of_load(program: Sequence[Instruction], steps: Sequence[Step], at: int) -> int | None:
    """Where the bytes that a step loads end; None if it loads none."""
    match program[steps[at].pc]:
        case LoadAbsolute(offset, size) if offset < ANCILLARY_BASE:
            return offset + size
        case LoadIndirect(offset, size):
            return (steps[at - 1].x if at else 0) + offset + size
        case LoadXHeaderLength(offset):
            return offset + 1
        case _:
            return None


def _longer(
    program: Sequence[Instruction], steps: Sequence[Step], sample: Sample
) -> Sample | None:
    """The sample with the bytes that its last load asked for and did not get."""
    end = _end_of_load(program, steps, len(steps) - 1)
    if end is None or end > LARGEST or end <= len(sample.packet):
        return None
    chance = random.Random(end)
    packet = sample.packet + chance.randbytes(end - len(sample.packet) + 8)
    return Sample(packet, max(sample.length, len(packet)))


# ---------------------------------------------------------------- the other way


def _redirected(
    program: Sequence[Instruction], steps: Sequence[Step], at: int, sample: Sample
) -> Iterator[Sample]:
    """The sample with the numbers that a jump compares changed to those around each other."""
    step = steps[at]
    match program[step.pc]:
        case JumpIf(relation, value):
            yield from _around(program, steps, at, "a", relation, step.a, value, sample)
        case JumpIfX(relation):
            yield from _around(program, steps, at, "a", relation, step.a, step.x, sample)
            yield from _around(program, steps, at, "x", relation, step.x, step.a, sample)


def _around(
    program: Sequence[Instruction],
    steps: Sequence[Step],
    at: int,
    register: str,
    relation: Relation,
    now: int,
    operand: int,
    sample: Sample,
) -> Iterator[Sample]:
    if relation is Relation.SET:
        targets = [now | operand, now & ~operand & WORD, now & ~operand | operand & -operand]
    else:
        targets = [operand, operand ^ 1, operand ^ 0x10, operand + 1 & WORD, operand - 1 & WORD, 0]
    for target in dict.fromkeys(targets):
        if target != now:
            yield from _made(program, steps, at, register, target, sample)


def _made(
    program: Sequence[Instruction],
    steps: Sequence[Step],
    at: int,
    register: str,
    target: int,
    sample: Sample,
) -> Iterator[Sample]:
    """The sample changed so that a register has the target before a step, if that is simple."""
    for before in range(at - 1, -1, -1):
        instruction = program[steps[before].pc]
        if register == "a":
            done = yield from _made_a(program, steps, before, instruction, target, sample)
        else:
            done = yield from _made_x(program, steps, before, instruction, target, sample)
        if done:
            return


def _made_a(
    program: Sequence[Instruction],
    steps: Sequence[Step],
    at: int,
    instruction: Instruction,
    target: int,
    sample: Sample,
) -> Iterator[Sample]:
    a, x = (steps[at - 1].a, steps[at - 1].x) if at else (0, 0)
    match instruction:
        case LoadAbsolute(offset, size):
            yield from _written(sample, offset, size, target)
        case LoadIndirect(offset, size):
            yield from _written(sample, x + offset, size, target)
        case LoadLength():
            yield from _with_length(sample, target)
        case LoadScratch(slot):
            yield from _stored(program, steps, at, slot, target, sample)
        case Alu(operator, right):
            for left in _left(operator, a, right, target):
                yield from _made(program, steps, at, "a", left, sample)
        case AluX(operator):
            for left in _left(operator, a, x, target):
                yield from _made(program, steps, at, "a", left, sample)
            for right in _right(operator, a, target):
                yield from _made(program, steps, at, "x", right, sample)
        case Negate():
            yield from _made(program, steps, at, "a", -target & WORD, sample)
        case Txa():
            yield from _made(program, steps, at, "x", target, sample)
        case _:
            return _writes(instruction, "a")
    return True


def _made_x(
    program: Sequence[Instruction],
    steps: Sequence[Step],
    at: int,
    instruction: Instruction,
    target: int,
    sample: Sample,
) -> Iterator[Sample]:
    match instruction:
        case LoadXHeaderLength(offset):
            if target in range(0, 64, 4) and offset < len(sample.packet):
                high = sample.packet[offset] & 0xF0
                yield from _written(sample, offset, 1, high | target // 4)
        case LoadXLength():
            yield from _with_length(sample, target)
        case LoadXScratch(slot):
            yield from _stored(program, steps, at, slot, target, sample)
        case Tax():
            yield from _made(program, steps, at, "a", target, sample)
        case _:
            return _writes(instruction, "x")
    return True


def _writes(instruction: Instruction, register: str) -> bool:
    """Of what has no case of its own, only constants write a register."""
    return isinstance(instruction, LoadImmediate if register == "a" else LoadXImmediate)


def _stored(
    program: Sequence[Instruction],
    steps: Sequence[Step],
    at: int,
    slot: int,
    target: int,
    sample: Sample,
) -> Iterator[Sample]:
    for before in range(at - 1, -1, -1):
        match program[steps[before].pc]:
            case StoreA(there) if there == slot:
                yield from _made(program, steps, before, "a", target, sample)
                return
            case StoreX(there) if there == slot:
                yield from _made(program, steps, before, "x", target, sample)
                return


def _left(operator: Operator, now: int, right: int, target: int) -> Iterator[int]:
    """Left operands near ``now`` that give the target."""
    match operator:
        case Operator.ADD:
            yield target - right & WORD
        case Operator.SUB:
            yield target + right & WORD
        case Operator.XOR:
            yield target ^ right
        case Operator.AND if not target & ~right:
            yield now & ~right | target
        case Operator.OR if target & right == right:
            yield target & ~right
        case Operator.MUL if right and target % right == 0:
            yield target // right
        case Operator.DIV if right and target * right <= WORD:
            yield target * right
        case Operator.MOD if target < right:
            yield now - now % right + target & WORD
        case Operator.LSH if right < 32 and target >> right << right == target:
            yield target >> right
        case Operator.RSH if right < 32 and target << right <= WORD:
            yield target << right | now & (1 << right) - 1


def _right(operator: Operator, left: int, target: int) -> Iterator[int]:
    """Right operands that give the target."""
    match operator:
        case Operator.ADD:
            yield target - left & WORD
        case Operator.SUB:
            yield left - target & WORD
        case Operator.XOR:
            yield target ^ left
        case Operator.AND | Operator.OR:
            yield target
        case Operator.MUL if left and target % left == 0:
            yield target // left
        case Operator.DIV if target:
            yield left // target
        case Operator.MOD:
            yield target + 1 & WORD
            yield 0
        case Operator.LSH | Operator.RSH:
            yield from (0, 1, 31, 32)


def _written(sample: Sample, address: int, size: int, value: int) -> Iterator[Sample]:
    end = address + size
    if value >> 8 * size or end > len(sample.packet):
        return
    packet = sample.packet[:address] + value.to_bytes(size, "big") + sample.packet[end:]
    yield Sample(packet, sample.length)


def _with_length(sample: Sample, length: int) -> Iterator[Sample]:
    """The packet cut where it is longer; on the wire it may have been any length."""
    yield Sample(sample.packet[:length], length)
    if len(sample.packet) < length <= LARGEST:
        yield Sample(sample.packet + bytes(length - len(sample.packet)), length)


# ---------------------------------------------------------------- where to begin

IPV4_TCP = bytes.fromhex("45000028000140004006000001020304c00002140019003500000001000000025012")
IPV4_UDP = bytes.fromhex("4600002800010000401100000a000002c0a8000101010101003517c1001c0000")
IPV4_LATER = bytes.fromhex("450000280001000a4006000001020304c000021400190035")
IPV6_UDP = bytes.fromhex("600000000010114020010db8" + "00" * 12 + "ff02" + "00" * 14 + "000212b5")
IPV6_FRAGMENT = bytes.fromhex("6000000000102c40" + "20" * 16 + "fe" * 16 + "0600000000000001")
ARP = bytes.fromhex("00010800060400010102030405060a00000106050403020100000a000002")
NETWORK_PACKETS = (IPV4_TCP, IPV4_UDP, IPV4_LATER, IPV6_UDP, IPV6_FRAGMENT, ARP)
ETHERNET = bytes.fromhex("ffffffffffff0102030405060800")
NETWORK_HEADERS = (0, 4, 8, 16, 18, 22, 24, 32)


def bases(seed: int, size: int = SIZE) -> tuple[bytes, ...]:
    """Packets to begin a search with: constants, noise, and network headers where they may be."""
    chance = random.Random(seed)
    packets = [b"\x45" * size, bytes(size), b"\xff" * size, chance.randbytes(size)]
    packets += [ETHERNET + header for header in chance.sample(NETWORK_PACKETS, 3)]
    for at in chance.sample(NETWORK_HEADERS, 4):
        packets.append(chance.randbytes(at) + chance.choice(NETWORK_PACKETS))
    return tuple(packet + chance.randbytes(max(size - len(packet), 0)) for packet in packets)
