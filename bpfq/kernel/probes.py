"""Which hooks of this kernel take a program and a link, found out by asking it.

    probe("tc")  ->  None, or the LoadError that says why not

A program that lets every packet go on is loaded, and a link is asked for at a place that cannot
be: a kernel that knows the hook objects to the place, one that does not to the request.  Nothing
is attached.  Source: Linux net/core/dev.c, kernel/bpf/tcx.c, kernel/bpf/cgroup.c,
net/netfilter/nf_bpf_link.c.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Final

from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, Exit, Move
from bpfq.kernel.attach import attach_socket
from bpfq.kernel.bpf import Attr, Call, Command, Descriptor, bpf
from bpfq.kernel.hooks import XDP_MODES, AttachType, Hook, hook_named
from bpfq.kernel.privileges import refusal
from bpfq.kernel.programs import Program, load

_LOOPBACK: Final = 1  # ifindex of lo in every network namespace: it has no native XDP
_NO_INTERFACE: Final = 0x7FFF_FFFF
_NO_FAMILY: Final = 255
_NO_DESCRIPTOR: Final = -1

# hook -> the place that cannot be, and the errors of a kernel that knows the hook
_IMPOSSIBLE: Final[dict[str, tuple[Callable[[Attr], Attr], tuple[int, ...]]]] = {
    "xdp": (
        lambda attr: attr.u32(4, _LOOPBACK).u32(8, AttachType.XDP).u32(12, XDP_MODES["native"]),
        (errno.EOPNOTSUPP, errno.EBUSY, errno.EEXIST),
    ),
    "tc": (
        lambda attr: attr.u32(4, _NO_INTERFACE).u32(8, AttachType.TCX_INGRESS),
        (errno.ENODEV,),
    ),
    "cgroup_skb": (
        lambda attr: attr.u32(4, _NO_DESCRIPTOR).u32(8, AttachType.CGROUP_INGRESS),
        (errno.EBADF,),
    ),
    "netfilter": (
        lambda attr: attr.u32(8, AttachType.NETFILTER).u32(16, _NO_FAMILY),
        (errno.EAFNOSUPPORT, errno.EOPNOTSUPP),
    ),
}


def probe(hook: str, call: Call = bpf) -> LoadError | None:
    """Why a hook does not work here, or None when it does."""
    row = hook_named(hook)
    try:
        with load(assemble([Move(R0, row.passes), Exit()]), hook, name="probe", call=call) as found:
            if hook == "socket":
                _attach_to_socket(found)
            else:
                _ask_for_link(row, found, call)
    except LoadError as error:
        return error
    return None


def _attach_to_socket(program: Program) -> None:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        attach_socket(program, first)


def _ask_for_link(hook: Hook, program: Program, call: Call) -> None:
    place, known = _IMPOSSIBLE[hook.name]
    try:
        Descriptor(call(Command.LINK_CREATE, place(Attr().u32(0, program.fd)))).close()
    except OSError as error:
        if error.errno in known:
            return
        reasons = {errno.EINVAL: f"it has none, they came with Linux {hook.links_since}"}
        raise refusal(error.errno, f"links for {hook.name}", reasons, hook.capabilities) from None
