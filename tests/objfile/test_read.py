"""Object files read back, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.encode import Endian, assemble, disassemble
from bpfq.isa.ebpf.instructions import (
    R0,
    R6,
    BpfInsn,
    Comparison,
    Exit,
    LoadMemory,
    Move,
)
from bpfq.isa.ebpf.program import Function, Line, Module, Reference
from bpfq.objfile.elf import ALLOCATED, EXECUTABLE, ElfFile
from bpfq.objfile.object import object_file
from bpfq.objfile.read import read_object
from bpfq.output.objects import dump_object

from .modules import CALLS, COUNT_SIZES, DROP_UDP, MODULES, NETFILTER_UDP
from .tools import needs_assembler, output

ALL = tuple(MODULES.values())
OCTETS = object_file(ALL)


def unresolved(function: Function) -> list[BpfInsn]:
    """The instructions without the numbers that a loader puts in."""
    places = {reference.insn for reference in function.references}
    return [
        slot._replace(src=0, imm=0) if at in places else slot
        for at, slot in enumerate(function.instructions)
    ]


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("module", [DROP_UDP, COUNT_SIZES, NETFILTER_UDP], ids=lambda m: m.hook)
def test_a_program_comes_back_as_it_was(module: object, byteorder: Endian) -> None:
    function = module.function  # type: ignore[attr-defined]
    read = read_object(object_file([module], byteorder=byteorder))  # type: ignore[list-item]
    assert (read.byteorder, read.license, len(read.functions)) == (byteorder, "GPL", 1)
    again = read.functions[0].function
    assert (again.name, again.lines, again.references) == (
        function.name, function.lines, function.references,
    )  # fmt: skip
    assert unresolved(again) == unresolved(function)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
SLOTS = st.builds(
    BpfInsn,
    st.integers(0, 255),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(-(1 << 15), (1 << 15) - 1),
    st.integers(-(1 << 31), (1 << 31) - 1),
)


@st.composite
def programs(draw: st.DrawFn) -> list[Module]:
    """Modules of any instructions, some of them with lines."""
    modules = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        slots = draw(st.lists(SLOTS, min_size=1, max_size=20))
        places = draw(st.sets(st.integers(1, len(slots) - 1))) if len(slots) > 1 else set()
        lines = [
            Line(at, draw(TEXTS), draw(st.integers(1, 4000)), draw(st.integers(1, 1023)))
            for at in (0, *sorted(places))
        ]
        hook = draw(st.sampled_from(["socket", "xdp", "tc", "cgroup_skb", "netfilter"]))
        modules.append(Module(hook, Function(name, tuple(slots), tuple(lines))))
    return modules


@given(programs(), st.sampled_from(["little", "big"]))
def test_any_programs_come_back_from_one_file(modules: list[Module], byteorder: Endian) -> None:
    read = read_object(object_file(modules, byteorder=byteorder))
    assert {it.function.name: it.function for it in read.functions} == {
        it.function.name: it.function for it in modules
    }


def test_functions_that_are_called_come_back() -> None:
    read = read_object(object_file([CALLS]))
    assert [
        (it.section, it.function.name, len(it.function.instructions)) for it in read.functions
    ] == [
        (".text", "zero", 2),
        (".text", "same", 2),
        (".text", "half", 3),
        ("socket", "keep", 3),
    ]
    assert read.functions[3].function.references == CALLS.function.references
    assert read.functions[2].function.lines == (Line(0, "len / 2", 1, 6),)


def test_code_without_symbols_is_one_function_called_as_its_section() -> None:
    file = ElfFile("little")
    file.section("socket", b"\x95" + bytes(7), flags=ALLOCATED | EXECUTABLE)
    read = read_object(file.to_bytes())
    assert (read.license, len(read.functions)) == ("", 1)
    assert read.functions[0].function == Function("socket", assemble([Exit()]))


FOREIGN = """
    .section socket,"ax",@progbits
    .globl first
    .type first,@function
first:
    r6 = r1
    r1 = table ll
    call ask
    call inner
    r0 = *(u16 *)(r6 + 16)
    if r0 == 8 goto out
    r0 = 0
out:
    exit
    .globl second
    .type second,@function
second:
    r1 = setting ll
    exit
    .text
    .type inner,@function
inner:
    r0 = 1
    exit
    .section .maps,"aw",@progbits
    .globl table
    .type table,@object
table:
    .zero 32
    .section .rodata,"a",@progbits
    .globl setting
    .type setting,@object
setting:
    .zero 4
    .section license,"aw",@progbits
    .asciz "Dual BSD/GPL"
"""


@pytest.mark.oracle
@needs_assembler
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_an_object_of_llvm_s_assembler_is_read(byteorder: Endian, tmp_path: Path) -> None:
    (tmp_path / "f.s").write_text(FOREIGN)
    triple = "bpfel" if byteorder == "little" else "bpfeb"
    output(
        ["llvm-mc-22", "-triple", triple, "-filetype=obj", "-o", tmp_path / "f.o", tmp_path / "f.s"]
    )
    read = read_object((tmp_path / "f.o").read_bytes())
    assert (read.byteorder, read.license) == (byteorder, "Dual BSD/GPL")
    functions = {it.function.name: it for it in read.functions}
    assert sorted((it.section, name) for name, it in functions.items()) == [
        (".text", "inner"),
        ("socket", "first"),
        ("socket", "second"),
    ]
    first = functions["first"].function
    assert [(it.insn, it.kind) for it in first.references] == [
        (1, "map"),
        (3, "kfunc"),
        (4, "function"),
    ]
    assert [it.symbol for it in first.references][:2] == ["table", "ask"]
    assert disassemble(first.instructions)[4:] == (
        LoadMemory(R0, R6, 16, 2),
        Comparison.EQ.imm(R0, 8, 1),
        Move(R0, 0, 64),
        Exit(),
    )
    assert functions["second"].function.references == (Reference(0, "setting", "map_value"),)
    assert functions["inner"].function.instructions == assemble([Move(R0, 1, 64), Exit()])


def changed(at: int, octets: bytes) -> bytes:
    return OCTETS[:at] + octets + OCTETS[at + len(octets) :]


def with_code(octets: bytes) -> bytes:
    file = ElfFile("little")
    file.section("xdp", octets, flags=ALLOCATED | EXECUTABLE)
    return file.to_bytes()


@pytest.mark.parametrize(
    "octets, message",
    [
        (b"", "not a BPF object: the file does not begin as ELF does, 7f 45 4c 46"),
        (b"(000) ldh [12]", "not a BPF object: the file does not begin as ELF does, 7f 45 4c 46"),
        (OCTETS[:40], "the ELF file is cut: 40 bytes, a header alone has 64"),
        (OCTETS[:-1], f"the ELF file is cut: the table of sections ends at byte {len(OCTETS)} of {len(OCTETS) - 1}"),
        (changed(4, b"\1"), "not a BPF object: the ELF file is not of 64 bits"),
        (changed(5, b"\7"), "the ELF file is damaged: 7 is no byte order, use 1 or 2"),
        (changed(18, b"\x3e\0"), "not a BPF object: the ELF file is for x86-64, BPF is 247"),
        (changed(18, b"\1\1"), "not a BPF object: the ELF file is for machine 257, BPF is 247"),
        (ElfFile("little").to_bytes(), "the BPF object has no program: none of its sections holds instructions"),
        (with_code(bytes(9)), "section xdp has 9 bytes, which are no whole instructions of 8"),
    ],
)  # fmt: skip
def test_what_is_no_object_is_told(octets: bytes, message: str) -> None:
    with pytest.raises(ObjectError) as caught:
        read_object(octets)
    assert str(caught.value) == message


@given(
    st.lists(st.tuples(st.integers(0, len(OCTETS) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(OCTETS)) | st.just(len(OCTETS)),
)
def test_a_damaged_file_is_read_or_refused(changes: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(OCTETS)
    for at, value in changes:
        damaged[at] = value
    try:
        read = read_object(bytes(damaged[:end]))
    except ObjectError as refused:
        assert "\n" not in str(refused)
    else:
        listed = dump_object(read)
        assert all(f": {it.function.name}\n" in listed for it in read.functions)


def test_every_damaged_byte_is_read_or_refused() -> None:
    refused = 0
    for at in range(len(OCTETS)):
        for value in (0, 0xFF):
            try:
                read_object(changed(at, bytes([value])))
            except ObjectError:
                refused += 1
    assert refused > 100
