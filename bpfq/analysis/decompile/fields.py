"""The words of a program brought to the words that primitives compare.

    bytes 4 at 20 & 0x1fff00ff = 6     bytes 2 at 20 & 0x1fff = 0 and byte 23 = 6
    bytes 4 at x + 14 = 0x500050       bytes 2 at x + 14 = 80 and bytes 2 at x + 16 = 80
    byte 26 = 10                       bytes 4 at 26 in 10.0.0.0 to 10.255.255.255

A compiler reads several fields with one load, or only the part of a field that decides; a reader
thinks in fields.  What the fields are is found by lowering a primitive for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from bpfq.analysis.decompile.space import Space, conditions, rewritten
from bpfq.intervals import Bounds
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query.nodes import Query, Under
from bpfq.record import field, record
from bpfq.symbolic.overlap import Part, Place, Source, by_parts, placed
from bpfq.symbolic.propositions import FALSE, TRUE, Condition, Member, Packet, Proposition
from bpfq.symbolic.words import Word

_Bits: TypeAlias = tuple[Place, ...]
_Field: TypeAlias = tuple[Word, _Bits]
_Ending: TypeAlias = Mapping[Place, list[_Field]]  # fields by their last bit
_ADDRESS = 32  # bits


@record
class _Fields:
    """By where loads count from.  begun: those of which a program may compare the beginning."""

    ending: dict[Source, dict[Place, list[_Field]]] = field(default_factory=dict)
    begun: dict[Source, list[_Field]] = field(default_factory=dict)


def in_fields(
    program: Proposition, unders: Iterable[Under], space: Space, *, ipv6: bool
) -> Proposition:
    """The program over fields that stand at one of the positions, where it compares others.

    ipv6: bytes that begin a word of an IPv6 address, too, are taken for the beginning of one.
    """
    fields = _Fields()
    for under in unders:
        four = build.address4(None, "src or dst", ((1, 0xFFFFFFFF),), under)
        six = build.address6("src or dst", ((1, (1 << 128) - 1),), under)
        for query in (*_queries(under), four, six):
            for source, one in _compared(query, space):
                ending = fields.ending.setdefault(source, {}).setdefault(one[1][0], [])
                if one not in ending:
                    ending.append(one)
        for query in (four, six) if ipv6 else (four,):
            for source, one in _compared(query, space):
                if len(one[1]) == _ADDRESS:
                    fields.begun.setdefault(source, []).append(one)
    return rewritten(program, partial(_by_fields, fields=fields, packet=space.packet), space.packet)


def _queries(under: Under) -> Iterator[Query]:
    """Primitives that together compare every field that is no address."""
    for layer in ("link", "ip", "ip6"):
        yield build.protocol_number(layer, 1, under)
    yield build.port(None, "src or dst", 1, 1, under)
    for name, places in (("icmp", (0, 1)), ("icmp6", (0, 1)), ("tcp", (12, 13))):
        for place in places:
            byte = build.index(name, build.number(place), 1, under)
            yield build.compare("=", byte, build.number(1))
    for kind in ("vlan", "mpls", "pppoes"):
        yield build.encapsulation(kind, 1, under)


def _compared(query: Query, space: Space) -> Iterator[tuple[Source, _Field]]:
    """The whole words that a query compares."""
    proposition = space.proposition(query)
    for condition in () if proposition is None else conditions(proposition):
        where = placed(condition.word) if isinstance(condition, Member) else None
        if where is not None and None not in where[1]:
            assert isinstance(condition, Member)
            yield where[0], (condition.word, where[1])


def _by_fields(condition: Condition, fields: _Fields, packet: Packet) -> Proposition | None:
    """None where the condition stays as it is."""
    where = placed(condition.word) if isinstance(condition, Member) else None
    if where is None:
        return None
    assert isinstance(condition, Member)
    source, bits = where
    ending = fields.ending.get(source, {})
    if any(bits == known for _, known in ending.get(bits[0], ())):
        return None
    wider = _wider(bits, fields.begun.get(source, ()))
    if wider is not None:
        word, behind = wider
        return packet.member(word, tuple(bound << behind for bound in condition.bounds))
    parts = _parts(bits, ending, source, packet)
    if not parts:
        return None
    outside = condition.bounds[0] != 0
    edges = condition.bounds if outside else condition.bounds[1:]
    cuts = tuple(edge for edge in edges if edge <= condition.word.most)
    sides = (FALSE, TRUE) if outside else (TRUE, FALSE)
    children: list[Proposition] = [sides[n % 2] for n in range(len(cuts) + 1)]
    return by_parts(parts, cuts, children, partial(_look, packet))


def _wider(bits: _Bits, addresses: Iterable[_Field]) -> tuple[Word, int] | None:
    """The word that these bytes are the beginning of, and how many of its bits are behind them."""
    for word, whole in addresses:
        behind = _ADDRESS - len(bits)
        if behind and behind % 8 == 0 and whole[behind:] == bits:
            return word, behind
    return None


# ---------------------------------------------------------------- words of several fields


def _parts(bits: _Bits, fields: _Ending, source: Source, packet: Packet) -> list[Part]:
    """The word's fields from its lowest bits on, and the bytes besides; empty without a field."""
    last = next(bit + n for n, bit in enumerate(bits) if bit is not None)
    if last % 8 != 7 or any(bit not in (None, last - n) for n, bit in enumerate(bits)):
        return []  # shifted
    parts: list[Part] = []
    position, named = 0, 0
    while position < len(bits):
        width = _field_at(bits, position, last, fields)
        if width:
            named += 1
        else:
            width = _up_to_field(bits, position, last, fields)
        own = bits[position : position + width]
        part = _part(own, last - position, source, packet)
        if part is None:
            return []
        parts.append(part)
        position += len(own)
    return parts if named and len(parts) > 1 else []


def _field_at(bits: _Bits, position: int, last: int, fields: _Ending) -> int:
    """The bits of the longest field that ends at one of the load, if the word has some of them."""
    left = -(-len(bits) // 8) * 8 - position
    fitting = [
        len(own)
        for _, own in fields.get(last - position, ())
        if len(own) <= left and any(bits[position : position + len(own)])
    ]
    return max(fitting, default=0)


def _up_to_field(bits: _Bits, position: int, last: int, fields: _Ending) -> int:
    """Bits up to the next field, without those in front of it that are 0."""
    end = position + 1
    while end < len(bits) and not _field_at(bits, end, last, fields):
        end += 1
    used = [n for n in range(position, end) if bits[n] is not None]
    return used[-1] + 1 - position if used else end - position


def _part(bits: _Bits, last: int, source: Source, packet: Packet) -> Part | None:
    """Those bits of the packet, the others being 0; None where no load has them."""
    mask = sum(1 << n for n, bit in enumerate(bits) if bit is not None)
    size = next((size for size in (1, 2, 4) if mask < 1 << 8 * size))
    if last + 1 < 8 * size:
        return None
    if not mask:
        return Part(None, len(bits))
    loaded = packet.words.bytes(*source, (last + 1) // 8 - size, size)
    masked = packet.words.operation(Operator.AND, loaded, packet.words.number(mask))
    return Part(masked, len(bits))


def _look(
    packet: Packet, word: Word, cuts: Sequence[int], children: Sequence[Proposition]
) -> Proposition:
    """Below the first cut the first child, and so on."""
    sets: dict[Proposition, list[int]] = {}
    edges = (0, *cuts, word.most + 1)
    for first, end, child in zip(edges, edges[1:], children, strict=False):
        sets.setdefault(child, []).extend((first, end))
    made, *others = sorted(sets, key=lambda child: -len(sets[child]))
    for child in others:
        made = packet.choose(packet.member(word, _joined(sets[child])), child, made)
    return made


def _joined(edges: list[int]) -> Bounds:
    """Intervals without the edges at which one ends and the next begins."""
    return tuple(edge for edge in edges if edges.count(edge) == 1)
