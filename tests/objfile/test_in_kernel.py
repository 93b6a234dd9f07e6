"""Programs, lines and types of ``prepare`` in the running kernel, as bpftool shows them there."""

from __future__ import annotations

import struct

import pytest
from kernel.ebpf.programs import needs_bpf

from bpfq.ebpf.install import install
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, R1, R2, Exit, LoadMemory
from bpfq.isa.ebpf.program import Function, Line, Module
from bpfq.kernel.testrun import run
from bpfq.kernel.verifier import VerifierError

from .modules import COUNT_SIZES, MODULES
from .packets import TCP, packet
from .tools import needs_bpftool, output

pytestmark = [pytest.mark.root, needs_bpf]


@pytest.mark.oracle
@needs_bpftool
@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_bpftool_shows_the_text_of_the_filter(module: Module) -> None:
    with install(module) as loaded:
        number = loaded.program.information().id
        shown = output(["bpftool", "prog", "dump", "xlated", "id", number, "linum"]).splitlines()
    context = {"netfilter": "bpf_nf_ctx", "xdp": "xdp_md"}.get(module.hook, "__sk_buff")
    assert shown[0] == f"int {module.function.name}(struct {context} * ctx):"
    texts = [line.partition(" [file:<filter> ") for line in shown if line.startswith(";")]
    assert {f"; {line.text}" for line in module.function.lines} <= {text for text, _, _ in texts}
    assert all(place for _, place, _ in texts)


@pytest.mark.oracle
@needs_bpftool
def test_bpftool_shows_the_entries_of_a_map_by_the_names_of_their_fields() -> None:
    with install(COUNT_SIZES) as loaded:
        sizes = loaded.maps["sizes"]
        sizes.update(struct.pack("=I", 60), bytes(16))
        for _ in range(3):
            run(loaded.program, packet(TCP))
        printed = output(["bpftool", "map", "dump", "id", sizes.information.id])
    assert "".join(printed.split()) == (
        '[{"key":{"length":60},"value":{"packets":3,"spare":[0,0,0,0]}}]'
    )


def test_the_verifier_names_the_line_of_the_filter() -> None:
    unchecked = Function(
        name="unchecked",
        instructions=assemble([LoadMemory(R2, R1, 0, 4), LoadMemory(R0, R2, 12, 2), Exit()]),
        lines=(Line(0, "start", 1, 1), Line(1, "tcp -> ether[12:2] == 0x800", 3, 7)),
    )
    with pytest.raises(VerifierError) as refused, install(Module("xdp", unchecked)):
        pass
    assert "; tcp -> ether[12:2] == 0x800 @ <filter>:3" in refused.value.log
