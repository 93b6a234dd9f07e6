"""The query tree: what is asked of a packet, without offsets, link types or machines.

Nodes are frozen and compare by structure; source spans ride along and take no part in equality.
What pcap text says through position (``vlan`` moving every later test behind a tag) is stored on
the node as ``under``: the encapsulation keywords, outermost first, that precede it.  A node thus
means the same wherever it stands.

No walk of a tree recurses, equality, hashing and representation included: trees of 20 000 nested
operands are ordinary.  Construct nodes through ``bpfq.query.build``, which checks the arguments.
"""

from __future__ import annotations

from typing import TypeAlias

from bpfq.named_set import NamedSet as NamedSet
from bpfq.operators import Operator
from bpfq.query.structure import Spanned
from bpfq.record import field, record

Under: TypeAlias = tuple[str, ...]  # encapsulation keywords, outermost first


# ---------------------------------------------------------------- Boolean structure


@record(eq=False, repr=False)
class Constant(Spanned):
    """Every packet, or none."""

    value: bool


@record(eq=False, repr=False)
class Not(Spanned):
    operand: Query


@record(eq=False, repr=False)
class And(Spanned):
    """All operands, tested from left to right; two or more, none of them an And."""

    operands: tuple[Query, ...]


@record(eq=False, repr=False)
class Or(Spanned):
    """Some operand, tested from left to right; two or more, none of them an Or."""

    operands: tuple[Query, ...]


@record(eq=False, repr=False)
class When(Spanned):
    """``then`` where the condition holds, else ``otherwise``."""

    condition: Query
    then: Query
    otherwise: Query


@record(eq=False, repr=False)
class Sample(Spanned):
    """A random 32-bit draw is below the threshold; every occurrence draws anew."""

    threshold: int  # of 2**32


# ---------------------------------------------------------------- protocols


@record(eq=False, repr=False)
class Protocol(Spanned):
    """The packet carries the protocol that a word names (``tcp``, ``arp``, ``stp``, ``l1``)."""

    name: str
    under: Under = ()


@record(eq=False, repr=False)
class ProtocolNumber(Spanned):
    """The type or next-protocol field of a layer holds a number.

    layer: "link" (EtherType, or LLC SAP up to 1500), "ip", "ip6", "inet" (either), "iso", "isis".
    """

    layer: str
    number: int
    under: Under = ()


@record(eq=False, repr=False)
class ProtocolChain(Spanned):
    """A protocol stands somewhere in the chain of extension headers; layer "ip", "ip6", "inet"."""

    layer: str
    number: int
    under: Under = ()


@record(eq=False, repr=False)
class Encapsulation(Spanned):
    """A shim or tunnel header is here, with this identifier or any (None).

    kind: "vlan" (12-bit id), "mpls" (20-bit label), "pppoed", "pppoes" (16-bit session),
    "geneve", "vxlan" (24-bit VNI), "gre", "ipip".
    """

    kind: str
    identifier: int | None = None
    under: Under = ()


# ---------------------------------------------------------------- addresses and ports

Network: TypeAlias = tuple[int, int]  # address and mask, 32 or 128 bits


@record(eq=False, repr=False)
class Address4(Spanned):
    """An IPv4, ARP or RARP packet has an address in one of the networks.

    protocol: "ip", "arp", "rarp" or None for any of the three.
    direction: "src", "dst", "src or dst", "src and dst".
    """

    protocol: str | None
    direction: str
    networks: tuple[Network, ...]
    under: Under = ()


@record(eq=False, repr=False)
class Address6(Spanned):
    """An IPv6 packet has an address in one of the networks."""

    direction: str
    networks: tuple[Network, ...]
    under: Under = ()


@record(eq=False, repr=False)
class MacAddress(Spanned):
    """A link-layer address of 48 bits; direction also "addr1" to "addr4", "ra", "ta"."""

    direction: str
    addresses: tuple[int, ...]
    under: Under = ()


@record(eq=False, repr=False)
class StationAddress(Spanned):
    """A link-layer address of 8 bits (ARCnet, BACnet MS/TP)."""

    direction: str
    address: int
    under: Under = ()


@record(eq=False, repr=False)
class DecnetAddress(Spanned):
    direction: str
    address: int  # area << 10 | node
    under: Under = ()


@record(eq=False, repr=False)
class Gateway(Spanned):
    """The frame passes through a host but is not for it: its MAC, none of its IPv4 addresses."""

    protocol: str | None
    macs: tuple[int, ...]
    addresses: tuple[int, ...]
    under: Under = ()


@record(eq=False, repr=False)
class Port(Spanned):
    """A TCP, UDP or SCTP port in low..high; protocol None is any of the three."""

    protocol: str | None
    direction: str
    low: int
    high: int
    under: Under = ()


@record(eq=False, repr=False)
class InSet(Spanned):
    """An address or a port is in a named set.

    protocol and direction: as of Address4, Address6, Port or MacAddress, by the kind of the set.
    """

    protocol: str | None
    direction: str
    members: NamedSet
    under: Under = ()


@record(eq=False, repr=False)
class Broadcast(Spanned):
    layer: str  # "link", "ip"
    under: Under = ()


@record(eq=False, repr=False)
class Multicast(Spanned):
    layer: str  # "link", "ip", "ip6"
    under: Under = ()


# ---------------------------------------------------------------- bytes and arithmetic


@record(eq=False, repr=False)
class Number(Spanned):
    value: int  # 0 .. 2**32 - 1


@record(eq=False, repr=False)
class Length(Spanned):
    """The packet's length on the wire in bytes."""


@record(eq=False, repr=False)
class Index(Spanned):
    """1, 2 or 4 bytes, big-endian, of a protocol's header; implies that the protocol is there."""

    protocol: str
    offset: Value  # bytes from the start of the header
    size: int
    under: Under = ()


@record(eq=False, repr=False)
class FieldValue(Spanned):
    """A named header field ("tcp.dport"), over IPv4 and IPv6 alike."""

    name: str
    under: Under = ()


@record(eq=False, repr=False)
class Arithmetic(Spanned):
    operator: Operator
    left: Value
    right: Value
    depth: int = field(default=1, compare=False, kw_only=True)


@record(eq=False, repr=False)
class Negative(Spanned):
    operand: Value
    depth: int = field(default=1, compare=False, kw_only=True)


@record(eq=False, repr=False)
class Compare(Spanned):
    """A relation between two values: "=", "!=", ">", ">=", "<", "<=", all unsigned."""

    relation: str
    left: Value
    right: Value


@record(eq=False, repr=False)
class LinkByte(Spanned):
    """``byte i op v`` on the link header; op "=", "<", ">", "&" or "|" (result not zero)."""

    offset: int
    operator: str
    value: int
    under: Under = ()


# ---------------------------------------------------------------- link layers of their own


@record(eq=False, repr=False)
class PacketDirection(Spanned):
    inbound: bool
    under: Under = ()


@record(eq=False, repr=False)
class InterfaceIndex(Spanned):
    index: int
    under: Under = ()


@record(eq=False, repr=False)
class Llc(Spanned):
    """An 802.2 frame; kind None, a class "i", "s", "u" or a control word such as "rr", "ui"."""

    kind: str | None = None
    under: Under = ()


@record(eq=False, repr=False)
class FrameType(Spanned):
    """802.11 frame type (bits 0x0c of the frame control) and subtype (bits 0xf0) or None."""

    type: int
    subtype: int | None = None
    under: Under = ()


@record(eq=False, repr=False)
class FrameDirection(Spanned):
    """802.11 distribution-system bits: 0 nods, 1 tods, 2 fromds, 3 dstods."""

    value: int
    under: Under = ()


@record(eq=False, repr=False)
class FirewallLog(Spanned):
    """A field of the OpenBSD pf log header: "ifname", "rset", "rnr", "srnr", "reason", "action"."""

    name: str
    value: int | str
    under: Under = ()


@record(eq=False, repr=False)
class AtmField(Spanned):
    """SunATM "vpi" or "vci" stands in a relation to one value, or is one of several ("=")."""

    name: str
    relation: str
    values: tuple[int, ...]
    under: Under = ()


@record(eq=False, repr=False)
class AtmClass(Spanned):
    """A named kind of SunATM cell: "lane", "metac", "bcc", "oam", "connectmsg", ..."""

    name: str
    under: Under = ()


@record(eq=False, repr=False)
class Ss7Unit(Spanned):
    """An MTP2 signal unit: "fisu", "lssu", "msu" and "hfisu", "hlssu", "hmsu"."""

    name: str
    under: Under = ()


@record(eq=False, repr=False)
class Ss7Field(Spanned):
    """ "sio", "opc", "dpc", "sls" and their "h" forms, in a relation or one of several values."""

    name: str
    relation: str
    values: tuple[int, ...]
    under: Under = ()


Value: TypeAlias = Number | Length | Index | FieldValue | Arithmetic | Negative

Leaf: TypeAlias = (
    Constant
    | Sample
    | Protocol
    | ProtocolNumber
    | ProtocolChain
    | Encapsulation
    | Address4
    | Address6
    | MacAddress
    | StationAddress
    | DecnetAddress
    | Gateway
    | Port
    | InSet
    | Broadcast
    | Multicast
    | Compare
    | LinkByte
    | PacketDirection
    | InterfaceIndex
    | Llc
    | FrameType
    | FrameDirection
    | FirewallLog
    | AtmField
    | AtmClass
    | Ss7Unit
    | Ss7Field
)

Query: TypeAlias = Not | And | Or | When | Leaf
