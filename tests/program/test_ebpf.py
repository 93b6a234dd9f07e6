"""The handle of an eBPF program, as users have it."""

from __future__ import annotations

import pickle

import pytest

import bpfq
from bpfq.isa.ebpf.instructions import BpfInsn

DNS = bytes.fromhex(
    "ffffffffffff0011223344550800450000280001000040110000"
    "0a0000010a00000212340035001400000000000000000000"
)


@pytest.mark.parametrize("target", ["ebpf:xdp", "ebpf:tc", "ebpf:socket"])
def test_matches_runs_the_program(target: str) -> None:
    program = bpfq.compile("udp dst port 53", target=target)
    assert program.matches(DNS)
    assert not program.matches(DNS.replace(b"\x00\x35", b"\x00\x36"))
    assert not program.matches(DNS[:30])


@pytest.mark.parametrize("target", ["ebpf:cgroup_skb", "ebpf:netfilter"])
def test_layer_3_programs_begin_at_the_network_header(target: str) -> None:
    program = bpfq.compile("udp dst port 53", target=target, action="drop")
    assert program.matches(DNS[14:])
    assert not program.matches(DNS)


def test_slots_are_those_of_struct_bpf_insn() -> None:
    program = bpfq.compile("ip", target="ebpf:xdp", action="drop")
    assert next(iter(program)) == BpfInsn(0xB4, 0, 0, 0, 2)
    assert len(program) == len(list(program))


def test_lines_are_the_clauses_and_what_they_compare() -> None:
    program = bpfq.compile("ip and udp", target="ebpf:xdp", action="drop")
    assert [(line.text, line.line, line.column) for line in program.module.function.lines] == [
        ("ip -> [12:2] = 0x800", 1, 1),
        ("udp -> [23] = 0x11", 2, 8),
    ]


@pytest.mark.parametrize(
    ("target", "action", "verdicts"),
    [
        ("ebpf:xdp", "drop", (1, 2)),
        ("ebpf:xdp", "pass", (2, 2)),
        ("ebpf:tc", "drop", (2, 0xFFFF_FFFF)),
        ("ebpf:tc", "pass", (0, 0xFFFF_FFFF)),
        ("ebpf:cgroup_skb", "drop", (0, 1)),
        ("ebpf:netfilter", "drop", (0, 1)),
        ("ebpf:socket", "keep", (262144, 0)),
    ],
)
def test_actions_are_pairs_of_verdicts(target: str, action: str, verdicts: tuple[int, int]) -> None:
    program = bpfq.compile("udp", target=target, action=action)
    assert isinstance(program, bpfq.EbpfProgram)
    assert (program.verdicts.accept, program.verdicts.reject) == verdicts


def test_an_unknown_action_names_those_of_the_hook() -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compile("udp", target="ebpf:xdp", action="dorp")
    assert caught.value.message == (
        "'dorp' is no action of 'ebpf:xdp'; the actions are drop, pass, count"
    )
    assert [each.text for each in caught.value.suggestions] == ["--action drop"]


def test_classic_targets_take_no_action() -> None:
    with pytest.raises(bpfq.FilterError, match="^target 'packet' takes classic programs"):
        bpfq.compile("udp", target="packet", action="drop")


def test_link_layer_words_are_refused_on_layer_3_hooks() -> None:
    with pytest.raises(bpfq.UnsupportedError, match="cannot be seen on target 'ebpf:cgroup_skb'"):
        bpfq.compile("ether host 00:11:22:33:44:55", target="ebpf:cgroup_skb")


def test_a_tag_is_in_metadata_on_tc_and_inline_at_xdp() -> None:
    inline = DNS[:12] + bytes.fromhex("81000064") + DNS[12:]
    at_xdp, on_tc = (
        bpfq.compile("vlan 100 and udp", target=target) for target in ("ebpf:xdp", "ebpf:tc")
    )
    assert at_xdp.matches(inline)
    assert on_tc.matches(DNS, metadata={"vlanp": 1, "vlan_tci": 100})


def test_pickled_programs_are_equal() -> None:
    program = bpfq.compile("udp dst port 53", target="ebpf:tc", action="drop")
    for each in (program, program.counting(), program.without_maps):
        again = pickle.loads(pickle.dumps(each))
        assert again == each and again.matches(DNS) and again.words == each.words
    assert program != bpfq.compile("udp dst port 53", target="ebpf:tc", action="pass")
