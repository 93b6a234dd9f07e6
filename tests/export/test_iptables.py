"""Exported bytecode in rules of iptables, on real packets.

Each packet is sent alone; the counters of the rules say which filters took it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root
from live.frames import FAR, B
from live.network import deliver, quiet_pair, run
from live.packets import SENT
from objfile.tools import needs_bpftool
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import bpfq

from .corpus import programs
from .documented import block, run_block

pytestmark = [
    pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip,
    pytest.mark.skipif(
        shutil.which("iptables") is None, reason="needs iptables: install iptables"
    ),
]  # fmt: skip

ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
TOOLS = [("iptables-nft", 4), ("iptables-legacy", 4), ("ip6tables-nft", 6)]


def rules(found: Sequence[bpfq.Program]) -> str:
    """For iptables-restore: a rule for each program that only counts."""
    lines = [
        f'-A PREROUTING -m bpf --bytecode "{program.export("iptables").strip()}"'
        for program in found
    ]
    return "\n".join(["*raw", *lines, "COMMIT", ""])


def counted(tool: str, table: str = "raw") -> list[int]:
    """The packets that each rule took so far."""
    shown = run(f"{tool}-save", "-c", "-t", table)
    return [int(many) for many in re.findall(r"^\[(\d+):\d+\] -A", shown, re.MULTILINE)]


def taken(tool: str, found: Sequence[bpfq.Program], packets: Sequence[bytes]) -> list[list[bool]]:
    """Which of the rules took each packet."""
    quiet_pair()
    ip("link", "set", "far", "address", FAR)
    Path("/proc/sys/net/ipv6/conf/far/disable_ipv6").write_text("0")
    subprocess.run((f"{tool}-restore",), input=rules(found).encode(), check=True)
    before, rows = counted(tool), []
    for packet in packets:
        deliver([packet])
        after = counted(tool)
        rows.append([new > old for old, new in zip(before, after, strict=True)])
        before = after
    return rows


@pytest.mark.parametrize(("tool", "family"), TOOLS)
def test_a_rule_takes_what_matches_does(tool: str, family: int) -> None:
    found = programs("xt_bpf", first=0, family=family)
    packets = [each for each in SENT if each[12:14] == ETHERTYPES[family]]
    rows = in_namespace(lambda: taken(tool, found, packets))
    expected = [[program.matches(packet[14:]) for program in found] for packet in packets]
    assert {program.part().text for program, *pair in zip(found, *rows) if any(pair)}
    wrong = [
        f"{program.part().text}: {packet[14:].hex()}"
        for packet, row, wanted in zip(packets, rows, expected, strict=True)
        for program, took, want in zip(found, row, wanted, strict=True)
        if took != want
    ]
    assert wrong == []


def documented(directory: Path, number: int) -> str:
    run_block("test_iptables.py", directory, number)
    return run("iptables-save")


def test_the_documented_command_makes_a_rule(tmp_path: Path) -> None:
    """A block of docs/exports.md."""
    bytecode = bpfq.compile("tcp dst port 443", target="xt_bpf", family=4).export("iptables")
    assert "-4 'tcp dst port 443'" in block("test_iptables.py")
    shown = in_namespace(lambda: documented(tmp_path, 0))
    assert f'-A INPUT -m bpf --bytecode "{bytecode.strip()}" -j DROP' in shown


LISTED = [f"10.{n // 200}.{n % 200}.9" for n in range(300)]


def stopped(directory: Path, packets: Sequence[bytes]) -> list[bool]:
    """Which of the packets the documented rule with a pinned program drops."""
    quiet_pair()
    ip("link", "set", "far", "address", FAR)
    ip("address", "add", f"{B}/8", "dev", "far")
    (directory / "hosts.bpf").write_text(" or\n".join(f"src host {one}" for one in LISTED))
    run_block("test_iptables.py", directory, 1)
    found = []
    for packet in packets:
        before = counted("iptables", "filter")
        deliver([packet])
        found.append(counted("iptables", "filter") != before)
    return found


@needs_bpftool
def test_a_pinned_program_has_room_for_a_long_list(tmp_path: Path) -> None:
    sources = [*LISTED[::75], "10.0.0.8", "10.1.99.10", LISTED[-1]]
    packets = [bytes(Ether(dst=FAR) / IP(src=one, dst=B) / UDP(dport=99)) for one in sources]
    found = in_namespace(lambda: stopped(tmp_path, packets))
    assert found == [one in LISTED for one in sources]
