"""The text of a query as people write it.

tcp port 80 or tcp port 443    ->  tcp port 80 or 443
ether proto 35020              ->  ether proto 0x88cc
"""

from __future__ import annotations

from bpfq.analysis.decompile.literals import Expression, to_query
from bpfq.frontend.pcap.parse import parse
from bpfq.query import nodes
from bpfq.query.checks import DIRECTIONS
from bpfq.query.nodes import Query, Value
from bpfq.query.text import to_pcap
from bpfq.query.walk import map_leaves, map_reads, unders
from bpfq.record import replace
from bpfq.tables.names import FRAME_SUBTYPES, FRAME_TYPES

_NAMED = (nodes.Address4, nodes.Address6, nodes.MacAddress, nodes.Port, nodes.ProtocolNumber)


def to_text(query: Query) -> str:
    """Raises FilterError for what pcap text cannot say."""
    long = to_pcap(query)
    short = _text(query, "")
    return short if parse(short) == parse(long) else long


def _text(query: Query, around: str) -> str:
    match query:
        case nodes.Not(operand):
            return f"not {_text(operand, 'not')}"
        case nodes.And(parts):
            return _apart(" and ".join(_text(part, "and") for part in parts), around in ("", "and"))
        case nodes.Or(parts):
            return _apart(_alternatives(parts), around in ("", "or"))
        case _:
            return primitive(query)


def _apart(text: str, alone: bool) -> str:
    return text if alone else f"({text})"


def _alternatives(parts: tuple[Query, ...]) -> str:
    """Words that the alternative before has said are not said again."""
    out: list[str] = []
    said = ""
    for part in parts:
        text = _text(part, "or")
        words, _, last = text.rpartition(" ") if isinstance(part, _NAMED) else ("", "", text)
        out.append(last if words and words == said else text)
        said = words
    return " or ".join(out)


def primitive(query: Query) -> str:
    """A primitive or a comparison, wherever it stands; types and long words in base 16."""
    text = to_pcap(outermost(query))
    match query:
        case nodes.Address4() | nodes.Address6() | nodes.MacAddress() if (
            "src" in text or "dst" in text
        ):
            return text.replace(" host ", " ")
        case nodes.MacAddress(direction) if direction not in DIRECTIONS:
            return text.replace("ether ", "wlan ").replace(" host ", " ")
        case nodes.FrameType(kind, subtype):
            return _frame_type(kind, subtype)
        case nodes.Compare("<=" | ">=" as relation, nodes.Length(), nodes.Number(number)):
            return f"{'less' if relation == '<=' else 'greater'} {number}"
        case nodes.ProtocolNumber("link", number) if number > 0xFF:
            return text.replace(str(number), f"{number:#x}")
        case nodes.Compare("=" | "!=", left, nodes.Number(number)) if number > 0xFF:
            index = left.left if isinstance(left, nodes.Arithmetic) else left
            if isinstance(index, nodes.Index) and (index.size == 4 or index.protocol == "link"):
                return f"{text.rpartition(' ')[0]} {number:#x}"
        case _:
            pass
    return text


def with_gaps(expression: Expression) -> str:
    """The text with <0>, <1>, ... for the holes."""
    return _text(to_query(expression), "")


def _frame_type(kind: int, subtype: int | None) -> str:
    """By name: a subtype's name says the type as well."""
    names = [name for name, number in FRAME_TYPES.items() if number == kind]
    if subtype is None:
        return f"type {names[0]}" if names else f"type {kind}"
    known = FRAME_SUBTYPES.get(kind, {})
    for name, number in known.items():
        if number == subtype:
            return f"subtype {name}"
    return f"type {kind} subtype {subtype}"


def text_cost(query: Query) -> int:
    """The length of the primitive's text, wherever it stands; the direction of an address is free.

    The more exact primitive is the better one where the text is about as long.
    """
    match query:
        case nodes.Address4() | nodes.Address6() | nodes.MacAddress() if query.direction in (
            "src",
            "dst",
        ):
            return len(primitive(replace(query, direction="src or dst")))
        case _:
            return len(_text(query, "and"))


def outermost(query: Query) -> Query:
    """The same primitives as if they stood outside of any encapsulation."""
    return map_leaves(query, _leaf_outermost)


def _leaf_outermost(leaf: nodes.Leaf) -> Query:
    if isinstance(leaf, nodes.Compare):
        return replace(
            leaf,
            left=map_reads(leaf.left, _read_outermost),
            right=map_reads(leaf.right, _read_outermost),
        )
    return replace(leaf, under=()) if any(unders(leaf)) else leaf


def _read_outermost(read: nodes.Index | nodes.FieldValue) -> Value:
    return replace(read, under=())
