"""Programs as text: in both tools' spellings beside the tools themselves, and read again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bpfq.errors import FilterError
from bpfq.isa.ebpf.encode import Endian, assemble, from_bytes, to_bytes
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R7,
    R10,
    Atomic,
    AtomicOperation,
    BpfInsn,
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
    LoadImmediate64,
    LoadIndirect,
    LoadMemory,
    MayGoto,
    Move,
    MoveRegister,
    Negate,
    Operation,
    Raw,
    StoreImmediate,
    StoreMemory,
)
from bpfq.isa.ebpf.program import Line
from bpfq.isa.ebpf.read import read
from bpfq.isa.ebpf.spelling import BPFTOOL, LLVM
from bpfq.isa.ebpf.text import dump_bpftool, dump_llvm, text
from isa.ebpf import bpf
from isa.ebpf.conftest import Kernel
from isa.ebpf.samples import samples

PROGRAM: list[Instruction] = [
    LoadMemory(R2, R1, 76, 4),
    LoadMemory(R0, R2, 12, 2),
    Comparison.NE.imm(R0, -2, 4, 32),
    LoadImmediate64(R1, 0x1_0000_0002),
    Operation.RSH.imm(R1, 16),
    Call(7),
    StoreImmediate(R10, -8, -1, 8),
    Raw(BpfInsn(0xFF, 1, 2, 3, 4)),
    Exit(),
]

BPFTOOL_LISTING = """\
   0: (61) r2 = *(u32 *)(r1 +76)
   1: (69) r0 = *(u16 *)(r2 +12)
   2: (56) if w0 != 0xfffffffe goto pc+4
   3: (18) r1 = 0x100000002
   5: (77) r1 >>= 16
   6: (85) call bpf_get_prandom_u32#7
   7: (7a) *(u64 *)(r10 -8) = -1
   8: (ff) .quad 0x00000004000321ff
   9: (95) exit"""

LLVM_LISTING = """\
       0:\t61 12 4c 00 00 00 00 00\tw2 = *(u32 *)(r1 + 0x4c)
       1:\t69 20 0c 00 00 00 00 00\tw0 = *(u16 *)(r2 + 0xc)
       2:\t56 00 04 00 fe ff ff ff\tif w0 != -0x2 goto +0x4
       3:\t18 01 00 00 02 00 00 00 00 00 00 00 01 00 00 00\tr1 = 0x100000002 ll
       5:\t77 01 00 00 10 00 00 00\tr1 >>= 0x10
       6:\t85 00 00 00 07 00 00 00\tcall 0x7
       7:\t7a 0a f8 ff ff ff ff ff\t*(u64 *)(r10 - 0x8) = -0x1
       8:\tff 21 03 00 04 00 00 00\t.quad 0x00000004000321ff
       9:\t95 00 00 00 00 00 00 00\texit"""


def test_a_program_is_listed_as_by_bpftool() -> None:
    assert dump_bpftool(assemble(PROGRAM)) == BPFTOOL_LISTING


def test_a_program_is_listed_as_by_llvm_objdump() -> None:
    assert dump_llvm(assemble(PROGRAM)) == LLVM_LISTING


def test_the_filters_text_stands_above_the_slots_it_belongs_to() -> None:
    words = assemble([LoadImmediate64(R0, 1), Exit()])
    lines = [Line(0, "tcp", 1, 1), Line(2, "-> true", 2, 1)]
    assert dump_bpftool(words, lines) == "; tcp\n   0: (18) r0 = 0x1\n; -> true\n   2: (95) exit"
    assert dump_llvm(words, lines).splitlines()[::2] == ["; tcp", "; -> true"]
    assert read(dump_bpftool(words, lines)) == read(dump_llvm(words, lines)) == words


@pytest.mark.parametrize("listing", [BPFTOOL_LISTING, LLVM_LISTING], ids=["bpftool", "llvm"])
def test_a_listing_is_read(listing: str) -> None:
    assert read(listing) == assemble(PROGRAM)


def loses_nothing(instruction: Instruction, tool: str) -> bool:
    """Whether the tool's text has all that the instruction says."""
    match instruction:
        case CallKernel(_, module) if tool == "bpftool":
            return module == 0
        case CallFunction() | CallKernel():
            return tool == "bpftool"
        case LoadImmediate64(_, _, Immediate.MAP_FD | Immediate.FUNCTION, extra):
            return extra == 0 or tool == "llvm"
        case LoadImmediate64(_, _, Immediate.BTF_ID | Immediate.MAP_INDEX):
            return tool == "llvm"
    return True


def test_every_instruction_is_read_again_from_a_bpftool_listing() -> None:
    given = [each for each in samples() if loses_nothing(each, "bpftool")]
    listing = dump_bpftool(assemble(given))
    assert read(listing) == assemble(given)
    assert len(given) > 4000


def test_every_instruction_is_read_again_from_an_llvm_listing() -> None:
    words = assemble(samples())
    assert read(dump_llvm(words)) == words


def test_every_instruction_is_read_again_from_llvm_text_alone() -> None:
    given = [each for each in samples() if loses_nothing(each, "llvm")]
    assert read("\n".join([text(each, LLVM) for each in given])) == assemble(given)
    assert len(given) > 4000


def test_what_tools_write_around_instructions_is_passed_over() -> None:
    listing = """
f.o:	file format elf64-bpf

Disassembly of section xdp:

0000000000000000 <filter>:
; [1] tcp -> ip[9] == 6 @ <filter>:3
       0:	16 00 01 00 06 00 00 00	if w0 == 0x6 goto +0x1 <filter+0x10>
   1: (b7) r0 = 0                       ; R0=0
   2: (a5) if r1 < 0x6 goto pc+1 <x>
# by hand
goto +1 ; over
  exit
"""
    assert read(listing) == assemble(
        [
            Comparison.EQ.imm(R0, 6, 1, 32),
            Move(R0, 0),
            Comparison.LT.imm(R1, 6, 1),
            Jump(1),
            Exit(),
        ]
    )


WRONG = [
    ("exit\nr1 = r11", "line 2: 'r1 = r11': no instruction is written so"),
    ("w1 = r2", "line 1: 'w1 = r2': one register is wide and one is not"),
    ("r1 = -r2", "line 1: 'r1 = -r2': only a register itself can be negated"),
    ("r1 = be16 r2", "line 1: 'r1 = be16 r2': only a register itself can be swapped"),
    ("call bpf_nonsense#7", "line 1: 'call bpf_nonsense#7': no helper is called bpf_nonsense"),
    ("goto +40000", "line 1: 'goto +40000': off 40000 does not fit 16 bits: -32768 to 32767"),
    ("r1 = *(s64 *)(r2 + 0)", "line 1: 'r1 = *(s64 *)(r2 + 0)': size 8 is not one of [1, 2, 4]"),
    (
        "r1 = xchg_64(r2 + 0, r3)",
        "line 1: 'r1 = xchg_64(r2 + 0, r3)': what was there comes to the register of what is given",
    ),
    (
        "r1 = 0x10000000000000000 ll",
        "line 1: 'r1 = 0x10000000000000000 ll': the number does not fit 64 bits",
    ),
    (
        ".quad 0x10000000000000000",
        "line 1: '.quad 0x10000000000000000': the number does not fit 64 bits",
    ),
    ("r1 = \u0663", "line 1: 'r1 = \u0663': no instruction is written so"),
    (
        "goto +" + "9" * 100,
        f"line 1: 'goto +{'9' * 74}': a number of 101 characters fits no field",
    ),
    ("0: 61 12\tr1 = 0", "line 1: '0: 61 12\\tr1 = 0': 2 bytes are no multiple of 8"),
]


@pytest.mark.parametrize(("listing", "message"), WRONG, ids=[each[:40] for each, _ in WRONG])
def test_a_line_that_is_no_instruction_is_named(listing: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        read(listing)
    assert str(caught.value) == message


def tool(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"needs {name}: install {package}")
    return found


def objdump_lines(words: tuple[BpfInsn, ...], byteorder: Endian, directory: Path) -> list[str]:
    """What llvm-objdump writes of an object with these slots, without labels."""
    assembler, objdump = tool("llvm-mc-22", "llvm-22"), tool("llvm-objdump-22", "llvm-22")
    target = str(directory / "slots.o")
    octets = ", ".join([f"{each:#x}" for each in to_bytes(words, byteorder)])
    subprocess.run(
        [assembler, f"-arch={ARCHITECTURE[byteorder]}", "-filetype=obj", "-o", target],
        input=f".byte {octets}\n".encode(),
        check=True,
    )
    printed = subprocess.run(
        [objdump, "-d", "--mcpu=v4", target], capture_output=True, text=True, check=True
    ).stdout
    listed = [line for line in printed.splitlines() if re.match(r"\s+\d+:\t", line)]
    return [re.sub(r" <\.text.*>$", "", line) for line in listed]


ARCHITECTURE = {"little": "bpfel", "big": "bpfeb"}


def is_written_in_full_by_llvm(instruction: Instruction) -> bool:
    match instruction:
        case LoadIndirect(_, offset):
            return offset == 0
        case LoadImmediate64(_, _, kind, extra):
            return kind is Immediate.PLAIN or extra == 0
    return True


@pytest.mark.oracle
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_every_instruction_is_written_as_by_llvm_objdump(byteorder: Endian, tmp_path: Path) -> None:
    words = assemble([each for each in samples() if is_written_in_full_by_llvm(each)])
    theirs = objdump_lines(words, byteorder, tmp_path)
    ours = dump_llvm(words, byteorder=byteorder).splitlines()
    pairs = zip(theirs, ours, strict=True)
    assert [(left, right) for left, right in pairs if left != right] == []


AT = 9  # the slot of the instruction that the verifier is to write


def around(instruction: Instruction) -> tuple[BpfInsn, ...]:
    """A program that comes to the instruction at AT, of which all else is reached past it."""
    before: list[Instruction] = [Move(R0, 0) for _ in range(AT - 1)]
    after: list[Instruction] = [Move(R0, 0) for _ in range(8)]
    passes = Comparison.EQ.imm(R1, 0, len(assemble([instruction])))
    return assemble([*before, passes, instruction, *after, Exit()])


def stays_inside(instruction: Instruction) -> bool:
    """Whether the verifier gets as far as to write it."""
    match instruction:
        case Jump(skip) | JumpLong(skip) | JumpIf(_, _, _, skip) | JumpIfRegister(_, _, _, skip):
            return -AT < skip < 8
        case MayGoto(skip):
            return -AT < skip < 8
        case CallFunction() | CallKernel():
            return False
        case LoadImmediate64(_, _, kind):
            return kind is Immediate.PLAIN
    return True


@pytest.mark.oracle
def test_every_shape_is_written_as_by_the_verifier(kernel: Kernel) -> None:
    found: dict[tuple[int, int], Instruction] = {}
    for each in samples():
        if stays_inside(each):
            word = assemble([each])[0]
            found[word.opcode, word.imm if word.opcode & 0xE7 == 0xC3 else word.off % 3] = each
    wrong = []
    for instruction in found.values():
        log = kernel.log(bpf.SCHED_CLS, around(instruction))
        line = re.search(rf"^{AT}: (\(..\) .*?)\s*(?:;.*)?$", log, re.MULTILINE)
        opcode = assemble([instruction])[0].opcode
        if not line or line[1] != f"({opcode:02x}) {text(instruction, BPFTOOL)}":
            wrong.append((line and line[1], text(instruction, BPFTOOL), log[-200:]))
    assert wrong == []


@pytest.mark.oracle
def test_a_loaded_program_is_written_as_by_bpftool(kernel: Kernel, tmp_path: Path) -> None:
    bpftool = tool("bpftool", "bpftool")
    table = kernel.map(bpf.HASH, 4, 8, 1)
    program: list[Instruction] = [
        LoadImmediate64(R7, table, Immediate.MAP_FD),
        LoadImmediate64(R0, 0x1234_5678_9ABC_DEF0),
        StoreMemory(R10, -8, R0, 8),
        LoadMemory(R2, R10, -8, 4),
        Operation.ADD.imm(R2, -5, 32),
        Atomic(AtomicOperation.ADD, R10, -8, R2, 8),
        Atomic(AtomicOperation.XOR, R10, -8, R2, 4, True),
        Comparison.SGT.imm(R2, -3, 3, 32),
        ByteSwap(R2, ByteOrder.BIG, 16),
        MoveRegister(R0, R2, 32),
        Jump(1),
        Negate(R0),
        Exit(),
    ]
    loaded = kernel.load(bpf.SCHED_CLS, assemble(program))
    which = [bpftool, "prog", "dump", "xlated", "id", str(bpf.program_id(loaded))]
    subprocess.run([*which, "file", tmp_path / "slots"], check=True)
    printed = subprocess.run(which, capture_output=True, text=True, check=True).stdout
    words = from_bytes((tmp_path / "slots").read_bytes())
    assert printed.rstrip("\n") == dump_bpftool(words)
    assert len(words) == len(assemble(program))
