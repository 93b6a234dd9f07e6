"""Programs that count for many filters: each counter is looked up exactly where its filter matches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

import bpfq
from bpfq.analysis.prove_ebpf import prove_counts
from bpfq.counting import CountProgram
from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble, disassemble
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Comparison, Instruction
from bpfq.record import replace

FILTERS = {
    "dns": "udp port 53", "syn": "tcp[13] = 2", "all": "", "bad": "src net @bad",
    "list": " or ".join(f"dst port {port}" for port in range(2, 300, 2)), "six": "ip6 and not tcp",
}  # fmt: skip
TWO = {"udp": "ip proto 17", "tcp": "ip proto 6"}
SETS = {"bad": ["10.0.0.0/8", "2001:db8::/32"]}
HOOKS = ("ebpf:tc", "ebpf:xdp", "ebpf:cgroup_skb", "ebpf:netfilter")
PASS = 2  # XDP_PASS


@pytest.mark.parametrize("target", HOOKS)
def test_every_counter_is_proved_to_count_what_its_filter_matches(target: str) -> None:
    program = bpfq.count_program(FILTERS, target=target, sets=SETS)
    proofs = program.prove()
    assert {name: proof.verdict for name, proof in proofs.items()} == dict.fromkeys(
        FILTERS, "proved"
    )


def changed(
    program: CountProgram, change: Callable[[list[Instruction]], Sequence[Instruction]]
) -> dict[str, str]:
    """Verdicts about the program with other instructions in as many slots."""
    instructions = list(disassemble(list(program)))
    words = assemble(change(instructions))
    assert len(words) == len(program)
    function = replace(program.module.function, instructions=tuple(words))
    module = replace(program.module, function=function)
    filters = dict(zip(program.names, program._filters, strict=True))
    return {name: proof.verdict for name, proof in prove_counts(filters, module, PASS).items()}


def with_keys(numbers: dict[int, int]) -> Callable[[list[Instruction]], list[Instruction]]:
    """Counters with other numbers."""

    def change(instructions: list[Instruction]) -> list[Instruction]:
        return [
            replace(each, value=numbers[each.value]) if isinstance(each, e.StoreImmediate) else each
            for each in instructions
        ]

    return change


def test_counters_that_are_changed_over_are_refuted() -> None:
    program = bpfq.count_program(TWO, target="ebpf:xdp")
    assert changed(program, with_keys({0: 1, 1: 0})) == {"udp": "refuted", "tcp": "refuted"}


def test_a_counter_that_another_filter_uses_too_is_not_proved() -> None:
    program = bpfq.count_program(TWO, target="ebpf:xdp")
    with pytest.raises(UnsupportedError, match="^counter 0 may be looked up twice$"):
        changed(program, with_keys({0: 0, 1: 0}))


def test_a_wrong_test_of_one_filter_is_refuted_for_that_filter() -> None:
    program = bpfq.count_program(TWO, target="ebpf:xdp")

    def icmp(instructions: list[Instruction]) -> list[Instruction]:
        return [
            replace(each, value=1) if isinstance(each, e.JumpIf) and each.value == 6 else each
            for each in instructions
        ]

    assert changed(program, icmp) == {"udp": "proved", "tcp": "refuted"}


def test_another_verdict_is_refuted_for_all_filters() -> None:
    program = bpfq.count_program(TWO, target="ebpf:xdp")

    def drops(instructions: list[Instruction]) -> list[Instruction]:
        return [
            replace(each, value=1) if each == e.Move(e.R0, PASS, 32) else each
            for each in instructions
        ]

    assert changed(program, drops) == {"udp": "refuted", "tcp": "refuted"}


def test_a_match_that_is_not_counted_is_refuted() -> None:
    program = bpfq.count_program(TWO, target="ebpf:xdp")

    def without(instructions: list[Instruction]) -> list[Instruction]:
        found = list(instructions)
        number = found.index(e.Call(HELPERS["map_lookup_elem"]))
        test = found[number + 1]
        assert isinstance(test, e.JumpIf) and test.comparison is Comparison.EQ
        found[number] = e.Move(e.R0, 0, 32)
        return found

    assert sorted(changed(program, without).values()) == ["proved", "refuted"]
