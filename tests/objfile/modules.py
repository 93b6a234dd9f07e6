"""Programs put together by hand, one for each thing that an object file can hold."""

from __future__ import annotations

from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R10,
    Atomic,
    AtomicOperation,
    Call,
    CallFunction,
    CallKernel,
    Comparison,
    Exit,
    Immediate,
    LoadImmediate64,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    StoreMemory,
)
from bpfq.isa.ebpf.program import (
    Field,
    Function,
    Layout,
    Line,
    MapSpec,
    Module,
    Reference,
)

XDP_DROP, XDP_PASS = 1, 2  # <linux/bpf.h>
NF_DROP, NF_ACCEPT = 0, 1  # <linux/netfilter.h>
MAP_LOOKUP = 1  # BPF_FUNC_map_lookup_elem

# "ip and udp" at XDP: matching packets are dropped.
DROP_UDP = Module(
    hook="xdp",
    function=Function(
        name="drop_udp",
        instructions=assemble(
            [
                LoadMemory(R2, R1, 0, 4),
                LoadMemory(R3, R1, 4, 4),
                Move(R0, XDP_PASS, 32),
                MoveRegister(R4, R2, 64),
                Operation.ADD.imm(R4, 34),
                Comparison.GT.reg(R4, R3, 5),
                LoadMemory(R5, R2, 12, 2),
                Comparison.NE.imm(R5, 8, 3),
                LoadMemory(R5, R2, 23, 1),
                Comparison.NE.imm(R5, 17, 1),
                Move(R0, XDP_DROP, 32),
                Exit(),
            ]
        ),
        lines=(
            Line(0, "ip and udp -> 34 bytes are there", 1, 1),
            Line(6, "ip -> ether[12:2] == 0x800", 1, 1),
            Line(8, "udp -> ip[9] == 17", 1, 8),
        ),
    ),
)

SIZES = MapSpec(
    name="sizes",
    kind="hash",
    key=Layout("size_key", (Field("length", 32),)),
    value=Layout("size_count", (Field("packets", 64), Field("spare", 16, 4))),
    max_entries=64,
)

# Counts packets by their length at tc; what is not in the map is not counted.
COUNT_SIZES = Module(
    hook="tc",
    function=Function(
        name="count_sizes",
        instructions=assemble(
            [
                LoadMemory(R1, R1, 0, 4),
                StoreMemory(R10, -4, R1, 4),
                LoadImmediate64(R1, 0, Immediate.MAP_FD),
                MoveRegister(R2, R10, 64),
                Operation.ADD.imm(R2, -4),
                Call(MAP_LOOKUP),
                Comparison.EQ.imm(R0, 0, 2),
                Move(R1, 1, 64),
                Atomic(AtomicOperation.ADD, R0, 0, R1, 8, False),
                Move(R0, 0, 64),
                Exit(),
            ]
        ),
        lines=(Line(0, "count by length", 2, 3), Line(8, "packets + 1", 2, 20)),
        references=(Reference(2, "sizes", "map"),),
    ),
    maps=(SIZES,),
)

# "udp" at netfilter, by way of a dynptr: matching packets are dropped.
NETFILTER_UDP = Module(
    hook="netfilter",
    function=Function(
        name="netfilter_udp",
        instructions=assemble(
            [
                LoadMemory(R6, R1, 8, 8),
                MoveRegister(R1, R6, 64),
                Move(R2, 0, 64),
                MoveRegister(R3, R10, 64),
                Operation.ADD.imm(R3, -16),
                CallKernel(0),
                MoveRegister(R1, R10, 64),
                Operation.ADD.imm(R1, -16),
                Move(R2, 0, 64),
                MoveRegister(R3, R10, 64),
                Operation.ADD.imm(R3, -40),
                Move(R4, 20, 64),
                CallKernel(0),
                Comparison.EQ.imm(R0, 0, 4),
                LoadMemory(R1, R0, 9, 1),
                Comparison.NE.imm(R1, 17, 2),
                Move(R0, NF_DROP, 64),
                Exit(),
                Move(R0, NF_ACCEPT, 64),
                Exit(),
            ]
        ),
        lines=(Line(0, "udp", 1, 1), Line(14, "udp -> ip[9] == 17", 1, 1)),
        references=(
            Reference(5, "bpf_dynptr_from_skb", "kfunc"),
            Reference(12, "bpf_dynptr_slice", "kfunc"),
        ),
    ),
)

# A socket filter that asks a subprogram how many bytes to keep, which asks another one.
CALLS = Module(
    hook="socket",
    function=Function(
        name="keep",
        instructions=assemble([LoadMemory(R1, R1, 0, 4), CallFunction(0), Exit()]),
        lines=(Line(1, "keep what is long", 1, 1),),
        references=(Reference(1, "half", "function"),),
    ),
    subprograms=(
        Function(name="zero", instructions=assemble([Move(R0, 0, 64), Exit()])),
        Function(name="same", instructions=assemble([MoveRegister(R0, R1, 64), Exit()])),
        Function(
            name="half",
            instructions=assemble([CallFunction(0), Operation.RSH.imm(R0, 1), Exit()]),
            lines=(Line(0, "len / 2", 1, 6),),
            references=(Reference(0, "same", "function"),),
        ),
    ),
)

# At the packets of a cgroup: everything passes.
PASS_ALL = Module(
    hook="cgroup_skb",
    function=Function(
        name="pass_all",
        instructions=assemble([Move(R0, 1, 64), Exit()]),
        lines=(Line(0, "everything", 1, 1),),
    ),
)

ADDRESSES = MapSpec(
    name="addresses",
    kind="lpm_trie",
    key=Layout("net", (Field("prefix", 32), Field("address", 8, 4))),
    value=8,
    max_entries=1000,
    flags=1,  # BPF_F_NO_PREALLOC, which a trie asks for
    pinned=True,
)

MODULES = {
    module.function.name: module
    for module in (DROP_UDP, COUNT_SIZES, NETFILTER_UDP, CALLS, PASS_ALL)
}
