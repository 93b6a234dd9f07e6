"""What is attached to an interface of this network namespace, asked of the interface itself.

    xdp_on(7)                          XdpOn(program_id=41, mode="native"), or None
    tcx_links(7, AttachType.TCX_INGRESS)          the ids of its links, in their order

A link names an interface by its number, which means another interface in another namespace.
Source: rtnetlink(7), Linux include/uapi/linux/if_link.h (IFLA_XDP), BPF_PROG_QUERY of
include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import socket
import struct
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from bpfq.kernel.bpf import Attr, Command, bpf
from bpfq.kernel.hooks import AttachType

_GET_LINK: Final = 18  # RTM_GETLINK
_NEW_LINK: Final = 16  # RTM_NEWLINK, the answer
_REQUEST: Final = 1  # NLM_F_REQUEST
_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_LINK: Final = struct.Struct("=BxHiII")  # struct ifinfomsg: family, kind, index, flags, change
_ATTRIBUTE: Final = struct.Struct("=HH")  # struct nlattr: length, type
_TYPE_MASK: Final = 0x3FFF  # NLA_TYPE_MASK
_XDP: Final = 43  # IFLA_XDP
_ATTACHED, _PROGRAM_ID = 2, 4  # IFLA_XDP_*
_MODES: Final = {1: "native", 2: "generic"}  # XDP_ATTACHED_*
_ROOM: Final = 1 << 16  # bytes of an answer
_MOST_LINKS: Final = 64  # BPF_MPROG_MAX, <linux/bpf_mprog.h>


class XdpOn(NamedTuple):
    """The XDP program of an interface; mode is native or generic, empty for another."""

    program_id: int
    mode: str


def xdp_on(index: int) -> XdpOn | None:
    """The program of the interface with that number, None without one or without the interface."""
    body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    request = _HEADER.pack(_HEADER.size + len(body), _GET_LINK, _REQUEST, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(request)
        answer = sock.recv(_ROOM)
    if _HEADER.unpack_from(answer)[1] != _NEW_LINK:
        return None
    found = dict(_attributes(answer[_HEADER.size + _LINK.size :]))
    xdp = dict(_attributes(found.get(_XDP, b"")))
    if _PROGRAM_ID not in xdp:
        return None
    mode = _MODES.get(xdp[_ATTACHED][0], "")
    return XdpOn(int(struct.unpack("=I", xdp[_PROGRAM_ID])[0]), mode)


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each attribute in a row of them."""
    at = 0
    while at + _ATTRIBUTE.size <= len(octets):
        length, kind = _ATTRIBUTE.unpack_from(octets, at)
        yield kind & _TYPE_MASK, octets[at + _ATTRIBUTE.size : at + length]
        at += max(_ATTRIBUTE.size, (length + 3) // 4 * 4)


def tcx_links(index: int, kind: AttachType) -> tuple[int, ...]:
    """The ids of the links on the interface with that number; 0 for a program without a link.

    Empty without the interface, without tcx and without CAP_NET_ADMIN.
    """
    programs, links = (array("I", bytes(4 * _MOST_LINKS)) for _ in range(2))
    attr = Attr().u32(0, index).u32(4, kind).u32(24, _MOST_LINKS)
    attr.u64(16, programs.buffer_info()[0]).u64(40, links.buffer_info()[0])
    try:
        bpf(Command.PROG_QUERY, attr)
    except OSError:
        return ()
    return tuple(links[: attr.read_u32(24)])
