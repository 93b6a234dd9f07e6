"""``bpfq export pcap`` is ``bpfq fmt``, for filters that can be compiled."""

from __future__ import annotations

import pytest
from cli.running import Run, bpfq
from oracles.corpus import Line, visible
from oracles.sweep import sampled

import bpfq as library
from bpfq import UnsupportedError, tcp

__all__ = ["bpfq"]

LINES = sampled(visible(), every=40, first=3)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.link} {line.text}")
def test_the_corpus_is_exported_as_it_is_formatted(bpfq: Run, line: Line) -> None:
    words = ("-y", line.link, "--netmask", "255.255.255.0", "--allow-empty", "--", line.text)
    exported = bpfq("export", "pcap", *words)
    assert exported == bpfq("fmt", *words)
    assert exported.code == 0 and exported.out


def test_sets_are_written_out(bpfq: Run, tmp_path: object) -> None:
    path = f"{tmp_path}/bad.txt"
    with open(path, "w") as file:
        file.write("192.0.2.1\n192.0.2.0/28\n")
    words = ("--set", f"bad={path}", "src net @bad")
    assert bpfq("export", "pcap", *words) == bpfq("fmt", *words)


@pytest.mark.parametrize("target", ["packet", "xt_bpf", "file"])
def test_a_program_is_exported_as_it_is_formatted(target: str) -> None:
    program = library.compile(tcp.dport.in_([80, 443]) | tcp.flags.syn, target=target)
    assert program.export("pcap") == f"{library.fmt(program)}\n"


def test_instructions_are_exported_as_the_filter_that_they_are() -> None:
    words = library.compile("tcp port 80 or tcp port 443")
    assert library.Program.of(list(words)).export("pcap") == "tcp port (443 or 80)\n"


def test_a_hook_has_no_pcap_text() -> None:
    program = library.compile("tcp", target="ebpf:tc")
    with pytest.raises(UnsupportedError, match="'pcap' holds classic programs"):
        program.export("pcap")
