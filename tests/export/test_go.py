"""Exported Go, compiled with golang.org/x/net/bpf and run by its machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from objfile.tools import output

import bpfq
from bpfq.isa.cbpf import opcodes

from .corpus import answers, both_ways, built, name, programs, questions, source, wrong

LIBRARY = Path("/usr/share/gocode/src/golang.org/x/net/bpf")
needs_go = pytest.mark.skipif(
    shutil.which("go") is None or not LIBRARY.exists(),
    reason="needs go and golang.org/x/net/bpf: install golang-go and golang-golang-x-net-dev",
)
pytestmark = [pytest.mark.oracle, needs_go]

HARNESS = """\
package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"

	"golang.org/x/net/bpf"
)

var programs = [][]bpf.RawInstruction{%s}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	machines := map[uint32]*bpf.VM{}
	for {
		var head [2]uint32
		if binary.Read(in, binary.LittleEndian, &head) == io.EOF {
			return
		}
		packet := make([]byte, head[1])
		if _, err := io.ReadFull(in, packet); err != nil {
			panic(err)
		}
		if machines[head[0]] == nil {
			instructions, ok := bpf.Disassemble(programs[head[0]])
			if !ok {
				panic("an instruction is unknown")
			}
			vm, err := bpf.NewVM(instructions)
			if err != nil {
				panic(err)
			}
			machines[head[0]] = vm
		}
		kept, err := machines[head[0]].Run(packet)
		if err != nil {
			panic(err)
		}
		out.WriteByte("ny"[min(kept, 1)])
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
"""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The compiler finds the library where Debian installs it, and asks nobody else."""
    for key, value in {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("GOCACHE", str(tmp_path_factory.getbasetemp() / "go-cache"))


def runs(program: bpfq.Program) -> bool:
    """The machine of golang.org/x/net/bpf, unlike the kernel, has no negation."""
    return all(word.code != opcodes.NEGATE for word in program)


def test_its_machine_decides_as_matches_does(tmp_path: Path) -> None:
    found = [each for each in programs("file", first=4) if runs(each)]
    asked = questions(found)
    table = ", ".join(map(name, range(len(found))))
    built(tmp_path, {"filters.go": source("go", found), "main.go": HARNESS % table})
    output(["go", "build", "-o", tmp_path / "main", tmp_path / "main.go", tmp_path / "filters.go"])
    assert both_ways(asked)
    assert wrong(found, asked, answers([tmp_path / "main"], asked)) == []


def test_gofmt_and_vet_have_nothing_to_say(tmp_path: Path) -> None:
    text = bpfq.compile("tcp port 80", target="packet").export("go", name="web", package="filters")
    built(tmp_path, {"web.go": text})
    assert output(["gofmt", "-l", tmp_path / "web.go"]) == ""
    output(["go", "vet", tmp_path / "web.go"])
