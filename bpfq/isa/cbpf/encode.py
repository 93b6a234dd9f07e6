"""Instructions to words and back: assemble, disassemble.

    JumpIf(EQ, 2048, 0, 8)    <=>    SockFilter(code=0x15, jt=0, jf=8, k=2048)

For every word, ``assemble(disassemble((word,))) == (word,)``: what no instruction type stands for
comes back as ``Raw``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple, assert_never

from bpfq.errors import EncodingError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import (
    Alu,
    AluX,
    Arithmetic,
    Control,
    Instruction,
    Jump,
    JumpIf,
    JumpIfX,
    Load,
    LoadAbsolute,
    LoadImmediate,
    LoadIndirect,
    LoadLength,
    LoadScratch,
    LoadX,
    LoadXHeaderLength,
    LoadXImmediate,
    LoadXLength,
    LoadXScratch,
    Negate,
    Raw,
    Return,
    ReturnA,
    SockFilter,
    Store,
    StoreA,
    StoreX,
    Tax,
    Txa,
)
from bpfq.operators import WORD_BITS, Operator, Relation, wrap

_SIGN_BIT = 1 << (WORD_BITS - 1)


def bits(value: int, width: int, name: str) -> int:
    """value, which must be an unsigned number of width bits.

    Raises EncodingError naming the field when it is not.
    """
    if 0 <= value < 1 << width:
        return value
    raise EncodingError(f"{name} {value} does not fit {width} bits: 0 to {(1 << width) - 1}")


def signed(value: int) -> int:
    """The unsigned 32-bit value read as two's complement."""
    return value - (1 << WORD_BITS) if value & _SIGN_BIT else value


def assemble(instructions: Iterable[Instruction]) -> tuple[SockFilter, ...]:
    """The words of the instructions, in order; raises EncodingError for a field out of range."""
    return tuple([encode(instruction) for instruction in instructions])


def disassemble(words: Iterable[SockFilter]) -> tuple[Instruction, ...]:
    """The instructions of the words; Raw where ``assemble`` would not give the same word."""
    decoders = _decoders()
    out: list[Instruction] = []
    for code, jt, jf, k in words:
        decoder = decoders.get(code)
        if decoder is None or not decoder.canonical(jt, jf, k):
            out.append(Raw(code, jt, jf, k))
        else:
            out.append(decoder.make(jt, jf, k))
    return tuple(out)


def decode(word: SockFilter) -> Instruction:
    """What a machine does on the word: fields it does not read are dropped, unlike disassemble.

    Raw is left for unknown opcodes only.
    """
    decoder = _decoders().get(word.code)
    return Raw(*word) if decoder is None else decoder.make(word.jt, word.jf, word.k)


def encode(instruction: Instruction) -> SockFilter:
    """The word of one instruction; raises EncodingError for a field out of range."""
    match instruction:
        case JumpIf() | JumpIfX() | Jump() | Return() | ReturnA():
            return _encode_control(instruction)
        case LoadAbsolute() | LoadIndirect() | LoadImmediate() | LoadLength() | LoadScratch():
            return _encode_load(instruction)
        case Alu() | AluX() | Negate() | Tax() | Txa():
            return _encode_arithmetic(instruction)
        case LoadXImmediate() | LoadXLength() | LoadXScratch() | LoadXHeaderLength():
            return _encode_load_x(instruction)
        case StoreA() | StoreX():
            return _encode_store(instruction)
        case Raw(code, jt, jf, k):
            return SockFilter(
                bits(code, 16, "code"), bits(jt, 8, "jt"), bits(jf, 8, "jf"), bits(k, 32, "k")
            )
        case _:
            assert_never(instruction)


def _encode_load(instruction: Load) -> SockFilter:
    match instruction:
        case LoadAbsolute(offset, size):
            return _plain(_sized(opcodes.LOAD_ABSOLUTE, size), bits(offset, 32, "offset"))
        case LoadIndirect(offset, size):
            return _plain(_sized(opcodes.LOAD_INDIRECT, size), bits(offset, 32, "offset"))
        case LoadImmediate(value):
            return _plain(opcodes.LOAD_IMMEDIATE, bits(value, 32, "value"))
        case LoadLength():
            return _plain(opcodes.LOAD_LENGTH)
        case LoadScratch(slot):
            return _plain(opcodes.LOAD_SCRATCH, bits(slot, 32, "slot"))
        case _:
            assert_never(instruction)


def _encode_load_x(instruction: LoadX) -> SockFilter:
    match instruction:
        case LoadXImmediate(value):
            return _plain(opcodes.LOADX_IMMEDIATE, bits(value, 32, "value"))
        case LoadXLength():
            return _plain(opcodes.LOADX_LENGTH)
        case LoadXScratch(slot):
            return _plain(opcodes.LOADX_SCRATCH, bits(slot, 32, "slot"))
        case LoadXHeaderLength(offset):
            return _plain(opcodes.LOADX_HEADER_LENGTH, bits(offset, 32, "offset"))
        case _:
            assert_never(instruction)


def _encode_store(instruction: Store) -> SockFilter:
    match instruction:
        case StoreA(slot):
            return _plain(opcodes.STORE_A, bits(slot, 32, "slot"))
        case StoreX(slot):
            return _plain(opcodes.STORE_X, bits(slot, 32, "slot"))
        case _:
            assert_never(instruction)


def _encode_arithmetic(instruction: Arithmetic) -> SockFilter:
    match instruction:
        case Alu(operator, value):
            return _plain(opcodes.ALU[operator], bits(value, 32, "value"))
        case AluX(operator):
            return _plain(opcodes.ALU[operator] | opcodes.OPERAND_X)
        case Negate():
            return _plain(opcodes.NEGATE)
        case Tax():
            return _plain(opcodes.TAX)
        case Txa():
            return _plain(opcodes.TXA)
        case _:
            assert_never(instruction)


def _encode_control(instruction: Control) -> SockFilter:
    match instruction:
        case JumpIf(relation, value, skip_true, skip_false):
            return SockFilter(
                opcodes.JUMP_IF[relation],
                bits(skip_true, 8, "skip_true"),
                bits(skip_false, 8, "skip_false"),
                bits(value, 32, "value"),
            )
        case JumpIfX(relation, skip_true, skip_false):
            return SockFilter(
                opcodes.JUMP_IF[relation] | opcodes.OPERAND_X,
                bits(skip_true, 8, "skip_true"),
                bits(skip_false, 8, "skip_false"),
                0,
            )
        case Jump(skip):
            return _plain(opcodes.JUMP, _signed_bits(skip, "skip"))
        case Return(value):
            return _plain(opcodes.RETURN, bits(value, 32, "value"))
        case ReturnA():
            return _plain(opcodes.RETURN_A)
        case _:
            assert_never(instruction)


def _plain(code: int, k: int = 0) -> SockFilter:
    return SockFilter(code, 0, 0, k)


def _sized(codes: dict[int, int], size: int) -> int:
    if size not in codes:
        raise EncodingError(f"size {size} is not 1, 2 or 4 bytes")
    return codes[size]


def _signed_bits(value: int, name: str) -> int:
    if -_SIGN_BIT <= value < _SIGN_BIT:
        return wrap(value)
    raise EncodingError(f"{name} {value} does not fit 32 bits: {-_SIGN_BIT} to {_SIGN_BIT - 1}")


class _Decoder(NamedTuple):
    """How one opcode becomes an instruction, and which fields it reads."""

    make: Callable[[int, int, int], Instruction]
    reads_k: bool
    reads_jumps: bool = False

    def canonical(self, jt: int, jf: int, k: int) -> bool:
        return (self.reads_k or k == 0) and (self.reads_jumps or (jt == 0 and jf == 0))


def _with_k(make: Callable[[int], Instruction]) -> _Decoder:
    return _Decoder(lambda jt, jf, k: make(k), reads_k=True)


def _without_k(instruction: Instruction) -> _Decoder:
    return _Decoder(lambda jt, jf, k: instruction, reads_k=False)


@cache
def _decoders() -> dict[int, _Decoder]:
    decoders = {
        opcodes.LOAD_IMMEDIATE: _with_k(LoadImmediate),
        opcodes.LOAD_LENGTH: _without_k(LoadLength()),
        opcodes.LOAD_SCRATCH: _with_k(LoadScratch),
        opcodes.LOADX_IMMEDIATE: _with_k(LoadXImmediate),
        opcodes.LOADX_LENGTH: _without_k(LoadXLength()),
        opcodes.LOADX_SCRATCH: _with_k(LoadXScratch),
        opcodes.LOADX_HEADER_LENGTH: _with_k(LoadXHeaderLength),
        opcodes.STORE_A: _with_k(StoreA),
        opcodes.STORE_X: _with_k(StoreX),
        opcodes.NEGATE: _without_k(Negate()),
        opcodes.TAX: _without_k(Tax()),
        opcodes.TXA: _without_k(Txa()),
        opcodes.JUMP: _with_k(lambda k: Jump(signed(k))),
        opcodes.RETURN: _with_k(Return),
        opcodes.RETURN_A: _without_k(ReturnA()),
    }
    for size in opcodes.LOAD_ABSOLUTE:
        decoders |= _load_decoders(size)
    for operator, code in opcodes.ALU.items():
        decoders |= _arithmetic_decoders(operator, code)
    for relation, code in opcodes.JUMP_IF.items():
        decoders |= _jump_decoders(relation, code)
    return decoders


def _load_decoders(size: int) -> dict[int, _Decoder]:
    return {
        opcodes.LOAD_ABSOLUTE[size]: _with_k(lambda k: LoadAbsolute(k, size)),
        opcodes.LOAD_INDIRECT[size]: _with_k(lambda k: LoadIndirect(k, size)),
    }


def _arithmetic_decoders(operator: Operator, code: int) -> dict[int, _Decoder]:
    return {
        code: _with_k(lambda k: Alu(operator, k)),
        code | opcodes.OPERAND_X: _without_k(AluX(operator)),
    }


def _jump_decoders(relation: Relation, code: int) -> dict[int, _Decoder]:
    return {
        code: _Decoder(
            lambda jt, jf, k: JumpIf(relation, k, jt, jf), reads_k=True, reads_jumps=True
        ),
        code | opcodes.OPERAND_X: _Decoder(
            lambda jt, jf, k: JumpIfX(relation, jt, jf), reads_k=False, reads_jumps=True
        ),
    }
