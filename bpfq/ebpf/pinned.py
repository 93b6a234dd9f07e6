"""Attach and leave it: the link stays under a name in a bpf file system.

attach_pinned(module, place, "/sys/fs/bpf/dns")       new, or in place of the one that is there
"""

from __future__ import annotations

import errno
import os
from typing import Final, NamedTuple

from bpfq.ebpf.attachment import attach
from bpfq.ebpf.install import Installed, install
from bpfq.ebpf.naming import program_name, renamed
from bpfq.ebpf.places import Place, found, hold_beside, is_at
from bpfq.errors import FilterError, LoadError
from bpfq.isa.ebpf.program import Module
from bpfq.kernel.links import Link, pinned_link
from bpfq.kernel.objects import bpffs_of, kind_of
from bpfq.record import replace

_BESIDE: Final = "_next"  # behind a path: a name for a moment
_KINDS: Final = {"prog": "program"}  # as the kernel calls them


class Pinned(NamedTuple):
    """What stays attached: the link's id and place, and whether a program was replaced.

    mode: of a new link of XDP, native or generic.
    """

    id: int
    place: Place
    mode: str
    replaced: bool


def attach_pinned(module: Module, place: Place, path: str, *, name: str = "") -> Pinned:
    """Attach and pin, or put the program in place of the one of the link that is pinned there.

    A packet meets the old program or the new one; at netfilter both, for a moment.  Raises
    FilterError, LoadError: also where the pin is of another place or no link.  Nothing is left and
    nothing is changed then.
    """
    if place.hook == "socket":
        raise FilterError("a socket cannot be pinned: its program goes with it")
    existing = link_at(path)
    if existing is None:
        with attach(module, place, name=name) as attachment:
            attachment.pin(path)
            return Pinned(attachment.id, place, attachment.mode, replaced=False)
    with existing, install(renamed(module, program_name(name))) as installed:
        told = existing.information()
        if not is_at(told, place):
            raise LoadError(f"{path} is {found(told) or 'another kind of link'}, not {place}")
        if place.hook == "netfilter":
            return _take_over(replace(place, priority=told.priority), installed, path)
        existing.update(installed.program)
        return Pinned(told.id, place, "", replaced=True)


def link_at(path: str) -> Link | None:
    """The link pinned there, None for a free name; raises LoadError."""
    try:
        link = pinned_link(path)
    except LoadError as error:
        if error.errno == errno.ENOENT and bpffs_of(path) is not None:
            return None
        raise
    kind = kind_of(link)
    if kind != "link":
        link.close()
        raise LoadError(f"{path} is a pinned {_KINDS.get(kind, kind)}, not a link")
    return link


def _take_over(place: Place, installed: Installed, path: str) -> Pinned:
    """At netfilter: another link under the same name, and the old one goes with its last owner."""
    beside, link = hold_beside(place, installed.program)
    with link:
        link.pin(path + _BESIDE)
        os.rename(path + _BESIDE, path)
        return Pinned(link.information().id, beside, "", replaced=True)
