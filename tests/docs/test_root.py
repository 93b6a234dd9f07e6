"""Blocks that need root run in a namespace of their own, on eth0 with a bpf file system.

The pages: README.md, docs/capture.md, docs/commands.md, docs/hooks.md, docs/python.md and
docs/recipes.md.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from kernel.ebpf.programs import mount_bpffs, needs_bpf
from kernel.namespaces import in_namespace, ip, needs_ip, sender
from scapy.config import conf
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from .files import put_files
from .pages import Block, all_blocks, blocks, text_of
from .sessions import Shell, programs, same, steps
from .test_blocks import executed

HERE = "tests/docs/test_root.py"
_BETWEEN = Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01") / IP(
    src="192.0.2.1", dst="192.0.2.2"
)
NTP = bytes(_BETWEEN / UDP(sport=123, dport=123) / bytes(48))
DNS = bytes(_BETWEEN / UDP(sport=1024, dport=53) / bytes(29))
OFFER = bytes(_BETWEEN / UDP(sport=67, dport=68) / bytes(240))
SYN = bytes(_BETWEEN / TCP(sport=1024, dport=80))
# What arrives before a command runs, and again and again while it runs.
BEFORE = {"bpfq status": 17 * [NTP], "iptables -nvxL": 17 * [NTP]}
DURING = {"bpfq capture": [DNS, NTP], "python": [DNS, DNS, SYN, OFFER]}
_RUN_TO_RUN = (
    (r"\b(link|program) \d+", r"\1 N"),
    (r"^(\w+ +(?:XDP|tc|cgroup|netfilter).*? )\d+ +\d+s ", r"\1 N N "),
    (r"^\d\d:\d\d:\d\d\.\d{6} ", "TIME "),
    (r"\d+\.\d s", "N s"),
    (r" {2,}", " "),
)


def on_pages() -> list[str]:
    return list(dict.fromkeys(block.page for block in all_blocks() if block.run_by == HERE))


def without_numbers(text: str) -> str:
    """What differs from run to run, and the columns that it moves, made the same."""
    for pattern, instead in _RUN_TO_RUN:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text


def own_rows(text: str, shown: str) -> str:
    """A table of status without what others have attached on this machine."""
    names = {line.split(" ")[0] for line in shown.splitlines()}
    head, *rows = text.splitlines(keepends=True) or [""]
    if not head.startswith("name "):
        return text
    return head + "".join(row for row in rows if row.split(" ")[0] in names)


def interface() -> None:
    """eth0, and the other end of its wire."""
    ip("link", "add", "wire", "type", "veth", "peer", "name", "eth0")
    for name in ("wire", "eth0"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        ip("link", "set", name, "up")
    ip("address", "add", "192.0.2.2/24", "dev", "eth0")
    conf.ifaces.reload()  # scapy remembers those of the namespace before


def _for(command: str, table: dict[str, list[bytes]]) -> Sequence[bytes]:
    return next((frames for start, frames in table.items() if command.startswith(start)), ())


@contextmanager
def traffic(command: str) -> Iterator[None]:
    """The packets that come before a command and while it runs."""
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.02):
            for frame in _for(command, DURING):
                out.send(frame)

    with sender("wire") as out:
        for frame in _for(command, BEFORE):
            out.send(frame)
        thread = threading.Thread(target=send)
        thread.start()
        yield
        done.set()
        thread.join()


def printed_by(block: Block, shell: Shell, names: dict[str, object]) -> Iterator[tuple[str, str]]:
    """What each part of a block shows and what is printed."""
    if block.language == "python":
        with traffic("python"):
            names["printed"] = executed(block, names)
    elif block.steps:
        for step in steps(block.text):
            with traffic(step.command):
                out = shell.run(step)
            assert shell.code == 0, f"{step.command} ends with {shell.code}: {out}"
            yield (
                f"$ {step.command}\n{step.shown}",
                f"$ {step.command}\n{own_rows(out, step.shown)}",
            )
    else:
        yield block.text, str(names["printed"])


@pytest.mark.root
@needs_bpf
@needs_ip
@pytest.mark.skipif(shutil.which("iptables") is None, reason="needs iptables: install iptables")
@pytest.mark.parametrize("page", on_pages())
def test_a_page_is_true_for_root(page: str, tmp_path: Path) -> None:
    def scenario() -> list[tuple[str, str]]:
        found = programs(tmp_path)
        directory = tmp_path / "here"
        directory.mkdir()
        put_files(directory, text_of(page))
        interface()
        mount_bpffs("/sys/fs/bpf")
        os.chdir(directory)
        shell, names = Shell(directory, found), dict[str, object]()
        return [
            pair
            for block in blocks(page)
            if block.run_by == HERE
            for pair in printed_by(block, shell, names)
        ]

    for shown, printed in in_namespace(scenario):
        if not same(without_numbers(shown), without_numbers(printed)):
            assert shown == printed
