"""The command of docs/exports.md for tc, on real packets.

tests/live/test_traffic_control.py attaches many exported filters and looks at what they let through.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root
from live.network import heard, packet_socket
from live.test_traffic_control import second_pair
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from .documented import run_block

pytestmark = [
    pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip,
    pytest.mark.skipif(shutil.which("tc") is None, reason="needs the tc command: install iproute2"),
]  # fmt: skip

MEMCACHED = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=11211, dport=7000))
OTHER = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=53, dport=7000))


def copied(directory: Path) -> list[bytes]:
    """What the documented filter copies of three frames that arrive at eth0."""
    second_pair()
    for name, other in (("far", "eth0"), ("copy", "ids0")):
        ip("link", "set", name, "down")
        ip("link", "set", name, "name", other, "up")
    run_block("test_tc.py", directory)
    return heard({"": packet_socket("heard")}, [MEMCACHED, OTHER, MEMCACHED], last="eth0")[""]


def test_the_documented_command_copies_what_matches(tmp_path: Path) -> None:
    assert in_namespace(lambda: copied(tmp_path)) == [MEMCACHED, MEMCACHED]
