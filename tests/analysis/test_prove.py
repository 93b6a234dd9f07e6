"""Proofs of programs, and what a counterexample looks like."""

from __future__ import annotations

import pytest

import bpfq

ARP = "4\n40 0 0 12\n21 0 1 2054\n6 0 0 1\n6 0 0 0"


def test_a_program_that_says_what_the_filter_says_is_proved() -> None:
    assert bpfq.prove("arp", ARP).verdict == "proved"
    assert bpfq.prove("ether[12:2] = 0x806", ARP).verdict == "proved"


def test_a_counterexample_is_a_short_packet_that_the_program_gets_wrong() -> None:
    shown = bpfq.prove("arp and ether[400] = 1", ARP).counterexample
    assert shown is not None
    assert shown.octets[12:14] == b"\x08\x06"
    assert len(shown.octets) <= 34
    assert (shown.filter_accepts, shown.returned) == (False, 1)
    assert shown.completed is not None
    assert not bpfq.compile("arp and ether[400] = 1").matches(shown.completed)


def test_a_short_counterexample_keeps_the_length_that_matters() -> None:
    shown = bpfq.prove("arp or len > 100", ARP).counterexample
    assert shown is not None
    assert shown.wire_length > 100
    assert (shown.filter_accepts, shown.returned) == (True, 0)


@pytest.mark.parametrize("target", ["packet", "tc"])
def test_a_kernel_sees_as_many_bytes_as_there_are(target: str) -> None:
    shown = bpfq.prove("ip6 or len > 100", ARP, target=target).counterexample
    assert shown is not None
    assert shown.wire_length == len(shown.octets)


def test_a_strict_program_may_not_accept_a_packet_cut_short() -> None:
    shorter = bpfq.compile("host 10.0.0.1 or host 10.0.0.2")
    assert shorter.prove().verdict == "proved"
    exact = bpfq.compile("host 10.0.0.1 or host 10.0.0.2", strict=True)
    assert exact.prove().verdict == "proved"


def test_a_loop_is_refused_and_not_undecided() -> None:
    with pytest.raises(bpfq.UnsupportedError, match="instruction 0"):
        bpfq.prove("arp", "2\n5 0 0 4294967295\n6 0 0 1")
