"""Packets for a program: along its branches, around its constants, cut at every length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from oracles.directed import Sample, bases, search, truncations

from bpfq.isa.cbpf import opcodes as o
from bpfq.isa.cbpf.instructions import (
    ANCILLARY,
    ANCILLARY_BASE,
    NETWORK_BASE,
    SockFilter,
)

from .subjects import Subject, Trial

_NAMES = {offset: name for name, offset in ANCILLARY.items()}
_MOST = {"type": 4, "vlanp": 1, "vlan_tci": 0xFFFF, "vlan_tpid": 0xFFFF, "proto": 0xFFFF}


def trials(
    subject: Subject, words: Sequence[SockFilter], seed: int, most: int, cut: int
) -> dict[Trial, None]:
    """Directed packets of a program on the subject's target, ``cut`` of them at every length."""
    before = len(subject.header)
    seen = _from_network_header(words, before) if before else tuple(words)
    chance = random.Random(seed)
    found: dict[Trial, None] = {}
    rounds = 4 if subject.has_metadata else 1
    for turn in range(rounds):
        metadata = _metadata(words, chance) if subject.has_metadata else None
        start = [subject.header + packet for packet in bases(seed + turn)]
        met = search(seen, start, most // rounds, metadata)
        samples = [*met.samples, *_neighbours(seen, met.new[-12:], chance)]
        made = [(sample, sample) for sample in samples]
        for sample in met.new[-cut:] + chance.sample(met.samples, min(cut, len(met.samples))):
            made += [(short, sample) for short in truncations(seen, sample, metadata)]
        for sample, origin in made:
            found.update(_of(subject, sample, origin, metadata))
    return found


def around(trial: Trial, completed: bytes, seed: int) -> dict[Trial, None]:
    """Packets like one that told two programs apart: other bytes, other lengths."""
    chance = random.Random(seed)
    octets, of_wire = trial.packet, trial.length == len(trial.packet)
    found = {trial: None}
    longer = max(octets, completed[: len(octets) + 64], key=len)
    for size in {0, len(octets) - 1, len(octets) + 1, len(octets) + 2, len(octets) + 4}:
        if 0 <= size <= len(longer):
            found[_cut(trial, longer[:size], longer, of_wire)] = None
    for _ in range(24):
        changed = bytearray(longer)
        for _ in range(chance.choice((1, 1, 2))):
            if changed:
                at = chance.randrange(len(changed))
                changed[at] = _near(changed[at], (), chance)
        for size in (len(octets), len(changed)):
            found[_cut(trial, bytes(changed[:size]), bytes(changed), of_wire)] = None
    return found


def _cut(trial: Trial, octets: bytes, origin: bytes, of_wire: bool) -> Trial:
    length = len(octets) if of_wire else max(trial.length, len(octets))
    return Trial(octets, length, trial.metadata, trial.network_header, origin)


def _of(
    subject: Subject, sample: Sample, origin: Sample, metadata: dict[str, int] | None
) -> Iterator[tuple[Trial, None]]:
    """The sample on the target; a kernel's packet is as long as what is seen of it."""
    before = len(subject.header)
    packet = sample.packet[before:]
    if len(sample.packet) < before:
        return
    length = len(packet) if subject.has_metadata else sample.length
    words = tuple(sorted((metadata or {}).items()))
    yield Trial(packet, length, words, sample.packet[:before], origin.packet[before:]), None


def _neighbours(
    words: Sequence[SockFilter], samples: Sequence[Sample], chance: random.Random
) -> Iterator[Sample]:
    """Bytes changed to those around them and to those of the program's constants."""
    constants = sorted({byte for word in words for byte in word.k.to_bytes(4, "big")})
    for sample in samples:
        for _ in range(8):
            changed = bytearray(sample.packet)
            if changed:
                at = chance.randrange(min(len(changed), 80))
                changed[at] = _near(changed[at], constants, chance)
            yield Sample(bytes(changed), sample.length)
        for step in (-1, 1):
            if sample.length + step >= len(sample.packet):
                yield Sample(sample.packet, sample.length + step)


def _near(value: int, constants: Sequence[int], chance: random.Random) -> int:
    bit = 1 << chance.randrange(8)
    choices = [value + 1 & 0xFF, value - 1 & 0xFF, value ^ bit, 0, 0xFF, chance.randrange(256)]
    return chance.choice([*choices, *constants])


def _metadata(words: Sequence[SockFilter], chance: random.Random) -> dict[str, int]:
    """The kernel's words that a program loads, each near one of its constants."""
    jumps = [word.k for word in words if word.code & o.CLASS_MASK == o.CLASS_JUMP] or [0]
    loaded = {word.k for word in words if word.code in o.ABSOLUTE_LOADS}
    names = [_NAMES[offset] for offset in sorted(loaded & set(_NAMES))]
    names += ["vlan_tci", "vlanp", "vlan_tpid", "type", "proto", "ifidx"]
    values: dict[str, int] = {}
    for name in dict.fromkeys(names):
        value = chance.choice(jumps) + chance.choice((0, 0, 0, 1, -1))
        values[name] = max(value, 0) % (_MOST.get(name, 0xFFFF_FFFF) + 1)
    return values


def _from_network_header(words: Sequence[SockFilter], before: int) -> tuple[SockFilter, ...]:
    """The program as it would read a packet that begins with its network header."""
    return tuple(_shifted(word, before) for word in words)


def _shifted(word: SockFilter, before: int) -> SockFilter:
    reads = o.ABSOLUTE_LOADS | o.INDIRECT_LOADS | {o.LOADX_HEADER_LENGTH}
    if word.code not in reads or (word.code in o.ABSOLUTE_LOADS and word.k >= ANCILLARY_BASE):
        return word
    if word.k >= NETWORK_BASE:
        return word._replace(k=word.k - NETWORK_BASE)
    return word._replace(k=word.k + before)
