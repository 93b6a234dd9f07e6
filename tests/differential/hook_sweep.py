"""Random queries at every hook of the kernel, any number of them.

    PYTHONPATH=.:tests python -m differential.hook_sweep --count 20000

A query is drawn from the seed and its number, as for ``sweep``; every third one is a relation of
values so deep that registers run out.  Each of its programs is loaded and compared with the meaning
on directed packets, whole and cut short, in the kernel and in the interpreter.  What the verifier
refuses or the meaning forbids is printed as it is found, and the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from random import Random
from time import perf_counter

from bpfq.errors import BpfqError, LoadError
from bpfq.isa.cbpf.instructions import ANCILLARY_BASE

from .hooks import (
    OUTGOING,
    PLACES,
    TAGGED,
    UNTAGGED,
    Made,
    Metadata,
    Place,
    compiled,
    interpreted,
    kernel,
    metadata_in_kernel,
    programs_of,
)
from .queries import arithmetic, constant, query
from .room import Packet, Room, directed

SEED = 1
WAYS = ("level 0", "level 1", "level 2", "level 2 strict")
LINEAR = (0, 14, 33, 40)  # bytes of a packet that lie in one piece
EVERY_TALK = 200  # queries between two lines of progress
_DEEP = 24  # operands


def text_of(seed: int, number: int) -> str:
    draw = Random(f"{seed}:{number}")
    if number % 3:
        return query(draw)
    return f"{arithmetic(draw, draw.randint(6, _DEEP))} > {constant(draw)}"


def wrong(
    text: str, place: Place, names: Sequence[str], most: int = 30, most_cut: int = 60
) -> list[str]:
    """What is wrong with the programs of a filter at a hook; most, most_cut: packets of each."""
    try:
        classic = [compiled(text, place, level=level).words for level in (0, 2)]
        room = Room(text, place)
    except BpfqError:
        return []  # the words of the filter are refused
    by_metadata = {
        number: directed(classic, zlib.crc32(text.encode()), most, most_cut, words)
        for number, words in enumerate(_metadata(classic, place))
    }
    found: list[str] = []
    for one in programs_of(text, place, names):
        try:
            found += _in_kernel(one, place, room, by_metadata[0])
        except LoadError as refused:
            found.append(f"{one.name}: {refused}")
            continue
        for number, words in enumerate(_metadata(classic, place)):
            found += _interpreted(one, place, room, by_metadata[number], words)
    for number, words in enumerate(_metadata(classic, place)):
        found += _on_big_endian(text, place, room, by_metadata[number], words)
    return found


def _metadata(classic: Sequence[Sequence[object]], place: Place) -> tuple[Metadata | None, ...]:
    if not place.live:
        return (None,)
    asked = any(word.k >= ANCILLARY_BASE and word.code & 7 == 0 for one in classic for word in one)
    return (UNTAGGED, TAGGED, OUTGOING) if asked else (UNTAGGED,)


def _in_kernel(one: Made, place: Place, room: Room, packets: Sequence[Packet]) -> list[str]:
    with kernel(one.module, place) as run:
        return room.wrong(one, run, packets, lambda packet: metadata_in_kernel(packet, place))


def _interpreted(
    one: Made, place: Place, room: Room, packets: Sequence[Packet], metadata: Metadata | None
) -> list[str]:
    """All lengths that a test run does not take, a sample of others, and what lies in pieces."""
    words = metadata or UNTAGGED
    short = [packet for packet in packets if len(packet.captured) < 54]
    some = dict.fromkeys([*short[::3], *packets[:: 7 if metadata in (None, UNTAGGED) else 3]])
    found = room.wrong(one, interpreted(one.module, place, words), list(some), lambda _: metadata)
    for number, linear in enumerate(() if place.hook == "xdp" else LINEAR):
        pieces = [each for each in packets[number::17] if len(each.captured) > linear]
        run = interpreted(one.module, place, words, linear)
        found += room.wrong(one, run, pieces, lambda _: metadata)
    return [f"interpreted, {line}" for line in found]


def _on_big_endian(
    text: str, place: Place, room: Room, packets: Sequence[Packet], metadata: Metadata | None
) -> list[str]:
    """Programs for such machines, which no kernel here runs."""
    found: list[str] = []
    for level in (0, 2):
        module = compiled(text, place, level=level, byteorder="big").module
        one = Made(f"level {level} for big-endian machines", module, False)
        for linear in (None,) if place.hook == "xdp" else (None, LINEAR[-1]):
            run = interpreted(module, place, metadata or UNTAGGED, linear, "big")
            some = [each for each in packets[3::11] if len(each.captured) > (linear or -1)]
            found += room.wrong(one, run, some, lambda _: metadata)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(arguments)
    start, broken = perf_counter(), 0
    for done, number in enumerate(range(asked.first, asked.first + asked.count), 1):
        text = text_of(asked.seed, number)
        for place in PLACES.values():
            lines = wrong(text, place, WAYS)
            broken += bool(lines)
            for line in lines[:3]:
                print(
                    f"--seed {asked.seed} --first {number}: {place.hook}: {text}: {line}",
                    flush=True,
                )
        if done % EVERY_TALK == 0 or done == asked.count:
            print(
                f"{done} queries, wrong at {broken} hooks, {perf_counter() - start:.0f} s",
                flush=True,
            )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
