"""Where bpftool and llvm-objdump write the same instruction differently.

    what               bpftool                                   llvm-objdump
    a number           12, -8                                    0xc, -0x8
    an address         (r1 +12), (r10 -8)                        (r1 + 0xc), (r10 - 0x8)
    a jump             goto pc+3                                 goto +0x3
    a compared number  if w1 != 0xfffffffe                       if w1 != -0x2
    a narrow load      r2 = *(u16 *)(r1 +12)                     w2 = *(u16 *)(r1 + 0xc)
    a helper           call bpf_skb_load_bytes#26                call 0x1a
    a function         call pc+3                                 call 0x3
    64 bits            r1 = 0x100000002                          r1 = 0x100000002 ll
    a map              r1 = map[id:5]                            ld_pseudo r1, 0x1, 0x5
    an exchange        r2 = atomic64_xchg((u64 *)(r1 +0), r2)    r2 = xchg_64(r1 + 0x0, r2)

All the rest is in ``text``, once for both.  llvm-objdump does not tell a function of the program
or of the kernel from a helper, and it leaves out the offset of ``skb[r7 + 0xe]`` and the second
slot of ld_pseudo, which are written here.  Sources: those of ``text``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    Atomic,
    AtomicOperation,
    Call,
    CallFunction,
    CallKernel,
    Immediate,
    LoadImmediate64,
    Register,
)


class Spelling(NamedTuple):
    """How one of the two tools writes what they write differently."""

    number: Callable[[int], str]
    compared: Callable[[int], str]
    address: Callable[[Register, int], str]
    indexed: Callable[[Register, int], str]
    target: Callable[[int], str]
    called: Callable[[Call | CallFunction | CallKernel], str]
    immediate: Callable[[LoadImmediate64], str]
    fetched: Callable[[Atomic], str]
    halves: bool  # 1, 2 and 4 bytes are loaded to and stored from the low half of a register


def register(which: Register, width: int = 64) -> str:
    """r1, or w1 for its low 32 bits."""
    return f"{'r' if width == 64 else 'w'}{int(which)}"


def _decimal(value: int) -> str:
    return str(value)


def _hex(value: int) -> str:
    return f"{value:#x}"


def _bpftool_called(call: Call | CallFunction | CallKernel) -> str:
    match call:
        case Call(helper):
            name = _names().get(helper)
            return f"{'unknown' if name is None else f'bpf_{name}'}#{helper}"
        case CallFunction(skip):
            return f"pc{skip:+d}"
        case CallKernel(btf_id):
            return f"kernel-function#{btf_id}"


def _llvm_called(call: Call | CallFunction | CallKernel) -> str:
    match call:
        case Call(number) | CallFunction(number) | CallKernel(number):
            return _hex(number)


@cache
def _names() -> dict[int, str]:
    return {number: name for name, number in HELPERS.items()}


def _joined(load: LoadImmediate64) -> int:
    """Both slots of a load that is no plain number."""
    return (load.extra & 0xFFFF_FFFF) << 32 | load.value & 0xFFFF_FFFF


def _bpftool_immediate(load: LoadImmediate64) -> str:
    return f"{register(load.dst)} = {_bpftool_constant(load)}"


def _bpftool_constant(load: LoadImmediate64) -> str:
    match load.kind:
        case Immediate.PLAIN:
            return _hex(load.value)
        case Immediate.MAP_FD:
            return f"map[id:{load.value}]"
        case Immediate.MAP_VALUE:
            return f"map[id:{load.value}][0]+{load.extra}"
        case Immediate.MAP_INDEX_VALUE:
            return f"map[idx:{load.value}]+{load.extra}"
        case Immediate.FUNCTION:
            return f"subprog[{load.value:+d}]"
        case _:
            return _hex(_joined(load))


def _llvm_immediate(load: LoadImmediate64) -> str:
    if load.kind is Immediate.PLAIN:
        return f"{register(load.dst)} = {_hex(signed(load.value, 64))} ll"
    return f"ld_pseudo\t{register(load.dst)}, {_hex(load.kind)}, {_hex(_joined(load))}"


def _bpftool_fetched(atomic: Atomic) -> str:
    operation, base, offset, src, size, _ = _fields(atomic)
    pointer = f"(u{8 * size} *)({_bpftool_address(base, offset)})"
    suffix = "64" if size == 8 else ""
    match operation:
        case AtomicOperation.COMPARE_EXCHANGE:
            return f"r0 = atomic{suffix}_cmpxchg({pointer}, r0, {register(src)})"
        case AtomicOperation.EXCHANGE:
            verb = "xchg"
        case _:
            verb = f"fetch_{operation.value}"
    return f"{register(src)} = atomic{suffix}_{verb}({pointer}, {register(src)})"


def _llvm_fetched(atomic: Atomic) -> str:
    operation, base, offset, src, size, _ = _fields(atomic)
    address = _llvm_address(base, offset)
    value, zero = register(src, 8 * size), register(Register.R0, 8 * size)
    suffix = "_64" if size == 8 else "32_32"
    match operation:
        case AtomicOperation.COMPARE_EXCHANGE:
            return f"{zero} = cmpxchg{suffix}({address}, {zero}, {value})"
        case AtomicOperation.EXCHANGE:
            return f"{value} = xchg{suffix}({address}, {value})"
        case _:
            verb = f"atomic_fetch_{operation.value}"
            return f"{value} = {verb}((u{8 * size} *)({address}), {value})"


def _fields(atomic: Atomic) -> tuple[AtomicOperation, Register, int, Register, int, bool]:
    return atomic.operation, atomic.base, atomic.offset, atomic.src, atomic.size, atomic.fetch


def _bpftool_address(base: Register, offset: int) -> str:
    return f"{register(base)} {offset:+d}"


def _llvm_address(base: Register, offset: int) -> str:
    return f"{register(base)} {'-' if offset < 0 else '+'} {abs(offset):#x}"


BPFTOOL: Final = Spelling(
    number=_decimal,
    compared=lambda value: _hex(value & 0xFFFF_FFFF),
    address=_bpftool_address,
    indexed=lambda base, offset: f"{register(base)} + {offset}",
    target=lambda skip: f"pc{skip:+d}",
    called=_bpftool_called,
    immediate=_bpftool_immediate,
    fetched=_bpftool_fetched,
    halves=False,
)
LLVM: Final = Spelling(
    number=_hex,
    compared=_hex,
    address=_llvm_address,
    indexed=lambda base, offset: _llvm_address(base, offset) if offset else register(base),
    target=lambda skip: f"{skip:+#x}",
    called=_llvm_called,
    immediate=_llvm_immediate,
    fetched=_llvm_fetched,
    halves=True,
)
