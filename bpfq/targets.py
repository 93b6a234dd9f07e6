"""Targets: where byte 0 is, where the VLAN tag lives, the machine's limits and its verdict values.

A filter is always compiled for one of these rows; nothing is compiled "in general".  Sources:
packet(7), ip(7), raw(7), udp(7), <linux/filter.h>, <linux/netfilter/xt_bpf.h>, tc-bpf(8).
"""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.record import record
from bpfq.source import Suggestion, nearest

SKF_NET_OFF = 0xFFF0_0000  # -0x100000: loads from here count from the network header
CLASSIC_LIMIT = 4096  # BPF_MAXINSNS, <linux/bpf_common.h>
XT_BPF_LIMIT = 64  # XT_BPF_MAX_NUM_INSTR, <linux/netfilter/xt_bpf.h>
SCRATCH_WORDS = 16  # BPF_MEMWORDS


@record
class Target:
    """One place where a filter runs.

    link: the link type that is fixed by the target, or None where the caller names it; ``family``
    decides between the IPv4 and IPv6 forms of layer-3 targets.
    network_at: where the network header starts on a layer-3 target, for absolute loads.
    transport_at: where the transport header starts if byte 0 stands in or behind it.
    transport: the protocol that alone arrives.  reassembled: no fragment arrives.
    metadata: the kernel supplies ancillary words (packet type, VLAN tag, random numbers).
    vlan: "inline", "metadata" or "gone".
    accept: the value returned for a match; None is the snapshot length.
    hook: where eBPF programs run, None for classic programs.
    """

    name: str
    summary: str
    link: str | None = None
    layer: int = 2
    network_at: int = 0
    transport_at: int | None = None
    transport: str | None = None
    reassembled: bool = False
    metadata: bool = True
    vlan: str = "gone"
    limit: int | None = CLASSIC_LIMIT
    accept: int | None = None
    hook: str | None = None

    def excess(self, instructions: int) -> str:
        """By how much a program is too long, as messages say it."""
        assert self.limit is not None
        more = instructions - self.limit
        return f"{instructions} instructions, {more} more than the {self.limit} of '{self.name}'"


_ROWS = (
    Target(
        "file", "capture file, link header of the file's link type", metadata=False,
        vlan="inline", limit=None,
    ),
    Target("packet", "AF_PACKET SOCK_RAW socket, link header", vlan="metadata"),
    Target(
        "packet-cooked", "AF_PACKET SOCK_DGRAM socket, network header", link="COOKED", layer=3,
        vlan="metadata",
    ),
    Target("raw4", "AF_INET SOCK_RAW socket, IPv4 header", link="IPV4", layer=3, reassembled=True),
    Target(
        "raw6", "AF_INET6 SOCK_RAW socket, upper-layer header", link="IPV6", layer=3,
        network_at=SKF_NET_OFF, transport_at=0, reassembled=True,
    ),
    Target(
        "udp", "AF_INET or AF_INET6 SOCK_DGRAM socket, UDP header", link="RAW", layer=3,
        network_at=SKF_NET_OFF, transport_at=0, transport="udp",
        reassembled=True,
    ),
    Target(
        "xt_bpf", "iptables -m bpf, network header of one family", link="RAW", layer=3,
        limit=XT_BPF_LIMIT, accept=1,
    ),
    Target(
        "tc", "tc cls_bpf with classic bytecode, link header", vlan="metadata", accept=0xFFFFFFFF
    ),
    Target(
        "ebpf:socket", "AF_PACKET SOCK_RAW socket with eBPF, link header", vlan="metadata",
        limit=None, hook="socket",
    ),
    Target(
        "ebpf:xdp", "XDP, link header", metadata=False, vlan="inline", limit=None, hook="xdp"
    ),
    Target(
        "ebpf:tc", "tc or tcx with eBPF, link header", vlan="metadata", limit=None, hook="tc"
    ),
    Target(
        "ebpf:cgroup_skb", "sockets of a cgroup, network header", link="RAW", layer=3, limit=None,
        hook="cgroup_skb",
    ),
    Target(
        "ebpf:netfilter", "netfilter, network header", link="RAW", layer=3, metadata=False,
        limit=None, hook="netfilter",
    ),
)  # fmt: skip

TARGETS: dict[str, Target] = {row.name: row for row in _ROWS}


def target(name: str) -> Target:
    """The row of that name; raises FilterError that lists the known ones."""
    row = TARGETS.get(name)
    if row is None:
        close = nearest(name, TARGETS)
        raise FilterError(
            f"unknown target '{name}'; the targets are {', '.join(TARGETS)}",
            suggestions=(Suggestion(f"--target {close}"),) if close else (),
        )
    return row
