"""What bench/ebpf.py compares with decides as our programs do: C by hand, the legacy form."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from oracles.corpus import NETMASK, filters
from oracles.sweep import sampled

import bpfq
from bpfq.errors import BpfqError
from bpfq.ebpf.install import install
from bpfq.isa.cbpf.vm import run as run_classic
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.program import Function, Module
from bpfq.kernel.testrun import run, shortest
from isa.ebpf import bpf
from live.frames import FRAMES

from .room import directed

REASON = bpf.why_not()
pytestmark = [pytest.mark.oracle, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

BENCH = Path(__file__).parents[2] / "bench"
WHOLE = 400  # bytes; no header of a packet ends behind them
DROP, PASS = 1, 2


def bench(name: str) -> ModuleType:
    """A module of bench/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


twins = bench("twins")
legacy_form = bench("legacy_form").legacy_form
CLANG = twins.clang()
NAMES = sorted(path.stem for path in (BENCH / "c").glob("*.c"))


@cache
def compiled() -> dict[str, object]:
    return {twin.name: twin for twin in twins.twins(CLANG)}


def packets(text: str) -> list[bytes]:
    """Frames, and packets that take every branch of the filter; none is cut short."""
    classic = [bpfq.compile(text, level=level).words for level in (0, 2)]
    found = [each.captured for each in directed(classic, 7, 300, 1)]
    return [each.ljust(WHOLE, b"\0") for each in (*FRAMES.values(), *found)]


@pytest.mark.skipif(CLANG is None, reason="needs clang: install clang-22")
@pytest.mark.parametrize("name", NAMES)
def test_c_and_filter_give_the_same_verdicts_on_whole_packets(name: str) -> None:
    twin = compiled()[name]
    ours = bpfq.compile(twin.text, target="ebpf:xdp", action="drop")
    theirs = Module("xdp", Function("twin", twin.words))
    with install(ours.module) as one, install(theirs) as other:
        verdicts = [
            (run(one.program, packet).verdict, run(other.program, packet).verdict)
            for packet in packets(twin.text)
        ]
    assert {mine for mine, _ in verdicts} == {DROP, PASS}
    assert [at for at, (mine, its) in enumerate(verdicts) if mine != its] == []


@pytest.mark.skipif(CLANG is None, reason="needs clang: install clang-22")
@pytest.mark.parametrize("name", NAMES)
def test_no_filter_takes_more_instructions_than_its_c(name: str) -> None:
    twin = compiled()[name]
    assert len(bpfq.compile(twin.text, target="ebpf:xdp", action="drop")) <= len(twin.words)


@pytest.mark.parametrize("text", sampled([one.text for one in filters()], 40))
def test_the_legacy_form_decides_as_the_classic_program(text: str) -> None:
    try:
        classic = bpfq.compile(text, netmask=NETMASK, allow_empty=True, level=0).words
    except BpfqError:
        return
    frames = [each for each in FRAMES.values() if len(each) >= shortest("tc", each)]
    with install(Module("tc", Function("legacy", assemble(legacy_form(classic))))) as loaded:
        found = [run(loaded.program, frame).verdict for frame in frames]
    assert found == [run_classic(classic, frame) for frame in frames]
