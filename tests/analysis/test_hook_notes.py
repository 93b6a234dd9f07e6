"""What is said of a filter that asks for what a hook shows otherwise than the wire."""

from __future__ import annotations

import pytest

import bpfq


@pytest.mark.parametrize(
    ("text", "target", "noted"),
    [
        ("len > 1600", "ebpf:tc", True),
        ("greater 1600 and tcp", "ebpf:socket", True),
        ("ip[2:2] - 20 > 1480", "ebpf:netfilter", True),
        ("ip6[4:2] > 1480", "ebpf:cgroup_skb", True),
        ("len > 1600", "ebpf:xdp", False),
        ("tcp port 80", "ebpf:tc", False),
        ("ip[4:2] > 1480", "ebpf:tc", False),
    ],
)
def test_lengths_behind_receive_offload_are_noted(text: str, target: str, noted: bool) -> None:
    notes = bpfq.compile(text, target=target).notes
    assert [("GRO" in note) for note in notes] == ([True] if noted else [])
