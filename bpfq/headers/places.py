"""Places in a packet, the frame that a test sees, and the loads and sums made from them.

A place is a constant number of bytes plus, where the header before it has a variable length, a
term.  A frame is a function of the packet alone, never of the path by which a test was reached.
"""

from __future__ import annotations

from bpfq.graph.bounds import largest
from bpfq.graph.formula import Atom, Formula
from bpfq.graph.nodes import NEAR_THE_END, Builder
from bpfq.graph.terms import Constant, Term
from bpfq.operators import WORD_MASK, Operator, Relation, wrap
from bpfq.record import field, record
from bpfq.tables.linktypes import LinkType
from bpfq.targets import SKF_NET_OFF, Target

UDP_HEADER = 8
_FARTHEST = (1 << 31) - (1 << 17)  # no packet is this long; any offset added stays below 2**31
IPV6_HEADER = 40
_FARTHEST_BEHIND_NETWORK = 0xF_0000  # SKF_NET_OFF and this stay below 2**32, by some offset


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
    supplies it, "peeled" behind whatever shims there are (see ``headers.peel``).
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
    """What places and frames of one compile are made of; frames are resolved once each.

    savefile: None, or the byte order of the file read relative to a little-endian machine,
    "unswapped" or "swapped".  through: the shims that ``headers.peel`` passes.
    """

    builder: Builder
    target: Target
    link: LinkType
    savefile: str | None = None
    through: frozenset[str] = frozenset()
    frames: dict[tuple[str, ...], Frame] = field(default_factory=dict)

    def load(self, place: Place, offset: int, size: int) -> Term:
        """size bytes at an offset from a place.

        Places before byte 0 (Juniper headers of unknown length) stay indexed loads: as absolute
        offsets near 2**32 they would ask a kernel for something else.
        """
        at = wrap(place.constant + offset)
        if place.base is None and at >= NEAR_THE_END and not self.target.network_at:
            return self.indexed(self.builder.constant(at), 0, size)
        return self.indexed(place.base, at, size)

    def indexed(self, index: Term | None, at: int, size: int) -> Term:
        """size bytes at index + at.

        For a kernel the index is never so large that it is taken for something else than a place:
        there X + k wraps, and from 0xffe00000 on it counts from a header; a load that far out has
        to fail (bpf_internal_load_pointer_neg_helper, kernel/bpf/core.c of Linux 6.18).
        """
        farthest = _FARTHEST_BEHIND_NETWORK if at >= SKF_NET_OFF else _FARTHEST
        if index is not None and self.target.metadata and largest(index) > farthest:
            beyond = self.builder.constant(farthest)
            index = self.builder.choose(Relation.GT, index, beyond, beyond, index)
        return self.builder.load(index, at, size)

    def atom(
        self, place: Place, offset: int, size: int, value: int,
        mask: int | None = None, relation: Relation = Relation.EQ,
    ) -> Formula:  # fmt: skip
        """``load & mask relation value``."""
        term = self.load(place, offset, size)
        if mask is not None and mask != WORD_MASK:
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

    def address(self, place: Place) -> Term:
        """The place as one term."""
        if place.base is None:
            return self.builder.constant(place.constant)
        return self.sum(Operator.ADD, place.base, place.constant)

    def tag_in_metadata(self, frame: Frame) -> bool:
        """The frame's outermost VLAN tag is kept in metadata on this target."""
        outermost = not frame.tags and not frame.encapsulated
        return (
            outermost and self.target.vlan == "metadata" and frame.kind in ("ethernet", "cooked")
            and self.link.name in ("EN10MB", "COOKED")
        )  # fmt: skip
