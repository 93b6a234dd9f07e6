"""One filter, every implementation, the same packets.

    sequential reading  =>  program  =>  total reading, whatever follows the captured bytes

A strict program equals the sequential reading.  Each function returns what disagrees, as lines
that say which packet to look at; an empty list is agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oracles.directed import Found, Sample, bases, search, truncations
from oracles.kernel import Attached
from oracles.libpcap import Interpreter
from oracles.sweep import FULL

import bpfq
from bpfq.frontend.pcap.parse import parse
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import Machine, run
from bpfq.meaning import Meaning, Setting, meaning
from bpfq.meaning.packet import Fill
from bpfq.program.classic import Program
from bpfq.settings import link_type

NETMASK = 0xFFFF_FF00
SEARCHED = 1000  # candidates that level 3 tries
MOST_TRACES = 600 if FULL else 80  # packets of one search
SAMPLES_TRUNCATED = 20 if FULL else 4  # of one program
MOST_TRUNCATIONS = 4000 if FULL else 250  # of one filter
EVERY = 1 if FULL else 7  # every how many samples the Python interpreter runs as well
EVERY_KERNEL = 1 if FULL else 5  # every how many samples the kernel sees

FILLS: dict[str, Fill] = {
    "zeroes": lambda address: 0,
    "ones": lambda address: 0xFF,
    "mixed": lambda address: address * 167 + 13 & 0xFF,
}


@dataclass(frozen=True)
class Case:
    """A filter and what it is compiled for."""

    text: str
    link: str = "EN10MB"
    savefile: str | None = None

    @property
    def number(self) -> int:
        return link_type(self.link).number

    @property
    def label(self) -> str:
        return "-".join([self.link, *filter(None, [self.savefile]), " ".join(self.text.split())])


def program_of(case: Case, level: int, strict: bool = False, **options: Any) -> Program:
    return bpfq.compile(
        case.text,
        link=case.link,
        level=level,
        strict=strict,
        savefile=case.savefile,
        netmask=NETMASK,
        allow_empty=True,
        **{"search_budget": SEARCHED, **options},
    )


def meaning_of(case: Case) -> Meaning:
    setting = Setting(link=link_type(case.link).name, netmask=NETMASK, savefile=case.savefile)
    return meaning(parse(case.text), setting)


@dataclass(frozen=True)
class Samples:
    """Untruncated samples, and packets cut short; each found by a search of some program."""

    whole: tuple[Sample, ...]
    short: tuple[tuple[Sample, Sample], ...]  # cut, and what it was cut from


def samples_for(
    programs: Sequence[Sequence[SockFilter]], seed: int, most: int = MOST_TRACES
) -> tuple[Samples, list[Found]]:
    """Directed packets of every program, and truncations of those that took new branches."""
    start = bases(seed)
    found = [search(words, start, most) for words in programs]
    whole = dict.fromkeys(sample for one in found for sample in one.samples)
    short: list[tuple[Sample, Sample]] = []
    for words, one in zip(programs, found):
        share = SAMPLES_TRUNCATED
        step = max(len(one.new) // share, 1)
        for sample in one.new[::-step][:share]:
            short += [(cut, sample) for cut in truncations(words, sample)]
    step = max(len(short) // MOST_TRUNCATIONS, 1)
    return Samples(tuple(whole), tuple(dict.fromkeys(short[::step]))), found


def sequential(filter_meaning: Meaning, sample: Sample) -> bool:
    return filter_meaning.accepts(sample.packet, wire_length=sample.length)


def total(filter_meaning: Meaning, sample: Sample, fill: Fill) -> bool:
    return filter_meaning.accepts(
        sample.packet, reading="total", wire_length=sample.length, fill=fill
    )


def original(sample: Sample) -> Fill:
    """The bytes that were cut off, then zeroes."""
    packet = sample.packet
    return lambda address: packet[address] if address < len(packet) else 0


def contract_broken(case: Case, programs: dict[str, Program], samples: Samples) -> list[str]:
    """Where a program leaves the room between the two readings, or a strict one the first."""
    filter_meaning = meaning_of(case)
    machines = {name: Interpreter(program.words) for name, program in programs.items()}
    broken: list[str] = []
    for sample, source in [(one, one) for one in samples.whole] + list(samples.short):
        least = sequential(filter_meaning, sample)
        most = least
        for name, machine in machines.items():
            accepted = machine.verdict(sample.packet, sample.length) > 0
            if accepted == least:
                continue
            if not accepted or "strict" in name:
                broken.append(_line(sample, name, least, accepted))
                continue
            fills: dict[str, Fill] = {**FILLS, "what was cut off": original(source)}
            for fill_name, fill in fills.items():
                most = total(filter_meaning, sample, fill)
                if not most:
                    broken.append(_line(sample, f"{name} filled with {fill_name}", most, accepted))
                    break
    return broken


def readings_broken(case: Case, samples: Samples) -> list[str]:
    """Where the sequential reading accepts and the total one does not."""
    filter_meaning = meaning_of(case)
    broken: list[str] = []
    for sample, source in [(one, one) for one in samples.whole] + list(samples.short):
        if sequential(filter_meaning, sample):
            for fill in (*FILLS.values(), original(source)):
                if not total(filter_meaning, sample, fill):
                    broken.append(_line(sample, "total reading", True, False))
    return broken


def machines_broken(program: Program, samples: Samples) -> list[str]:
    """Where the Python interpreter or the generated function differ from libpcap's interpreter."""
    machine = Interpreter(program.words)
    everything = [*samples.whole, *(cut for cut, _ in samples.short)]
    broken: list[str] = []
    for at, sample in enumerate(everything):
        kept = machine.verdict(sample.packet, sample.length)
        if at % EVERY == 0:
            ours = run(program.words, sample.packet, wire_length=sample.length)
            if ours != kept:
                broken.append(_line(sample, "interpreter", kept, ours))
        matched = program.matches(sample.packet, wire_length=sample.length)
        if matched != (kept > 0):
            broken.append(_line(sample, "function", kept > 0, matched))
    return broken


def kernel_broken(words: Sequence[SockFilter], samples: Samples) -> list[str]:
    """Where the kernel differs from the Python interpreter of its dialect."""
    broken: list[str] = []
    everything = [*samples.whole, *(cut for cut, _ in samples.short)]
    with Attached(words) as attached:
        for sample in everything[::EVERY_KERNEL]:
            if not sample.packet:
                continue
            kept = attached.verdict(sample.packet)
            ours = run(words, sample.packet, machine=Machine.KERNEL)
            if kept != min(ours, len(sample.packet)):
                broken.append(_line(sample, "kernel", min(ours, len(sample.packet)), kept))
    return broken


def _line(sample: Sample, who: str, expected: object, got: object) -> str:
    return f"{who}: expected {expected}, got {got} on {sample.packet.hex()} of {sample.length}"
