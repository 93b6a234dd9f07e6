"""What commands about the kernel print with --json is what their schemas say."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from kernel.ebpf.programs import mount_bpffs, needs_bpf
from kernel.ebpf.traffic import datagram, network
from kernel.namespaces import in_namespace, needs_ip, needs_root, sender

from bpfq.__main__ import main

from .documented import wrong

pytestmark = [pytest.mark.root, needs_root, needs_ip, needs_bpf]
OWN = f"t{os.getpid()}"  # what this machine calls nothing else
DROP = ("--action", "drop")


def printed(*words: str) -> str:
    """The standard output of a command."""
    with redirect_stdout(StringIO()) as out:
        main([*words, "--json"])
    return out.getvalue()


@contextmanager
def traffic() -> Iterator[None]:
    """A datagram to port 53 every few milliseconds."""
    done = threading.Event()

    def send() -> None:
        with sender("near") as sock:
            while not done.wait(0.01):
                sock.send(datagram(53))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_programs_at_work(tmp_path: Path) -> None:
    entries, pins = tmp_path / "entries", tmp_path / "pins"
    entries.write_text("192.0.2.1\n")

    def scenario() -> dict[str, list[str]]:
        network()
        mount_bpffs(str(pins))
        pin = f"{pins}/shield"
        attach = ("attach", "--xdp", "far", *DROP, "--set", f"{OWN}={entries}", f"src net @{OWN}")
        found = {
            "dry run": wrong("attach", printed(*attach, "--dry-run")),
            "for a time": wrong("attach", printed(*attach, "--ttl", "50ms"), least=2),
            "pinned": wrong("attach", printed(*attach, "--pin", pin, "--name", "shield")),
            "socket": wrong("attach", printed("attach", "--socket", "far", "--ttl", "50ms", "udp"), least=2),
            "status": wrong("status", printed("status")),
            "sets": wrong("set", printed("set", "list")),
            "add": wrong("set", printed("set", "add", OWN, "198.51.100.0/24")),
            "del": wrong("set", printed("set", "del", OWN, "198.51.100.0/24")),
            "pin": wrong("set", printed("set", "pin", OWN, f"{pins}/kept")),
            "detach": wrong("detach", printed("detach", pin)),
            "none": wrong("status", printed("status")),
        }  # fmt: skip
        return found

    found = in_namespace(scenario)
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert len(found) == 11


def test_packets_that_come() -> None:
    def scenario() -> list[list[str]]:
        network()
        with traffic():
            live = ("-i", "far", "udp port 53", "-c", "1")
            return [
                wrong("capture", printed("capture", *live)),
                wrong("capture", printed("capture", *live, "-w", "/dev/null")),
                wrong("capture", printed("capture", "-i", "any", "-c", "1", "udp port 53")),
                wrong("count", printed("count", "-i", "far", "--interval", "50ms", "--for", "100ms", "udp"), least=2),
            ]  # fmt: skip

    assert in_namespace(scenario) == [[], [], [], []]


def test_a_capture_through_a_loaded_program(tmp_path: Path) -> None:
    path = str(tmp_path / "found.pcap")
    printed("witness", "-n", "3", "-w", path, "udp port 53")
    assert wrong("test", printed("test", "-r", path, "--target", "ebpf:xdp", "udp port 53")) == []
