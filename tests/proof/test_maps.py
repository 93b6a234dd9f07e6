"""Programs that look into maps are proved as they are, and those with a mistake are refuted.

Small sets stand in maps here, as large ones do otherwise.  More mistakes by

    BPFQ_FULL_SWEEP=1 pytest tests/proof/test_maps.py
"""

from __future__ import annotations

import zlib
from collections import Counter
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import Any

import pytest
from oracles.sweep import FULL

import bpfq
from bpfq.analysis.prove_ebpf import prove
from bpfq.backends.ebpf import sets
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.errors import BpfqError, UnsupportedError
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.program.ebpf import EbpfProgram
from bpfq.record import replace

from .hooks import HOOKS, HookSubject, of_whole_packets, wrong
from .mutants_ebpf import map_mutants, mutants, of_keys
from .subjects import Judge
from .trials import trials

SETS = {
    "bad": ["192.0.2.0/25", "198.51.100.7", "2001:db8::/33", "2001:db8:ffff::1", "10.0.0.0/8"],
    "good": ["192.0.2.9", "2001:db8::/40"],
    "ports": [80, "8000-8010"],
    "macs": ["00:00:5e:00:53:01", "00:00:5e:00:53:ff"],
}  # fmt: skip
DRAW = Random(7)
HOSTS = " or ".join(str(IPv4Address(DRAW.getrandbits(32) | 2)) for _ in range(24))
NETS = [IPv4Network((DRAW.getrandbits(32), bits), strict=False) for bits in range(10, 32)]
HASH = f"src host ({HOSTS})"
TRIE = " or ".join(f"dst net {net}" for net in NETS)
PORTS = f"dst port ({' or '.join(map(str, DRAW.sample(range(2, 65000, 2), 24)))})"
CONSTANT = (
    HASH, TRIE, PORTS, f"{HASH} and not {PORTS}", f"ip[4:2] + ip[10:2] = 70 or {PORTS}",
    f"host ({HOSTS}) or {TRIE}",
)  # fmt: skip
LIVE = (
    "src net @bad", "port @ports", "not host @bad and ip", "ip dst net @bad and not src net @good",
    "src net @bad and (udp dst port @ports or ip[8] = ip[15] + 57)",
)  # fmt: skip
AT_LINK = ("ether src host @macs and host @bad", "vlan and ether dst host @macs")
LOOK_UP = BpfInsn(0x85, 0, 0, 0, HELPERS["map_lookup_elem"])
TURNED = {0x15: 0x55, 0x55: 0x15}  # jeq and jne
MUTANTS = 60 if FULL else 3  # of the words of one program
OF_KEYS = 100 if FULL else 6  # of those about keys
OF_MAPS = 100 if FULL else 4  # of its maps
MOST_TRACES, CUT = (120, 4) if FULL else (12, 1)


class MapSubject(HookSubject):
    """A filter at a hook whose program looks into maps."""

    @cached_property
    def hooked(self) -> EbpfProgram:
        program = self.program
        assert isinstance(program, EbpfProgram)
        assert program.module.maps
        return program


def subject(text: str, hook: str) -> MapSubject:
    options: dict[str, Any] = dict(HOOKS[hook])
    if "@" in text:
        options["sets"] = SETS
    return MapSubject(text, tuple(options.items()))


def cases() -> list[tuple[str, str]]:
    found = [(hook, text) for hook in HOOKS for text in CONSTANT + LIVE]
    return found + [(hook, text) for hook in ("xdp", "tc") for text in AT_LINK]


def named(value: str) -> str:
    """A test's name: without all values of a list."""
    return value if len(value) < 70 else f"{value[:30]}...{value[-30:]}"


@pytest.fixture(autouse=True)
def small_sets_are_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MANY", dict.fromkeys(sets.MANY, 3))


@pytest.mark.parametrize("hook, text", cases() if FULL else cases()[::2], ids=named)
def test_a_program_that_looks_into_maps_is_proved(hook: str, text: str) -> None:
    assert subject(text, hook).hooked.prove().verdict == "proved"


@pytest.mark.parametrize("hook, text", cases() if FULL else cases()[::6], ids=named)
def test_a_mistake_is_refuted_unless_the_program_is_as_good(hook: str, text: str) -> None:
    examined = subject(text, hook)
    program, judge = examined.hooked, Judge(examined)
    seed = zlib.crc32(f"{hook} {text}".encode())
    modules = [
        (mutant.kind, examined.with_words(mutant.words))
        for changes, most in ((None, MUTANTS), (of_keys, OF_KEYS))
        for mutant in mutants(list(program), seed, most, changes)
    ]
    modules += map_mutants(program.module, seed, OF_MAPS)
    pool = of_whole_packets(trials(examined, program.words, seed, MOST_TRACES, CUT))
    counts: Counter[str] = Counter()
    for kind, module in modules:
        try:
            verdict = prove(program.query, module, program.verdicts, program.settings).verdict
        except BpfqError:  # no verifier takes it, or it does what no program of ours does
            verdict = "refused"
        counts[verdict] += 1
        if verdict == "proved":
            assert wrong(judge, examined, module, pool)[:1] == [], kind
    assert counts["refuted"]
    assert counts["undecided"] <= 1  # what is a fault to the proof and none to the interpreter


@pytest.mark.parametrize("text", [HASH, TRIE, PORTS, *LIVE[:2], AT_LINK[0]], ids=named)
def test_a_map_with_another_entry_is_refuted(text: str) -> None:
    program = subject(text, "xdp").hooked
    changed = map_mutants(program.module, 3, 100)
    assert len(changed) > 1
    for kind, module in changed:
        proof = prove(program.query, module, program.verdicts, program.settings)
        assert proof.verdict == "refuted", kind


def test_another_map_of_the_same_keys_is_refuted() -> None:
    program = subject(LIVE[3], "xdp").hooked
    asked = [
        (kind, module)
        for kind, module in map_mutants(program.module, 3, 100) if " in place of " in kind
    ]  # fmt: skip
    assert len(asked) > 1
    for kind, module in asked:
        proof = prove(program.query, module, program.verdicts, program.settings)
        assert proof.verdict == "refuted", kind


@pytest.mark.parametrize("text", [HASH, TRIE, LIVE[0], LIVE[1]], ids=named)
def test_a_null_test_the_other_way_round_is_refuted(text: str) -> None:
    examined = subject(text, "xdp")
    program, words = examined.hooked, list(examined.hooked)
    calls = [slot for slot, word in enumerate(words) if word == LOOK_UP]
    for slot in calls:
        test = words[slot + 1]
        assert test.opcode in TURNED
        turned = (*words[: slot + 1], test._replace(opcode=TURNED[test.opcode]), *words[slot + 2 :])
        module = examined.with_words(turned)
        proof = prove(program.query, module, program.verdicts, program.settings)
        assert proof.verdict == "refuted"


def test_what_a_live_set_holds_is_part_of_a_counterexample() -> None:
    program = subject("src net @bad", "xdp").hooked
    turned = Verdicts(program.verdicts.reject, program.verdicts.accept)
    shown = prove(program.query, program.module, turned, program.settings).counterexample
    assert shown is not None and shown.filter_accepts
    assert any(key in shown.octets for key in shown.sets["bad"])


def test_a_map_that_may_change_and_is_no_set_of_the_filter_is_not_analysed() -> None:
    program = subject(HASH, "xdp").hooked
    maps = tuple(replace(each, frozen=False) for each in program.module.maps)
    module = replace(program.module, maps=maps)
    with pytest.raises(
        UnsupportedError, match="what is looked for, and in which map, is not known"
    ):
        prove(program.query, module, program.verdicts, program.settings)


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "socket"])
@pytest.mark.parametrize("text", [PORTS, LIVE[0]], ids=named)
def test_what_counts_and_looks_into_maps_is_proved(hook: str, text: str) -> None:
    program = subject(text, hook).hooked.counting()
    assert len(program.module.maps) == 2
    assert program.prove().verdict == "proved"
