"""Network interfaces, the link header each delivers, and what a socket's byte 0 is."""

from __future__ import annotations

import errno
import socket
import struct
from fcntl import ioctl
from typing import Final, Literal, NamedTuple

from bpfq.errors import LoadError, UnsupportedError
from bpfq.kernel.constants import (
    ARPHRD_ETHER,
    ARPHRD_LOOPBACK,
    SIOCGIFADDR,
    SIOCGIFHWADDR,
    SIOCGIFNETMASK,
)
from bpfq.source import Suggestion, nearest

_IFREQ_SIZE = 40  # bytes of struct ifreq; the name takes the first 16
_IF_INET6 = "/proc/net/if_inet6"  # hexadecimal address, index, prefix, scope, flags, name

# What an AF_PACKET SOCK_RAW socket delivers, by ARPHRD_* (linux/if_arp.h), as DLT_* name.
# Source: libpcap pcap-linux.c, map_arphrd_to_dlt.  Types that libpcap captures in cooked mode
# (ATM, PPP, IrDA, LAPD, netlink) are in _COOKED_ONLY.
_LINK_TYPES: Final = {
    ARPHRD_ETHER: "EN10MB",
    2: "EN3MB",  # EETHER
    3: "AX25_KISS",  # AX25
    4: "PRONET",
    5: "CHAOS",
    6: "IEEE802",
    7: "ARCNET_LINUX",
    15: "RAW",  # DLCI
    18: "IP_OVER_FC",  # RFC 4338
    23: "EN10MB",  # METRICOM
    256: "RAW",  # SLIP
    257: "RAW",  # CSLIP
    258: "RAW",  # SLIP6
    259: "RAW",  # CSLIP6
    264: "RAW",  # ADAPT
    280: "CAN_SOCKETCAN",  # CAN
    513: "C_HDLC",  # CISCO
    518: "RAW",  # RAWHDLC
    768: "RAW",  # TUNNEL
    770: "FRELAY",  # FRAD
    ARPHRD_LOOPBACK: "EN10MB",
    773: "LTALK",  # LOCALTLK
    774: "FDDI",
    776: "RAW",  # SIT
    784: "FC_2",  # FCPP
    785: "FC_2",  # FCAL
    786: "FC_2",  # FCPL
    787: "FC_2",  # FCFABRIC
    800: "IEEE802",  # IEEE802_TR
    801: "IEEE802_11",  # IEEE80211
    802: "PRISM_HEADER",  # IEEE80211_PRISM
    803: "IEEE802_11_RADIO",  # IEEE80211_RADIOTAP
    804: "IEEE802_15_4_NOFCS",  # IEEE802154
    826: "VSOCK",  # VSOCKMON
    0xFFFE: "RAW",  # NONE
}
_COOKED_ONLY: Final = {
    19: "ATM",
    512: "PPP",
    783: "IRDA",
    824: "NETLINK",
    8445: "LAPD",
}


class Interface(NamedTuple):
    """One network interface of the current network namespace."""

    name: str
    ifindex: int
    arphrd: int  # ARPHRD_* of linux/if_arp.h: what kind of link header
    netmask: int | None  # of the first IPv4 address, as a number: 255.255.255.0 is 0xffffff00
    addresses: tuple[str, ...]  # the first IPv4 address, then all IPv6 addresses


def interfaces() -> tuple[Interface, ...]:
    """All interfaces, in the order of their index."""
    ipv6 = _ipv6_addresses()
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for index, name in sorted(socket.if_nameindex()):
            try:
                found.append(_read(sock, index, name, ipv6.get(name, ())))
            except OSError as error:
                if error.errno != errno.ENODEV:  # removed since it was listed
                    raise
    return tuple(found)


def interface(name: str) -> Interface:
    """The interface of that name.

    Raises LoadError, naming the interfaces there are, when it does not exist.
    """
    known = interfaces()
    for candidate in known:
        if candidate.name == name:
            return candidate
    raise no_interface(name)


def no_interface(name: str) -> LoadError:
    """The error that says which interfaces there are instead."""
    known = tuple(name for _, name in sorted(socket.if_nameindex()))
    close = nearest(name, known)
    return LoadError(
        f"no interface {name!r}; there are {', '.join(known) or 'none'}",
        errno=errno.ENODEV,
        suggestions=() if close is None else (Suggestion(close),),
    )


def link_type_of(arphrd: int) -> str:
    """The DLT_* name of what AF_PACKET SOCK_RAW delivers on an interface of that ARPHRD_*.

    Raises UnsupportedError where the header is unknown or not dependable; a cooked socket,
    which starts at the network header, serves those.
    Source: libpcap pcap-linux.c, map_arphrd_to_dlt.
    """
    link = _LINK_TYPES.get(arphrd)
    if link is not None:
        return link
    name = _COOKED_ONLY.get(arphrd)
    kind = f"ARPHRD {arphrd}" if name is None else f"ARPHRD_{name}"
    raise UnsupportedError(
        f"interfaces of type {kind} have no dependable link header, use a cooked socket"
    )


def infer_target(sock: socket.socket) -> tuple[str, str]:
    """The target name and the link type that say what byte 0 of a filter on this socket is.

    (packet, DLT_* name of the interface; EN10MB when not bound to one), or packet-cooked,
    raw4, raw6, udp with RAW.  Raises UnsupportedError for other sockets.
    """
    match (sock.family, sock.type):
        case (socket.AF_PACKET, socket.SOCK_RAW):
            name, _, _, arphrd, _ = sock.getsockname()
            return "packet", link_type_of(arphrd) if name else "EN10MB"
        case (socket.AF_PACKET, socket.SOCK_DGRAM):
            return "packet-cooked", "RAW"
        case (socket.AF_INET, socket.SOCK_RAW):
            return "raw4", "RAW"
        case (socket.AF_INET6, socket.SOCK_RAW):
            return "raw6", "RAW"
        case (socket.AF_INET | socket.AF_INET6, socket.SOCK_DGRAM) if _is_udp(sock):
            return "udp", "RAW"
        case (family, kind):
            raise UnsupportedError(
                f"cannot tell what a filter sees on a socket of {_name(family)}, {_name(kind)}, "
                f"protocol {sock.proto}; name the target"
            )


def only_family(sock: socket.socket) -> Literal[4] | None:
    """The family of IP that alone arrives at a UDP socket; one of IPv6 may have both."""
    is_udp = (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_DGRAM) and _is_udp(sock)
    return 4 if is_udp else None


def _is_udp(sock: socket.socket) -> bool:
    return sock.proto in (0, socket.IPPROTO_UDP)  # a ping socket is SOCK_DGRAM, too


def _name(value: int) -> str:
    return str(getattr(value, "name", value))  # a plain number when Python does not know it


def _read(sock: socket.socket, index: int, name: str, ipv6: tuple[str, ...]) -> Interface:
    # /sys/class/net shows the namespace in which /sys was mounted; ioctl asks the current one
    hardware = _sockaddr(sock, SIOCGIFHWADDR, name)
    address = _ipv4(sock, SIOCGIFADDR, name)
    netmask = _ipv4(sock, SIOCGIFNETMASK, name)
    return Interface(
        name=name,
        ifindex=index,
        arphrd=struct.unpack_from("=H", hardware)[0],
        netmask=None if address is None or netmask is None else int.from_bytes(netmask, "big"),
        addresses=(() if address is None else (socket.inet_ntoa(address),)) + ipv6,
    )


def _sockaddr(sock: socket.socket, request: int, name: str) -> bytes:
    """struct sockaddr of an interface ioctl: family (2 bytes, native order), then 14 bytes."""
    ifreq = name.encode().ljust(_IFREQ_SIZE, b"\0")
    return ioctl(sock.fileno(), request, ifreq)[16:32]


def _ipv4(sock: socket.socket, request: int, name: str) -> bytes | None:
    try:
        return _sockaddr(sock, request, name)[4:8]
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise


def _ipv6_addresses() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    try:
        with open(_IF_INET6, encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return {}  # a kernel without IPv6
    for row in rows:
        address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0]))
        found[row[-1]] = (*found.get(row[-1], ()), address)
    return found
