"""Which queries test the same in the same order."""

from __future__ import annotations

import pytest

from bpfq.analysis.formatting.same import same_tests
from bpfq.frontend.pcap.parse import parse

SAME = [
    ("not port 1 and not port 2", "not (port 1 or port 2)"),
    ("ip and (tcp and udp)", "ip and tcp and udp"),
    ("not (ip and not (tcp or udp))", "not ip or tcp or udp"),
    ("not not ip", "ip"),
]
OTHER = [
    ("ip and tcp", "tcp and ip"),
    ("ip and tcp", "ip or tcp"),
    ("ip and tcp", "ip and tcp and udp"),
    ("ip and (tcp or udp)", "ip and tcp or udp"),
    ("(ip or tcp) and (udp or arp)", "(ip or tcp or udp) and arp"),
    ("ip or (tcp and udp) or arp", "ip or (tcp and udp and arp)"),
    ("not ip", "ip"),
    ("port 1 or port 1", "port 1"),
    ("vlan and ip", "ip and vlan"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_not_may_be_moved_and_parentheses_too(one: str, other: str) -> None:
    assert same_tests(parse(one), parse(other))
    assert same_tests(parse(other), parse(one))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_anything_else_is_another_query(one: str, other: str) -> None:
    assert not same_tests(parse(one), parse(other))
    assert not same_tests(parse(other), parse(one))
