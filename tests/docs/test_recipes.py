"""Recipes of docs/recipes.md that need more of a machine than eth0."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from kernel.ebpf.programs import mount_bpffs, needs_bpf
from kernel.ebpf.traffic import (
    ADDRESS,
    arrived,
    datagram,
    needs_cgroup,
    network,
    own_cgroup,
)
from kernel.namespaces import in_namespace, ip, needs_ip, sender
from objfile.tools import needs_bpftool

import bpfq
from bpfq.cli import arguments

from .pages import blocks
from .sessions import environment, programs
from .test_root import SYN

PAGE = "docs/recipes.md"
DNS, OTHER = 53, 9  # ports

needs_nsenter = pytest.mark.skipif(
    shutil.which("nsenter") is None, reason="needs nsenter: install util-linux"
)


def text_with(words: str) -> str:
    """The one block run here that has the words."""
    (found,) = (
        block.text
        for block in blocks(PAGE)
        if block.run_by == "tests/docs/test_recipes.py" and words in block.text
    )
    return found


def shell(script: str, directory: Path, **variables: str) -> subprocess.Popen[bytes]:
    found = programs(directory)
    return subprocess.Popen(
        ("bash", "-euc", script), cwd=directory, env={**environment(found), **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@contextmanager
def container() -> Iterator[int]:
    """A process in a network of its own, whose eth0 is the other end of ``wire``."""
    child = subprocess.Popen(("unshare", "--net", "sleep", "1000"))
    try:
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{child.pid}/ns/net") == own:
            time.sleep(0.01)
        ip("link", "add", "wire", "type", "veth", "peer", "name", "eth0", "netns", str(child.pid))
        ip("link", "set", "wire", "up")
        enter = ("nsenter", "--net", "--target", str(child.pid))
        subprocess.run((*enter, "ip", "link", "set", "eth0", "up"), check=True)
        yield child.pid
    finally:
        child.kill()
        child.wait()


@pytest.mark.root
@needs_bpf
@needs_ip
@needs_nsenter
def test_a_container_is_looked_into_from_the_host(tmp_path: Path) -> None:
    def scenario() -> str:
        with container() as number, sender("wire") as out:
            run = shell(text_with("nsenter"), tmp_path, PID=str(number))
            while run.poll() is None:
                out.send(SYN)
                time.sleep(0.01)
            return run.communicate()[0].decode()

    said = in_namespace(scenario)
    assert "10 packets captured" in said
    frames = (tmp_path / "web.pcap").read_bytes()
    assert frames.count(SYN) == 10


@pytest.mark.root
@pytest.mark.oracle
@needs_bpf
@needs_ip
@needs_cgroup
@needs_bpftool
def test_a_service_hears_only_dns(tmp_path: Path) -> None:
    """systemd attaches the pinned program to the service's cgroup; bpftool does the same here."""
    unit = re.search(r"^IPIngressFilterPath=(\S+)$", text_with("[Service]"), re.MULTILINE)
    assert unit is not None

    def scenario() -> list[bool]:
        network()
        mount_bpffs("/sys/fs/bpf")
        loaded = shell(text_with("bpftool prog load"), tmp_path)
        said = loaded.communicate()[0].decode()
        assert loaded.returncode == 0, said
        with own_cgroup() as path:
            before = hears_other()
            command = ("bpftool", "cgroup", "attach", path, "ingress", "pinned", unit[1])
            subprocess.run(command, check=True, capture_output=True)
            return [before, hears_other()]

    assert in_namespace(scenario) == [True, False]


def hears_other() -> bool:
    """Whether this cgroup gets a datagram that is no DNS; one of DNS, sent later, it always gets."""
    with ExitStack() as stack:
        dns, other = (
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        )
        for sock, port, timeout in ((dns, DNS, 5), (other, OTHER, 0)):
            sock.bind((ADDRESS, port))
            sock.settimeout(timeout)
        with sender("near") as out:
            for port in (OTHER, DNS):
                out.send(datagram(port))
        dns.recv(100)
        return arrived(other)


def test_the_lint_step_is_a_command_line() -> None:
    found = re.search(r"^- run: bpfq (.*)$", text_with("- run"), re.MULTILINE)
    assert found is not None
    options = arguments.read(shlex.split(found[1]))
    assert (options.command, options.format, options.target) == ("lint", "github", "packet")
    assert "V03" in {each.code for each in bpfq.lint("ether[14:2] & 0xfff = 10", target="packet")}
