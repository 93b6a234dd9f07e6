"""Code that is the same for several tests is there once."""

from __future__ import annotations

import bpfq
from bpfq.backends.ebpf.blocks import Block, Goto, If, Label, Return
from bpfq.backends.ebpf.tails import merged
from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.instructions import R0, R1, R2, Comparison, JumpIf, Move, Operation

PORT = int.from_bytes((80).to_bytes(2, "big"), "little")


def test_ports_behind_both_families_in_a_tunnel_are_compared_by_the_same_code() -> None:
    program = bpfq.compile("vxlan 77 and tcp port 80", target="ebpf:xdp")
    jumps = [each for each in disassemble(tuple(program)) if isinstance(each, JumpIf)]
    assert sum(jump.value == PORT for jump in jumps) == 2  # source, destination


def test_blocks_are_one_from_where_they_do_the_same() -> None:
    def tail(label: int, *code: Move) -> dict[Label, Block]:
        test = If(Comparison.GT, R1, R2, Label(8), Label(label + 1))
        return {Label(label): Block((), test), Label(label + 1): Block(code, Goto(Label(8)))}

    blocks = {
        Label(0): Block((), If(Comparison.EQ, R1, 0, Label(1), Label(2))),
        Label(1): Block((Operation.ADD.imm(R1, 4),), Goto(Label(3))),
        Label(2): Block((Operation.ADD.imm(R1, 8),), Goto(Label(5))),
        **tail(3, Move(R0, 1)),
        **tail(5, Move(R0, 1)),
        Label(8): Block((), Return()),
    }
    ends = [merged(blocks, Label(0))[Label(at)].end for at in (1, 2)]
    assert ends[0] == ends[1] == Goto(Label(5)) or ends[0] == ends[1] == Goto(Label(3))
    other = {**blocks, **tail(5, Move(R0, 2))}
    apart = [merged(other, Label(0))[Label(at)].end for at in (1, 2)]
    assert apart == [Goto(Label(3)), Goto(Label(5))]
