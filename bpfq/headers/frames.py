"""Where each header starts: link type, target and encapsulation -> places in the packet.

A place is a constant number of bytes plus, where the header before it has a variable length, a
term.  ``Headers.frame(under)`` gives the frame as a test sees it that stands behind the
encapsulation words ``under``; it is a function of the packet alone, never of the path by which a
test was reached.
"""

from __future__ import annotations

from bpfq.errors import UnsupportedError
from bpfq.graph.build import choose
from bpfq.graph.formula import Atom, Formula, either
from bpfq.graph.nodes import Builder
from bpfq.graph.terms import Constant, Term
from bpfq.operators import Operator, Relation, wrap
from bpfq.record import field, record, replace
from bpfq.tables.linktypes import Layout, LinkType
from bpfq.tables.protocols import ETHERTYPE_IP, ETHERTYPE_TEB, TAG_TYPES
from bpfq.targets import Target

WLAN_HEADER = 24  # bytes of an 802.11 data frame's header without QoS control and fourth address
PRISM_HEADER = 144
AVS_COOKIE, AVS_MASK = 0x80211000, 0xFFFFF000
# radiotap presence bits as read big-endian (the header is little-endian)
RADIOTAP_FLAGS, RADIOTAP_TSFT, RADIOTAP_EXT = 0x02000000, 0x01000000, 0x00000080
RADIOTAP_DATAPAD = 0x20
UDP_HEADER = 8
PEEL = "*"  # among encapsulation words: whatever shims are there, see ``headers.peel``
IPV6_HEADER = 40


@record
class Place:
    """``base + constant`` bytes from byte 0; no base is 0."""

    base: Term | None
    constant: int

    def plus(self, offset: int) -> Place:
        return Place(self.base, wrap(self.constant + offset))


@record
class Frame:
    """The headers as a test sees them.

    kind: how the type field is coded (see ``tables.linktypes``), "cooked" where the kernel
    supplies it, "bare" for a type field without LLC behind a Geneve or GRE header.
    mac: source and destination offsets from ``header``; mac_guard must hold before they are read.
    labels: MPLS labels passed.  encapsulated: behind geneve, vxlan or another tunnel.
    """

    kind: str
    link: LinkType
    header: Place
    type_at: Place
    payload: Place
    network_offset: int
    nosnap_offset: int | None
    mac: tuple[int, int] | None
    station: tuple[int, int] | None
    vlan: bool
    mpls: bool
    llc: bool
    labels: int = 0
    tags: int = 0
    encapsulated: bool = False
    lane: bool = False
    mac_guard: Formula | None = None
    transport: Place | None = None
    type_value: Term | None = None  # where the kernel supplies the type field ("cooked")
    network_place: Place | None = None  # where it is not a fixed distance from the payload

    @property
    def network(self) -> Place:
        return self.network_place or self.payload.plus(self.network_offset)

    @property
    def nosnap(self) -> Place:
        return self.payload.plus(self.nosnap_offset or 0)


@record(frozen=False)
class Headers:
    """Frames of one compile, each resolved once.

    savefile: None, or the byte order of the file read relative to a little-endian machine,
    "unswapped" or "swapped".  through: the shims that ``PEEL`` passes.
    """

    builder: Builder
    target: Target
    link: LinkType
    savefile: str | None = None
    through: frozenset[str] = frozenset()
    _frames: dict[tuple[str, ...], Frame] = field(default_factory=dict)

    def frame(self, under: tuple[str, ...]) -> Frame:
        """The frame behind the encapsulations ``under``, outermost first."""
        known = len(under)
        while known and under[:known] not in self._frames:
            known -= 1
        frame = self._frames.get(under[:known]) or self._outermost()
        self._frames[under[:known]] = frame
        for depth in range(known, len(under)):
            frame = self._behind(frame, under[depth])
            self._frames[under[: depth + 1]] = frame
        return frame

    # ------------------------------------------------------------ loads and small sums

    def load(self, place: Place, offset: int, size: int) -> Term:
        return self.builder.load(place.base, wrap(place.constant + offset), size)

    def atom(
        self, place: Place, offset: int, size: int, value: int,
        mask: int | None = None, relation: Relation = Relation.EQ,
    ) -> Formula:  # fmt: skip
        """``load & mask relation value``."""
        term = self.load(place, offset, size)
        if mask is not None and mask != 2 ** (8 * 4) - 1:
            term = self.sum(Operator.AND, term, mask)
        return Atom(term, relation, self.builder.constant(value))

    def sum(self, operator: Operator, left: Term, right: Term | int) -> Term:
        if isinstance(right, int):
            right = self.builder.constant(right)
        return self.builder.binary(operator, left, right)

    def ipv4_length(self, network: Place) -> Term:
        """Bytes of the IPv4 header at a place (RFC 791: IHL counts words)."""
        low = self.sum(Operator.AND, self.load(network, 0, 1), 0x0F)
        return self.sum(Operator.LSH, low, 2)

    def add(self, place: Place, term: Term) -> Place:
        """The place ``term`` bytes further on."""
        if isinstance(term, Constant):
            return place.plus(term.value)
        if place.base is None:
            return Place(term, place.constant)
        return Place(self.builder.binary(Operator.ADD, term, place.base), place.constant)

    def transport4(self, frame: Frame) -> Place:
        """Behind the IPv4 header."""
        if frame.transport is not None:
            return frame.transport
        return self.add(frame.network, self.ipv4_length(frame.network))

    def transport6(self, frame: Frame) -> Place:
        """Behind the fixed IPv6 header."""
        return frame.transport or frame.network.plus(IPV6_HEADER)

    # ------------------------------------------------------------ the outermost frame

    def _outermost(self) -> Frame:
        layout = self.link.layout or Layout("")
        if self.target.layer == 3:
            return self._layer3(layout)
        header = Place(None, layout.header)
        payload = Place(None, layout.payload)
        type_at = Place(None, layout.type_at or 0)
        if layout.kind == "wlan":
            header, payload = self._wlan_places()
            type_at = payload
        elif layout.kind == "pflog":
            length = self.sum(Operator.ADD, self.builder.load(None, 0, 1), 3)
            payload = Place(self.sum(Operator.AND, length, 0xFFFFFFFC), 0)
        elif layout.kind in ("llc", "sunatm"):
            type_at = payload
        return Frame(
            layout.kind, self.link, header, type_at, payload, layout.network, layout.nosnap,
            layout.mac, layout.station, layout.vlan, layout.mpls, layout.llc,
        )  # fmt: skip

    def _layer3(self, layout: Layout) -> Frame:
        network = Place(None, self.target.network_at)
        start = self.target.transport_at
        transport = None if start is None else Place(None, start)
        return Frame(
            layout.kind, self.link, network, network, network, 0, 0, None, None,
            vlan=self.target.vlan == "metadata", mpls=False, llc=False, transport=transport,
            type_value=self.builder.metadata("proto") if layout.kind == "cooked" else None,
        )  # fmt: skip

    def _wlan_places(self) -> tuple[Place, Place]:
        """The 802.11 header and its payload, behind a radio header where there is one.

        The payload is that of a data frame, which every test that reads it checks for first: 24
        bytes of header, two more with QoS control (bit 0x80 of the frame control).
        """
        header = Place(self._radio_length(), 0)
        qos = self.sum(Operator.AND, self.load(header, 0, 1), 0x80)
        payload = self.add(header, self.sum(Operator.RSH, qos, 6)).plus(WLAN_HEADER)
        if self.link.name == "IEEE802_11_RADIO":
            payload = Place(self._padded(self.address(payload)), 0)
        return header, payload

    def _radio_length(self) -> Term | None:
        b = self.builder
        match self.link.name:
            case "PRISM_HEADER" | "IEEE802_11_RADIO_AVS":
                avs = b.load(None, 4, 4)
                if self.link.name != "PRISM_HEADER":
                    return avs
                cookie = self.sum(Operator.AND, b.load(None, 0, 4), AVS_MASK)
                prism = b.constant(PRISM_HEADER)
                return b.choose(Relation.EQ, cookie, b.constant(AVS_COOKIE), avs, prism)
            case "IEEE802_11_RADIO" | "PPI":
                high = self.sum(Operator.LSH, b.load(None, 3, 1), 8)
                return b.binary(Operator.OR, b.load(None, 2, 1), high)
            case _:
                return None

    def _padded(self, length: Term) -> Term:
        """Rounded up to a word where radiotap says that the driver padded the header."""
        b = self.builder
        presence, none = b.load(None, 4, 4), b.constant(0)
        late, early = b.load(None, 16, 1), b.load(None, 8, 1)
        flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_TSFT), late, early)
        flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_EXT), none, flags)
        flags = b.choose(Relation.SET, presence, b.constant(RADIOTAP_FLAGS), flags, none)
        rounded = self.sum(Operator.AND, self.sum(Operator.ADD, length, 3), 0xFFFFFFFC)
        return b.choose(Relation.SET, flags, b.constant(RADIOTAP_DATAPAD), rounded, length)

    # ------------------------------------------------------------ behind an encapsulation

    def _behind(self, frame: Frame, word: str) -> Frame:
        match word:
            case "vlan":
                return self._behind_vlan(frame)
            case _ if word == PEEL:
                return _peel(self, frame)
            case "mpls":
                return replace(
                    frame, labels=frame.labels + 1, network_offset=frame.network_offset + 4
                )
            case "pppoes":
                return self._behind_pppoe(frame)
            case "lane":
                return self._behind_lane(frame)
            case "geneve" | "vxlan" | "gre" | "ipip":
                return self._behind_tunnel(frame, word)
            case _:
                raise UnsupportedError(f"no header can stand behind '{word}'")

    def tag_in_metadata(self, frame: Frame) -> bool:
        """The frame's outermost VLAN tag is kept in metadata on this target."""
        outermost = not frame.tags and not frame.encapsulated
        return (
            outermost and self.target.vlan == "metadata" and frame.kind in ("ethernet", "cooked")
            and self.link.name in ("EN10MB", "COOKED")
        )  # fmt: skip

    def _behind_vlan(self, frame: Frame) -> Frame:
        if frame.type_value is not None:
            return self._behind_cooked_vlan(frame, frame.type_value)
        b = self.builder
        shift: Term = b.constant(4)
        if self.tag_in_metadata(frame):
            stripped = (b.metadata("vlanp"), b.constant(1))
            shift = b.choose(Relation.EQ, *stripped, b.constant(0), shift)
        return replace(
            frame, tags=frame.tags + 1, type_at=self.add(frame.type_at, shift),
            payload=self.add(frame.payload, shift),
        )  # fmt: skip

    def _behind_cooked_vlan(self, frame: Frame, value: Term) -> Frame:
        """A tag that is left in the bytes starts with its TCI; the type behind it follows."""
        b = self.builder
        none = b.constant(0)
        tagged = either(*(Atom(value, Relation.EQ, b.constant(tpid)) for tpid in TAG_TYPES))
        shift = choose(tagged, b.constant(4), none, b)
        behind = choose(tagged, self.load(frame.payload, 2, 2), value, b)
        if not frame.tags:
            stripped = (b.metadata("vlanp"), b.constant(1))
            shift = b.choose(Relation.EQ, *stripped, none, shift)
            behind = b.choose(Relation.EQ, *stripped, value, behind)
        payload = self.add(frame.payload, shift)
        return replace(frame, tags=frame.tags + 1, payload=payload, type_value=behind)

    def _behind_pppoe(self, frame: Frame) -> Frame:
        header = frame.network.plus(6)  # RFC 2516: six bytes, then the PPP protocol
        return replace(
            frame, kind="ppp", header=header, type_at=header, payload=header.plus(2),
            network_offset=0, nosnap_offset=0, mac=None, vlan=False, mpls=True, llc=False,
        )  # fmt: skip

    def _behind_lane(self, frame: Frame) -> Frame:
        header = frame.payload.plus(2)  # LE client identifier, then an Ethernet frame
        return replace(
            frame, kind="ethernet", header=header, type_at=header.plus(12),
            payload=header.plus(14), network_offset=0, nosnap_offset=3, mac=(6, 0),
            vlan=True, mpls=True, llc=True, lane=True,
        )  # fmt: skip

    def udp_header(self, frame: Frame) -> Place:
        """The UDP header of a tunnel: behind IPv4 where the frame carries it, else behind IPv6."""
        return self._behind_ip(frame)

    def _behind_ip(self, frame: Frame) -> Place:
        from bpfq.headers.linktype import type_is  # which in turn needs the frames

        length = choose(
            type_is(self, frame, ETHERTYPE_IP), self.ipv4_length(frame.network),
            self.builder.constant(IPV6_HEADER), self.builder,
        )  # fmt: skip
        return self.add(frame.network, length)

    def _behind_tunnel(self, frame: Frame, word: str) -> Frame:
        outer = self._behind_ip(frame)
        if word == "vxlan":  # RFC 7348: eight bytes, then an Ethernet frame
            return _inner_ethernet(frame, outer.plus(UDP_HEADER + 8))
        if word == "ipip":
            return replace(
                frame, kind="nibble", header=outer, type_at=outer, payload=outer,
                network_offset=0, nosnap_offset=0, mac=None, labels=0, encapsulated=True,
                vlan=False, mpls=False, llc=False, network_place=None,
            )  # fmt: skip
        if word == "geneve":  # RFC 8926: eight bytes, options counted in words
            header = outer.plus(UDP_HEADER)
            words = self.sum(Operator.AND, self.load(header, 0, 1), 0x3F)
            inner = self.add(header, self.sum(Operator.MUL, words, 4)).plus(8)
        else:  # RFC 2784 and 2890: checksum, key and sequence number of four bytes each
            header = outer
            inner = self.add(header, self._gre_options(header)).plus(4)
        return self._inner_typed(frame, header.plus(2), inner)

    def _gre_options(self, header: Place) -> Term:
        flags = self.load(header, 0, 1)
        count: Term = self.builder.constant(0)
        for bit in (7, 5, 4):  # C, K, S
            one = self.sum(Operator.AND, self.sum(Operator.RSH, flags, bit), 1)
            count = self.sum(Operator.ADD, one, count)
        return self.sum(Operator.LSH, count, 2)

    def _inner_typed(self, frame: Frame, protocol: Place, inner: Place) -> Frame:
        """Behind a header with an EtherType: an Ethernet frame if it says so, else bare."""
        b = self.builder
        type_field = (self.load(protocol, 0, 2), b.constant(ETHERTYPE_TEB))
        start = self.address(inner)
        bridged = self.sum(Operator.ADD, start, 12)
        type_at = b.choose(Relation.EQ, *type_field, bridged, self.address(protocol))
        payload = b.choose(Relation.EQ, *type_field, self.sum(Operator.ADD, start, 14), start)
        ethernet = _inner_ethernet(frame, inner)
        return replace(
            ethernet, type_at=Place(type_at, 0), payload=Place(payload, 0),
            mac_guard=Atom(type_field[0], Relation.EQ, type_field[1]),
        )  # fmt: skip

    def address(self, place: Place) -> Term:
        """The place as one term."""
        if place.base is None:
            return self.builder.constant(place.constant)
        return self.sum(Operator.ADD, place.base, place.constant)


def _peel(headers: Headers, frame: Frame) -> Frame:
    from bpfq.headers.peel import peel  # which in turn needs the frames

    return peel(headers, frame)


def _inner_ethernet(frame: Frame, start: Place) -> Frame:
    return replace(
        frame, kind="ethernet", header=start, type_at=start.plus(12), payload=start.plus(14),
        network_offset=0, nosnap_offset=3, mac=(6, 0), station=None, vlan=True, mpls=True,
        llc=True, labels=0, encapsulated=True, lane=False, mac_guard=None, transport=None,
        network_place=None,
    )  # fmt: skip
