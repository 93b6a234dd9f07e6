"""What a comparison of header bytes asks, in words.

ip, bytes 12 to 15, = 0x0a000001    =>    src 10.0.0.1
tcp, byte 13, & 0x12                =>    tcp-syn|tcp-ack
"""

from __future__ import annotations

from functools import cache
from typing import Final

from bpfq.analysis.decisions.landmarks import WORD_MASKS, Header, Landmarks, Window, shift_in
from bpfq.analysis.decisions.worlds import Comparison
from bpfq.analysis.decisions.wording import number_text
from bpfq.analysis.phrases import address_text
from bpfq.analysis.why.layers import protocol_name
from bpfq.operators import WORD_BITS, Relation
from bpfq.tables.constants import ICMP6_TYPES, ICMP_TYPES, TCP_FLAGS
from bpfq.tables.fields import ADDRESS_FIELDS, FIELDS, Field
from bpfq.tables.protocols import PROTO_FRAGMENT, PROTOCOLS

_ENDS: Final = {"src": "src", "dst": "dst", "spa": "src", "tpa": "dst"}
_ADDRESSES4: Final = ("ip.src", "ip.dst", "arp.spa", "arp.tpa", "rarp.spa", "rarp.tpa")
_PORTS: Final = {"sport": "src port", "dport": "dst port"}
_TYPES: Final = {"icmp.type": ICMP_TYPES, "icmp6.type": ICMP6_TYPES}
_PROTOCOLS: Final = ("ip.proto", "ip6.nh")
_FRAGMENT: Final = 0x1FFF
_ETHER: Final = {"link": "ether"}
_IP_WORDS: Final = {  # protocol -> the word that filters have for it, of two the first one
    number: row.name
    for row in reversed(PROTOCOLS.values())
    if set(row.layers) <= {"ip", "ip6"}
    for number in row.numbers
} | {PROTO_FRAGMENT: "fragment header"}


def say(header: Header, asked: Comparison) -> str:
    """asked: bytes of the header; "" where there are no words."""
    at, size, mask = asked.window.at - header.at, asked.window.size, asked.window.mask
    for one in _fields(header.word):
        if (one.offset, one.size, one.mask) == (at, size, mask):
            return _field(one, asked.relation, asked.value) or _plain(header, asked)
    return _special(header, asked) or _bit(header, asked) or _plain(header, asked)


@cache
def _fields(word: str) -> tuple[Field, ...]:
    return tuple(one for one in FIELDS.values() if one.protocol == word)


def _window(one: Field, header: Header) -> Window:
    return Window(header.base, header.at + one.offset, one.size, one.mask)


def _plain(header: Header, asked: Comparison) -> str:
    """The bytes by their place in the header, as a filter writes them; the link's say nothing."""
    if header.word == "link":
        return ""
    window = asked.window
    size = "" if window.size == 1 else f":{window.size}"
    text = f"{_ETHER.get(header.word, header.word)}[{window.at - header.at}{size}]"
    if window.mask != WORD_MASKS[window.size]:
        text = f"{text} & {number_text(window.mask)}"
    return f"{text} {_compared(asked.relation, number_text(asked.value))}"


def _compared(relation: Relation, value: str) -> str:
    return f"& {value} != 0" if relation is Relation.SET else f"{relation.value} {value}"


def say_set(header: Header, window: Window, count: int) -> str:
    """A field, or the beginning of one, in a set of so many intervals."""
    at = window.at - header.at
    for one in _fields(header.word):
        if one.offset == at and one.size >= window.size:
            end = _ENDS.get(one.name) or _PORTS.get(one.name) or f"{header.word}.{one.name}"
            return f"{end} in a set of {count}"
    return ""


# ---------------------------------------------------------------- one field


def _bit(header: Header, asked: Comparison) -> str:
    """A bit with a name, of bytes that are no field as a whole."""
    window = asked.window
    if asked.relation is not Relation.SET or window.mask != WORD_MASKS[window.size]:
        return ""
    place = (window.at - header.at, window.size, asked.value)
    named = (one for one in _fields(header.word) if (one.offset, one.size, one.mask) == place)
    return next((f"{one.protocol}.{one.name}" for one in named if one.largest == 1), "")


def _field(one: Field, relation: Relation, value: int) -> str:
    """The words for a whole field; empty where its name says no more than its bytes."""
    name = f"{one.protocol}.{one.name}"
    sign = "" if relation is Relation.EQ else f"{relation.value} "
    if relation is Relation.SET:
        return _flags(value) if name == "tcp.flags" else ""
    if name in _ADDRESSES4:
        return f"{_ENDS[one.name]} {sign}{address_text(value, WORD_BITS)}"
    if one.name in _PORTS:
        return f"{_PORTS[one.name]} {sign}{value}"
    if relation is Relation.EQ and name in _PROTOCOLS:
        return _ip_word(value)
    if relation is Relation.EQ and name == "ip.frag" and value == 0:
        return "first fragment"
    if relation is Relation.EQ and name in _TYPES:
        words = (word for word, number in _TYPES[name].items() if number == value)
        return next(words, f"{name} {value}")
    if name == "tcp.flags":
        return f"tcp flags {relation.value} {_flags(value)}"
    if name == "vlan.id":
        return f"vlan {sign}{value}"
    shown = _ETHER.get(one.protocol, one.protocol) + f".{one.name}"
    return f"{shown} {relation.value} {value >> one.shift}"


def _ip_word(number: int) -> str:
    return _IP_WORDS.get(number) or protocol_name(number)


def _flags(value: int) -> str:
    names = [name for name, bit in TCP_FLAGS.items() if value & bit]
    return "|".join(names) or "0"


# ---------------------------------------------------------------- parts of fields, several fields


def _special(header: Header, asked: Comparison) -> str:
    """A network, or a word of a long address; later fragments; MPLS labels."""
    window, relation, value = asked.window, asked.relation, asked.value
    at = window.at - header.at
    if header.word == "ip" and (at, window.size) == (6, 2) and relation is Relation.SET:
        return "later fragment" if value == _FRAGMENT else ""
    if header.word == "mpls" and window.mask == 0xFFFFF000 and relation is Relation.EQ:
        return f"mpls {value >> 12}"
    if header.word == "fragment" and at == 0 and relation is Relation.EQ:
        return f"{_ip_word(value)} in a fragment"
    if header.word == "link" and (at, window.size, relation, value) == (0, 1, Relation.SET, 1):
        return "ether multicast"
    for one in _fields(header.word):
        name = f"{one.protocol}.{one.name}"
        if name in _ADDRESSES4 and one.offset == at:
            rest = WORD_BITS - 8 * window.size  # bits of the address that are not loaded
            return _network(_ENDS[one.name], window.mask << rest, relation, value << rest)
    for address in ADDRESS_FIELDS.values():
        start = at - address.offset
        inside = 0 <= start and start + window.size <= address.size
        if address.protocol == header.word and inside:
            return _piece(header.word, f"{address.name}[{start}:{window.size}]", asked)
    return ""


def _network(end: str, mask: int, relation: Relation, value: int) -> str:
    ones = mask.bit_count()
    if relation is not Relation.EQ or mask != (WORD_MASKS[4] << (WORD_BITS - ones)) & WORD_MASKS[4]:
        return ""
    return f"{end} net {address_text(value, WORD_BITS)}/{ones}"


def _piece(word: str, name: str, asked: Comparison) -> str:
    """Some bytes of a MAC or IPv6 address, in the way it is written."""
    window, relation, value = asked.window, asked.relation, asked.value
    whole = WORD_MASKS[window.size]
    if relation is Relation.SET or window.mask != whole or value > whole:
        return ""
    octets = value.to_bytes(window.size, "big")
    if word != "ip6":
        text = octets.hex(":")
    elif window.size == 1:
        return ""
    else:
        halves = (int.from_bytes(octets[at : at + 2], "big") for at in range(0, window.size, 2))
        text = ":".join(f"{half:x}" for half in halves)
    return f"{_ETHER.get(word, word)} {name} {relation.value} {text}"


def say_parts(marks: Landmarks, behind: list[Header], asked: Comparison) -> tuple[str, ...]:
    """The words for each of several fields that a value is made of, none where bits are left."""
    window, value = asked.window, asked.value
    inside: dict[Window, str] = {}
    for key in marks.keys:
        shift = shift_in(key, window)
        if shift is not None:
            inside[key] = marks.ethertype(key, value >> shift & key.mask)
    for header in behind:
        for one in _fields(header.word):
            place = _window(one, header)
            shift = shift_in(place, window)
            if shift is not None:
                said = _field(one, Relation.EQ, value >> shift & one.mask)
                inside[place] = inside.get(place) or said
    return _tiled(inside, window)


def _tiled(inside: dict[Window, str], window: Window) -> tuple[str, ...]:
    """The words of the largest parts that together are the whole, from left to right."""
    left = window.mask
    parts: list[tuple[int, str]] = []
    for place in sorted(inside, key=lambda place: -place.mask.bit_count()):
        shift = shift_in(place, window)
        assert shift is not None
        bits = place.mask << shift
        if bits & left == bits and inside[place]:
            left &= ~bits
            parts.append((-shift, inside[place]))
    if left or len(parts) < 2:
        return ()
    return tuple(said for _, said in sorted(parts))


def say_metadata(name: str, asked: Comparison) -> str:
    """What is asked of a word of the kernel."""
    if asked.relation is not Relation.EQ:
        return ""
    match name:
        case "vlanp":
            return "tag in metadata" if asked.value else "no tag in metadata"
        case "vlan_tci" if asked.window.mask == 0xFFF:
            return f"vlan {asked.value}"
        case "ifidx":
            return f"interface {asked.value}"
        case _:
            return ""
