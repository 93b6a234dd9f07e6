"""Run a loaded program on bytes: BPF_PROG_TEST_RUN.

    run(program, frame).verdict == 2           XDP_PASS

The packet begins with the Ethernet header, for netfilter with the IP header.  XDP takes 14 bytes
or more; socket, tc and cgroup_skb want all of the IP header behind an ethertype of IPv4 (34
bytes) or IPv6 (54 bytes), and 14 bytes behind another; a program for sockets or cgroups begins to
read at the IP header all the same.  netfilter takes 20 bytes or more, and gives no packet back.
Source: Linux net/bpf/test_run.c, 6.18.
"""

from __future__ import annotations

import errno
import struct
from typing import Final, NamedTuple

from bpfq.kernel.bpf import Attr, Call, Command, bpf
from bpfq.kernel.privileges import refusal
from bpfq.kernel.programs import Program

SHORTEST: Final = 14  # bytes, of any packet
SHORTEST_IPV4: Final = 34  # bytes with ethertype 0x0800, except for XDP
SHORTEST_IPV6: Final = 54  # bytes with ethertype 0x86dd, except for XDP
SHORTEST_NETFILTER: Final = 20  # bytes: the header of IPv4
LONGEST: Final = 3520  # bytes in one page; XDP programs with frags take 64 KiB
STEADY: Final = 1000  # repetitions from which on the time of one is steady

_ROOM: Final = 256  # bytes that a program may add to a packet
_NEEDS: Final = ("CAP_BPF", "CAP_NET_ADMIN")


class Run(NamedTuple):
    """What a program did with a packet."""

    verdict: int  # signed
    packet: bytes  # as the program left it
    duration_ns: int  # of one run, the mean of all repetitions


def shortest(hook: str, packet: bytes) -> int:
    """How many bytes a packet that begins like this one must have to be run on a hook."""
    match (hook, packet[12:14]):
        case ("netfilter", _):
            return SHORTEST_NETFILTER
        case ("xdp", _):
            return SHORTEST
        case (_, b"\x08\x00"):
            return SHORTEST_IPV4
        case (_, b"\x86\xdd"):
            return SHORTEST_IPV6
    return SHORTEST


def run(
    program: Program,
    packet: bytes,
    *,
    repeat: int = 1,
    context: bytes = b"",
    call: Call = bpf,
) -> Run:
    """Run it ``repeat`` times on a packet, as the module says.

    ``context`` is struct xdp_md or __sk_buff, of which only some fields may be set; see the source.
    Raises LoadError.
    """
    out = bytearray(len(packet) + _ROOM)
    attr = Attr().u32(0, program.fd).u32(8, len(packet)).pointer(16, packet)
    attr.u32(12, len(out)).pointer(24, out).u32(32, repeat)
    attr.u32(40, len(context)).pointer(48, context)
    try:
        call(Command.PROG_TEST_RUN, attr)
    except OSError as error:
        reasons = {errno.EINVAL: _invalid(program.hook, packet)}
        raise refusal(error.errno, "to run the program", reasons, _NEEDS) from None
    (verdict,) = struct.unpack_from("=i", attr.raw, 4)
    return Run(verdict, bytes(out[: attr.read_u32(12)]), attr.read_u32(36))


def _invalid(hook: str, packet: bytes) -> str:
    least = shortest(hook, packet)
    if len(packet) < least:
        return f"a packet of {len(packet)} bytes is shorter than the {least} that it takes"
    if len(packet) > LONGEST:
        return f"a packet of {len(packet)} bytes is longer than the {LONGEST} that it takes"
    return "the packet is no IP packet, or a field of the context may not be set"
