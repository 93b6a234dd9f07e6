"""Programs with one mistake: the prover refutes them, or they really are as good.

A refutation is run again by others than the prover: the interpreter and the filter's meaning.  What
is proved is run on packets made to tell it from its filter.

A fixed sample; BPFQ_FULL_SWEEP=1 looks at some thousands of programs.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from oracles.corpus import filters
from oracles.sweep import FULL

from bpfq.analysis.prove import prove
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.instructions import NETWORK_BASE
from bpfq.isa.cbpf.opcodes import ABSOLUTE_LOADS, LOADX_IMMEDIATE
from bpfq.settings import SEARCHING
from bpfq.symbolic.code import METADATA

from .mutants import Mutant, mutants
from .subjects import Judge, Subject
from .trials import around, trials

MUTANTS = 10 if FULL else 4  # of one program
EVERY = 15 if FULL else 40  # how many filters of the corpus
MOST_TRACES = 300 if FULL else 60
CUT = 6 if FULL else 2  # packets cut at every length

LIVE = (
    "vlan 5", "vlan and ip", "ip or (vlan and ip)", "not vlan", "vlan 5 and tcp port 80",
    "inbound and ip", "ifindex 3 and not vlan", "vlan and mpls and ip", "vlan 5 and vlan 6",
    "len > 60 and ip[2:2] > 40", "not (vlan 5 or ip)", "outbound or udp port 53",
)  # fmt: skip
LAYER_3 = (
    "tcp port 80", "host 10.0.0.1", "net 10.0.0.0/8 and not port 53", "icmp", "tcp[13] & 2 != 0",
    "ip[8] > 60 and ip[2:2] < 100", "portrange 50-60", "ip[6:2] & 0x1fff = 0 and udp",
)  # fmt: skip
IPV6 = (
    "icmp6", "src host 2001:db8::1", "ip6 and ip6[7] > 4", "tcp port 80 or udp port 53",
    "ip6[6] = 17 and not dst net ff00::/8", "len > 100",
)  # fmt: skip
UDP = (
    "udp port 53", "src host 10.0.0.2", "ip[8] > 60 and udp[4:2] > 8", "udp[8:4] = 0x01020304",
    "src portrange 1-1000 or dst port 5353", "udp[4] / udp[5] = 3 or not udp[6] = 1",
)  # fmt: skip
TARGETS: dict[str, tuple[str, ...]] = {
    "packet": LIVE, "tc": LIVE, "packet-cooked": LAYER_3, "raw4": LAYER_3, "xt_bpf": LAYER_3,
    "raw6": IPV6, "udp": UDP,
}  # fmt: skip
FAMILY = {"xt_bpf": 4, "udp": 4}


@dataclass
class Examined:
    """counts of verdicts; wrong: what should not be; undecided: which programs."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    packets: int = 0


def examined(subject: Subject, into: Examined) -> None:
    """Mutate the subject's program and prove each mutant."""
    seed = zlib.crc32(str(subject).encode())
    query, settings = subject.program.query, subject.program.settings
    judge = Judge(subject)
    pool = trials(subject, subject.program.words, seed, MOST_TRACES, CUT)
    kept: list[Mutant] = []
    for mutant in mutants(subject.program.words, seed, MUTANTS):
        if subject.header and _reads_far(mutant):
            continue
        try:
            proof = prove(query, mutant.words, settings)
        except BpfqError:  # an offset became that of a netlink search
            into.counts["refused"] += 1
            continue
        into.counts[proof.verdict] += 1
        if proof.verdict == "undecided" and not _takes_gigabytes(subject):
            into.undecided.append(f"{subject}: {mutant.kind}")
        if proof.verdict == "proved":
            kept.append(mutant)
        if proof.counterexample is not None:
            shown = proof.counterexample
            trial = subject.shown(shown)
            if not subject.confirms(mutant.words, trial, shown.filter_accepts):
                into.wrong.append(
                    f"{subject}: {mutant.kind}: no counterexample: {shown.octets.hex()}"
                )
            pool.update(around(trial, trial.origin, seed))
    for mutant in kept:
        own = trials(subject, mutant.words, seed + 1, MOST_TRACES // 2, CUT)
        for words in {mutant.words, subject.program.words}:
            lines = judge.wrong(words, pool | own)
            into.wrong += [f"{subject}: {mutant.kind}: {line}" for line in lines[:1]]
        into.packets += len(pool) + len(own)


def _takes_gigabytes(subject: Subject) -> bool:
    """The filter reads before byte 0 of a file, at 0xffffffff: no counterexample can be run."""
    addresses = ABSOLUTE_LOADS | {LOADX_IMMEDIATE}
    words = subject.program.words
    return not subject.has_metadata and any(
        word.code in addresses and word.k >= 1 << 31 for word in words
    )


def _reads_far(mutant: Mutant) -> bool:
    """It reads where no network header reaches from below byte 0."""
    return any(
        word.code in ABSOLUTE_LOADS and NETWORK_BASE + 60 <= word.k and word.k not in METADATA
        for word in mutant.words
    )


def _of_target(target: str) -> list[Subject]:
    texts = TARGETS[target] if FULL else TARGETS[target][::3]
    subjects = []
    for turn, text in enumerate(texts):
        options: dict[str, Any] = {"target": target, "level": turn % SEARCHING}
        options["strict"] = turn % 4 == 3
        if target in FAMILY:
            options["family"] = FAMILY[target]
        subjects.append(Subject(text, tuple(options.items())))
    return subjects


def _of_corpus(part: int) -> list[Subject]:
    subjects = []
    for turn, line in enumerate(filters()[part::PARTS][:: EVERY // PARTS or 1]):
        level, strict = turn % SEARCHING, turn % 5 == 4
        options = {"link": line.link, "savefile": line.savefile, "level": level, "strict": strict}
        subjects.append(Subject(line.text, tuple(options.items())))
    return subjects


PARTS = 5
GROUPS = {
    **{f"corpus {part}": (lambda part=part: _of_corpus(part)) for part in range(PARTS)},
    **{target: (lambda target=target: _of_target(target)) for target in TARGETS},
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_program_with_a_mistake_is_refuted_or_as_good(group: str) -> None:
    into = Examined()
    for subject in GROUPS[group]():
        try:
            subject.program  # noqa: B018
        except BpfqError:  # the corpus has words that some link types do not know
            continue
        examined(subject, into)
    print(f"{group}: {dict(into.counts)}, {into.packets} packets of what was proved")
    assert into.wrong == []
    assert into.undecided == []
    assert into.counts["refuted"] > into.counts["proved"]


def test_a_counterexample_reads_near_the_packet() -> None:
    """The bytes that follow decide here, at an address that the packet gives."""
    subject = Subject("ip", (("link", "PRISM_HEADER"), ("level", 1)))
    *words, last = subject.program.words
    accepting = (*words, last._replace(k=1))
    proof = prove(subject.program.query, accepting, subject.program.settings)
    assert proof.verdict == "refuted"
    assert proof.counterexample is not None
    assert proof.counterexample.completed is not None
