"""Which graph of a query becomes which eBPF program.

graphs, each as the passes leave it  ->  programs, by every way to read packets  ->  the one
with the fewest instructions, or for sockets the quickest
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.backends.cbpf.emit import selections
from bpfq.backends.cbpf.objective import LEAVES
from bpfq.backends.cbpf.searches import has_sets, size
from bpfq.backends.cbpf.select import Selection
from bpfq.backends.ebpf.emit import Verdicts, Written, programs
from bpfq.backends.ebpf.layout import Laid
from bpfq.graph.nodes import Node
from bpfq.graphs import Way
from bpfq.record import record
from bpfq.settings import Settings

_SIZES: Final = ("size", "kernel-size")
_LONG: Final = 1000  # instructions; of the ways to write longer programs one is laid out
_SHORT: Final = 250  # instructions; shorter programs are laid out with every leaf
_ROWS: Final = (2, 4, 8, 64)  # equalities in a row at the end of a search


@record
class Hooked:
    """Where an eBPF program runs and what it returns.

    maps: it may look into maps.  counted: matches are counted in the map "matches".
    """

    hook: str
    verdicts: Verdicts
    maps: bool = True
    counted: bool = False


@record
class Emitted:
    """A program, the graph that it decides, and what it is written from."""

    laid: Laid
    graph: Node
    written: Written


def cheapest(found: tuple[Way, ...], settings: Settings, hooked: Hooked) -> Emitted:
    """The best of the programs of sound graphs; the first graph is always sound."""
    made = [
        (Emitted(laid, way.graph, written), way)
        for way in found
        for laid, written in _programs(way.graph, settings, hooked)
    ]
    ranked = sorted(made, key=lambda each: len(each[0].laid.instructions))
    return next(emitted for emitted, way in ranked if way.is_sound())


def _programs(graph: Node, settings: Settings, hooked: Hooked) -> Iterator[tuple[Laid, Written]]:
    several = selections(graph, settings.level)
    traffic = None if settings.optimise_for in _SIZES else settings.traffic
    if size(several[0]) > _LONG:
        several = (min(several, key=size),)
    for one in several:
        for leaf in _leaves(one, settings):
            for laid in programs(
                one, hooked.hook, hooked.verdicts, leaf, hooked.maps, hooked.counted, traffic,
                settings.byteorder,
            ):
                yield laid, Written(one, leaf)


def _leaves(selection: Selection, settings: Settings) -> tuple[int, ...]:
    if size(selection) <= _SHORT and has_sets(selection):
        return _ROWS
    return (LEAVES[settings.optimise_for],)
