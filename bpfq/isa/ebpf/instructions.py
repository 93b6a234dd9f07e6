"""One small type for each instruction shape of the eBPF machine, cpu v1 to v4.

The machine has registers R0 to R10 of 64 bits; R10 is the frame pointer, below it lie 512 bytes
of stack.  A program is a row of slots of 8 bytes; skips count slots from the one that follows, and
``LoadImmediate64`` takes two.  An operation of width 32 works on the low halves and clears the
high half of dst.  Offsets and sizes are bytes, immediates are signed 32 bits and are extended to
64 where the operation is that wide.  Memory is in the byte order of the host.

    Operation.ADD.imm(R2, 14)                       r2 += 14
    Comparison.GT.reg(R2, R1, 5)                    if r2 > r1 goto +5
    LoadMemory(R0, R3, 12, 2)                       r0 = *(u16 *)(r3 + 12)

Source: RFC 9669, "BPF Instruction Set Architecture"; <linux/bpf.h> of Linux 6.18.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final, NamedTuple, TypeAlias

from bpfq.record import record

STACK_SIZE: Final = 512  # bytes below R10; MAX_BPF_STACK of <linux/filter.h>


class BpfInsn(NamedTuple):
    """One slot as the kernel takes it: struct bpf_insn, 8, 4, 4, 16 and 32 bits.

    off and imm are signed, the others unsigned.
    """

    opcode: int
    dst: int
    src: int
    off: int
    imm: int


class Register(IntEnum):
    """A register: R0 results, R1 to R5 arguments, R6 to R9 kept by calls, R10 the frame."""

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    R10 = 10


R0: Final = Register.R0
R1: Final = Register.R1
R2: Final = Register.R2
R3: Final = Register.R3
R4: Final = Register.R4
R5: Final = Register.R5
R6: Final = Register.R6
R7: Final = Register.R7
R8: Final = Register.R8
R9: Final = Register.R9
R10: Final = Register.R10


class Operation(Enum):
    """Arithmetic on two operands; a division by 0 gives 0, a remainder by 0 leaves dst.

    Shifts use the low 6 bits of their count, the low 5 at width 32.
    """

    ADD = "+="
    SUB = "-="
    MUL = "*="
    DIV = "/="
    OR = "|="
    AND = "&="
    LSH = "<<="
    RSH = ">>="
    MOD = "%="
    XOR = "^="
    ARSH = "s>>="
    SDIV = "s/="
    SMOD = "s%="

    def imm(self, dst: Register, value: int, width: int = 64) -> Alu:
        return Alu(self, dst, value, width)

    def reg(self, dst: Register, src: Register, width: int = 64) -> AluRegister:
        return AluRegister(self, dst, src, width)


class Comparison(Enum):
    """How a conditional jump compares: unsigned, or signed where the name starts with S."""

    EQ = "=="
    GT = ">"
    GE = ">="
    SET = "&"  # some bit is set in both
    NE = "!="
    SGT = "s>"
    SGE = "s>="
    LT = "<"
    LE = "<="
    SLT = "s<"
    SLE = "s<="

    def imm(self, dst: Register, value: int, skip: int, width: int = 64) -> JumpIf:
        return JumpIf(self, dst, value, skip, width)

    def reg(self, dst: Register, src: Register, skip: int, width: int = 64) -> JumpIfRegister:
        return JumpIfRegister(self, dst, src, skip, width)


class ByteOrder(Enum):
    """What a byte swap makes of a number in the host's order."""

    LITTLE = "le"
    BIG = "be"
    SWAP = "bswap"  # the other order, whatever the host's is; cpu v4


class AtomicOperation(Enum):
    """What is done in one step to a number in memory; the exchanges always fetch."""

    ADD = "add"
    OR = "or"
    AND = "and"
    XOR = "xor"
    EXCHANGE = "xchg"
    COMPARE_EXCHANGE = "cmpxchg"  # with R0: stored if equal, R0 = what was there


class Immediate(IntEnum):
    """What the kernel makes of a 64-bit immediate when the program is loaded: BPF_PSEUDO_*."""

    PLAIN = 0  # the number itself
    MAP_FD = 1  # the map with the file descriptor value
    MAP_VALUE = 2  # the address extra bytes into the value of that array map
    BTF_ID = 3  # the kernel variable with the BTF id value, of the module BTF extra
    FUNCTION = 4  # the address of a function, as CallFunction counts
    MAP_INDEX = 5  # as MAP_FD, an index into the fd_array of BPF_PROG_LOAD
    MAP_INDEX_VALUE = 6  # as MAP_VALUE, an index into the fd_array of BPF_PROG_LOAD


@record
class Alu:
    """dst = dst operation value."""

    operation: Operation
    dst: Register
    value: int
    width: int = 64  # bits, 32 or 64


@record
class AluRegister:
    """dst = dst operation src."""

    operation: Operation
    dst: Register
    src: Register
    width: int = 64


@record
class Move:
    """dst = value."""

    dst: Register
    value: int
    width: int = 64


@record
class MoveRegister:
    """dst = src."""

    dst: Register
    src: Register
    width: int = 64


@record
class MoveSigned:
    """dst = the low bits of src, sign extended to width; bits is 8, 16 or, to 64, 32; cpu v4."""

    dst: Register
    src: Register
    bits: int
    width: int = 64


@record
class Negate:
    """dst = -dst."""

    dst: Register
    width: int = 64


@record
class ByteSwap:
    """dst = its low bits in that byte order, the bits above cleared; bits is 16, 32 or 64."""

    dst: Register
    order: ByteOrder
    bits: int


@record
class LoadMemory:
    """dst = the size bytes at base + offset, zero or sign extended; size is 1, 2, 4 or 8."""

    dst: Register
    base: Register
    offset: int
    size: int
    signed: bool = False  # cpu v4; not with size 8


@record
class StoreMemory:
    """The size bytes at base + offset = src; size is 1, 2, 4 or 8."""

    base: Register
    offset: int
    src: Register
    size: int


@record
class StoreImmediate:
    """The size bytes at base + offset = value; size is 1, 2, 4 or 8."""

    base: Register
    offset: int
    value: int
    size: int


@record
class Atomic:
    """The size bytes at base + offset = them operation src; fetch: src = what was there.

    size is 4 or 8.  COMPARE_EXCHANGE fetches into R0 instead.  Fetching is cpu v3.
    """

    operation: AtomicOperation
    base: Register
    offset: int
    src: Register
    size: int
    fetch: bool = False


@record
class LoadAcquire:
    """dst = the size bytes at base + offset, before all that follows; size is 1, 2, 4 or 8."""

    dst: Register
    base: Register
    offset: int
    size: int


@record
class StoreRelease:
    """The size bytes at base + offset = src, after all that precedes; size is 1, 2, 4 or 8."""

    base: Register
    offset: int
    src: Register
    size: int


@record
class LoadAbsolute:
    """R0 = the size big-endian bytes of the packet at offset, or the program ends with 0.

    size is 1, 2 or 4; R6 holds the context, and R1 to R5 are lost.
    """

    offset: int
    size: int


@record
class LoadIndirect:
    """R0 = the size big-endian bytes of the packet at src + offset, as LoadAbsolute."""

    src: Register
    offset: int
    size: int


@record
class LoadImmediate64:
    """dst = value, in two slots.

    PLAIN takes a value of 0 to 2**64 - 1; the other kinds take two signed 32-bit numbers, value
    from the first slot and extra from the second.
    """

    dst: Register
    value: int
    kind: Immediate = Immediate.PLAIN
    extra: int = 0


@record
class Jump:
    """Skip the next skip slots; a negative skip goes back.  16 bits."""

    skip: int


@record
class JumpLong:
    """Skip the next skip slots; a negative skip goes back.  32 bits, cpu v4."""

    skip: int


@record
class JumpIf:
    """Skip the next skip slots if dst comparison value holds; width 32 is cpu v3."""

    comparison: Comparison
    dst: Register
    value: int
    skip: int
    width: int = 64


@record
class JumpIfRegister:
    """Skip the next skip slots if dst comparison src holds; width 32 is cpu v3."""

    comparison: Comparison
    dst: Register
    src: Register
    skip: int
    width: int = 64


@record
class MayGoto:
    """Skip the next skip slots once the kernel's patience with the program is at its end."""

    skip: int


@record
class Call:
    """R0 = the helper of that id with R1 to R5, which are lost."""

    helper: int


@record
class CallFunction:
    """R0 = the function of this program that starts skip slots after the next one."""

    skip: int


@record
class CallKernel:
    """R0 = the kernel function with that BTF id; module is its index in fd_array, 0 the kernel."""

    btf_id: int
    module: int = 0


@record
class Exit:
    """End the function, or the program, with R0."""


@record
class Raw:
    """A slot that no other shape stands for: an unknown opcode, or a value in an unused field."""

    insn: BpfInsn


Arithmetic: TypeAlias = Alu | AluRegister | Move | MoveRegister | MoveSigned | Negate | ByteSwap
Access: TypeAlias = LoadMemory | StoreMemory | StoreImmediate | Atomic | LoadAcquire | StoreRelease
Load: TypeAlias = LoadAbsolute | LoadIndirect | LoadImmediate64
Branch: TypeAlias = Jump | JumpLong | JumpIf | JumpIfRegister | MayGoto
Control: TypeAlias = Branch | Call | CallFunction | CallKernel | Exit
Instruction: TypeAlias = Arithmetic | Access | Load | Control | Raw


def slots(instruction: Instruction) -> int:
    """How many slots the instruction takes: 2 for LoadImmediate64, 1 for all others."""
    return 2 if isinstance(instruction, LoadImmediate64) else 1
