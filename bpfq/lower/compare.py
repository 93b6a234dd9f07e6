"""Relations between values: header bytes, named fields, the length, and arithmetic over them.

Every indexed header must be there: the checks of all operands come first, then the comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from bpfq.errors import FilterError
from bpfq.graph.formula import Atom, Formula, both, either, negation
from bpfq.graph.terms import Constant, Term
from bpfq.headers.linktype import type_is
from bpfq.headers.places import IPV6_HEADER, Frame, Place
from bpfq.isa.cbpf.instructions import ANCILLARY
from bpfq.lower.context import Context
from bpfq.lower.encapsulation import encapsulation, tag_control
from bpfq.lower.network import is_ip, is_ip6, next_is, not_later_fragment
from bpfq.operators import WORD_BITS, WORD_MASK, Operator, Relation
from bpfq.query import nodes as q
from bpfq.tables import protocols as p
from bpfq.tables.fields import FIELDS

_ANCILLARY_START = min(ANCILLARY.values())
_ANCILLARY_NAMES = {offset: name for name, offset in ANCILLARY.items()}
_RADIO_LINKS = ("PRISM_HEADER", "IEEE802_11_RADIO", "IEEE802_11_RADIO_AVS")
_DUAL_INDEX = ("tcp", "udp", "sctp", "pim")  # headers that follow IPv6 as well

_VLAN = p.ProtocolRow("vlan", (), (), "tag")  # not a protocol word, but it has fields

_RELATIONS: dict[str, Callable[[Term, Term], Formula]] = {
    "=": lambda left, right: Atom(left, Relation.EQ, right),
    "!=": lambda left, right: negation(Atom(left, Relation.EQ, right)),
    ">": lambda left, right: Atom(left, Relation.GT, right),
    ">=": lambda left, right: Atom(left, Relation.GE, right),
    "<": lambda left, right: negation(Atom(left, Relation.GE, right)),
    "<=": lambda left, right: negation(Atom(left, Relation.GT, right)),
}


def compare(node: q.Compare, c: Context) -> Formula:
    readings = _families(node, c)
    return either(*(_reading(node, family, c) for family in readings))


def _reading(node: q.Compare, family: str, c: Context) -> Formula:
    """The relation with every transport header taken behind ``family``, "ip" or "ip6"."""
    checks = (*_checks(node.right, family, c), *_checks(node.left, family, c))
    relation = _RELATIONS[node.relation](_term(node.left, family, c), _term(node.right, family, c))
    return both(*checks, relation)


def _families(node: q.Compare, c: Context) -> tuple[str, ...]:
    """The families over which every header of the relation can be read."""
    common = {"ip", "ip6"}
    plain = True  # nothing depends on the family: one reading will do
    for value in (*_leaves(node.left), *_leaves(node.right)):
        layers = _layers(value, c)
        if layers is not None:
            plain = False
            common &= set(layers)
    if plain:
        return ("ip",)
    return tuple(family for family in ("ip", "ip6") if family in common)


def _layers(value: q.Index | q.FieldValue, c: Context) -> tuple[str, ...] | None:
    """The families behind which a value's header is read; None: it does not depend on one."""
    if isinstance(value, q.Index):
        row = p.PROTOCOLS[value.protocol]
        if row.base != "transport":
            return None
        return ("ip", "ip6") if c.options.tcp6 and row.name in _DUAL_INDEX else ("ip",)
    row = p.PROTOCOLS.get(FIELDS[value.name].protocol, _VLAN)
    return row.layers if row.base in ("transport", "icmp6") else None


def _leaves(value: q.Value) -> Iterator[q.Index | q.FieldValue]:
    """Every header read of a value, inner ones first."""
    match value:
        case q.Index(offset=offset):
            yield from _leaves(offset)
            yield value
        case q.FieldValue():
            yield value
        case q.Arithmetic(left=left, right=right):
            yield from _leaves(left)
            yield from _leaves(right)
        case q.Negative(operand):
            yield from _leaves(operand)
        case q.Number() | q.Length():
            return
        case _:
            assert_never(value)


def _checks(value: q.Value, family: str, c: Context) -> tuple[Formula, ...]:
    return tuple(_presence(leaf, family, c) for leaf in _leaves(value))


def _presence(leaf: q.Index | q.FieldValue, family: str, c: Context) -> Formula:
    """The header that a value is read from is there."""
    name = leaf.protocol if isinstance(leaf, q.Index) else FIELDS[leaf.name].protocol
    row, frame, h = p.PROTOCOLS.get(name, _VLAN), c.frame(leaf.under), c.headers
    match row.base:
        case "tag":
            return encapsulation(q.Encapsulation("vlan", None, leaf.under, span=leaf.span), c)
        case "link":
            return _link_header(c, leaf, frame)
        case "packet":
            if h.link.name not in _RADIO_LINKS:
                raise c.refuse("'radio' (there is no radio header)", leaf.span)
            return both()
        case "network":
            return type_is(h, frame, row.numbers[0])
        case "icmp6":
            return both(is_ip6(c, frame), next_is(c, frame, "ip6", p.PROTO_ICMP6))
        case _ if family == "ip6":
            return both(is_ip6(c, frame), next_is(c, frame, "ip6", row.numbers[0]))
        case _:
            there = next_is(c, frame, "ip", row.numbers[0])
            return both(is_ip(c, frame), there, not_later_fragment(c, frame))


def _link_header(c: Context, leaf: q.Index | q.FieldValue, frame: Frame) -> Formula:
    """There is always one, but on a layer-3 target, and its fields are named for Ethernet's."""
    if c.headers.target.layer == 3 and not _is_ancillary(leaf):
        raise c.refuse("the link header", leaf.span)
    if isinstance(leaf, q.FieldValue):
        if frame.kind != "ethernet":
            name = leaf.name.replace("link.", "ether.")
            raise c.refuse(f"'{name}' (a field of Ethernet's header)", leaf.span)
        return frame.mac_guard or both()
    return both()


def _is_ancillary(leaf: q.Index | q.FieldValue) -> bool:
    return (
        isinstance(leaf, q.Index)
        and isinstance(leaf.offset, q.Number | q.Negative)
        and _constant(leaf.offset) >= _ANCILLARY_START
    )


def _constant(value: q.Value) -> int:
    match value:
        case q.Number(number):
            return number
        case q.Negative(q.Number(number)):
            return -number % 2**32
        case _:
            return 0


def _term(value: q.Value, family: str, c: Context) -> Term:
    b = c.headers.builder
    match value:
        case q.Number(number):
            return b.constant(number)
        case q.Length():
            return b.wire_length()
        case q.Arithmetic(operator, left, right):
            terms = _term(left, family, c), _term(right, family, c)
            return _arithmetic(operator, *terms, value, c)
        case q.Negative(operand):
            return b.binary(Operator.SUB, b.constant(0), _term(operand, family, c))
        case q.Index():
            return _index(value, family, c)
        case q.FieldValue():
            return _field(value, family, c)
        case _:
            assert_never(value)


def _arithmetic(operator: Operator, left: Term, right: Term, value: q.Value, c: Context) -> Term:
    """left operator right; a shift by a packet value is guarded, since machines differ at 32."""
    b = c.headers.builder
    shifts = operator in (Operator.LSH, Operator.RSH)
    if isinstance(right, Constant):
        if right.value == 0 and operator in (Operator.DIV, Operator.MOD):
            raise FilterError("the divisor is always zero", span=value.span)
        if right.value >= WORD_BITS and shifts:
            raise FilterError(f"a shift by {right.value} bits, 31 is the most", span=value.span)
    term = b.binary(operator, left, right)
    if isinstance(right, Constant) or not shifts:
        return term
    gone = b.binary(Operator.AND, left, b.constant(0))
    return b.choose(Relation.GE, right, b.constant(WORD_BITS), gone, term)


def _field(value: q.FieldValue, family: str, c: Context) -> Term:
    row = FIELDS[value.name]
    if row.protocol == _VLAN.name:
        masked = c.headers.sum(Operator.AND, tag_control(c.frame(value.under), c), row.mask)
        return c.headers.sum(Operator.RSH, masked, row.shift)
    place = _place(row.protocol, c.frame(value.under), family, c)
    term = c.headers.load(place, row.offset, row.size)
    if row.mask != 2 ** (8 * row.size) - 1:
        term = c.headers.sum(Operator.AND, term, row.mask)
    return c.headers.sum(Operator.RSH, term, row.shift)


def _place(name: str, frame: Frame, family: str, c: Context) -> Place:
    """Where the header of a protocol word starts."""
    match p.PROTOCOLS[name].base:
        case "link":
            return frame.header
        case "packet":
            return Place(None, 0)
        case "network":
            return frame.network
        case "icmp6":
            return frame.transport or frame.network.plus(IPV6_HEADER)
        case _:
            h = c.headers
            return h.transport6(frame) if family == "ip6" else h.transport4(frame)


def _index(value: q.Index, family: str, c: Context) -> Term:
    b = c.headers.builder
    offset = _term(value.offset, family, c)
    place = _place(value.protocol, c.frame(value.under), family, c)
    if isinstance(offset, Constant):
        ancillary = value.protocol == "link" and offset.value >= _ANCILLARY_START
        if ancillary and c.headers.target.metadata:
            return _metadata(offset.value, value, c)
        if place.base is None and place.constant + offset.value > WORD_MASK:
            return c.headers.indexed(
                offset, place.constant, value.size
            )  # past the end of every packet
        if place.base is None or offset.value < 2**31:  # a header length more cannot wrap
            return c.headers.load(place, offset.value, value.size)
    base = offset if place.base is None else b.binary(Operator.ADD, offset, place.base)
    return c.headers.indexed(base, place.constant, value.size)


def _metadata(offset: int, value: q.Index, c: Context) -> Term:
    """``ether[-4048]`` and its kind: words the kernel keeps beside the bytes."""
    name = _ANCILLARY_NAMES.get(offset)
    if name is None or name in ("nla", "nlan", "xor_x"):
        raise c.refuse(f"ancillary word {offset - 2**32}", value.span)
    return c.headers.builder.metadata(name)
