"""Packets that take every branch of a program: found by patching what its jumps look at."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .frames import ARP_REQUEST, TCP_SYN, extension, ip4, ip6, udp
from .reference_vm import WORD, Jump, Row, Run, Source, run

SIZE = 400  # bytes of an untruncated packet
MOST_PACKETS = 400
NETWORK_HEADERS = (0, 4, 14, 16, 18, 20, 21, 22, 24, 32, 36)  # where link types put them

NETWORK_PACKETS = (
    ip4(6, TCP_SYN),
    ip4(17, udp(6081, bytes(8)), options=b"\x01" * 4),
    ip4(6, TCP_SYN, fragment=10),
    ip6(17, udp(53, bytes(8))),
    ip6(44, extension(6) + TCP_SYN),
    ARP_REQUEST,
)


@dataclass(frozen=True)
class Sample:
    """A packet, its length on the wire, and the kernel's words."""

    packet: bytes
    length: int
    metadata: Mapping[str, int] | None = None


@dataclass
class Found:
    """Untruncated samples, those of them that took a new branch, and the branches taken.

    settled: jumps that compare constants, or bits that are always zero.
    """

    samples: list[Sample] = field(default_factory=list)
    new: list[Sample] = field(default_factory=list)
    branches: set[tuple[int, bool]] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)


def executed(program: Sequence[Row], sample: Sample) -> Run:
    return run(program, sample.packet, sample.length, sample.metadata)


def search(program: Sequence[Row], seed: int, metadata: bool) -> Found:
    """Samples that between them take each branch that patching can reach."""
    found = Found()
    chance = random.Random(seed)
    seeds = list(_seeds(chance, metadata))
    waiting, known = list(seeds), set()
    while waiting and len(found.samples) < MOST_PACKETS:
        sample = waiting.pop(0)
        key = (sample.packet, sample.length, str(sample.metadata))
        if key in known:
            continue
        known.add(key)
        found.samples.append(sample)
        result = executed(program, sample)
        found.settled |= {jump.pc for jump in result.jumps if _is_settled(jump)}
        fresh = {(jump.pc, jump.taken) for jump in result.jumps} - found.branches
        if not fresh and sample not in seeds:
            continue
        if fresh:
            found.branches |= fresh
            found.new.append(sample)
        # depth first: what was reached last is patched first
        patched = [other for jump in result.jumps for other in _patches(sample, jump)]
        waiting = patched[::-1] + waiting
    return found


def _is_settled(jump: Jump) -> bool:
    source = jump.source
    return source is None or source.mask & ((1 << 8 * source.size) - 1) == 0


def truncations(program: Sequence[Row], sample: Sample) -> Iterator[Sample]:
    """Every length up to the furthest byte that the program reads of the sample."""
    furthest = executed(program, sample).furthest
    for size in range(min(furthest, len(sample.packet))):
        yield replace(sample, packet=sample.packet[:size])


def _seeds(chance: random.Random, metadata: bool) -> Iterator[Sample]:
    packets = [b"\x45" * SIZE]  # an IPv4 header without options, wherever it starts
    packets += [bytes(SIZE), b"\xff" * SIZE, bytes(range(256))]
    packets += [chance.randbytes(SIZE), chance.randbytes(60)]
    for at in NETWORK_HEADERS:
        header = chance.choice(NETWORK_PACKETS)
        packets.append((chance.randbytes(at) + header).ljust(SIZE, b"\x11"))
    for packet in packets:
        if not metadata:
            yield Sample(packet, len(packet))
            continue
        for present in (0, 1):
            words = {"vlanp": present, "vlan_tci": chance.randrange(1 << 16)}
            yield Sample(packet, len(packet), words)


def _patches(sample: Sample, jump: Jump) -> Iterator[Sample]:
    """The sample with what the jump looks at changed to the values around its operand."""
    source = jump.source
    if source is None:
        return
    for value in _values(sample, jump, source):
        match source.kind:
            case "bytes":
                yield replace(sample, packet=_written(sample.packet, source, value))
            case "word":
                words = {**(sample.metadata or {}), source.name: value}
                yield replace(sample, metadata=words)
            case _:
                yield replace(sample, length=value)


def _values(sample: Sample, jump: Jump, source: Source) -> list[int]:
    operand = jump.operand
    limit = (1 << 8 * source.size) - 1
    if jump.operation == "&" and source.kind == "bytes":
        end = source.address + source.size
        old = int.from_bytes(sample.packet[source.address : end], "big")
        return [old | operand, old & ~operand & limit, old | operand & -operand]
    around = [operand, operand + 1, operand - 1, operand ^ 0x80, 0, WORD]
    return [value & limit for value in around]


def _written(packet: bytes, source: Source, value: int) -> bytes:
    """The value under the mask, the other bits as they were."""
    end = source.address + source.size
    old = int.from_bytes(packet[source.address : end], "big")
    new = old & ~source.mask | value & source.mask
    limit = (1 << 8 * source.size) - 1
    return packet[: source.address] + (new & limit).to_bytes(source.size, "big") + packet[end:]
