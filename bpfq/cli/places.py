"""``--xdp IFACE``, ``--tc IFACE:DIRECTION`` and their kind, from options to a place."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from bpfq.ebpf.places import DIRECTIONS, Place, place_of
from bpfq.errors import BpfqError
from bpfq.isa.ebpf.program import Hook
from bpfq.kernel.hooks import NETFILTER_FAMILIES
from bpfq.source import Suggestion, nearest

_OPTIONS: Final[dict[str, Hook]] = {
    "xdp": "xdp",
    "tc": "tc",
    "cgroup": "cgroup_skb",
    "netfilter": "netfilter",
    "socket": "socket",
}
_FAMILIES: Final = {"inet": 4, "inet6": 6}


def place_in(options: Namespace) -> Place:
    """The place that the options name; they are changed to compile a filter for it.

    Raises BpfqError for none, two or a wrong one.
    """
    given = [name for name in _OPTIONS if getattr(options, name) is not None]
    if len(given) != 1:
        several = " and ".join(f"--{name}" for name in given)
        raise BpfqError(
            f"{several} are two places: give one"
            if given
            else "no place: give one of --xdp IFACE, --tc IFACE:ingress|egress, --cgroup PATH, "
            "--netfilter inet|inet6:HOOK, --socket IFACE"
        )
    if options.interface is not None:
        raise BpfqError(f"-i is for packet sockets: --{given[0]} names the place")
    hook, word = _OPTIONS[given[0]], getattr(options, given[0])
    target = f"ebpf:{hook}"
    if options.target not in (None, target):
        raise BpfqError(f"--{given[0]} is target '{target}', not '{options.target}'")
    place = _place(options, hook, word)
    options.target = target
    if hook == "netfilter":
        _narrow(options, place)
    elif hook != "cgroup_skb":
        options.interface = place.where
    return place


def _place(options: Namespace, hook: Hook, word: str) -> Place:
    where, direction = word, ""
    if hook == "tc":
        where, _, direction = word.rpartition(":")
        if not where:
            if word.startswith(":"):
                raise BpfqError(f"--tc {word} lacks the interface")
            raise BpfqError(
                f"--tc {word} lacks the direction: ingress is what comes in, egress what goes out",
                suggestions=tuple(Suggestion(f"--tc {word}:{each}") for each in DIRECTIONS),
            )
    elif hook == "cgroup_skb" and word.rpartition(":")[2] in DIRECTIONS:
        where, _, direction = word.rpartition(":")
    elif hook == "netfilter" and not word.partition(":")[2]:
        raise BpfqError(
            f"--netfilter {word} is no family and hook",
            suggestions=(Suggestion(f"--netfilter {_family(word)}:input"),),
        )
    return place_of(hook, where, direction=direction, mode=options.mode, priority=options.priority)


def _family(word: str) -> str:
    return nearest(word.partition(":")[0], NETFILTER_FAMILIES) or "inet"


def _narrow(options: Namespace, place: Place) -> None:
    """At netfilter a family's packets come alone."""
    family = _FAMILIES[place.where]
    if options.family not in (None, family):
        raise BpfqError(
            f"netfilter {place.where} has IPv{family} only: leave out -{options.family}"
        )
    options.family = family
