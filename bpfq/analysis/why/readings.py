"""What a filter read of a packet, in the words of the filter language.

(b[12] << 8 | b[13]) = 0x8100, not 0x0800    =>    ether[12:2] = 0x8100, wanted 0x0800
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bpfq.analysis.phrases import address_text, mac_text
from bpfq.analysis.why.layers import Layer, protocol_name
from bpfq.analysis.why.trace import Facts, PastEnd, Seen, Stopped
from bpfq.graph.terms import (
    Binary,
    Choose,
    Constant,
    Draw,
    Load,
    Lookup,
    Members,
    Metadata,
    Term,
    WireLength,
)
from bpfq.operators import Operator, Relation
from bpfq.query import nodes as q
from bpfq.query.walk import reads
from bpfq.record import record, replace
from bpfq.targets import SKF_NET_OFF

_BITWISE: Final = (Operator.AND, Operator.OR, Operator.XOR)
_NEXT_HEADER: Final = {"ip": 9, "ip6": 6}  # byte that names the following protocol
_TCP_FLAGS: Final = 13
_IDENTIFIERS: Final = {0xFFFFF000: 12, 0xFFFFFF00: 8}  # mask of an MPLS label, of a VNI: its shift
_PORTS: Final = ("tcp", "udp", "sctp")
_NEGATED: Final = {Relation.EQ: "!=", Relation.GT: "<=", Relation.GE: "<"}


@record
class Reading:
    """One value that a clause looked at.

    what: in the words of the filter language.  offset, size: the bytes, from byte 0; None where
    it is no load.  value: None where it lies past the captured bytes.  shown: the value as text.
    wanted: what would have made the clause true, as text.  holds: it was as wanted.
    """

    what: str
    offset: int | None
    size: int | None
    value: int | None
    shown: str
    wanted: str
    holds: bool

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.what} {self.shown}"
        return f"{self.what} = {self.shown}" + ("" if self.holds else f", wanted {self.wanted}")


@record
class Names:
    """What a clause's bytes are called; leaf: the primitive that reads them."""

    facts: Facts
    layers: tuple[Layer, ...]
    leaf: q.Leaf

    def readings(self, seen: Iterable[Seen]) -> tuple[Reading, ...]:
        """One for each value, with all that was wanted of it."""
        merged: dict[str, Reading] = {}
        wanted: dict[str, dict[str, int]] = {}  # what -> text -> the number that sorts it
        for one in seen:
            reading = self._reading(one)
            merged.setdefault(reading.what, reading)
            number = self.facts.value(one.atom.operand)
            wanted.setdefault(reading.what, {}).setdefault(reading.wanted, number)
        return tuple(
            replace(reading, wanted=listed(sorted(wanted[what], key=wanted[what].__getitem__)))
            for what, reading in merged.items()
        )

    def each(self, seen: Iterable[Seen]) -> tuple[Reading, ...]:
        """One for each atom, in order; the words of one address are one."""
        return tuple(dict.fromkeys(self._reading(one) for one in seen))

    def stopped(self, stop: Stopped) -> Reading:
        """What ended the evaluation."""
        if stop.end is None:
            what = self._text(stop.atom.term)
            return Reading(what, None, None, None, "divides by zero", "", False)
        return self._past_end(stop.end)

    def _past_end(self, end: PastEnd) -> Reading:
        address, size, captured = end.address, end.size, len(self.facts.packet)
        last = address + size - 1
        where = f"byte {address}" if size == 1 else f"bytes {address} to {last}"
        shown = f"is cut off: {where}, captured {captured}"
        if address >= SKF_NET_OFF:
            shown = "is not among the bytes given"
        return Reading(self._load_text(address, size), address, size, None, shown, "", False)

    # ------------------------------------------------------------ one atom

    def _reading(self, seen: Seen) -> Reading:
        term = seen.atom.term
        load = _first_load(term, self.facts)
        address = None if load is None else self.facts.address(load)
        if load is not None and address is not None:
            special = self._whole_address(seen, address)
            if special is not None:
                return special
        if seen.atom.relation is Relation.SET:
            return self._bits(seen, address, load)
        shift = self._identifier_shift(term)
        value, operand = self.facts.value(term) >> shift, self.facts.value(seen.atom.operand)
        what = self._text(term)
        if shift and isinstance(term, Binary):
            what = f"{self._text(term.left)} >> {shift}"
        shown = self._number(value, term, address)
        wanted = self._number(operand >> shift, term, address)
        return Reading(
            what, address, None if load is None else load.size, value, shown,
            self._relation(seen, wanted, address), seen.holds is seen.wanted,
        )  # fmt: skip

    def _identifier_shift(self, term: Term) -> int:
        """How far a label or VNI stands from the right of the word that it is read in."""
        if not isinstance(self.leaf, q.Encapsulation):
            return 0
        match term:
            case Binary(Operator.AND, _, Constant(mask)):
                return _IDENTIFIERS.get(mask, 0)
            case _:
                return 0

    def _bits(self, seen: Seen, address: int | None, load: Load | None) -> Reading:
        """term & operand, not zero"""
        mask = self.facts.value(seen.atom.operand)
        value = self.facts.value(seen.atom.term) & mask
        size = None if load is None else load.size
        what = f"{_apart(self._text(seen.atom.term))} & {_hexadecimal(mask, size or 1)}"
        wanted = "!= 0" if seen.wanted else "0"
        holds = seen.holds is seen.wanted
        return Reading(what, address, size, value, str(value), wanted, holds)

    def _relation(self, seen: Seen, operand: str, address: int | None) -> str:
        if isinstance(self.leaf, q.Port) and self._layer_word(address) in _PORTS:
            low, high = self.leaf.low, self.leaf.high
            return str(low) if low == high else f"{low}-{high}"
        relation = seen.atom.relation
        if not seen.wanted:
            return f"{_NEGATED[relation]} {operand}"
        return operand if relation is Relation.EQ else f"{relation.value} {operand}"

    # ------------------------------------------------------------ addresses

    def _whole_address(self, seen: Seen, address: int) -> Reading | None:
        """An address is read in words; it is shown as one."""
        found = self._address_field(address)
        if found is None:
            return None
        start, size, wanted = found
        try:
            value = self.facts.load(start, size)
        except PastEnd:
            return None
        if size == 6:
            shown = mac_text(value)
        else:
            shown = address_text(value, 8 * size)
        what = self._load_text(start, size)
        return Reading(what, start, size, value, shown, wanted, seen.holds is seen.wanted)

    def _address_field(self, address: int) -> tuple[int, int, str] | None:
        """Start, size and the wanted text of the address that a load lies in."""
        layer = self._layer(address)
        word, at = layer.word.removeprefix("inner "), address - layer.base
        match self.leaf:
            case q.Address4(networks=networks) if word in _ADDRESSES4 and at in _ADDRESSES4[word]:
                return address, 4, listed([_network(one, 32) for one in networks])
            case q.Address6(networks=networks) if word == "ip6" and 8 <= at < 40:
                start = layer.base + (8 if at < 24 else 24)
                return start, 16, listed([_network(one, 128) for one in networks])
            case q.MacAddress(addresses=addresses) if word == "ether" and at < 12:
                wanted = listed([mac_text(one) for one in addresses])
                return layer.base + at // 6 * 6, 6, wanted
            case q.Broadcast(layer="link") if word == "ether" and at < 6:
                return layer.base, 6, mac_text(2**48 - 1)
            case _:
                return None

    # ------------------------------------------------------------ names

    def _layer(self, address: int) -> Layer:
        """The header that a byte belongs to."""
        behind = [layer for layer in self.layers if layer.start <= address]
        return behind[-1] if behind else self.layers[0]

    def _layer_word(self, address: int | None) -> str:
        return "" if address is None else self._layer(address).word.removeprefix("inner ")

    def _load_text(self, address: int, size: int) -> str:
        if address >= SKF_NET_OFF:
            word, at = "the network header", address - SKF_NET_OFF
        else:
            layer = self._layer(address)
            if _reads_link_only(self.leaf):  # as it was written
                layer = self.layers[0]
            word, at = layer.word, address - layer.base
        return f"{word}[{at}]" if size == 1 else f"{word}[{at}:{size}]"

    def _text(self, term: Term) -> str:
        """The term; what is hidden in an index shows as the place that was read."""
        match term:
            case Constant(value):
                return str(value)
            case Members():
                raise AssertionError("sets stand in graphs, and formulas are read")
            case Lookup():
                raise AssertionError("what is looked up may change")
            case WireLength():
                return "len"
            case Metadata(name):
                return f"the kernel's {name}"
            case Draw():
                return "the random number"
            case Load(size=size):
                return self._load_text(self.facts.address(term), size)
            case Choose():
                return self._text(self.facts.chosen(term))
            case Binary(operator, left, right):
                sides = (self._side(side, term) for side in (left, right))
                return f" {operator.value} ".join(sides)

    def _side(self, side: Term, term: Binary) -> str:
        """An operand; beside a bit operator a number has as many digits as the bytes."""
        if isinstance(side, Constant) and term.operator in _BITWISE:
            load = _first_load(term, self.facts)
            return _hexadecimal(side.value, 0 if load is None else load.size)
        text = self._text(side)
        return _apart(text) if isinstance(side, Binary) else text

    # ------------------------------------------------------------ numbers

    def _number(self, value: int, term: Term, address: int | None) -> str:
        """Types and bit fields in base 16, protocols by name, all else in base 10."""
        layer = None if address is None else self._layer(address)
        if layer is None or address is None or isinstance(self.leaf, q.LinkByte):
            return str(value)
        word, at = layer.word.removeprefix("inner "), address - layer.base
        if isinstance(term, Load) and _NEXT_HEADER.get(word) == at:
            name = protocol_name(value)
            return str(value) if name.isdecimal() else f"{value} ({name})"
        plain = isinstance(self.leaf, q.Encapsulation) and isinstance(term, Binary)
        if word in ("ether", "link") and not plain and isinstance(term, Load):
            return _hexadecimal(value, term.size)
        match term:
            case Binary(Operator.AND, _, Constant(mask)) if mask <= 0xFF:
                return _hexadecimal(value, 1)
            case Load() if (word, at) == ("tcp", _TCP_FLAGS):
                return _hexadecimal(value, 1)
            case _:
                return str(value)


_ADDRESSES4: Final = {"ip": (12, 16), "arp": (14, 24), "rarp": (14, 24)}


def _reads_link_only(leaf: q.Leaf) -> bool:
    """Bytes counted from the link header, by the filter's own words."""
    if not isinstance(leaf, q.Compare):
        return isinstance(leaf, q.LinkByte)
    words = {
        read.protocol
        for side in (leaf.left, leaf.right)
        for read in reads(side)
        if isinstance(read, q.Index)
    }
    return words == {"link"}


def _first_load(term: Term, facts: Facts) -> Load | None:
    """The first load of a value itself, not of its place."""
    match term:
        case Load():
            return term
        case Binary(left=left, right=right):
            return _first_load(left, facts) or _first_load(right, facts)
        case Choose():
            return _first_load(facts.chosen(term), facts)
        case _:
            return None


def _hexadecimal(value: int, size: int) -> str:
    return f"{value:#0{2 + 2 * size}x}"


def _apart(text: str) -> str:
    return f"({text})" if " " in text else text


def listed(items: list[str]) -> str:
    """One, one or two, one, two or three; long lists are cut."""
    if len(items) > _MOST_WANTED:
        return f"{', '.join(items[:_MOST_WANTED])} or {len(items) - _MOST_WANTED} others"
    return " or ".join([", ".join(items[:-1]), items[-1]] if items[1:] else items)


_MOST_WANTED: Final = 4


def _network(network: q.Network, bits: int) -> str:
    address, mask = network
    ones = mask.bit_count()
    text = address_text(address, bits)
    if ones == bits:
        return text
    if mask == (1 << bits) - (1 << (bits - ones)):
        return f"{text}/{ones}"
    return f"{text} mask {address_text(mask, bits)}"
