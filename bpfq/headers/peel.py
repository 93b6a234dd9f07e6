"""The frame behind whatever tags, PPPoE and labels a packet happens to have.

``through=("vlan", ...)`` lets a test look below encapsulations that may or may not be there.  The
shims between Ethernet and the network header are passed by arithmetic on the packet itself, so
that every test is made once, however many combinations there are: at most one VLAN tag, two with
"qinq", then PPPoE, then up to three MPLS labels.
"""

from __future__ import annotations

from bpfq.graph.build import choose
from bpfq.graph.formula import FALSE, Formula, both, either
from bpfq.graph.terms import Term
from bpfq.headers.places import Frame, Headers, Place
from bpfq.operators import Relation
from bpfq.record import replace
from bpfq.tables import protocols as p

LABELS_AT_MOST = 3
_PPP_IP, _PPP_IPV6, _PPP_MPLS = 0x0021, 0x0057, 0x0281
_PPPOE_HEADER = 8  # six bytes and the PPP protocol
_NIBBLES = {p.ETHERTYPE_IP: (_PPP_IP, 0x40), p.ETHERTYPE_IPV6: (_PPP_IPV6, 0x60)}


def peel(h: Headers, frame: Frame) -> Frame:
    """The frame with its tags passed; other link layers than Ethernet stay as they are."""
    if frame.kind != "ethernet":
        return frame
    peeled = replace(frame, kind="peeled", vlan=False)
    tags = 2 if "qinq" in h.through else int("vlan" in h.through)
    for depth in range(tags):
        shift = _tag_length(h, frame, peeled.type_at, first=depth == 0)
        peeled = replace(
            peeled,
            type_at=h.add(peeled.type_at, shift),
            payload=h.add(peeled.payload, shift),
        )
    return replace(peeled, network_place=_network(h, peeled))


def _tag_length(h: Headers, frame: Frame, type_at: Place, first: bool) -> Term:
    """4 where a VLAN tag stands in the bytes, else 0."""
    b = h.builder
    tagged = either(*(h.atom(type_at, 0, 2, tpid) for tpid in p.TAG_TYPES))
    shift = choose(tagged, b.constant(4), b.constant(0), b)
    if first and h.tag_in_metadata(frame):
        stripped = (b.metadata("vlanp"), b.constant(1))
        shift = b.choose(Relation.EQ, *stripped, b.constant(0), shift)
    return shift


def _session(h: Headers, frame: Frame) -> Formula:
    if "pppoe" not in h.through:
        return FALSE
    return h.atom(frame.type_at, 0, 2, p.ETHERTYPE_PPPOES)


def _labelled(h: Headers, frame: Frame) -> Formula:
    if "mpls" not in h.through:
        return FALSE
    over_ppp = both(_session(h, frame), h.atom(frame.type_at, _PPPOE_HEADER, 2, _PPP_MPLS))
    return either(h.atom(frame.type_at, 0, 2, p.ETHERTYPE_MPLS), over_ppp)


def _network(h: Headers, frame: Frame) -> Place:
    b = h.builder
    none = b.constant(0)
    session = choose(_session(h, frame), b.constant(_PPPOE_HEADER), none, b)
    behind = h.add(frame.payload, session)
    labels: Term = b.constant(4 * LABELS_AT_MOST)
    for size in reversed(range(4, 4 * LABELS_AT_MOST, 4)):
        last = h.atom(behind.plus(size - 2), 0, 1, 0x01, relation=Relation.SET)
        labels = choose(last, b.constant(size), labels, b)
    return h.add(behind, choose(_labelled(h, frame), labels, none, b))


def peeled_type(h: Headers, frame: Frame, number: int, plain: Formula) -> Formula:
    """The protocol is there: directly (``plain``), in a PPPoE session, or below labels."""
    if number not in _NIBBLES:
        return plain
    ppp, nibble = _NIBBLES[number]
    last = h.atom(frame.network.plus(-2), 0, 1, 0x01, relation=Relation.SET)
    return either(
        plain,
        both(_session(h, frame), h.atom(frame.type_at, _PPPOE_HEADER, 2, ppp)),
        both(_labelled(h, frame), last, h.atom(frame.network, 0, 1, nibble, 0xF0)),
    )
