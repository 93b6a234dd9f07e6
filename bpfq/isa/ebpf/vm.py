"""Run an eBPF program, with memory, helpers and kernel functions that the caller gives.

    run(words, xdp(packet))    the value of R0

What the verifier refuses is an error where it is reached: a load out of bounds, a register that
was never written, a jump out of the program.  Registers R1 to R5 have no value after a call.

Source: RFC 9669; kernel/bpf/core.c of Linux 6.18.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, assert_never

from bpfq.errors import FilterError, LimitError
from bpfq.isa.ebpf.arithmetic import calculate, holds, low, swapped, updated
from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.environment import Environment
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R6,
    R10,
    STACK_SIZE,
    Access,
    Alu,
    AluRegister,
    Arithmetic,
    Atomic,
    AtomicOperation,
    BpfInsn,
    ByteOrder,
    ByteSwap,
    Call,
    CallFunction,
    CallKernel,
    Exit,
    Instruction,
    Jump,
    JumpIf,
    JumpIfRegister,
    JumpLong,
    LoadAbsolute,
    LoadAcquire,
    LoadImmediate64,
    LoadIndirect,
    LoadMemory,
    MayGoto,
    Move,
    MoveRegister,
    MoveSigned,
    Negate,
    Raw,
    Register,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
    slots,
)
from bpfq.isa.ebpf.memory import Memory
from bpfq.record import field, record

STEP_LIMIT: Final = 1_000_000  # instructions
DEPTH_LIMIT: Final = 8  # functions in each other; MAX_CALL_FRAMES of <linux/bpf_verifier.h>

_UNWRITTEN: Final = b"\xa5"  # on the stack: what shows when it is read
_HOST: Final = {"little": ByteOrder.LITTLE, "big": ByteOrder.BIG}
_CALLER_SAVED: Final = tuple(Register(number) for number in range(1, 6))
_KEPT: Final = tuple(Register(number) for number in range(6, 11))


class UnwrittenRegister(FilterError):
    """A register is read that holds nothing."""


@record(frozen=False)
class _State:
    registers: list[int | None]
    pc: int = 0
    frames: list[tuple[int, list[int | None]]] = field(default_factory=list)


class _Reject(Exception):
    """A legacy packet load outside of the packet ends the program with 0."""


def run(words: Sequence[BpfInsn], environment: Environment, *, step_limit: int = STEP_LIMIT) -> int:
    """R0 at the end of the program, 64 bits unsigned.

    A stack is added to the memory of the environment.  Raises MemoryFault, UnwrittenRegister and,
    for what else no machine takes, FilterError, each with the slot where it was reached;
    LimitError after ``step_limit`` instructions.
    """
    return run_counted(words, environment, step_limit=step_limit)[0]


def run_counted(
    words: Sequence[BpfInsn], environment: Environment, *, step_limit: int = STEP_LIMIT
) -> tuple[int, int]:
    """R0 as of ``run``, and how many instructions were executed."""
    program = _by_slot(tuple(words))
    state = _State([None] * len(Register))
    state.registers[R1], state.registers[R10] = environment.context, _stack(environment.memory)
    for count in range(1, step_limit + 1):
        instruction = program.get(state.pc)
        if instruction is None:
            raise FilterError(f"ran to slot {state.pc}: no instruction starts there")
        try:
            result = _step(instruction, state, environment)
        except FilterError as error:
            raise type(error)(f"slot {state.pc}: {error.message}") from None
        if result is not None:
            return result, count
    raise LimitError(f"still running after {step_limit} instructions: a jump back may never end")


@lru_cache(maxsize=16)
def _by_slot(words: tuple[BpfInsn, ...]) -> dict[int, Instruction]:
    program, slot = {}, 0
    for instruction in disassemble(words):
        program[slot] = instruction
        slot += slots(instruction)
    return program


def _stack(memory: Memory) -> int:
    """The end of a new stack."""
    return memory.add("stack", bytearray(_UNWRITTEN * STACK_SIZE), writable=True) + STACK_SIZE


def _step(instruction: Instruction, state: _State, environment: Environment) -> int | None:
    """Execute one instruction and move on; the value of the program if that ends it."""
    skip = 0
    match instruction:
        case Jump(distance) | JumpLong(distance):
            skip = distance
        case JumpIf() | JumpIfRegister():
            skip = instruction.skip if _decides(instruction, state) else 0
        case MayGoto():
            pass  # the kernel's patience is longer than the step limit
        case Exit():
            return _leave(state)
        case CallFunction(distance):
            _enter(state, environment.memory)
            skip = distance
        case Call() | CallKernel():
            _call(instruction, state, environment)
        case Raw(insn):
            raise FilterError(f"opcode {insn.opcode:#04x} with these fields is no instruction")
        case LoadAbsolute() | LoadIndirect():
            try:
                _load_packet(instruction, state, environment)
            except _Reject:
                return 0
        case LoadImmediate64(dst):
            _write(state, dst, environment.resolve(instruction))
        case (
            LoadMemory()
            | StoreMemory()
            | StoreImmediate()
            | Atomic()
            | LoadAcquire()
            | StoreRelease()
        ):
            _access(instruction, state, environment.memory)
        case _:
            _compute(instruction, state, environment.memory)
    state.pc += slots(instruction) + skip
    return None


def _read(state: _State, register: Register, width: int = 64) -> int:
    value = state.registers[register]
    if value is None:
        raise UnwrittenRegister(f"r{int(register)} is read, which holds nothing")
    return low(value, width)


def _write(state: _State, register: Register, value: int) -> None:
    if register is R10:
        raise FilterError("r10 is written, which is only read")
    state.registers[register] = value


def _decides(jump: JumpIf | JumpIfRegister, state: _State) -> bool:
    match jump:
        case JumpIf(comparison, dst, value, _, width):
            right = low(value, width)
        case JumpIfRegister(comparison, dst, src, _, width):
            right = _read(state, src, width)
    return holds(comparison, _read(state, dst, width), right, width)


def _compute(instruction: Arithmetic, state: _State, memory: Memory) -> None:
    match instruction:
        case Alu(operation, dst, value, width):
            left, right = _read(state, dst, width), low(value, width)
            _write(state, dst, calculate(operation, left, right, width))
        case AluRegister(operation, dst, src, width):
            left, right = _read(state, dst, width), _read(state, src, width)
            _write(state, dst, calculate(operation, left, right, width))
        case Move(dst, value, width):
            _write(state, dst, low(value, width))
        case MoveRegister(dst, src, width):
            _write(state, dst, _read(state, src, width))
        case MoveSigned(dst, src, bits, width):
            _write(state, dst, low(signed(_read(state, src), bits), width))
        case Negate(dst, width):
            _write(state, dst, low(-_read(state, dst), width))
        case ByteSwap(dst, order, bits):
            value = _read(state, dst, bits)
            _write(state, dst, value if order is _HOST[memory.byteorder] else swapped(value, bits))
        case _:
            assert_never(instruction)


def _access(instruction: Access, state: _State, memory: Memory) -> None:
    match instruction:
        case LoadMemory(dst, base, offset, size, sign):
            value = memory.load(_address(state, base, offset), size)
            _write(state, dst, low(signed(value, 8 * size), 64) if sign else value)
        case LoadAcquire(dst, base, offset, size):
            _write(state, dst, memory.load(_address(state, base, offset), size))
        case StoreMemory(base, offset, src, size) | StoreRelease(base, offset, src, size):
            memory.store(_address(state, base, offset), _read(state, src), size)
        case StoreImmediate(base, offset, value, size):
            memory.store(_address(state, base, offset), value, size)
        case Atomic():
            _update(instruction, state, memory)
        case _:
            assert_never(instruction)


def _address(state: _State, base: Register, offset: int) -> int:
    return low(_read(state, base) + offset, 64)


def _update(atomic: Atomic, state: _State, memory: Memory) -> None:
    width = 8 * atomic.size
    address = _address(state, atomic.base, atomic.offset)
    there, given = memory.load(address, atomic.size), _read(state, atomic.src, width)
    compares = atomic.operation is AtomicOperation.COMPARE_EXCHANGE
    expected = _read(state, R0, width) if compares else 0
    memory.store(address, updated(atomic.operation, there, given, expected, width), atomic.size)
    if atomic.fetch:
        _write(state, R0 if compares else atomic.src, there)


def _load_packet(
    load: LoadAbsolute | LoadIndirect, state: _State, environment: Environment
) -> None:
    match load:
        case LoadAbsolute(offset, size):
            start = offset
        case LoadIndirect(src, offset, size):
            start = signed(_read(state, src, 32) + offset, 32)
    _read(state, R6)
    _lose_arguments(state)
    octets = environment.packet_bytes(start, size)
    if octets is None:
        raise _Reject
    state.registers[R0] = int.from_bytes(octets, "big")


def _call(call: Call | CallKernel, state: _State, environment: Environment) -> None:
    match call:
        case Call(number):
            function, name = environment.helpers.get(number), f"helper {number}"
        case CallKernel(number):
            function, name = environment.kernel_functions.get(number), f"kernel function {number}"
    if function is None:
        raise FilterError(f"no {name} was given")
    arguments = [state.registers[register] or 0 for register in _CALLER_SAVED]
    result = function(environment.memory, *arguments)
    _lose_arguments(state)
    state.registers[R0] = low(result, 64)


def _lose_arguments(state: _State) -> None:
    for register in _CALLER_SAVED:
        state.registers[register] = None


def _enter(state: _State, memory: Memory) -> None:
    if len(state.frames) + 1 >= DEPTH_LIMIT:
        raise LimitError(f"more than {DEPTH_LIMIT} functions in each other")
    state.frames.append((state.pc + 1, [state.registers[register] for register in _KEPT]))
    for register in _KEPT:
        state.registers[register] = None
    state.registers[R10] = _stack(memory)


def _leave(state: _State) -> int | None:
    value = _read(state, R0)
    if not state.frames:
        return value
    state.pc, kept = state.frames.pop()
    _lose_arguments(state)
    for register, before in zip(_KEPT, kept, strict=True):
        state.registers[register] = before
    return None
