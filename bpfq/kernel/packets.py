"""Packets from a socket with what the kernel knows about them: length, time, VLAN tag.

A network card or the kernel takes the outer VLAN tag out of a received frame and keeps it
beside the packet; it comes back here through PACKET_AUXDATA.  Source: packet(7),
linux/if_packet.h, libpcap pcap-linux.c (linux_mmap_v3_read and VLAN_VALID).
"""

from __future__ import annotations

import socket
import struct
from typing import Final, Literal, NamedTuple

from bpfq.kernel.constants import (
    ARPHRD_ETHER,
    ARPHRD_LOOPBACK,
    ETH_P_8021Q,
    PACKET_AUXDATA,
    PACKET_OUTGOING,
    PACKET_STATISTICS,
    SO_TIMESTAMPNS,
    SOL_PACKET,
    TP_STATUS_VLAN_TPID_VALID,
    TP_STATUS_VLAN_VALID,
)

# bytes: the largest IP packet and any link header.  Twice as much would cost four times the
# time of a small packet, because the C library then maps fresh pages for every buffer
DEFAULT_SNAPLEN: Final = 0x10100
VLAN_OFFSET: Final = 12  # bytes: behind the two Ethernet addresses
VLAN_TAG_SIZE: Final = 4  # bytes: TPID, TCI

_AUXDATA = struct.Struct("=IIIHHHH")  # tp_status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_TIMESPEC = struct.Struct("@ll")  # seconds, nanoseconds
_STATISTICS = struct.Struct("=II")  # tp_packets, tp_drops
_ANCILLARY_SIZE = socket.CMSG_SPACE(_AUXDATA.size) + socket.CMSG_SPACE(_TIMESPEC.size)
_SOCKADDR_LL_FIELDS = 5  # as Python shows it; no other address family has five
_ETHERNET_LIKE = frozenset((ARPHRD_ETHER, ARPHRD_LOOPBACK))


class Packet(NamedTuple):
    """One received packet."""

    octets: bytes
    wire_length: int  # bytes before filter or snaplen cut it, as far as the kernel tells
    timestamp_ns: int | None  # since 1970, when the kernel took it; None without prepare()
    interface: str  # name; empty when the socket is no packet socket
    packet_type: int | None  # PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3, OUTGOING 4
    vlan_tci: int | None  # of a tag kept beside the packet: priority 3 bits, DEI 1, id 12
    vlan_tpid: int | None  # 0x8100 or 0x88a8
    protocol: int | None = None  # EtherType behind the tag; below 0x600 an ETH_P_* of Linux
    arphrd: int | None = None  # ARPHRD_* of the interface
    address: bytes = b""  # of the sender, as the link layer has it

    @property
    def direction(self) -> Literal["in", "out"] | None:
        """Whether this machine sent it; None where nobody knows."""
        if self.packet_type is None:
            return None
        return "out" if self.packet_type == PACKET_OUTGOING else "in"

    @property
    def vlan_id(self) -> int | None:
        """The 12 bits of the tag that number the VLAN."""
        return None if self.vlan_tci is None else self.vlan_tci & 0xFFF


class Statistics(NamedTuple):
    """Packets since the last call, of those that the filter accepted."""

    received: int  # dropped ones included
    dropped: int  # for want of room in the socket's queue


def prepare(sock: socket.socket) -> None:
    """Ask for time stamps and, on a packet socket, for VLAN tags and original lengths."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if sock.family == socket.AF_PACKET:
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)


def receive(
    sock: socket.socket, *, snaplen: int = DEFAULT_SNAPLEN, reinsert_vlan: bool = True
) -> Packet:
    """The next packet, waiting as the socket is set to wait.

    With reinsert_vlan, an Ethernet frame gets its tag back as it was on the wire; the lengths
    then include it, and vlan_tci and vlan_tpid still tell it.  snaplen is in bytes.  On the
    loopback interface each packet comes twice: going out (packet_type 4) and coming in.

    Raises what recvmsg raises: BlockingIOError, TimeoutError, OSError (ENETDOWN).
    """
    data, ancillary, _, address = sock.recvmsg(snaplen, _ANCILLARY_SIZE)
    wire_length = len(data)
    timestamp_ns = tci = tpid = None
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, wire_length, _, _, _, vlan_tci, vlan_tpid = _AUXDATA.unpack(value)
            if vlan_tci or status & TP_STATUS_VLAN_VALID:
                tci = vlan_tci
                known = vlan_tpid or status & TP_STATUS_VLAN_TPID_VALID
                tpid = vlan_tpid if known else ETH_P_8021Q
        elif level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            timestamp_ns = seconds * 1_000_000_000 + nanoseconds
    # the shape of sockaddr_ll; asking the socket for its family costs more than receiving
    if not isinstance(address, tuple) or len(address) != _SOCKADDR_LL_FIELDS:
        return Packet(data, wire_length, timestamp_ns, "", None, None, None)
    interface, protocol, packet_type, arphrd, station = address
    if reinsert_vlan and tci is not None and _has_ethernet_header(sock, arphrd, data):
        tag = struct.pack(">HH", tpid, tci)
        data = (data[:VLAN_OFFSET] + tag + data[VLAN_OFFSET:])[:snaplen]
        wire_length += VLAN_TAG_SIZE
    return Packet(
        data, wire_length, timestamp_ns, interface, packet_type, tci, tpid, protocol, arphrd,
        station,
    )  # fmt: skip


def statistics(sock: socket.socket) -> Statistics:
    """Counters of a packet socket; reading sets them to zero (packet(7), PACKET_STATISTICS)."""
    counters = sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, _STATISTICS.size)
    return Statistics(*_STATISTICS.unpack(counters))


def _has_ethernet_header(sock: socket.socket, arphrd: int, data: bytes) -> bool:
    if sock.type != socket.SOCK_RAW or arphrd not in _ETHERNET_LIKE:
        return False
    return len(data) >= VLAN_OFFSET
