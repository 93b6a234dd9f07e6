"""eBPF programs with one mistake: what a back end may get wrong in one slot."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from bpfq.errors import EncodingError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble, disassemble
from bpfq.isa.ebpf.instructions import BpfInsn, Comparison, Instruction, Register
from bpfq.isa.ebpf.program import MapSpec, Module
from bpfq.record import replace

_STEPS = (1, -1, 2, -2, 4, -4, 8, -16)
_MASKED = (e.Operation.AND, e.Operation.OR, e.Operation.XOR)
_NOTHING = e.Jump(0)

Changes: TypeAlias = Callable[[Instruction, random.Random], Iterator[tuple[str, Instruction]]]


class Mutant(NamedTuple):
    """kind: the mistake, and where."""

    kind: str
    words: tuple[BpfInsn, ...]


def mutants(
    words: Sequence[BpfInsn], seed: int, most: int, changes: Changes | None = None
) -> list[Mutant]:
    """Up to ``most`` programs, each kind of mistake as likely as another.

    changes: what may go wrong with an instruction, anything unless given.
    """
    by_kind: dict[str, list[Mutant]] = {}
    chance = random.Random(seed)
    slot = 0
    for instruction in disassemble(words):
        end = slot + e.slots(instruction)
        for kind, changed in (changes or _changes)(instruction, chance):
            try:
                made = (*words[:slot], *assemble([changed]), *words[end:])
            except EncodingError:  # a field is too small for what was changed
                continue
            if len(made) == len(words):
                by_kind.setdefault(kind, []).append(Mutant(f"{kind} at {slot}", made))
        slot = end
    chosen: list[Mutant] = []
    while by_kind and len(chosen) < most:
        kind = chance.choice(sorted(by_kind))
        of_kind = by_kind[kind]
        chosen.append(of_kind.pop(chance.randrange(len(of_kind))))
        if not of_kind:
            del by_kind[kind]
    return chosen


def _changes(instruction: Instruction, chance: random.Random) -> Iterator[tuple[str, Instruction]]:
    match instruction:
        case e.Exit():
            return
        case e.JumpIf() | e.JumpIfRegister():
            yield from _of_jump(instruction)
        case e.Jump(skip):
            yield "exit moved", e.Jump(skip + 1)
            yield "exit moved", e.Jump(skip - 1)
            return
        case e.LoadMemory(offset=offset, size=size):
            for step in _STEPS:
                yield "offset moved", replace(instruction, offset=offset + step)
            for other in {1, 2, 4} - {size}:
                yield "load size changed", replace(instruction, size=other)
        case e.LoadAbsolute(offset, size) | e.LoadIndirect(offset=offset, size=size):
            for step in _STEPS:
                yield "offset moved", replace(instruction, offset=offset + step)
            for other in {1, 2, 4} - {size}:
                yield "load size changed", replace(instruction, size=other)
        case e.Alu(operation) | e.AluRegister(operation):
            for other_operation in set(_MASKED) | {e.Operation.ADD, e.Operation.LSH}:
                if other_operation is not operation:
                    yield "operator changed", replace(instruction, operation=other_operation)
            yield "width changed", replace(instruction, width=96 - instruction.width)
        case e.StoreMemory(offset=offset):
            yield "offset moved", replace(instruction, offset=offset - 8)
        case e.ByteSwap(bits=bits):
            yield "swap changed", replace(instruction, bits=48 - bits if bits < 64 else 32)
    yield from _constants(instruction, chance)
    yield from _registers(instruction, chance)
    yield "instruction removed", _NOTHING


def of_keys(instruction: Instruction, chance: random.Random) -> Iterator[tuple[str, Instruction]]:
    """What may go wrong with a key for a map."""
    match instruction:
        case e.StoreMemory(offset=offset, size=size) if size < 8:
            yield "key moved", replace(instruction, offset=offset + chance.choice((1, -1)))
            yield "key cut", replace(instruction, size=6 - size if size < 4 else 2)
        case e.StoreImmediate(offset=offset, value=value):
            yield "key moved", replace(instruction, offset=offset - 4)
            for step in (1, -1, -32):
                yield "constant of a key", replace(instruction, value=value + step)
            yield "constant of a key", replace(instruction, value=value << 24)
        case e.JumpIf(dst=Register.R0, value=0, comparison=Comparison.EQ | Comparison.NE as now):
            other = Comparison.NE if now is Comparison.EQ else Comparison.EQ
            yield "null test turned", replace(instruction, comparison=other)
        case e.ByteSwap():
            yield "key in the other order", _NOTHING


def _of_jump(jump: e.JumpIf | e.JumpIfRegister) -> Iterator[tuple[str, Instruction]]:
    yield "test dropped", e.Jump(jump.skip)
    for step in (1, -1):
        yield "exit moved", replace(jump, skip=jump.skip + step)
    for comparison in Comparison:
        if comparison is not jump.comparison:
            yield "comparison changed", replace(jump, comparison=comparison)
    yield "width changed", replace(jump, width=96 - jump.width)


def _constants(
    instruction: Instruction, chance: random.Random
) -> Iterator[tuple[str, Instruction]]:
    match instruction:
        case e.Alu(value=value) | e.Move(value=value) | e.JumpIf(value=value):
            for step in (1, -1):
                yield "constant by one", replace(instruction, value=value + step)
            flipped = value ^ 1 << chance.randrange(31)
            yield "constant by a bit", replace(instruction, value=flipped)
            swapped = int.from_bytes((value & 0xFFFF_FFFF).to_bytes(4, "little"), "big")
            yield "constant swapped", replace(instruction, value=swapped)


def _registers(
    instruction: Instruction, chance: random.Random
) -> Iterator[tuple[str, Instruction]]:
    for name in ("dst", "src", "base"):
        now = getattr(instruction, name, None)
        if now is not None:
            other = Register((now + chance.randrange(1, 10)) % 10)
            yield "register changed", replace(instruction, **{name: other})


def map_mutants(module: Module, seed: int, most: int) -> list[tuple[str, Module]]:
    """Up to ``most`` modules whose maps have other entries, or that ask another map."""
    chance = random.Random(seed)
    found: list[tuple[str, Module]] = []
    for number, spec in enumerate(module.maps):
        for kind, entries in _other_entries(spec, chance):
            other = replace(spec, entries=entries, max_entries=max(spec.max_entries, len(entries)))
            maps = (*module.maps[:number], other, *module.maps[number + 1 :])
            found.append((f"{kind} {spec.name}", replace(module, maps=maps)))
        found += _asked_for(module, spec)
    chance.shuffle(found)
    return found[:most]


def _other_entries(
    spec: MapSpec, chance: random.Random
) -> Iterator[tuple[str, tuple[tuple[bytes, bytes], ...]]]:
    at = chance.randrange(len(spec.entries))
    key, value = spec.entries[at]
    others = (*spec.entries[:at], *spec.entries[at + 1 :])
    if spec.kind == "array":
        octets = bytearray(value)
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        yield "a bit turned in", ((key, bytes(octets)),)
        yield "the octets turned round of", ((key, value[::-1]),)
        return
    yield "an entry is missing in", others
    last = 8 * len(key)
    if spec.kind == "lpm_trie":
        last = 32 + int.from_bytes(key[:4], "little")
    keys = {each for each, _ in spec.entries}
    turned = (_turned(key, bit) for bit in range(last - 1, 0, -1))
    changed = next(each for each in turned if each not in keys)
    yield "another entry in", (*others, (changed, value))
    yield "one entry more in", (*spec.entries, (changed, value))
    if spec.kind == "lpm_trie":
        for step in (1, -1):
            bits = int.from_bytes(key[:4], "little") + step
            if 0 <= bits <= 8 * (len(key) - 4):
                yield "a prefix longer or shorter in", (
                    *others, (bits.to_bytes(4, "little") + key[4:], value)
                )  # fmt: skip
    else:
        yield "an entry turned round in", (*others, (key[::-1], value))


def _turned(key: bytes, bit: int) -> bytes:
    """One bit is another; the first octet has the lowest numbers."""
    changed = bytearray(key)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def _asked_for(module: Module, spec: MapSpec) -> Iterator[tuple[str, Module]]:
    """One of the places that ask for the map asks for another one like it."""
    like = [
        each for each in module.maps
        if each != spec and (each.kind, each.key_size) == (spec.kind, spec.key_size)
    ]  # fmt: skip
    references = module.function.references
    for number, reference in enumerate(references):
        for other in like if reference.symbol == spec.name else ():
            asked = replace(reference, symbol=other.name)
            changed = (*references[:number], asked, *references[number + 1 :])
            function = replace(module.function, references=changed)
            yield f"{other.name} in place of {spec.name}", replace(module, function=function)
