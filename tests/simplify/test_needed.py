"""Which filters the simplifier is not even imported for."""

from __future__ import annotations

import pytest

from bpfq.frontend.pcap.parse import parse
from bpfq.simplify.needed import MOST_LEAVES, may_interact


@pytest.mark.parametrize(
    "text",
    ["", "ip and udp", "tcp or udp or arp", "host 10.0.0.1", "tcp port 80 and ip", "vlan and ip",
     "not (arp or stp)", "port 53", "len > 60", "ip[8] = 5", "tcp[13] & 2 != 0"],
)  # fmt: skip
def test_tests_that_say_nothing_of_each_other(text: str) -> None:
    assert not may_interact(parse(text))


@pytest.mark.parametrize(
    "text",
    ["net 10.0.0.0/8 and host 10.1.1.1", "ip and ether[12] = 8", "len > ip[2:2]", "ip[8] + 1 = 0",
     "port 53 or port 80", "ip and ip[8] > 3", "ether[0] & 1 & 2 = 0", "byte 0 = 1 and ip"],
)  # fmt: skip
def test_tests_that_may_say_something_of_each_other(text: str) -> None:
    assert may_interact(parse(text))


def test_a_list_too_long_to_be_looked_at() -> None:
    texts = [f"host 10.0.{n >> 8}.{n & 255}" for n in range(MOST_LEAVES + 1)]
    assert may_interact(parse(" or ".join(texts[1:])))
    assert not may_interact(parse(" or ".join(texts)))
