"""The places in the kernel where a program of bpfq runs, as numbers of bpf(2).

    HOOKS["tc"].program_type == 3          BPF_PROG_TYPE_SCHED_CLS

Source: Linux include/uapi/linux/bpf.h (bpf_prog_type, bpf_attach_type, bpf_link_type),
include/uapi/linux/if_link.h (XDP_FLAGS_*), include/uapi/linux/netfilter.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, TypeVar

from bpfq.errors import LoadError
from bpfq.record import record
from bpfq.source import Suggestion, nearest

_T = TypeVar("_T")


class AttachType(IntEnum):
    """Where a link goes: enum bpf_attach_type."""

    CGROUP_INGRESS = 0
    CGROUP_EGRESS = 1
    XDP = 37
    NETFILTER = 45
    TCX_INGRESS = 46
    TCX_EGRESS = 47


class LinkType(IntEnum):
    """What kind a link is: enum bpf_link_type."""

    CGROUP = 3
    XDP = 6
    NETFILTER = 10
    TCX = 11


@record
class Hook:
    """One place and the kind of program that it takes."""

    name: str
    title: str  # in a message: "an XDP program"
    program_type: int  # enum bpf_prog_type
    expected_attach: int  # enum bpf_attach_type that BPF_PROG_LOAD is told, 0 for any
    passes: int  # the return value that lets a packet go on
    capabilities: tuple[str, ...]  # to load and to attach
    loads_since: str  # the first Linux with the program type
    links_since: str  # the first Linux with a link for it; empty where it has none


_NET: Final = ("CAP_BPF", "CAP_NET_ADMIN")

HOOKS: Final = {
    hook.name: hook
    for hook in (
        Hook("socket", "a socket program", 1, 0, 0x40000, ("CAP_BPF",), "3.19", ""),
        Hook("xdp", "an XDP program", 6, AttachType.XDP, 2, _NET, "4.8", "5.9"),
        Hook("tc", "a tc program", 3, 0, -1, _NET, "4.1", "6.6"),
        Hook("cgroup_skb", "a cgroup program", 8, 0, 1, _NET, "4.10", "5.7"),
        Hook("netfilter", "a netfilter program", 32, AttachType.NETFILTER, 1, _NET, "6.4", "6.4"),
    )
}

NETFILTER_FAMILIES: Final = {"inet": 2, "inet6": 10}  # NFPROTO_IPV4, NFPROTO_IPV6
NETFILTER_HOOKS: Final = {  # enum nf_inet_hooks
    "prerouting": 0,
    "input": 1,
    "forward": 2,
    "output": 3,
    "postrouting": 4,
}
NETFILTER_DEFRAGMENT: Final = 1  # BPF_F_NETFILTER_IP_DEFRAG
XDP_MODES: Final = {"generic": 1 << 1, "native": 1 << 2}  # XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE


def hook_named(name: str) -> Hook:
    """The hook; raises LoadError that names the known ones."""
    return choice(name, HOOKS, "hook")


def choice(name: str, known: Mapping[str, _T], what: str) -> _T:
    """What the name stands for; raises LoadError that lists the names there are."""
    if name not in known:
        close = nearest(name, known)
        raise LoadError(
            f"no {what} {name!r}; there are {', '.join(known)}",
            suggestions=() if close is None else (Suggestion(close),),
        )
    return known[name]
