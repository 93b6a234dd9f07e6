"""Contexts of programs beside the running kernel's structures, and dynptrs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfq.errors import FilterError, LimitError
from bpfq.isa.ebpf.dynptr import dynptr_functions
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.environment import SK_BUFF, XDP_MD, netfilter, skb, xdp
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R6,
    R7,
    R10,
    BpfInsn,
    Call,
    CallKernel,
    Comparison,
    Exit,
    Instruction,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
)
from bpfq.isa.ebpf.memory import Memory, MemoryFault
from bpfq.isa.ebpf.vm import run
from isa.ebpf import bpf, vmlinux
from isa.ebpf.conftest import Kernel
from isa.ebpf.test_encode import WORDS

PACKET = bytes(range(60))
FROM_SKB, SLICE = 11, 12  # ids that the loader would have put in


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "table"), [("xdp_md", XDP_MD), ("__sk_buff", SK_BUFF)])
def test_fields_are_where_the_running_kernel_has_them(
    name: str, table: dict[str, tuple[int, int]]
) -> None:
    theirs = vmlinux.structure(name)
    assert {each: offset for each, (offset, _) in table.items()} == {
        each: theirs[each] for each in table
    }


def test_a_part_of_a_field_is_loaded_but_not_of_an_address() -> None:
    received = skb(PACKET, metadata={"protocol": 0x0008})
    halves = [LoadMemory(R0, R1, 16, 2), Exit()]
    upper = [LoadMemory(R0, R1, 18, 2), Exit()]
    assert (run(assemble(halves), received), run(assemble(upper), received)) == (8, 0)
    for offset, size in ((76, 2), (17, 2), (16, 8)):
        with pytest.raises(MemoryFault):
            run(assemble([LoadMemory(R0, R1, offset, size), Exit()]), received)


def sliced(
    offset: int, size: int, made: int = FROM_SKB, slices: int = SLICE, nested: bool = True
) -> tuple[BpfInsn, ...]:
    """The first byte of a slice, 1000 where there is none; nested: the context has the skb."""
    program: list[Instruction] = [
        *([LoadMemory(R1, R1, 8, 8)] if nested else []),
        Move(R2, 0),
        MoveRegister(R3, R10),
        Operation.ADD.imm(R3, -16),
        CallKernel(made),
        MoveRegister(R1, R10),
        Operation.ADD.imm(R1, -16),
        Move(R2, offset),
        MoveRegister(R3, R10),
        Operation.ADD.imm(R3, -64),
        Move(R4, size),
        CallKernel(slices),
        Comparison.NE.imm(R0, 0, 2),
        Move(R0, 1000),
        Exit(),
        LoadMemory(R0, R0, 0, 1),
        Exit(),
    ]
    return assemble(program)


@pytest.mark.parametrize(
    ("offset", "size", "first"),
    [(0, 20, 0), (12, 2, 12), (39, 1, 39), (39, 2, 39), (50, 10, 50), (50, 11, 1000)],
)
def test_a_slice_is_in_the_linear_part_or_copied_to_the_buffer(
    offset: int, size: int, first: int
) -> None:
    functions = dynptr_functions(PACKET, linear=40)
    given = {FROM_SKB: functions["bpf_dynptr_from_skb"], SLICE: functions["bpf_dynptr_slice"]}

    assert run(sliced(offset, size), netfilter(PACKET, kernel_functions=given)) == first


@pytest.mark.oracle
@pytest.mark.parametrize(("offset", "size"), [(0, 20), (12, 2), (58, 2), (58, 3), (60, 1), (-1, 1)])
def test_slices_are_the_kernels(kernel: Kernel, offset: int, size: int) -> None:
    made, slices = map(vmlinux.function_id, ("bpf_dynptr_from_skb", "bpf_dynptr_slice"))
    words = sliced(offset, size, made, slices, nested=False)
    functions = dynptr_functions(PACKET)
    given = {made: functions["bpf_dynptr_from_skb"], slices: functions["bpf_dynptr_slice"]}
    expected, _ = kernel.run(bpf.SCHED_CLS, words, PACKET)
    assert run(words, skb(PACKET, kernel_functions=given)) == expected


def test_what_was_not_made_a_dynptr_is_refused() -> None:
    memory = Memory()
    place = memory.add("stack", bytes(16), writable=True)
    functions = dynptr_functions(PACKET)
    with pytest.raises(MemoryFault) as caught:
        functions["bpf_dynptr_size"](memory, place, 0, 0, 0, 0)
    assert str(caught.value) == "what is given for a dynptr was not made one"
    assert functions["bpf_dynptr_from_skb"](memory, 0, 0, place, 0, 0) == 0
    assert functions["bpf_dynptr_size"](memory, place, 0, 0, 0, 0) == 60
    assert functions["bpf_dynptr_from_skb"](memory, 0, 1, place, 0, 0) == -22


@given(st.lists(WORDS, min_size=1, max_size=12), st.sampled_from([xdp, skb, netfilter]))
def test_no_program_ends_in_another_way_than_with_a_value_or_an_error(
    words: list[BpfInsn], hook: type
) -> None:
    start = assemble([MoveRegister(each, R1) for each in list(type(R0))[6:10]])
    try:
        assert 0 <= run([*start, *words], hook(PACKET), step_limit=300) < 1 << 64
    except (FilterError, LimitError) as error:
        assert str(error)


def test_pulled_bytes_are_in_memory_and_the_packet_is_somewhere_else() -> None:
    pull = [
        MoveRegister(R6, R1),
        LoadMemory(R7, R1, 76, 4),
        Move(R2, 40),
        Call(HELPERS["skb_pull_data"]),
        LoadMemory(R2, R6, 76, 4),
        LoadMemory(R3, R6, 80, 4),
        Operation.SUB.reg(R3, R2),
        MoveRegister(R0, R3),
    ]
    last = LoadMemory(R0, R2, 39, 1)
    assert run(assemble([*pull, Exit()]), skb(PACKET, linear=14)) == 40
    assert run(assemble([*pull, Exit()]), skb(PACKET)) == 60
    assert run(assemble([*pull, last, Exit()]), skb(PACKET, linear=0)) == 39
    with pytest.raises(MemoryFault):
        run(assemble([*pull, LoadMemory(R0, R7, 0, 1), Exit()]), skb(PACKET, linear=14))


def test_nothing_is_pulled_of_a_packet_that_is_too_short() -> None:
    pull = [
        MoveRegister(R6, R1),
        Move(R2, 61),
        Call(HELPERS["skb_pull_data"]),
        LoadMemory(R1, R6, 76, 4),
        LoadMemory(R2, R6, 80, 4),
        Operation.SUB.reg(R2, R1),
        Operation.ADD.reg(R0, R2),
        Exit(),
    ]
    assert run(assemble(pull), skb(PACKET, linear=20)) == 20 - 12  # ENOMEM
