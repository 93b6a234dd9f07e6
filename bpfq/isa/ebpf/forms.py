"""The forms in which one instruction is written, each with what it makes of its parts.

    {register} = {number}           Move
    {register} = *({type})({address})    LoadMemory

Both spellings are accepted in every form; where the same text means two things, WIDE is what it
means under the opcode of a 64-bit immediate.  See ``spelling``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from bpfq.isa.ebpf.encode import SLOT_SIZE, from_bytes
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    Alu,
    AluRegister,
    Atomic,
    AtomicOperation,
    ByteOrder,
    ByteSwap,
    Call,
    CallFunction,
    CallKernel,
    Comparison,
    Exit,
    Immediate,
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
    Operation,
    Raw,
    Register,
    StoreImmediate,
    StoreMemory,
    StoreRelease,
)

_Forms: TypeAlias = list[tuple[re.Pattern[str], Callable[..., Instruction]]]

_DIGITS: Final = 40  # more than any field holds
_REGISTER: Final = r"([rw](?:\d|10))"
_NUMBER: Final = r"(-?(?:0x[0-9a-f]+|\d+))"
_SIGNED: Final = r"([+-]\d+)"
_UNSIGNED: Final = r"-?(?:0x[0-9a-f]+|\d+)"
_TARGET: Final = r"(?:pc)?([+-](?:0x[0-9a-f]+|\d+))"
_ADDRESS: Final = r"(r(?:\d|10)) ?([+-] ?(?:0x[0-9a-f]+|\d+))"
_POINTER: Final = rf"\(([us])(8|16|32|64) \*\)\({_ADDRESS}\)"
_OPERATIONS: Final = "|".join(re.escape(each.value) for each in Operation)
_COMPARISONS: Final = "|".join(re.escape(each.value) for each in Comparison)
_LOCKED: Final = {
    "+=": AtomicOperation.ADD,
    "|=": AtomicOperation.OR,
    "&=": AtomicOperation.AND,
    "^=": AtomicOperation.XOR,
}


def instruction(text: str, wide: bool = False) -> Instruction:
    """The instruction that is written so; wide: known to be a 64-bit immediate.

    Raises ValueError with what is wrong.
    """
    for pattern, make in _wide_forms() if wide else _forms():
        found = pattern.fullmatch(text)
        if found:
            return make(*found.groups())
    raise ValueError("no instruction is written so")


@cache
def _wide_forms() -> _Forms:
    return _compiled({rf"{_REGISTER} = {_NUMBER}": _wide, **_immediates()})


def _immediates() -> dict[str, Callable[..., Instruction]]:
    return {
        rf"{_REGISTER} = {_NUMBER} ll": _wide,
        rf"ld_pseudo\s{_REGISTER}, {_NUMBER}, {_NUMBER}": _pseudo,
        rf"{_REGISTER} = map\[id:{_NUMBER}\]": _map,
        rf"{_REGISTER} = map\[id:{_NUMBER}\]\[0\]\+{_NUMBER}": _map_value,
        rf"{_REGISTER} = map\[idx:{_NUMBER}\]\+{_NUMBER}": _indexed_value,
        rf"{_REGISTER} = subprog\[{_SIGNED}\]": _function,
    }


@cache
def _forms() -> _Forms:
    return _compiled({**_arithmetic(), **_memory(), **_immediates(), **_control()})


def _compiled(forms: dict[str, Callable[..., Instruction]]) -> _Forms:
    return [(re.compile(form, re.ASCII), make) for form, make in forms.items()]


def _arithmetic() -> dict[str, Callable[..., Instruction]]:
    return {
        rf"{_REGISTER} ({_OPERATIONS}) {_NUMBER}": _alu,
        rf"{_REGISTER} ({_OPERATIONS}) {_REGISTER}": _alu_register,
        rf"{_REGISTER} = {_NUMBER}": lambda dst, value: Move(
            _named(dst), _number(value), _width(dst)
        ),
        rf"{_REGISTER} = {_REGISTER}": lambda dst, src: MoveRegister(
            _named(dst), _named(src), _width(dst, src)
        ),
        rf"{_REGISTER} = \(s(8|16|32)\){_REGISTER}": _move_signed,
        rf"{_REGISTER} = -{_REGISTER}": _negate,
        rf"{_REGISTER} = (le|be|bswap)(16|32|64) {_REGISTER}": _swap,
        rf"\.quad {_NUMBER}": _raw,
    }


def _memory() -> dict[str, Callable[..., Instruction]]:
    return {
        rf"{_REGISTER} = \*{_POINTER}": _load,
        rf"\*{_POINTER} = {_REGISTER}": _store,
        rf"\*{_POINTER} = {_NUMBER}": _store_immediate,
        rf"lock \*{_POINTER} ([+|&^]=) {_REGISTER}": _locked,
        rf"{_REGISTER} = atomic(?:64)?_(?:fetch_)?(add|or|and|xor|xchg)"
        rf"\({_POINTER}, {_REGISTER}\)": _fetched,
        rf"{_REGISTER} = (xchg)(?:_|32_)(32|64)\({_ADDRESS}, {_REGISTER}\)": _exchanged,
        rf"r0 = atomic(?:64)?_cmpxchg\({_POINTER}, r0, {_REGISTER}\)": _compared,
        rf"[rw]0 = cmpxchg(?:_|32_)(32|64)\({_ADDRESS}, [rw]0, {_REGISTER}\)": _compared_short,
        rf"{_REGISTER} = load_acquire\({_POINTER}\)": _acquire,
        rf"store_release\({_POINTER}, {_REGISTER}\)": _release,
        rf"r0 = \*\(u(8|16|32) \*\)skb\[{_NUMBER}\]": _absolute,
        rf"r0 = \*\(u(8|16|32) \*\)skb\[{_REGISTER}(?: ([+-] {_UNSIGNED}))?\]": _indirect,
    }


def _control() -> dict[str, Callable[..., Instruction]]:
    return {
        rf"if {_REGISTER} ({_COMPARISONS}) {_NUMBER} goto {_TARGET}": _jump_if,
        rf"if {_REGISTER} ({_COMPARISONS}) {_REGISTER} goto {_TARGET}": _jump_if_register,
        rf"goto {_TARGET}": lambda skip: Jump(_number(skip)),
        rf"gotol {_TARGET}": lambda skip: JumpLong(_number(skip)),
        rf"may_goto {_TARGET}": lambda skip: MayGoto(_number(skip)),
        rf"call {_NUMBER}": lambda number: Call(_number(number)),
        rf"call pc{_SIGNED}(?:#.*)?": lambda skip: CallFunction(_number(skip)),
        rf"call unknown#{_NUMBER}": lambda number: Call(_number(number)),
        rf"call kernel-function#{_NUMBER}": lambda number: CallKernel(_number(number)),
        rf"call bpf_(\w+)#{_NUMBER}": lambda name, number: _helper(name),
        "exit": Exit,
    }


def _number(text: str) -> int:
    digits = text.replace(" ", "").replace("+-", "-")
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} characters fits no field")
    return int(digits, 16 if "0x" in digits else 10)


def _named(text: str) -> Register:
    return Register(int(text[1:]))


def _width(*registers: str) -> int:
    if len({each[0] for each in registers}) != 1:
        raise ValueError("one register is wide and one is not")
    return 64 if registers[0][0] == "r" else 32


def _alu(dst: str, operation: str, value: str) -> Instruction:
    return Alu(Operation(operation), _named(dst), _number(value), _width(dst))


def _alu_register(dst: str, operation: str, src: str) -> Instruction:
    return AluRegister(Operation(operation), _named(dst), _named(src), _width(dst, src))


def _negate(dst: str, same: str) -> Instruction:
    if dst != same:
        raise ValueError("only a register itself can be negated")
    return Negate(_named(dst), _width(dst))


def _move_signed(dst: str, bits: str, src: str) -> Instruction:
    return MoveSigned(_named(dst), _named(src), int(bits), _width(dst, src))


def _swap(dst: str, order: str, bits: str, same: str) -> Instruction:
    if dst != same:
        raise ValueError("only a register itself can be swapped")
    return ByteSwap(_named(dst), ByteOrder(order), int(bits))


def _load(dst: str, sign: str, bits: str, base: str, offset: str) -> Instruction:
    return LoadMemory(_named(dst), _named(base), _number(offset), int(bits) // 8, sign == "s")


def _store(sign: str, bits: str, base: str, offset: str, src: str) -> Instruction:
    return StoreMemory(_named(base), _number(offset), _named(src), int(bits) // 8)


def _store_immediate(sign: str, bits: str, base: str, offset: str, value: str) -> Instruction:
    return StoreImmediate(_named(base), _number(offset), _number(value), int(bits) // 8)


def _locked(sign: str, bits: str, base: str, offset: str, symbol: str, src: str) -> Instruction:
    place = _named(base), _number(offset)
    return Atomic(_LOCKED[symbol], *place, _named(src), int(bits) // 8)


def _fetched(
    dst: str, operation: str, sign: str, bits: str, base: str, offset: str, src: str
) -> Instruction:
    if dst != src:
        raise ValueError("what was there comes to the register of what is given")
    return _exchanging(AtomicOperation(operation), bits, base, offset, src)


def _exchanged(
    dst: str, operation: str, bits: str, base: str, offset: str, src: str
) -> Instruction:
    return _fetched(dst, operation, "u", bits, base, offset, src)


def _compared(sign: str, bits: str, base: str, offset: str, src: str) -> Instruction:
    return _exchanging(AtomicOperation.COMPARE_EXCHANGE, bits, base, offset, src)


def _compared_short(bits: str, base: str, offset: str, src: str) -> Instruction:
    return _exchanging(AtomicOperation.COMPARE_EXCHANGE, bits, base, offset, src)


def _exchanging(
    operation: AtomicOperation, bits: str, base: str, offset: str, src: str
) -> Instruction:
    place = _named(base), _number(offset)
    return Atomic(operation, *place, _named(src), int(bits) // 8, True)


def _acquire(dst: str, sign: str, bits: str, base: str, offset: str) -> Instruction:
    return LoadAcquire(_named(dst), _named(base), _number(offset), int(bits) // 8)


def _release(sign: str, bits: str, base: str, offset: str, src: str) -> Instruction:
    return StoreRelease(_named(base), _number(offset), _named(src), int(bits) // 8)


def _absolute(bits: str, offset: str) -> Instruction:
    return LoadAbsolute(_number(offset), int(bits) // 8)


def _indirect(bits: str, src: str, offset: str | None) -> Instruction:
    return LoadIndirect(_named(src), _number(offset or "0"), int(bits) // 8)


def _jump_if(dst: str, comparison: str, value: str, skip: str) -> Instruction:
    right = _number(value)
    right = signed(right, 32) if right < 1 << 32 else right
    return JumpIf(Comparison(comparison), _named(dst), right, _number(skip), _width(dst))


def _jump_if_register(dst: str, comparison: str, src: str, skip: str) -> Instruction:
    width = _width(dst, src)
    return JumpIfRegister(Comparison(comparison), _named(dst), _named(src), _number(skip), width)


def _whole(text: str) -> int:
    """64 bits, written with a sign or without."""
    number = _number(text)
    if not -1 << 63 <= number < 1 << 64:
        raise ValueError("the number does not fit 64 bits")
    return number & ((1 << 64) - 1)


def _wide(dst: str, value: str) -> Instruction:
    return LoadImmediate64(_named(dst), _whole(value))


def _pseudo(dst: str, kind: str, value: str) -> Instruction:
    both = _whole(value)
    return LoadImmediate64(
        _named(dst), signed(both, 32), Immediate(_number(kind)), signed(both >> 32, 32)
    )


def _map(dst: str, number: str) -> Instruction:
    return LoadImmediate64(_named(dst), _number(number), Immediate.MAP_FD)


def _map_value(dst: str, number: str, offset: str) -> Instruction:
    return LoadImmediate64(_named(dst), _number(number), Immediate.MAP_VALUE, _number(offset))


def _indexed_value(dst: str, number: str, offset: str) -> Instruction:
    kind = Immediate.MAP_INDEX_VALUE
    return LoadImmediate64(_named(dst), _number(number), kind, _number(offset))


def _function(dst: str, skip: str) -> Instruction:
    return LoadImmediate64(_named(dst), _number(skip), Immediate.FUNCTION)


def _helper(name: str) -> Instruction:
    if name not in HELPERS:
        raise ValueError(f"no helper is called bpf_{name[:_DIGITS]}")
    return Call(HELPERS[name])


def _raw(value: str) -> Instruction:
    (word,) = from_bytes(_whole(value).to_bytes(SLOT_SIZE, "little"))
    return Raw(word)
