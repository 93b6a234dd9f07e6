"""What is known of packets behind an exit of a test.

anything       [12:2] = 0x800    yes: [12:2] is 0x800      no: anything
[12:2] is 0x800 or 0x806, same   yes: [12:2] is 0x800      no: [12:2] is 0x806
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bpfq.analysis.decisions.landmarks import Window, World, shift_in
from bpfq.operators import Relation


class Comparison(NamedTuple):
    """Some bytes, and the number that they are compared with."""

    window: Window
    relation: Relation
    value: int


def learnt(
    world: World, asked: Comparison, holds: bool, keys: Iterable[Window]
) -> tuple[World, bool]:
    """The world behind an exit, and whether any packet of the world leaves by it.

    keys: the windows that worlds are about.  Where no packet does, what the test says is believed.
    """
    known, possible = dict(world), True
    for key in keys:
        shift = shift_in(key, asked.window)
        if shift is None:
            continue
        before = world.get(key)
        if holds and asked.relation is Relation.EQ:
            here = frozenset((asked.value >> shift & key.mask,))
            possible = possible and (before is None or here <= before)
            known[key] = here
        elif key == asked.window and before is not None:
            left = frozenset(
                one for one in before if asked.relation.holds(one, asked.value) is holds
            )
            possible = possible and bool(left)
            known[key] = left
            if not left:
                del known[key]
    return known, possible


def joined(first: World, second: World) -> World:
    """What is known of packets of either world."""
    return {key: values | second[key] for key, values in first.items() if key in second}
