"""What a frame is when a socket sees it, told by scapy alone.

``Seen.net(n)`` is the layer in the place of the network header behind n VLAN tags; the functions
below answer for one such layer what a filter asks.  None of this uses the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import NoPayload, Packet, Raw, bind_bottom_up

bind_bottom_up(Ether, Dot1Q, type=0x9100)
bind_bottom_up(Ether, ARP, type=0x8035)
bind_bottom_up(Dot1Q, Dot1Q, type=0x8100)

LARGEST_LENGTH = 1500
_TAGS = (Dot1Q, Dot1AD)
KERNEL_TAGS = (0x8100, 0x88A8)  # what a Linux receive path takes out of the frame
EXTENSIONS = (0, 43, 44, 51, 60)


@dataclass(frozen=True)
class Seen:
    """data: as the socket delivers it.  tci: of the tag kept beside the data, or None."""

    data: bytes
    tci: int | None = None
    outgoing: bool = False

    @cached_property
    def link(self) -> Packet:
        length = int.from_bytes(self.data[12:14], "big") <= LARGEST_LENGTH
        return (Dot3 if length else Ether)(self.data)

    @property
    def type(self) -> int:
        return int.from_bytes(self.data[12:14], "big")

    def type_behind(self, tags: int) -> int:
        """The EtherType behind that many tags."""
        below = self.net(tags).underlayer
        return 0 if below is None else below.type

    def vids(self) -> list[int]:
        """The tags, outermost first."""
        found = [] if self.tci is None else [self.tci & 0xFFF]
        layer = self.link.payload
        while isinstance(layer, _TAGS):
            found.append(layer.vlan)
            layer = layer.payload
        return found

    def vlan(self, position: int, vid: int | None = None) -> bool:
        """The position-th tag, counted from 0, is there and has that number."""
        vids = self.vids()
        return len(vids) > position and vid in (None, vids[position])

    def net(self, tags: int = 0) -> Packet:
        """The layer behind that many tags; NoPayload where there are fewer."""
        layer = self.link.payload
        for tag in range(tags):
            if tag == 0 and self.tci is not None:
                continue
            if not isinstance(layer, _TAGS):
                return NoPayload()
            layer = layer.payload
        return layer


def received(frame: bytes) -> Seen:
    """The frame as the receiving end sees it: the outer tag is taken out."""
    if int.from_bytes(frame[12:14], "big") in KERNEL_TAGS:
        return Seen(frame[:12] + frame[16:], int.from_bytes(frame[14:16], "big"))
    return Seen(frame)


def sent(frame: bytes) -> Seen:
    """The copy that the sending end sees: the tag is inline."""
    return Seen(frame, outgoing=True)


# ---------------------------------------------------------------- questions about a layer


def ip(n: Packet) -> bool:
    return isinstance(n, IP)


def ip6(n: Packet) -> bool:
    return isinstance(n, IPv6)


def arp(n: Packet, ethertype: int = 0x0806) -> bool:
    return isinstance(n, ARP) and getattr(n.underlayer, "type", 0x0806) == ethertype


def protocols(n: Packet) -> set[int]:
    """The numbers for which ``proto`` holds: one fragment header is passed."""
    if ip(n):
        return {n.proto}
    if not ip6(n):
        return set()
    fragment = n.payload
    return {n.nh, fragment.nh} if isinstance(fragment, IPv6ExtHdrFragment) else {n.nh}


def proto4(n: Packet, number: int) -> bool:
    return ip(n) and n.proto == number


def header4(n: Packet, kind: type[Packet]) -> Packet | None:
    """The transport header of that kind in an IPv4 packet that is no later fragment."""
    if ip(n) and n.frag == 0 and isinstance(n.payload, kind):
        return n.payload
    return None


def tcp4(n: Packet) -> Packet | None:
    return header4(n, TCP)


def flags(n: Packet) -> int:
    header = tcp4(n)
    return 0 if header is None else int(header.flags)


def ports(n: Packet, *numbers: int) -> tuple[int, ...]:
    """(source, destination) where the numbers, or TCP, UDP and SCTP, follow the IP header."""
    numbers = numbers or (6, 17, 132)
    if ip(n) and (n.proto not in numbers or n.frag):
        return ()
    if ip6(n) and n.nh not in numbers:
        return ()
    if not (ip(n) or ip6(n)) or not hasattr(n.payload, "sport"):
        return ()
    return n.payload.sport, n.payload.dport


def source_port(n: Packet, *numbers: int) -> int | None:
    return (ports(n, *numbers) or (None, None))[0]


def destination_port(n: Packet, *numbers: int) -> int | None:
    return (ports(n, *numbers) or (None, None))[1]


def ends(n: Packet) -> tuple[str, ...]:
    """(source, destination) as ``host`` understands it."""
    if ip(n) or ip6(n):
        return n.src, n.dst
    if isinstance(n, ARP):
        return n.psrc, n.pdst
    return ()


def source(n: Packet) -> str | None:
    return (ends(n) or (None, None))[0]


def destination(n: Packet) -> str | None:
    return (ends(n) or (None, None))[1]


def in_net(address: str | None, prefix: str) -> bool:
    """prefix: leading text of a dotted or colon address."""
    return address is not None and address.startswith(prefix)


def chain(n: Packet) -> Iterator[int]:
    """The protocol numbers along the headers of a packet."""
    if ip(n):
        yield n.proto
    elif ip6(n):
        yield n.nh
    else:
        return
    following = n.proto if ip(n) else n.nh
    data = bytes(n.payload)
    while following in EXTENSIONS and len(data) > 1 and (ip6(n) or following == 51):
        size = (data[1] + 2) * 4 if following == 51 else (data[1] + 1) * 8
        following, data = data[0], data[size:]
        yield following


def labels(n: Packet) -> list[int]:
    found = []
    while isinstance(n, MPLS):
        found.append(n.label)
        n = n.payload
    return found


def below_labels(n: Packet) -> Packet:
    while isinstance(n, MPLS):
        n = n.payload
    return n


def session(n: Packet, number: int | None = None) -> Packet:
    """The PPP payload of a PPPoE session packet, NoPayload where there is none."""
    if type(n) is PPPoE and isinstance(n.payload, PPP) and number in (None, n.sessionid):
        return n.payload.payload
    return NoPayload()


def tunnel(n: Packet, kind: type[Packet], port: int, vni: int | None = None) -> Packet | None:
    """The tunnel header behind UDP, None where there is none."""
    if destination_port(n, 17) != port or not isinstance(n.payload.payload, kind):
        return None
    header = n.payload.payload
    return header if vni in (None, header.vni) else None


def vxlan(n: Packet, vni: int | None = None) -> Packet | None:
    return tunnel(n, VXLAN, 4789, vni)


def geneve(n: Packet, vni: int | None = None) -> Packet | None:
    return tunnel(n, GENEVE, 6081, vni)


def inside(header: Packet | None) -> Packet:
    """The network layer in a tunnel, behind the inner Ethernet header where there is one."""
    if header is None:
        return NoPayload()
    return header.payload.payload if isinstance(header.payload, Ether) else header.payload


def icmp4(n: Packet) -> Packet | None:
    return header4(n, ICMP)


def udp4(n: Packet) -> Packet | None:
    return header4(n, UDP)


def body(n: Packet) -> bytes:
    """The bytes behind an IPv4 transport header."""
    return bytes(n.payload.payload) if not isinstance(n.payload, Raw) else b""
