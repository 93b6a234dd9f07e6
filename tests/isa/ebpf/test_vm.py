"""What the verifier refuses is an error of the interpreter, and what the environment gives."""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError, LimitError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.environment import Environment, skb, xdp
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R6,
    R10,
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
    LoadAbsolute,
    LoadImmediate64,
    LoadMemory,
    MayGoto,
    Move,
    MoveRegister,
    Operation,
    Raw,
    StoreImmediate,
    StoreMemory,
)
from bpfq.isa.ebpf.maps import Map
from bpfq.isa.ebpf.memory import Memory, MemoryFault
from bpfq.isa.ebpf.program import MapSpec
from bpfq.isa.ebpf.vm import UnwrittenRegister, run, run_counted

PACKET = bytes(range(60))


def value(*instructions: Instruction, environment: Environment | None = None) -> int:
    return run(assemble([*instructions, Exit()]), environment or xdp(PACKET))


FAULTS: list[tuple[tuple[Instruction, ...], type[FilterError], str]] = [
    ((MoveRegister(R0, R3),), UnwrittenRegister, "slot 0: r3 is read, which holds nothing"),
    ((), UnwrittenRegister, "slot 0: r0 is read, which holds nothing"),
    (
        (Move(R0, 0), LoadMemory(R2, R1, 0, 4), LoadMemory(R0, R2, 59, 2)),
        MemoryFault,
        "slot 2: loads 2 bytes at packet+59, which has 60 bytes",
    ),
    (
        (LoadMemory(R2, R1, 0, 4), LoadMemory(R0, R2, -1, 1)),
        MemoryFault,
        "slot 1: loads 1 bytes at packet-1, which has 60 bytes",
    ),
    ((LoadMemory(R0, R1, 2, 4),), MemoryFault, "slot 0: loads 4 bytes at xdp_md+2: no such field"),
    ((LoadMemory(R0, R1, 0, 8),), MemoryFault, "slot 0: loads 8 bytes at xdp_md+0: no such field"),
    (
        (StoreImmediate(R1, 0, 0, 4),),
        MemoryFault,
        "slot 0: stores 4 bytes at xdp_md+0, which is only read",
    ),
    (
        (StoreImmediate(R10, 0, 0, 1),),
        MemoryFault,
        "slot 0: stores 1 bytes at stack+512, which has 512 bytes",
    ),
    (
        (StoreImmediate(R10, -513, 0, 1),),
        MemoryFault,
        "slot 0: stores 1 bytes at stack-1, which has 512 bytes",
    ),
    (
        (Move(R2, 64), LoadMemory(R0, R2, 0, 1)),
        MemoryFault,
        "slot 1: loads 1 bytes at 0x40, which is no address",
    ),
    ((Move(R10, 0),), FilterError, "slot 0: r10 is written, which is only read"),
    ((Jump(7),), FilterError, "ran to slot 8: no instruction starts there"),
    (
        (Jump(1), LoadImmediate64(R0, 5)),
        FilterError,
        "ran to slot 2: no instruction starts there",
    ),
    (
        (Raw(BpfInsn(0xFF, 1, 0, 0, 0)),),
        FilterError,
        "slot 0: opcode 0xff with these fields is no instruction",
    ),
    ((Call(9999),), FilterError, "slot 0: no helper 9999 was given"),
    ((CallKernel(7),), FilterError, "slot 0: no kernel function 7 was given"),
    (
        (LoadImmediate64(R0, 3, Immediate.MAP_FD),),
        FilterError,
        "slot 0: nothing says what MAP_FD 3 is",
    ),
    ((LoadAbsolute(0, 1),), UnwrittenRegister, "slot 0: r6 is read, which holds nothing"),
]


@pytest.mark.parametrize(("program", "kind", "message"), FAULTS, ids=[m for _, _, m in FAULTS])
def test_what_no_machine_takes_is_an_error(
    program: tuple[Instruction, ...], kind: type[FilterError], message: str
) -> None:
    with pytest.raises(FilterError) as caught:
        value(*program)
    assert (type(caught.value), str(caught.value)) == (kind, message)


def test_an_endless_program_is_stopped() -> None:
    with pytest.raises(LimitError) as caught:
        run(assemble([Jump(-1)]), xdp(PACKET), step_limit=100)
    assert str(caught.value) == ("still running after 100 instructions: a jump back may never end")


def test_functions_that_never_return_are_stopped() -> None:
    with pytest.raises(LimitError) as caught:
        value(CallFunction(-1))
    assert str(caught.value) == "more than 8 functions in each other"


def test_executed_instructions_are_counted() -> None:
    words = assemble([Move(R0, 3), Operation.SUB.imm(R0, 1), MayGoto(1), Jump(0), Exit()])
    assert run_counted(words, xdp(PACKET)) == (2, 5)


def test_a_call_loses_the_arguments() -> None:
    random = HELPERS["get_prandom_u32"]
    environment = xdp(PACKET, helpers={random: lambda memory, *arguments: 4})
    assert value(Call(random), environment=environment) == 4
    with pytest.raises(UnwrittenRegister) as caught:
        value(Call(random), MoveRegister(R0, R1), environment=environment)
    assert str(caught.value) == "slot 1: r1 is read, which holds nothing"


def test_a_kernel_function_gets_the_memory_and_its_arguments() -> None:
    def slice_of(memory: Memory, dynptr: int, offset: int, buffer: int, size: int, _: int) -> int:
        memory.write(buffer, PACKET[offset : offset + size])
        return buffer

    given: list[Instruction] = [
        Move(R2, 12),
        MoveRegister(R3, R10),
        Operation.ADD.imm(R3, -16),
        Move(R4, 2),
        CallKernel(4711),
        LoadMemory(R0, R0, 0, 2),
        ByteSwap(R0, ByteOrder.BIG, 16),
    ]
    environment = Environment(kernel_functions={4711: slice_of})
    assert value(*given, environment=environment) == 0x0C0D


def test_a_short_packet_ends_the_program_with_0_at_a_legacy_load() -> None:
    loads = [MoveRegister(R6, R1), LoadAbsolute(58, 4), Move(R0, 1)]
    assert value(*loads, environment=skb(PACKET)) == 0


def test_only_the_linear_part_is_in_memory() -> None:
    reads = [LoadMemory(R2, R1, 76, 4), LoadMemory(R0, R2, 42, 1)]
    assert value(*reads, environment=skb(PACKET)) == 42
    with pytest.raises(MemoryFault) as caught:
        value(*reads, environment=skb(PACKET, linear=42))
    assert str(caught.value) == "slot 1: loads 1 bytes at packet+42, which has 42 bytes"
    sized = [LoadMemory(R0, R1, 0, 4)]
    assert value(*sized, environment=skb(PACKET, linear=42)) == 60


def test_fields_of_the_context_are_what_is_given() -> None:
    tagged = skb(PACKET, metadata={"vlan_present": 1, "vlan_tci": 100})
    assert value(LoadMemory(R0, R1, 24, 4), environment=tagged) == 100
    assert value(LoadMemory(R0, R1, 8, 4), environment=tagged) == 0
    received = xdp(PACKET, metadata={"ingress_ifindex": 3})
    assert value(LoadMemory(R0, R1, 12, 4), environment=received) == 3


def test_bytes_of_an_xdp_packet_come_to_the_stack() -> None:
    loads: list[Instruction] = [
        MoveRegister(R3, R10),
        Operation.ADD.imm(R3, -8),
        Move(R2, 50),
        Move(R4, 8),
        Call(HELPERS["xdp_load_bytes"]),
        Comparison.NE.imm(R0, 0, 1),
        LoadMemory(R0, R10, -1, 1),
    ]
    assert value(*loads, environment=xdp(PACKET, linear=14)) == 57
    assert value(*loads, environment=xdp(PACKET[:57])) == (1 << 64) - 22


def test_a_big_endian_machine_stores_the_high_byte_first() -> None:
    program: list[Instruction] = [
        LoadImmediate64(R1, 0x0102_0304),
        StoreMemory(R10, -4, R1, 4),
        LoadMemory(R0, R10, -4, 1),
        ByteSwap(R1, ByteOrder.BIG, 32),
        Operation.LSH.imm(R1, 8),
        Operation.OR.reg(R0, R1),
    ]
    assert value(*program, environment=Environment(Memory("big"))) == 0x0102_0304_01
    assert value(*program, environment=Environment(Memory("little"))) == 0x0403_0201_04


def test_a_program_changes_the_values_of_a_map() -> None:
    hits = Map(MapSpec("hits", "array", 32, 64, 4))
    counts: list[Instruction] = [
        LoadImmediate64(R1, 9, Immediate.MAP_VALUE),
        LoadMemory(R2, R1, 0, 8),
        Operation.ADD.imm(R2, 1),
        StoreMemory(R1, 0, R2, 8),
        Move(R0, 0),
    ]
    environment = xdp(PACKET, maps={9: hits})
    value(*counts, environment=environment)
    value(*counts, environment=environment)
    first = hits.lookup(bytes(4))
    assert first is not None
    assert first.read(0, 8) == (2).to_bytes(8, "little")
