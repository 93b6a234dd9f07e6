"""What the meaning demands of a program and allows it, packet by packet, at a hook of the kernel.

    sequential reading  =>  program  =>  total reading, whatever follows the captured bytes

``len`` is the captured length there, also of a packet that was cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oracles.directed import Sample, bases, search, truncations

from bpfq.frontend.pcap.parse import parse
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.meaning import meaning
from bpfq.meaning.packet import Fill

from .hooks import Made, Metadata, Place, Run
from .verdicts import FILLS

_TRUNCATED = 8  # samples of one program that are cut short at every length


class Packet(NamedTuple):
    """Captured bytes, and what they were cut from."""

    captured: bytes
    source: bytes


def directed(
    programs: Sequence[Sequence[SockFilter]],
    seed: int,
    most: int,
    most_cut: int,
    metadata: Metadata | None = None,
) -> list[Packet]:
    """Packets that take every branch of classic programs: at most so many of each, and cut ones."""
    start = bases(seed)
    whole: dict[Packet, None] = {}
    cut: list[Packet] = []
    for words in programs:
        found = search(words, start, most, metadata)
        whole.update((Packet(one.packet, one.packet), None) for one in found.samples)
        step = max(len(found.new) // _TRUNCATED, 1)
        for one in found.new[::-step]:
            captured = Sample(one.packet, len(one.packet))
            shorter = truncations(words, captured, metadata)
            cut += [Packet(each.packet, one.packet) for each in shorter]
    step = max(len(cut) // most_cut, 1)
    return list(dict.fromkeys([*whole, *cut[::step]]))


class Room:
    """The readings of a filter, each worked out when it is asked for and known from then on."""

    def __init__(self, text: str, place: Place) -> None:
        self._meaning = meaning(parse(text), place.setting)
        self._least: dict[tuple[bytes, int], bool] = {}
        self._refusals: dict[tuple[Packet, int], str] = {}

    def wrong(
        self,
        one: Made,
        run: Run,
        packets: Sequence[Packet],
        metadata: Callable[[bytes], Metadata | None],
    ) -> list[str]:
        """A line for each packet on which a program leaves the room."""
        found: list[str] = []
        for packet in packets:
            accepted = run(packet.captured)
            if accepted is None:
                continue
            why = self._why_wrong(packet, accepted, one.strict, metadata(packet.captured))
            if why:
                found.append(f"{one.name}: {why} on {packet.captured.hex()}")
        return found

    def _why_wrong(
        self, packet: Packet, accepted: bool, strict: bool, metadata: Metadata | None
    ) -> str:
        least = packet.captured, id(metadata)
        if least not in self._least:
            self._least[least] = self._meaning.accepts(packet.captured, metadata=metadata)
        if accepted == self._least[least]:
            return ""
        if not accepted:
            return "rejects what the sequential reading accepts"
        if strict:
            return "accepts what the sequential reading does not, and is strict"
        most = packet, id(metadata)
        if most not in self._refusals:
            self._refusals[most] = self._refusal(packet, metadata)
        return self._refusals[most]

    def _refusal(self, packet: Packet, metadata: Metadata | None) -> str:
        source = packet.source
        fills: dict[str, Fill] = {
            **FILLS,
            "what was cut off": lambda at: source[at] if at < len(source) else 0,
        }
        for name, fill in fills.items():
            if not self._meaning.accepts(
                packet.captured, reading="total", fill=fill, metadata=metadata
            ):
                return f"accepts what the total reading filled with {name} does not"
        return ""
