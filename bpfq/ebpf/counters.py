"""Counters of a merged program at work, until they are closed.

    with attach_counters(("dns", "all"), module, places_of("tc", "eth0", "both")) as counters:
        counters.read()                     {"dns": Counts(17, 1234), "all": Counts(90, 45000)}

The program stands in front of all others at its place, so that it counts what they drop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.closing import Closing
from bpfq.ebpf.counts import Counts, each_in
from bpfq.ebpf.install import Installed, install
from bpfq.ebpf.places import AUTO, DIRECTIONS, Place, hold, is_somewhere, place_of
from bpfq.errors import FilterError
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.kernel.attach import attach_tc
from bpfq.kernel.links import Link
from bpfq.kernel.programs import Program

BOTH: Final = "both"


class Counters(Closing):
    """Counters at their places; a context manager that detaches.  ``names``, ``places``."""

    def __init__(
        self,
        names: tuple[str, ...],
        places: tuple[Place, ...],
        installed: Installed,
        links: Iterable[Link],
    ) -> None:
        self.names = names
        self.places = places
        self._installed = installed
        self._links = tuple(links)

    def read(self) -> dict[str, Counts]:
        """Packets and bytes so far by the filters' names, of all places together.

        Raises LoadError.
        """
        return dict(zip(self.names, each_in(self._installed.maps[MATCHES]), strict=True))

    def is_attached(self) -> bool:
        """Whether it counts still: others can detach it, an interface can go."""
        return all(not each.closed and is_somewhere(each.information()) for each in self._links)

    def detach(self) -> None:
        """Take the program away.  Doing so twice does nothing."""
        for link in self._links:
            link.close()
        self._installed.close()

    def close(self) -> None:
        """As ``detach``."""
        self.detach()


def places_of(hook: Hook, where: str, direction: str = "", mode: str = AUTO) -> tuple[Place, ...]:
    """The places that the words name, as ``place_of`` has them; raises FilterError.

    direction: "both" is two places; what comes in unless given.
    """
    if hook not in ("tc", "cgroup_skb"):
        return (place_of(hook, where, direction=direction, mode=mode),)
    chosen = DIRECTIONS if direction == BOTH else (direction or DIRECTIONS[0],)
    return tuple(place_of(hook, where, direction=each, mode=mode) for each in chosen)


def attach_counters(names: tuple[str, ...], module: Module, places: tuple[Place, ...]) -> Counters:
    """Load the module and put it at all of the places; names: of its filters.

    Raises VerifierError with the clause of the filter, LoadError; nothing is left then.
    """
    installed = install(module)
    links: list[Link] = []
    try:
        for place in places:
            links.append(_hold(place, installed.program))
    except BaseException:
        for link in links:
            link.close()
        installed.close()
        raise
    return Counters(names, places, installed, links)


def _hold(place: Place, program: Program) -> Link:
    if place.hook == "tc":
        return attach_tc(program, place.where, place.point, first=True)
    held = hold(place, program)
    if not isinstance(held, Link):
        raise FilterError("a socket keeps what it counts: count at tc or XDP")
    return held
