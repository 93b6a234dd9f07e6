"""Words to instructions and back."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.errors import EncodingError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.encode import assemble, bits, decode, disassemble, signed
from bpfq.isa.cbpf.instructions import (
    ANCILLARY,
    Alu,
    AluX,
    Instruction,
    Jump,
    JumpIf,
    JumpIfX,
    LoadAbsolute,
    LoadImmediate,
    LoadIndirect,
    LoadLength,
    LoadScratch,
    LoadXHeaderLength,
    LoadXImmediate,
    LoadXLength,
    LoadXScratch,
    Negate,
    Raw,
    Return,
    ReturnA,
    SockFilter,
    StoreA,
    StoreX,
    Tax,
    Txa,
)
from bpfq.operators import Operator, Relation

SHAPES: list[tuple[Instruction, SockFilter]] = [
    (LoadAbsolute(12, 4), SockFilter(0x20, 0, 0, 12)),
    (LoadAbsolute(12, 2), SockFilter(0x28, 0, 0, 12)),
    (LoadAbsolute(ANCILLARY["vlanp"], 1), SockFilter(0x30, 0, 0, 0xFFFF_F030)),
    (LoadIndirect(14, 4), SockFilter(0x40, 0, 0, 14)),
    (LoadIndirect(14, 2), SockFilter(0x48, 0, 0, 14)),
    (LoadIndirect(14, 1), SockFilter(0x50, 0, 0, 14)),
    (LoadImmediate(7), SockFilter(0x00, 0, 0, 7)),
    (LoadLength(), SockFilter(0x80, 0, 0, 0)),
    (LoadScratch(3), SockFilter(0x60, 0, 0, 3)),
    (LoadXImmediate(7), SockFilter(0x01, 0, 0, 7)),
    (LoadXLength(), SockFilter(0x81, 0, 0, 0)),
    (LoadXScratch(3), SockFilter(0x61, 0, 0, 3)),
    (LoadXHeaderLength(14), SockFilter(0xB1, 0, 0, 14)),
    (StoreA(15), SockFilter(0x02, 0, 0, 15)),
    (StoreX(15), SockFilter(0x03, 0, 0, 15)),
    (Alu(Operator.ADD, 5), SockFilter(0x04, 0, 0, 5)),
    (Alu(Operator.SUB, 5), SockFilter(0x14, 0, 0, 5)),
    (Alu(Operator.MUL, 5), SockFilter(0x24, 0, 0, 5)),
    (Alu(Operator.DIV, 5), SockFilter(0x34, 0, 0, 5)),
    (Alu(Operator.OR, 5), SockFilter(0x44, 0, 0, 5)),
    (Alu(Operator.AND, 5), SockFilter(0x54, 0, 0, 5)),
    (Alu(Operator.LSH, 5), SockFilter(0x64, 0, 0, 5)),
    (Alu(Operator.RSH, 5), SockFilter(0x74, 0, 0, 5)),
    (Alu(Operator.MOD, 5), SockFilter(0x94, 0, 0, 5)),
    (Alu(Operator.XOR, 5), SockFilter(0xA4, 0, 0, 5)),
    (AluX(Operator.ADD), SockFilter(0x0C, 0, 0, 0)),
    (AluX(Operator.XOR), SockFilter(0xAC, 0, 0, 0)),
    (Negate(), SockFilter(0x84, 0, 0, 0)),
    (Tax(), SockFilter(0x07, 0, 0, 0)),
    (Txa(), SockFilter(0x87, 0, 0, 0)),
    (Jump(3), SockFilter(0x05, 0, 0, 3)),
    (Jump(-5), SockFilter(0x05, 0, 0, 0xFFFF_FFFB)),
    (JumpIf(Relation.EQ, 6, 1, 2), SockFilter(0x15, 1, 2, 6)),
    (JumpIf(Relation.GT, 6, 1, 2), SockFilter(0x25, 1, 2, 6)),
    (JumpIf(Relation.GE, 6, 1, 2), SockFilter(0x35, 1, 2, 6)),
    (JumpIf(Relation.SET, 6, 1, 2), SockFilter(0x45, 1, 2, 6)),
    (JumpIfX(Relation.EQ, 1, 2), SockFilter(0x1D, 1, 2, 0)),
    (JumpIfX(Relation.SET, 1, 2), SockFilter(0x4D, 1, 2, 0)),
    (Return(262144), SockFilter(0x06, 0, 0, 262144)),
    (ReturnA(), SockFilter(0x16, 0, 0, 0)),
    (Raw(0x0E, 1, 2, 3), SockFilter(0x0E, 1, 2, 3)),
]

fields = st.builds(
    SockFilter,
    st.sampled_from(sorted(opcodes.KNOWN)) | st.integers(0, 0xFFFF),
    st.just(0) | st.integers(0, 0xFF),
    st.just(0) | st.integers(0, 0xFF),
    st.just(0) | st.integers(0, 0xFFFF_FFFF),
)


@pytest.mark.parametrize(("instruction", "word"), SHAPES, ids=[repr(i) for i, _ in SHAPES])
def test_each_shape_has_its_word(instruction: Instruction, word: SockFilter) -> None:
    assert (assemble([instruction]), disassemble([word])) == ((word,), (instruction,))


@given(st.lists(fields))
def test_any_words_survive_disassembly(words: list[SockFilter]) -> None:
    assert assemble(disassemble(words)) == tuple(words)


def test_every_opcode_survives_disassembly_with_every_field_used_or_not() -> None:
    words = [
        SockFilter(code, jt, jf, k)
        for code in range(0x10000)
        for jt, jf, k in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert assemble(disassemble(words)) == tuple(words)


def test_there_are_49_known_opcodes() -> None:
    words = [SockFilter(code, 0, 0, 0) for code in range(0x10000)]
    shaped = {
        word.code for word, i in zip(words, disassemble(words), strict=True) if i != Raw(*word)
    }
    assert (shaped, len(shaped)) == (opcodes.KNOWN, 49)


@pytest.mark.parametrize(
    ("word", "instruction"),
    [
        (SockFilter(0x07, 0, 0, 9), Raw(0x07, 0, 0, 9)),
        (SockFilter(0x28, 1, 0, 9), Raw(0x28, 1, 0, 9)),
        (SockFilter(0x1D, 1, 2, 9), Raw(0x1D, 1, 2, 9)),
        (SockFilter(0x05, 0, 2, 9), Raw(0x05, 0, 2, 9)),
    ],
    ids=["tax with k", "ldh with jt", "jeq x with k", "ja with jf"],
)
def test_a_value_in_an_unused_field_makes_a_raw_word(
    word: SockFilter, instruction: Instruction
) -> None:
    assert disassemble([word]) == (instruction,)


def test_decode_drops_the_fields_the_machine_does_not_read() -> None:
    assert decode(SockFilter(0x1D, 1, 2, 9)) == JumpIfX(Relation.EQ, 1, 2)


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (LoadImmediate(1 << 32), "value 4294967296 does not fit 32 bits: 0 to 4294967295"),
        (LoadAbsolute(-1, 1), "offset -1 does not fit 32 bits: 0 to 4294967295"),
        (LoadAbsolute(0, 3), "size 3 is not 1, 2 or 4 bytes"),
        (JumpIf(Relation.EQ, 0, 256, 0), "skip_true 256 does not fit 8 bits: 0 to 255"),
        (JumpIfX(Relation.EQ, 0, -1), "skip_false -1 does not fit 8 bits: 0 to 255"),
        (Jump(1 << 31), "skip 2147483648 does not fit 32 bits: -2147483648 to 2147483647"),
        (Raw(0x10000, 0, 0, 0), "code 65536 does not fit 16 bits: 0 to 65535"),
    ],
    ids=["immediate", "offset", "size", "jt", "jf", "ja", "raw"],
)
def test_a_field_out_of_range_is_refused(instruction: Instruction, message: str) -> None:
    with pytest.raises(EncodingError) as refused:
        assemble([instruction])
    assert str(refused.value) == message


def test_bits_gives_a_fitting_value_back() -> None:
    assert [bits(0, 8, "jt"), bits(255, 8, "jt")] == [0, 255]


def test_signed_reads_twos_complement() -> None:
    assert [signed(0x7FFF_FFFF), signed(0x8000_0000), signed(0xFFFF_FFFF)] == [
        0x7FFF_FFFF,
        -0x8000_0000,
        -1,
    ]


def test_five_thousand_instructions_take_milliseconds() -> None:
    words = tuple([SHAPES[i % len(SHAPES)][1] for i in range(5000)])
    best = min(_seconds(words) for _ in range(5))
    assert best < 0.1


def _seconds(words: tuple[SockFilter, ...]) -> float:
    start = time.perf_counter()
    assemble(disassemble(words))
    return time.perf_counter() - start
