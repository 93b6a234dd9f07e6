"""Every eBPF program of the corpus is proved to say what its filter means; mistakes are refuted.

A fixed sample; all filters and some thousands of mistakes by

    BPFQ_FULL_SWEEP=1 pytest tests/proof/test_ebpf.py
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from oracles.corpus import Line, filters
from oracles.sweep import FULL

import bpfq
from bpfq.analysis.prove_ebpf import prove, require_proof
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.errors import BpfqError, RefutedError, UnsupportedError
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.record import replace

from .hooks import HOOKS, HookSubject, compiled, of_whole_packets, wrong
from .mutants_ebpf import Mutant, mutants
from .subjects import Judge
from .trials import trials

LOOK_UP = BpfInsn(0x85, 0, 0, 0, HELPERS["map_lookup_elem"])
EXIT = 0x95
EVERY = 1 if FULL else 12  # filters of the corpus
FEWEST = 600 // EVERY  # filters of them that a hook sees
MUTANTS = 25 if FULL else 10  # of one program
EVERY_MUTATED = 8 if FULL else 150
MOST_TRACES = 120 if FULL else 40
CUT = 4 if FULL else 2  # packets cut at every length


def _options(link: str, hook: str) -> dict[str, Any]:
    return {} if hook in ("cgroup_skb", "netfilter") else {"link": link}


def _visible(hook: str) -> list[Line]:
    """The filters of the corpus that are decided: at XDP and tc no loops of many rounds."""
    loops = hook in ("xdp", "tc")
    return [line for line in filters() if not (loops and "protochain" in line.text)]


@pytest.mark.parametrize("hook", HOOKS)
def test_programs_of_the_corpus_are_proved(hook: str) -> None:
    found, proved = [], 0
    for line in _visible(hook)[len(hook) % EVERY :: EVERY]:
        try:
            program = compiled(line.text, hook, **_options(line.link, hook))
        except BpfqError:  # what the hook cannot see
            continue
        verdict = program.prove().verdict
        proved += verdict == "proved"
        if verdict != "proved":
            found.append(f"{verdict}: {line.link}: {' '.join(line.text.split())}")
    assert found == []
    assert proved >= FEWEST


@dataclass
class Examined:
    """counts of verdicts; wrong: what should not be."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    packets: int = 0


def examined(subject: HookSubject, into: Examined) -> None:
    """Mutate the subject's program and prove each mutant."""
    seed = zlib.crc32(str(subject).encode())
    program, judge = subject.hooked, Judge(subject)
    kept: list[Mutant] = []
    for mutant in mutants(list(program), seed, MUTANTS):
        module = subject.with_words(mutant.words)
        try:
            proof = prove(program.query, module, program.verdicts, program.settings)
        except BpfqError:  # no verifier takes it, or it does what no program of ours does
            into.counts["refused"] += 1
            continue
        into.counts[proof.verdict] += 1
        if proof.verdict == "proved":
            kept.append(mutant)
    pool = of_whole_packets(trials(subject, program.words, seed, MOST_TRACES, CUT))
    for mutant in (Mutant("none", tuple(program)), *kept):
        lines = wrong(judge, subject, subject.with_words(mutant.words), pool)
        into.wrong += [f"{subject}: {mutant.kind}: {line}" for line in lines[:1]]
        into.packets += len(pool)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_program_with_a_mistake_is_not_proved_unless_it_is_as_good(hook: str) -> None:
    into = Examined()
    for line in _visible(hook)[len(hook) % EVERY_MUTATED :: EVERY_MUTATED]:
        options = {**HOOKS[hook], **_options(line.link, hook)}
        subject = HookSubject(line.text, tuple(options.items()))
        try:
            subject.program  # noqa: B018
        except BpfqError:
            continue
        examined(subject, into)
    print(f"{hook}: {dict(into.counts)}, {into.packets} packets of what was proved")
    assert into.wrong == []
    assert into.counts["refuted"] > 2 * into.counts["proved"]


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "socket"])
def test_what_counts_is_proved_as_well(hook: str) -> None:
    program = compiled("udp port 53 and len > 100", hook)
    assert program.counting().prove().verdict == "proved"


def test_a_program_for_another_byte_order_is_not_called_wrong() -> None:
    program = compiled("tcp port 80", "xdp", byteorder="big")
    with pytest.raises(UnsupportedError, match="^programs for big-endian machines are not proved$"):
        program.prove()


def test_a_counter_that_decides_is_not_proved() -> None:
    program = compiled("udp", "xdp").counting()
    words = list(program)
    (found,) = (n for n, word in enumerate(words) if word == LOOK_UP)
    leave = next(n for n, word in enumerate(words) if word.opcode == EXIT)
    words[found + 1] = words[found + 1]._replace(off=leave - found - 2)  # without an entry
    function = replace(program.module.function, instructions=tuple(words))
    module = replace(program.module, function=function)
    with pytest.raises(UnsupportedError, match="it is not known that this is a number"):
        prove(program.query, module, program.verdicts, program.settings)


def test_a_refutation_shows_a_packet_and_what_the_program_returns() -> None:
    program = compiled("ip", "xdp")
    program.require_proof()
    turned = Verdicts(program.verdicts.reject, program.verdicts.accept)
    with pytest.raises(RefutedError, match="says: it returns [12] for "):
        require_proof(program.query, program.module, turned, program.settings)


def test_a_program_that_tells_no_packets_apart_is_proved_to_return_the_same() -> None:
    program = bpfq.compile("ip", target="ebpf:xdp", action="pass")
    assert program.prove().verdict == "proved"
    other = Verdicts(1, 1)
    proof = prove(program.query, program.module, other, program.settings)
    assert proof.verdict == "refuted"
    assert proof.counterexample is not None
    assert proof.counterexample.returned == program.verdicts.accept
