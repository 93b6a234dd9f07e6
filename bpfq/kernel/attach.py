"""Put a loaded program in its place: XDP, tc, cgroups, netfilter, sockets.

    attach_tc(program, "eth0", "ingress")      the program returns TCX_NEXT to let go on

Each returns a Link, which detaches when it closes; a socket holds its program itself.  Source:
Linux net/core/dev.c (XDP), kernel/bpf/tcx.c, kernel/bpf/cgroup.c, net/netfilter/nf_bpf_link.c.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from bpfq.errors import LoadError
from bpfq.isa.cbpf.size import PROGRAM_HEADER_BYTES
from bpfq.kernel.bpf import Attr, Call, bpf
from bpfq.kernel.constants import SO_ATTACH_BPF
from bpfq.kernel.hooks import (
    HOOKS,
    NETFILTER_DEFRAGMENT,
    NETFILTER_FAMILIES,
    NETFILTER_HOOKS,
    XDP_MODES,
    AttachType,
    choice,
)
from bpfq.kernel.interfaces import no_interface
from bpfq.kernel.links import Link, create
from bpfq.kernel.privileges import refusal
from bpfq.kernel.programs import Program
from bpfq.kernel.sockets import too_large
from bpfq.source import Suggestion

_BEFORE: Final = 1 << 3  # BPF_F_BEFORE
_AFTER: Final = 1 << 4  # BPF_F_AFTER
_RELATIVE_LINK: Final = 1 << 13  # BPF_F_LINK: the neighbour is a link, not a program
TC_DIRECTIONS: Final = {"ingress": AttachType.TCX_INGRESS, "egress": AttachType.TCX_EGRESS}
CGROUP_DIRECTIONS: Final = {
    "ingress": AttachType.CGROUP_INGRESS,
    "egress": AttachType.CGROUP_EGRESS,
}


def attach_xdp(program: Program, interface: str, mode: str = "auto", *, call: Call = bpf) -> Link:
    """Where the driver hands over received frames; mode is native, generic or auto.

    auto is native, and generic where the driver refuses.  Raises LoadError.
    """
    index = _index(interface)
    tried = ("native", "generic") if mode == "auto" else (mode,)
    for number, each in enumerate(tried, 1):
        flags = choice(each, XDP_MODES, "mode of XDP")
        attr = _link(program, "xdp", index, AttachType.XDP).u32(12, flags)
        try:
            return Link(create(attr, f"XDP on {interface!r}", _XDP_REASONS, call), each)
        except LoadError as error:
            if number == len(tried) or error.errno not in _DRIVER_REFUSES:
                raise
    raise AssertionError("one mode is tried at least")


_DRIVER_REFUSES: Final = (errno.EOPNOTSUPP, errno.EINVAL, errno.ERANGE, errno.ENOSPC, errno.E2BIG)
_XDP_REASONS: Final = {
    errno.EBUSY: "an XDP program is attached there already",
    errno.EEXIST: "an XDP program is attached there in another mode",
    errno.EOPNOTSUPP: "the driver has no native XDP, the mode generic works everywhere",
    errno.EINVAL: "the kernel has no links for XDP before Linux 5.9, or the driver wants other "
    "settings, as a smaller MTU",
    errno.ERANGE: "the MTU is too large for native XDP",
}


def attach_tc(
    program: Program,
    interface: str,
    direction: str,
    *,
    before: Link | None = None,
    after: Link | None = None,
    first: bool = False,
    call: Call = bpf,
) -> Link:
    """On the way in (ingress) or out (egress) of an interface; needs Linux 6.6.

    Programs run in order until one returns something else than TCX_NEXT: the new one behind all
    others, or before or behind another link, or first of all.  Raises LoadError.
    """
    kind = choice(direction, TC_DIRECTIONS, "direction")
    attr = _link(program, "tc", _index(interface), kind)
    neighbour = before or after
    if neighbour is not None:
        attr.u32(12, (_BEFORE if before else _AFTER) | _RELATIVE_LINK).u32(16, neighbour.fd)
    elif first:
        attr.u32(12, _BEFORE)
    return Link(create(attr, f"tc {direction} on {interface!r}", _TC_REASONS, call))


_TC_REASONS: Final = {
    errno.EEXIST: "this program is attached there already",
    errno.EINVAL: "the kernel has no tcx, which came with Linux 6.6, or the neighbour is not tc",
    errno.ENOENT: "the link to be a neighbour of is not attached there",
    errno.ERANGE: "as many programs as the kernel takes are attached there",
}


def attach_cgroup(program: Program, path: str, direction: str, *, call: Call = bpf) -> Link:
    """Packets that sockets of the processes in a cgroup (version 2) get or send.

    The path is the cgroup's directory.  Raises LoadError.
    """
    kind = choice(direction, CGROUP_DIRECTIONS, "direction")
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise LoadError(f"no cgroup at {path}: {why}", errno=error.errno) from None
    try:
        attr = _link(program, "cgroup_skb", directory, kind)
        return Link(create(attr, f"the cgroup {path}", _CGROUP_REASONS, call))
    finally:
        os.close(directory)


_CGROUP_REASONS: Final = {
    errno.EBADF: "it is no directory of a cgroup version 2 file system",
    errno.EINVAL: "the kernel has no links for cgroups, which came with Linux 5.7",
    errno.EPERM: "a program attached above does not allow others",
    errno.E2BIG: "as many programs as the kernel takes are attached there",
}


def attach_netfilter(
    program: Program,
    family: str,
    hook: str,
    priority: int = 0,
    *,
    defragment: bool = False,
    call: Call = bpf,
) -> Link:
    """At a netfilter hook of this network namespace; needs Linux 6.4.

    family is inet (IPv4) or inet6, hook one of NETFILTER_HOOKS; the lower the priority, the
    earlier, and each is taken once.  ``defragment`` puts fragments together before, for a
    priority above -400.  Raises LoadError.
    """
    pf = choice(family, NETFILTER_FAMILIES, "family")
    place = choice(hook, NETFILTER_HOOKS, "netfilter hook")
    attr = _link(program, "netfilter", 0, AttachType.NETFILTER)
    attr.u32(16, pf).u32(20, place).u32(24, priority)
    attr.u32(28, NETFILTER_DEFRAGMENT if defragment else 0)
    try:
        return Link(create(attr, f"netfilter {family}:{hook}", _NETFILTER_REASONS, call))
    except LoadError as error:
        if error.errno == errno.EBUSY:
            earlier = Suggestion(f"--priority {priority - 1}", "just before it")
            error.suggestions = (earlier,)
        raise


_NETFILTER_REASONS: Final = {
    errno.EBUSY: "there is a program or a table with this priority; filter of iptables has 0",
    errno.ERANGE: "the priority is out of range; putting fragments together needs more than -400",
    errno.EINVAL: "the kernel has no netfilter links, which came with Linux 6.4",
    errno.EAFNOSUPPORT: "the kernel has no netfilter for this family",
    errno.EOPNOTSUPP: "the kernel has no netfilter for this family",
}


def attach_socket(program: Program, sock: socket.socket) -> None:
    """The socket receives only what the program accepts; it holds the program from now on.

    Raises LoadError.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program.fd)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            translated = program.information().translated_bytes
            raise too_large(translated + PROGRAM_HEADER_BYTES) from None
        reasons = {
            errno.EPERM: "the filter of this socket is locked (SO_LOCK_FILTER)",
            errno.EINVAL: "it is no program for sockets",
        }
        raise refusal(error.errno, HOOKS["socket"].title, reasons) from None


def _link(program: Program, hook: str, target: int, kind: AttachType) -> Attr:
    if program.hook != hook:
        title = HOOKS[program.hook].title if program.hook else "a program of another kind"
        raise LoadError(f"{HOOKS[hook].title} is needed, this is {title}", errno=errno.EINVAL)
    return Attr().u32(0, program.fd).u32(4, target).u32(8, kind)


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise no_interface(interface) from None
