"""A primitive in words: what it is about, and of that what.

tcp dst port 443                     head "tcp dst port", entry "443": a list has one head
tcp[tcpflags] & tcp-syn != 0         no head

Numbers stay as the filter's text has them: named, in base 16 or in base 10.  A filter that was not
read from text gets the names that every libpcap knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bpfq.analysis.decompile.text import outermost, primitive
from bpfq.operators import Operator
from bpfq.query import nodes
from bpfq.query.checks import DIRECTIONS
from bpfq.query.nodes import Leaf, Value
from bpfq.query.text import to_pcap
from bpfq.query.text_values import compare_text, decimal
from bpfq.query.walk import reads, value_operands
from bpfq.tables.constants import ICMP_TYPES, NAMED_NUMBERS, TCP_FLAGS

Spelling = Callable[[nodes.Number], str]

_HEXADECIMAL = re.compile("0x[0-9a-f]+")
_TYPES = ("host", "net", "port", "portrange", "proto")
_LARGEST_SAP = 0xFF  # of an LLC access point; what is larger is an EtherType
_LARGEST_DECIMAL = 0xFF  # that is compared with a word of four bytes or of the link header
_OFFSETS = {("tcp", 13): "tcpflags", ("icmp", 0): "icmptype", ("icmp", 1): "icmpcode"}
_FLAGS = {number: name for name, number in TCP_FLAGS.items() if number < TCP_FLAGS["tcp-ece"]}
_TYPES_OF_ICMP = {number: name for name, number in ICMP_TYPES.items()}
_NAMES = {"tcpflags": _FLAGS, "icmptype": _TYPES_OF_ICMP}  # of what a byte is compared with


def words_of(leaf: Leaf, text: str | None) -> tuple[str, str]:
    """Head and entry; the head is empty for what stands in no list.

    text: what the query was read from, None for a Python node.
    """
    match leaf:
        case nodes.Compare():
            return "", compare_text(leaf, _as_named(leaf) if text is None else _as_written(text))
        case nodes.ProtocolNumber("link", number) if number > _LARGEST_SAP:
            return "ether proto", f"{number:#x}"
        case nodes.MacAddress(direction) if direction not in DIRECTIONS:
            head, _, entry = primitive(leaf).rpartition(" ")
            return head, entry
        case (
            nodes.Address4()
            | nodes.Address6()
            | nodes.MacAddress()
            | nodes.Port()
            | nodes.InSet()
            | nodes.ProtocolNumber()
        ):
            return _at_type_word(to_pcap(outermost(leaf)))
        case nodes.FrameType():
            return "", primitive(leaf)
        case _:
            return "", to_pcap(outermost(leaf))


def _at_type_word(text: str) -> tuple[str, str]:
    words = text.split(" ")
    at = next(number for number, word in enumerate(words) if word in _TYPES) + 1
    return " ".join(words[:at]), " ".join(words[at:])


# ---------------------------------------------------------------- numbers


def _as_written(text: str) -> Spelling:
    """How the text writes its numbers."""

    def spelling(number: nodes.Number) -> str:
        word = "" if number.span is None else text[slice(*number.span)].lower()
        value = NAMED_NUMBERS.get(word)
        if value is None and _HEXADECIMAL.fullmatch(word):
            value = int(word, 16)
        return word if value == number.value else decimal(number)

    return spelling


def _as_named(node: nodes.Compare) -> Spelling:
    """The names of offsets, flags and types; long words in base 16."""
    named = dict(_offsets(node))
    for side, other in ((node.left, node.right), (node.right, node.left)):
        named |= dict(_compared(side, other))

    def spelling(number: nodes.Number) -> str:
        return named.get(id(number)) or decimal(number)

    return spelling


def _offsets(node: nodes.Compare) -> Iterator[tuple[int, str]]:
    for read in (*reads(node.left), *reads(node.right)):
        if isinstance(read, nodes.Index) and (name := _byte_name(read)) is not None:
            yield id(read.offset), name


def _byte_name(value: Value) -> str | None:
    """``tcpflags`` for tcp[13]."""
    match value:
        case nodes.Index(protocol, nodes.Number(offset), 1):
            return _OFFSETS.get((protocol, offset))
    return None


def _compared(side: Value, other: Value) -> Iterator[tuple[int, str]]:
    """The names of the numbers that a header read, or its bits under a mask, are compared with."""
    read, numbers = side, [other]
    if isinstance(side, nodes.Arithmetic) and side.operator is Operator.AND:
        read = side.left
        numbers.append(side.right)
    names = _NAMES.get(_byte_name(read) or "", {})
    wide = isinstance(read, nodes.Index) and (read.size == 4 or read.protocol == "link")
    while numbers:
        value = numbers.pop()
        match value:
            case nodes.Number(number) if number in names:
                yield id(value), names[number]
            case nodes.Number(number) if wide and number > _LARGEST_DECIMAL:
                yield id(value), f"{number:#x}"
            case nodes.Arithmetic(Operator.OR):
                numbers += value_operands(value)
