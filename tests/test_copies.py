"""Queries, programs and errors survive copying and pickling."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import bpfq

WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_expression_is_copied_as_itself(way: Callable[[Any], Any]) -> None:
    node = bpfq.parse("tcp port 80 and not (vlan 5 or ip[0] & 0xf > 5)")
    assert way(node).query == node.query


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("used", [False, True])
def test_a_program_is_copied_with_its_decisions(way: Callable[[Any], Any], used: bool) -> None:
    program = bpfq.compile("udp dst port 53 or arp")
    packet = bytes(12) + b"\x08\x06" + bytes(40)
    assert not used or program.matches(packet)
    again = way(program)
    assert again == program
    assert (again.matches(packet), again.matches(bytes(60))) == (True, False)
