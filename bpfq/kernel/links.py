"""Links: a program at a place, until the link closes.

    with attach_xdp(program, "eth0") as link:
        link.update(better)                    no packet meets neither of the two

A link detaches when nothing holds it any more, by close() as by the end of the process; a pin
holds it.  Source: Linux include/uapi/linux/bpf.h (BPF_LINK_*), net/core/dev.c, kernel/bpf/tcx.c.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from bpfq.kernel.bpf import Attr, Call, Command, Descriptor, bpf
from bpfq.kernel.hooks import LinkType
from bpfq.kernel.objects import descriptor_of, every, info, pin, pinned
from bpfq.kernel.privileges import refusal
from bpfq.kernel.programs import Program

_INFO_SIZE: Final = 64  # bytes of struct bpf_link_info
_REPLACE: Final = 1 << 2  # BPF_F_REPLACE: only where the old program is the expected one
_NEEDS: Final = ("CAP_BPF", "CAP_NET_ADMIN")


class LinkInformation(NamedTuple):
    """What the kernel tells about a link; what its kind does not have is 0."""

    kind: int  # enum bpf_link_type
    id: int
    program_id: int
    ifindex: int  # of XDP and tcx; 0 once the interface is gone
    attach_type: int  # of tcx and cgroup: enum bpf_attach_type
    cgroup_id: int  # inode number of the cgroup's directory
    family: int  # of netfilter: NFPROTO_*
    hook: int  # of netfilter: enum nf_inet_hooks
    priority: int  # of netfilter: lower runs earlier


class Link(Descriptor):
    """A program at a place."""

    __slots__ = ("mode",)

    def __init__(self, fd: int, mode: str = "") -> None:
        super().__init__(fd)
        self.mode = mode  # of XDP, native or generic; empty where it is not known

    def update(
        self, program: Program, expected: Program | None = None, *, call: Call = bpf
    ) -> None:
        """Put another program in its place in one step: each packet meets the old or the new one.

        With ``expected``, only when that is the one there now.  Raises LoadError; a netfilter link
        keeps its program.
        """
        attr = Attr().u32(0, self.fd).u32(4, program.fd)
        if expected is not None:
            attr.u32(8, _REPLACE).u32(12, expected.fd)
        try:
            call(Command.LINK_UPDATE, attr)
        except OSError as error:
            raise refusal(error.errno, "to replace the program", _UPDATE_REASONS, _NEEDS) from None

    def detach(self) -> None:
        """Take the program away from its place at once, whoever else holds the link."""
        try:
            bpf(Command.LINK_DETACH, Attr().u32(0, self.fd))
        except OSError as error:
            reasons = {errno.EOPNOTSUPP: "a link of this kind detaches when it is closed only"}
            raise refusal(error.errno, "to detach", reasons, _NEEDS) from None

    def information(self) -> LinkInformation:
        """What the kernel tells about it now; raises LoadError."""
        raw = info(self, _INFO_SIZE)
        kind, number, program = struct.unpack_from("=III", raw)
        return LinkInformation(kind, number, program, *_place(kind, raw))

    def pin(self, path: str) -> None:
        """Keep it attached, under a name in a bpf file system, when its owner has gone."""
        pin(self, path)


_UPDATE_REASONS: Final = {
    errno.EPERM: "another program than the expected one is attached",
    errno.ENOLINK: "the link is detached, its interface or cgroup is gone",
    errno.EOPNOTSUPP: "a netfilter link keeps its program: attach the new one at another priority, "
    "then close this link",
    errno.EINVAL: "the program is of another kind",
}


def _place(kind: int, raw: bytearray) -> tuple[int, int, int, int, int, int]:
    """ifindex, attach type, cgroup id, family, hook, priority; from byte 16 by kind of link."""
    first, second, third = struct.unpack_from("=IIi", raw, 16)
    match kind:
        case LinkType.XDP:
            return first, 0, 0, 0, 0, 0
        case LinkType.TCX:
            return first, second, 0, 0, 0, 0
        case LinkType.CGROUP:
            return 0, third, second << 32 | first, 0, 0, 0
        case LinkType.NETFILTER:
            return 0, 0, 0, first, second, third
    return 0, 0, 0, 0, 0, 0


def pinned_link(path: str) -> Link:
    """The link pinned under a name; raises LoadError."""
    return Link(pinned(path))


def links() -> Iterator[Link]:
    """Every link there is now, of all owners; raises LoadError without CAP_SYS_ADMIN."""
    return map(Link, every(Command.LINK_GET_NEXT_ID, Command.LINK_GET_FD_BY_ID))


def link_with_id(number: int) -> Link | None:
    """The link with that id, or None."""
    fd = descriptor_of(Command.LINK_GET_FD_BY_ID, number)
    return None if fd is None else Link(fd)


def create(attr: Attr, what: str, reasons: Mapping[int, str], call: Call = bpf) -> int:
    """BPF_LINK_CREATE; the new descriptor, or the refusal in words."""
    try:
        return call(Command.LINK_CREATE, attr)
    except OSError as error:
        raise refusal(error.errno, what, reasons, _NEEDS) from None
