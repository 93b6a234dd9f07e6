"""Classic instructions -> Python function, for programs that no decision graph was made for.

    ldh [12]                    a = b[12] << 8 | b[13]
    jeq #0x800   jt 2  jf 3     t = 2 if a == 2048 else 3
    ret #96                     if t == 2: return 96
    ret #0                      return 0

Jumps go forward only, so the blocks stand in the order of the program, each behind the question
whether it comes next.  The text that is executed is made here from integers and the names of
ancillary words alone.  A load past the end raises, and raising rejects.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import getrandbits
from typing import Final, TypeAlias

from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, Relation

# packet, length on the wire, ancillary words by name; the bytes to keep, 0 to reject
Verdict: TypeAlias = Callable[[bytes, int, Mapping[str, int]], int]

_SHORT = (IndexError, struct.error, ZeroDivisionError)  # a load past the end, a division by zero
_NEGATIVE: Final = 1 << (WORD_BITS - 1)
_NAMES: Final = {offset: name for name, offset in i.ANCILLARY.items()}
_ATTRIBUTES: Final = ("nla", "nlan")  # of netlink, looked for in the packet
_RELATIONS: Final = {
    Relation.EQ: "==",
    Relation.GT: ">",
    Relation.GE: ">=",
    Relation.SET: "&",
}
_WRAPPING: Final = (Operator.ADD, Operator.SUB, Operator.MUL, Operator.LSH)


def verdict_function(
    words: Sequence[SockFilter], machine: Machine, network_offset: int
) -> Verdict | None:
    """The function that returns what the program does on packets with metadata.

    network_offset: where the kernel finds the network header, from byte 0.  None for a program that
    jumps back, leaves its end, asks for netlink attributes, or has a word that is no instruction:
    an interpreter runs those, or says what is wrong.
    """
    text = source(words, machine, network_offset)
    if text is None:
        return None
    namespace: dict[str, object] = {
        "u4": struct.Struct(">I").unpack_from,
        "draw": getrandbits,
        "place": lambda address: _start(address, network_offset),
        "Short": _SHORT,
    }
    exec(text, namespace)  # noqa: S102  # text made from integers only, see above
    function: Verdict = namespace["verdict"]  # type: ignore[assignment]  # defined by the text
    return function


def source(words: Sequence[SockFilter], machine: Machine, network_offset: int) -> str | None:
    """The Python text of ``verdict(b, n, m)``; None where there is none."""
    program = [decode(word) for word in words]
    starts = _block_starts(program)
    if starts is None:
        return None
    writer = _Writer(machine, network_offset)
    lines = ["def verdict(b, n, m):", " try:", "  a = x = 0"]
    if any(isinstance(each, _SCRATCH) for each in program):
        lines.append(f"  s = [0] * {i.SCRATCH_WORDS}")
    indent = "  "
    for pc, instruction in enumerate(program):
        if pc in starts:
            lines.append(f"  if t == {pc}:")
            indent = "   "
        line = writer.line(pc, instruction)
        if line is None:
            return None
        lines.append(indent + line)
        if pc + 1 in starts and not isinstance(instruction, _ENDS):
            lines.append(f"{indent}t = {pc + 1}")
    return "\n".join([*lines, " except Short:", "  return 0", ""])


_SCRATCH: Final = (i.LoadScratch, i.LoadXScratch, i.StoreA, i.StoreX)
_ENDS: Final = (i.Jump, i.JumpIf, i.JumpIfX, i.Return, i.ReturnA)


def _block_starts(program: Sequence[i.Instruction]) -> set[int] | None:
    """Where jumps lead, and what follows them; None where one goes back or out."""
    found: set[int] = set()
    for pc, instruction in enumerate(program):
        targets = [pc + 1 + skip for skip in _skips(instruction)]
        if any(not pc < target < len(program) for target in targets):
            return None
        found.update(targets)
        if isinstance(instruction, _ENDS) and pc + 1 < len(program):
            found.add(pc + 1)
    return found if program and isinstance(program[-1], i.Return | i.ReturnA) else None


def _skips(instruction: i.Instruction) -> Iterator[int]:
    match instruction:
        case i.Jump(skip):
            yield skip
        case i.JumpIf(_, _, skip_true, skip_false) | i.JumpIfX(_, skip_true, skip_false):
            yield skip_true
            yield skip_false


def _start(address: int, network_offset: int) -> int:
    """Where the kernel reads for an address: those of 2**31 and more count from headers.

    Raises IndexError for one that is none.
    """
    if address < _NEGATIVE:
        return address
    if address >= i.NETWORK_BASE:
        return network_offset + address - i.NETWORK_BASE
    if address >= i.LINK_BASE:
        return address - i.LINK_BASE
    raise IndexError


class _Writer:
    """One line for each instruction."""

    def __init__(self, machine: Machine, network_offset: int) -> None:
        self._kernel = machine is Machine.KERNEL
        self._network_offset = network_offset

    def line(self, pc: int, instruction: i.Instruction) -> str | None:
        """None for what no line says."""
        match instruction:
            case i.LoadAbsolute(offset, size):
                return self._absolute(offset, size)
            case i.LoadIndirect(offset, size):
                return f"i = {self._indirect(offset)}; a = {_read('i', size)}"
            case i.LoadXHeaderLength(offset):
                at = self._constant(offset)
                return "return 0" if at is None else f"x = (b[{at}] & 15) << 2"
            case i.Alu(operator, value):
                return f"a = {self._alu(operator, str(value), value)}"
            case i.AluX(operator):
                return f"a = {self._alu(operator, 'x', None)}"
            case i.Jump(skip):
                return f"t = {pc + 1 + skip}"
            case i.JumpIf(relation, value, skip_true, skip_false):
                return _jump(pc, f"a {_RELATIONS[relation]} {value}", skip_true, skip_false)
            case i.JumpIfX(relation, skip_true, skip_false):
                return _jump(pc, f"a {_RELATIONS[relation]} x", skip_true, skip_false)
            case i.LoadScratch(slot) | i.LoadXScratch(slot) | i.StoreA(slot) | i.StoreX(slot):
                return _scratch(instruction) if slot < i.SCRATCH_WORDS else None
            case _:
                return _plain(instruction)

    def _absolute(self, offset: int, size: int) -> str | None:
        name = _NAMES.get(offset)
        if name is not None and self._kernel:
            return _metadata(name)
        at = self._constant(offset)
        return "return 0" if at is None else f"a = {_read(str(at), size)}"

    def _constant(self, address: int) -> int | None:
        """Where a load reads that goes by no register; None where nothing is."""
        if not self._kernel:
            return address
        try:
            return _start(address, self._network_offset)
        except IndexError:
            return None

    def _indirect(self, offset: int) -> str:
        if not self._kernel:
            return f"x + {offset}"
        return f"x + {offset} & {WORD_MASK}; i = i if i < {_NEGATIVE} else place(i)"

    def _alu(self, operator: Operator, right: str, value: int | None) -> str:
        if operator in (Operator.LSH, Operator.RSH):
            return self._shift(operator, right, value)
        sign = "//" if operator is Operator.DIV else operator.value
        result = f"a {sign} {right}"
        return f"{result} & {WORD_MASK}" if operator in _WRAPPING else result

    def _shift(self, operator: Operator, right: str, value: int | None) -> str:
        """By 32 or more: the kernel goes by the lower five bits, libpcap gets 0."""
        mask = f" & {WORD_MASK}" if operator in _WRAPPING else ""
        if self._kernel:
            by = f"({right} & {WORD_BITS - 1})"
            return f"a {operator.value} {by}{mask}"
        result = f"a {operator.value} {right}{mask}"
        if value is not None:
            return result if value < WORD_BITS else "0"
        return f"{result} if x < {WORD_BITS} else 0"


def _read(at: str, size: int) -> str:
    """The big-endian number there."""
    match size:
        case 1:
            return f"b[{at}]"
        case 2:
            return f"b[{at}] << 8 | b[{at} + 1]"
        case _:
            return f"u4(b, {at})[0]"


def _jump(pc: int, condition: str, skip_true: int, skip_false: int) -> str:
    return f"t = {pc + 1 + skip_true} if {condition} else {pc + 1 + skip_false}"


def _metadata(name: str) -> str | None:
    if name in _ATTRIBUTES:
        return None
    if name == "xor_x":
        return "a = a ^ x"
    if name == "random":  # of which each load has another
        return f'a = m["random"] if "random" in m else draw({WORD_BITS})'
    return f'a = m.get("{name}", 0)'


def _scratch(instruction: i.LoadScratch | i.LoadXScratch | i.StoreA | i.StoreX) -> str:
    match instruction:
        case i.LoadScratch(slot):
            return f"a = s[{slot}]"
        case i.LoadXScratch(slot):
            return f"x = s[{slot}]"
        case i.StoreA(slot):
            return f"s[{slot}] = a"
        case i.StoreX(slot):
            return f"s[{slot}] = x"


def _plain(instruction: i.Instruction) -> str | None:
    """What only moves between registers, and ends."""
    match instruction:
        case i.LoadImmediate(value):
            return f"a = {value}"
        case i.LoadXImmediate(value):
            return f"x = {value}"
        case i.LoadLength():
            return "a = n"
        case i.LoadXLength():
            return "x = n"
        case i.Negate():
            return f"a = -a & {WORD_MASK}"
        case i.Tax():
            return "x = a"
        case i.Txa():
            return "a = x"
        case i.Return(value):
            return f"return {value}"
        case i.ReturnA():
            return "return a"
        case _:
            return None
