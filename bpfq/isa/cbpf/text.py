"""Programs as text: written as ``tcpdump -d``, ``-dd``, ``-ddd``, one line; read from all of them.

    dump_d     (000) ldh      [12]                  dump_dd    { 0x28, 0, 0, 0x0000000c },
    dump_ddd   40 0 0 12   below a line "1"         dump_raw   1,40 0 0 12

The one-line form is what xt_bpf, tc and bpf_asm exchange.  Source: bpf_image.c and bpf_dump.c of
libpcap; the texts are its, without the trailing blanks that 1.10 leaves behind bare mnemonics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.encode import signed
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.mnemonics import MNEMONICS, Operand
from bpfq.operators import wrap

_NAME_BY_OFFSET: Final = {offset: name for name, offset in ANCILLARY.items()}

def dump_d(words: Sequence[SockFilter]) -> str:
    """One line an instruction with mnemonics and absolute jump targets, as ``tcpdump -d``."""
    return "\n".join([_line(pc, word) for pc, word in enumerate(words)])


def dump_dd(words: Iterable[SockFilter]) -> str:
    """One C initialiser a line, as ``tcpdump -dd``."""
    return "\n".join([f"{{ {code:#x}, {jt}, {jf}, 0x{k:08x} }}," for code, jt, jf, k in words])


def dump_ddd(words: Sequence[SockFilter]) -> str:
    """The count, then one line of decimal numbers an instruction, as ``tcpdump -ddd``."""
    return "\n".join([str(len(words)), *_decimals(words)])


def dump_raw(words: Sequence[SockFilter]) -> str:
    """``dump_ddd`` with commas for line ends, as iptables' xt_bpf and tc take it."""
    return ",".join([str(len(words)), *_decimals(words)])


def _decimals(words: Iterable[SockFilter]) -> list[str]:
    return [f"{code} {jt} {jf} {k}" for code, jt, jf, k in words]


def _line(pc: int, word: SockFilter) -> str:
    code, jt, jf, k = word
    mnemonic, operand = _mnemonic(pc, code, k)
    conditional = code & opcodes.CLASS_MASK == opcodes.CLASS_JUMP
    if conditional and code & opcodes.OPERATION_MASK:  # not ja
        operand = f"{operand:<16} jt {pc + 1 + jt}\tjf {pc + 1 + jf}"
    return f"({pc:03d}) {mnemonic:<8} {operand}".rstrip()


def _mnemonic(pc: int, code: int, k: int) -> tuple[str, str]:
    row = MNEMONICS.get(code)
    if row is None:
        return "unimp", f"{code:#x}"
    mnemonic, operand = row
    return mnemonic, _operand(operand, pc, k)


def _operand(operand: Operand, pc: int, k: int) -> str:
    match operand:
        case Operand.NONE:
            return ""
        case Operand.X:
            return "x"
        case Operand.LENGTH:
            return "#pktlen"
        case Operand.DECIMAL:
            return f"#{signed(k)}"
        case Operand.HEX:
            return f"#{k:#x}"
        case Operand.PACKET:
            return f"[{_NAME_BY_OFFSET.get(k, signed(k))}]"
        case Operand.INDIRECT:
            return f"[x + {signed(k)}]"
        case Operand.SCRATCH:
            return f"M[{signed(k)}]"
        case Operand.HEADER_LENGTH:
            return f"4*([{signed(k)}]&0xf)"
        case Operand.TARGET:
            return str(signed(wrap(pc + 1 + k)))
        case _:
            assert_never(operand)
