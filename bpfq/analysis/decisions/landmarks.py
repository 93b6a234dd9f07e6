"""Where the headers and fields of a filter lie, as far as is known of a packet.

    a packet with [12:2] = 0x800 and [23] = 6    =>    ip starts at 14, tcp at 14 + 4*([14]&0xf)

What is known is a world: which values some windows can have.  Places are those that lowering made,
for every frame that the query looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from bpfq.errors import BpfqError
from bpfq.graph.formula import TRUE, All, Any, Atom, Formula
from bpfq.graph.nodes import Builder
from bpfq.graph.terms import Binary, Constant, Load, Metadata, Term
from bpfq.headers.frames import frame
from bpfq.headers.linktype import type_is
from bpfq.headers.places import Frame, Headers, Place
from bpfq.operators import Operator, Relation
from bpfq.query.nodes import Encapsulation, Query
from bpfq.query.through import look_through
from bpfq.query.walk import leaves, unders
from bpfq.record import record
from bpfq.settings import Settings
from bpfq.tables import protocols as p

WORD_MASKS: Final = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFF_FFFF}
_TAGS: Final = {
    p.ETHERTYPE_8021Q: "802.1Q tag", p.ETHERTYPE_8021AD: "802.1ad tag",
    p.ETHERTYPE_8021QINQ: "QinQ tag", p.ETHERTYPE_MPLS: "mpls", p.ETHERTYPE_PPPOED: "pppoed",
    p.ETHERTYPE_PPPOES: "pppoes",
}  # fmt: skip
ETHERTYPES: Final = _TAGS | {
    row.numbers[0]: row.name for row in p.PROTOCOLS.values() if row.layers == ("link",)
}
_NETWORKS: Final = ("ip", "ip6", "arp", "rarp")
_PROTOCOL_AT: Final = {"ip": 9, "ip6": 6}  # RFC 791, RFC 8200
_NUMBERS: Final = {  # protocol -> what stands behind an IP header, in the words of filters
    number: row.name
    for row in reversed(p.PROTOCOLS.values())  # of two words the first one
    if row.base in ("transport", "icmp6")
    for number in row.numbers
}
_MOST_FRAMES: Final = 12
_FRAGMENT_HEADER: Final = 8  # bytes, RFC 8200


class Window(NamedTuple):
    """The bits of a mask in ``size`` bytes at base + at; a base of None is byte 0."""

    base: Term | None
    at: int
    size: int
    mask: int


class Header(NamedTuple):
    """A header by its word, and its first byte."""

    word: str
    base: Term | None
    at: int


World: TypeAlias = Mapping[Window, frozenset[int]]
"""What some windows can hold; of others nothing is known."""


def window_of(term: Term) -> Window | None:
    """A load or the bits of one; None for other terms."""
    match term:
        case Load(index, offset, size):
            return Window(index, offset, size, WORD_MASKS[size])
        case Metadata():
            return Window(term, 0, 4, WORD_MASKS[4])
        case Binary(Operator.AND, left, Constant(mask)):
            inner = window_of(left) if isinstance(left, Load | Metadata) else None
            return inner and Window(inner.base, inner.at, inner.size, inner.mask & mask)
        case _:
            return None


def shift_in(inner: Window, outer: Window) -> int | None:
    """How many bits inner's value stands from the right of outer's; None where it is not in it."""
    if inner.base is not outer.base or inner.at < outer.at:
        return None
    shift = 8 * (outer.at + outer.size - inner.at - inner.size)
    if shift < 0 or (outer.mask >> shift) & inner.mask != inner.mask:
        return None
    return shift


@record(frozen=False, eq=False)
class Landmarks:
    """The frames that a query looks at.

    types: of each, what the values of its type field name.  fixed: of each, the network protocol
    that the link type implies.  keys: the windows that worlds are about: types, and what IP
    headers say follows them.
    """

    headers: Headers
    frames: tuple[Frame, ...]
    types: tuple[dict[Window, dict[int, int]], ...]
    fixed: tuple[str | None, ...]
    keys: tuple[Window, ...]

    @property
    def builder(self) -> Builder:
        return self.headers.builder

    def is_type(self, window: Window) -> bool:
        return any(window in types for types in self.types)

    def ethertype(self, window: Window, value: int) -> str:
        """What a value of a type field names; empty where that is not known."""
        for types in self.types:
            number = types.get(window, {}).get(value)
            if number is not None:
                return ETHERTYPES[number]
        return ""

    def headers_in(self, world: World) -> Iterator[Header]:
        """The headers of packets of a world, outermost first."""
        for number, one in enumerate(self.frames):
            if one.mac is not None:
                yield Header("link", one.header.base, one.header.constant)
            if one.tags and one.type_value is None:
                yield Header("vlan", one.type_at.base, one.type_at.constant - 2)
            if one.labels:
                yield Header("mpls", one.network.base, one.network.constant - 4)
            kind = self.fixed[number] or self._network(self.types[number], world)
            if kind is not None:
                yield Header(kind, one.network.base, one.network.constant)
            target = self.headers.target
            if kind in _PROTOCOL_AT or target.transport:
                yield from self._transports(one, kind, world)

    def _network(self, types: dict[Window, dict[int, int]], world: World) -> str | None:
        for window, numbers in types.items():
            names = {ETHERTYPES.get(numbers.get(value, -1)) for value in world.get(window, ())}
            if len(names) == 1 and (name := names.pop()) in _NETWORKS:
                return name
        return None

    def _transports(self, one: Frame, kind: str | None, world: World) -> Iterator[Header]:
        """One for each protocol that it may be."""
        only = self.headers.target.transport
        if kind is None or only:
            words, place = {only or ""}, one.transport
        else:
            key = _byte(one.network.plus(_PROTOCOL_AT[kind]))
            numbers = world.get(key, frozenset())
            words = {_NUMBERS.get(number, "") for number in numbers}
            in_ip = kind == "ip"
            place = self.headers.transport4(one) if in_ip else self.headers.transport6(one)
            if numbers == {p.PROTO_FRAGMENT} and not in_ip:
                words = {"fragment"}
        if place is not None:
            for word in sorted(words - {""}):
                yield Header(word, place.base, place.constant)


def _byte(place: Place) -> Window:
    return Window(place.base, place.constant, 1, 0xFF)


def landmarks(query: Query, settings: Settings) -> Landmarks:
    """What the primitives of a query stand behind, for its target and link type."""
    through = frozenset(settings.through)
    h = Headers(Builder(), settings.target, settings.link, settings.savefile, through)
    wanted: dict[tuple[str, ...], None] = {(): None}
    for leaf in leaves(look_through(query, settings.through)):
        behind = [(*leaf.under, leaf.kind)] if isinstance(leaf, Encapsulation) else []
        for under in (*unders(leaf), *behind):
            wanted.update(dict.fromkeys(under[:depth] for depth in range(1, len(under) + 1)))
        if len(wanted) > _MOST_FRAMES:
            break
    frames = []
    for under in wanted:
        try:
            frames.append(frame(h, under))
        except BpfqError:
            continue
    found = [_types(h, one) for one in frames]
    types = tuple(table for table, _ in found)
    protocols = (_byte(one.network.plus(at)) for one in frames for at in _PROTOCOL_AT.values())
    keys = dict.fromkeys((*(window for table in types for window in table), *protocols))
    return Landmarks(h, tuple(frames), types, tuple(fixed for _, fixed in found), tuple(keys))


def _types(h: Headers, one: Frame) -> tuple[dict[Window, dict[int, int]], str | None]:
    """What the type field of a frame tells by its values, and what it needs no field for."""
    types: dict[Window, dict[int, int]] = {}
    for number, name in ETHERTYPES.items():
        try:
            formula = type_is(h, one, number)
        except BpfqError:
            continue
        if formula is TRUE and name in _NETWORKS:
            return {}, name
        for window, value in _equalities(formula):
            types.setdefault(window, {})[value] = number
    return types, None


def _equalities(formula: Formula) -> Iterator[tuple[Window, int]]:
    """The atoms of which one must hold, at the end of a formula."""
    match formula:
        case Atom(term, Relation.EQ, Constant(value)):
            window = window_of(term)
            if window is not None:
                yield window, value
        case All(operands):
            yield from _equalities(operands[-1])
        case Any(operands):
            for operand in operands:
                yield from _equalities(operand)
        case _:
            return
