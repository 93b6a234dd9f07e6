"""Where a program is put, in words: ``eth0``, ``eth0:ingress``, ``inet:input``.

place = place_of("tc", "eth0", direction="egress")
str(place) == "tc egress on eth0"
hold(place, program)                                  a Link, or the socket it filters
found(link.information()) == place                    from what the kernel tells
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from typing import Final, assert_never

from bpfq.errors import FilterError, LoadError, UnsupportedError
from bpfq.isa.ebpf.program import Hook
from bpfq.kernel.attach import (
    CGROUP_DIRECTIONS,
    TC_DIRECTIONS,
    attach_cgroup,
    attach_netfilter,
    attach_socket,
    attach_tc,
    attach_xdp,
)
from bpfq.kernel.cgroups import cgroup_id, cgroup_path
from bpfq.kernel.hooks import (
    NETFILTER_FAMILIES,
    NETFILTER_HOOKS,
    XDP_MODES,
    AttachType,
    LinkType,
)
from bpfq.kernel.interfaces import interface, link_type_of
from bpfq.kernel.links import Link, LinkInformation
from bpfq.kernel.presence import tcx_links, xdp_on
from bpfq.kernel.programs import Program
from bpfq.kernel.sockets import open_filtered
from bpfq.record import record, replace
from bpfq.source import Suggestion, nearest

AUTO: Final = "auto"  # native XDP, and generic where the driver refuses
DIRECTIONS: Final = ("ingress", "egress")
MODES: Final = (AUTO, *XDP_MODES)
_PRIORITIES: Final = 16  # that are tried when a netfilter program is replaced


@record
class Place:
    """One place for a program of one hook.

    where: an interface, a cgroup's directory, or the family at netfilter.  point: the direction at
    tc and cgroups, the hook at netfilter.  mode: of XDP.  priority: at netfilter, lower is earlier.
    """

    hook: Hook
    where: str
    point: str = ""
    mode: str = AUTO
    priority: int = 0

    def __str__(self) -> str:
        match self.hook:
            case "xdp":
                return f"XDP on {self.where}"
            case "tc":
                return f"tc {self.point} on {self.where}"
            case "cgroup_skb":
                return f"{self.point} of the cgroup {self.where}"
            case "netfilter":
                return f"netfilter {self.where}:{self.point}, priority {self.priority}"
            case "socket":
                return f"a packet socket on {self.where}"
            case _:
                assert_never(self.hook)


def place_of(
    hook: Hook, where: str, *, direction: str = "", mode: str = AUTO, priority: int = 0
) -> Place:
    """The place that the words name; raises FilterError for wrong ones.

    where: an interface, the directory of a cgroup, or family:hook of netfilter, as inet:input.
    direction: at tc and cgroups, ingress unless given at cgroups.
    """
    if mode != AUTO and hook != "xdp":
        raise FilterError(f"mode {mode!r} is for XDP, not for {hook}")
    if direction and hook not in ("tc", "cgroup_skb"):
        raise FilterError(f"direction {direction!r} is for tc and cgroups, not for {hook}")
    if priority and hook != "netfilter":
        raise FilterError(f"a priority is for netfilter, not for {hook}")
    if not -(2**31) <= priority < 2**31:  # an int of the kernel
        raise FilterError(f"priority {priority} is not within -2147483648 and 2147483647")
    match hook:
        case "xdp":
            return Place(hook, where, mode=_known(mode, MODES, "mode of XDP"))
        case "tc" | "cgroup_skb":
            chosen = direction or ("" if hook == "tc" else DIRECTIONS[0])
            return Place(hook, where, _known(chosen, DIRECTIONS, "direction"))
        case "netfilter":
            family, _, point = where.partition(":")
            _known(family, NETFILTER_FAMILIES, "netfilter family")
            _known(point, NETFILTER_HOOKS, "netfilter hook")
            return Place(hook, family, point, priority=priority)
        case "socket":
            return Place(hook, where)
        case _:
            assert_never(hook)


def _known(word: str, known: Iterable[str], what: str) -> str:
    if word in known:
        return word
    close = nearest(word, known)
    raise FilterError(
        f"no {what} {word!r}; there are {', '.join(known)}" if word else _no_word(known, what),
        suggestions=(Suggestion(close),) if close else (),
    )


def _no_word(known: Iterable[str], what: str) -> str:
    return f"no {what} given; there are {', '.join(known)}"


def check_link_type(place: Place, link: str) -> None:
    """Raises UnsupportedError where the interface delivers other frames than a filter is for.

    link: the DLT_* name that the filter was compiled for.
    """
    if place.hook not in ("xdp", "tc", "socket"):
        return
    delivers = link_type_of(interface(place.where).arphrd)
    if delivers != link:
        raise UnsupportedError(
            f"the filter is for DLT_{link}, interface {place.where!r} delivers DLT_{delivers}"
        )


def hold(place: Place, program: Program) -> Link | socket.socket:
    """Put the program there; it stays as long as what is returned is open.  Raises LoadError."""
    match place.hook:
        case "xdp":
            return attach_xdp(program, place.where, place.mode)
        case "tc":
            return attach_tc(program, place.where, place.point)
        case "cgroup_skb":
            return attach_cgroup(program, place.where, place.point)
        case "netfilter":
            return attach_netfilter(program, place.where, place.point, place.priority)
        case "socket":
            return open_filtered(place.where, lambda sock: attach_socket(program, sock))
        case _:
            assert_never(place.hook)


def hold_beside(place: Place, program: Program) -> tuple[Place, Link]:
    """At netfilter, put the program at a priority beside, while the old one is there still.

    Doing so twice comes back to the first priority.  Raises LoadError.
    """
    for distance in range(1, _PRIORITIES):
        beside = replace(place, priority=place.priority ^ distance)
        try:
            return beside, attach_netfilter(program, place.where, place.point, beside.priority)
        except LoadError as error:
            if error.errno != errno.EBUSY:
                raise
    raise LoadError(f"all priorities beside {place} are taken", errno=errno.EBUSY)


def found(told: LinkInformation) -> Place | None:
    """The place of a link, in the words of this network namespace; None for other kinds of links.

    Which namespace a netfilter link belongs to is not told.
    """
    match told.kind:
        case LinkType.XDP:
            on = xdp_on(told.ifindex)
            is_here = on is not None and on.program_id == told.program_id
            mode = on.mode if on is not None and is_here else AUTO
            return Place("xdp", _interface(told.ifindex, is_here), mode=mode)
        case LinkType.TCX:
            kind = AttachType(told.attach_type)
            is_here = told.id in tcx_links(told.ifindex, kind)
            return Place("tc", _interface(told.ifindex, is_here), _key(TC_DIRECTIONS, kind))
        case LinkType.CGROUP:
            direction = _key(CGROUP_DIRECTIONS, told.attach_type)
            return Place("cgroup_skb", cgroup_path(told.cgroup_id), direction)
        case LinkType.NETFILTER:
            family, point = _key(NETFILTER_FAMILIES, told.family), _key(NETFILTER_HOOKS, told.hook)
            return Place("netfilter", family, point, priority=told.priority)
    return None


def is_at(told: LinkInformation, place: Place) -> bool:
    """Whether the link is at the place, whatever its mode or priority; raises LoadError."""
    there = found(told)
    if there is None or there.hook != place.hook:
        return False
    if place.hook == "cgroup_skb":
        same = told.cgroup_id == cgroup_id(place.where)
    else:
        same = there.where == place.where
    return same and there.point == place.point


def is_somewhere(told: LinkInformation) -> bool:
    """Whether a link is at a place still; netfilter does not tell."""
    match told.kind:
        case LinkType.XDP | LinkType.TCX:
            return told.ifindex != 0
        case LinkType.CGROUP:
            return told.cgroup_id != 0
    return True


def _interface(index: int, is_here: bool) -> str:
    """An interface by its name, where it is of this namespace."""
    if not index:
        return "an interface that is gone"
    return socket.if_indextoname(index) if is_here else f"interface {index} of another namespace"


def _key(known: Mapping[str, int], number: int) -> str:
    return next((name for name, value in known.items() if value == number), str(number))
