"""Primitives with words of their own: shims and tunnels, 802.11, LLC, pf log, ATM and SS7."""

from __future__ import annotations

from collections.abc import Mapping

from bpfq.errors import FilterError
from bpfq.frontend.pcap.qualifiers import check_over_mpls, rewrite
from bpfq.frontend.pcap.tokens import Token
from bpfq.query import build
from bpfq.query.checks import (
    ATM_CLASSES,
    ATM_FIELDS,
    IDENTIFIERS,
    LLC_KINDS,
    SS7_FIELDS,
    in_range,
)
from bpfq.query.nodes import Query, Under
from bpfq.source import Span, nearest
from bpfq.tables.constants import NAMED_NUMBERS
from bpfq.tables.names import (
    FRAME_DIRECTIONS,
    FRAME_SUBTYPES,
    FRAME_TYPES,
    PF_ACTIONS,
    PF_REASONS,
)

_OWN_LINK = ("pppoes", "geneve", "vxlan", "lane")  # shims that change the link type


def _named(text: str, token: Token, known: Mapping[str, int], kind: str) -> int:
    """The value of a name, whatever its case."""
    word = token.word.lower()
    if word in known:
        return known[word]
    close = nearest(word, known)
    hint = f"; did you mean '{close}'?" if close else f"; it is one of {', '.join(known)}"
    raise FilterError(
        f"unknown {kind} '{token.word}'{hint}",
        span=token.span,
        suggestions=(rewrite(text, token.span, close),) if close else (),
    )


# ---------------------------------------------------------------- encapsulations


def shim(word: Token, identifier: Token | None, under: Under) -> Query:
    kind = word.word
    span = Span(word.start, identifier.end if identifier else word.end)
    if kind == "vlan":
        _check_vlan(under, span)
    elif kind == "pppoes":
        check_over_mpls(kind, False, under, span)
    if identifier is not None:
        name, largest = IDENTIFIERS[kind]
        in_range(identifier.number, largest, name, identifier.span)
    number = identifier.number if identifier else None
    return build.encapsulation(kind, number, under, span=span)


def _check_vlan(under: Under, span: Span) -> None:
    if "mpls" in under:
        raise FilterError("there is no VLAN tag after an MPLS label", span=span)
    links = [shim for shim in under if shim in _OWN_LINK]
    if links and links[-1] == "pppoes":
        raise FilterError("there is no VLAN tag inside a PPPoE session", span=span)


def bare(word: Token, under: Under) -> Query:
    """A primitive of one word."""
    match word.word:
        case "inbound" | "outbound":
            return build.packet_direction(word.word == "inbound", under, span=word.span)
        case "pppoed":
            check_over_mpls("pppoed", False, under, word.span)
            return build.encapsulation("pppoed", None, under, span=word.span)
        case name if name in ATM_CLASSES:
            return build.atm_class(name, under, span=word.span)
        case name:
            return build.ss7_unit(name, under, span=word.span)


# ---------------------------------------------------------------- LLC and 802.11


def llc(text: str, word: Token, kind: Token | None, under: Under) -> Query:
    if kind is None:
        return build.llc(None, under, span=word.span)
    known = {name: number for number, name in enumerate(LLC_KINDS)}
    name = LLC_KINDS[_named(text, kind, known, "LLC type")]
    return build.llc(name, under, span=Span(word.start, kind.end))


def icmp_type(text: str, protocol: Token, word: Token, value: Token) -> FilterError:
    """``icmp type 8``: the word means 802.11 frame types."""
    name = protocol.word
    named = [
        word
        for word, number in NAMED_NUMBERS.items()
        if word.startswith(f"{name}-") and number == value.number
    ]
    shown = value.word if value.type == "NUM" else f"{name}-echo"
    better = f"{name}[{name}type] == {named[0] if named and value.type == 'NUM' else shown}"
    return FilterError(
        f"'type' is an 802.11 keyword here; for {name.upper()} write {better}",
        span=word.span,
        suggestions=(rewrite(text, Span(protocol.start, value.end), better),),
    )


def frame_type(
    text: str, word: Token, type_word: Token, subtype: Token | None, under: Under
) -> Query:
    kind = _frame_type(text, type_word)
    if subtype is None:
        return build.frame_type(kind, None, under, span=Span(word.start, type_word.end))
    span = Span(word.start, subtype.end)
    if subtype.type == "NUM":
        if subtype.number & ~0xF0:
            raise FilterError(
                f"802.11 frame subtype {subtype.number:#x} has bits outside 0xf0",
                span=subtype.span,
            )
        return build.frame_type(kind, subtype.number, under, span=span)
    bits = _named(text, subtype, FRAME_SUBTYPES.get(kind, {}), "subtype of that 802.11 type")
    return build.frame_type(kind, bits, under, span=span)


def _frame_type(text: str, token: Token) -> int:
    if token.type == "ID":
        return _named(text, token, FRAME_TYPES, "802.11 frame type")
    if token.number not in (0, 4, 8, 12):
        raise FilterError(f"802.11 frame type {token.number} is not 0, 4, 8 or 12", span=token.span)
    return token.number


def frame_subtype(text: str, word: Token, name: Token, under: Under) -> Query:
    """A subtype name alone: the first type that has it."""
    span = Span(word.start, name.end)
    for kind, subtypes in FRAME_SUBTYPES.items():
        bits = subtypes.get(name.word.lower())
        if bits is not None:
            return build.frame_type(kind, bits, under, span=span)
    known = {k: v for subtypes in FRAME_SUBTYPES.values() for k, v in subtypes.items()}
    _named(text, name, known, "802.11 frame subtype")
    raise AssertionError(name.word)


def frame_direction(text: str, word: Token, value: Token, under: Under) -> Query:
    if value.type == "NUM":
        number = in_range(value.number, 3, "802.11 direction", value.span)
    else:
        number = _named(text, value, FRAME_DIRECTIONS, "802.11 direction")
    return build.frame_direction(number, under, span=Span(word.start, value.end))


# ---------------------------------------------------------------- pf log, ATM, SS7


def log(text: str, word: Token, value: Token, under: Under) -> Query:
    span = Span(word.start, value.end)
    name = word.word
    if name in ("ifname", "rset"):
        return build.firewall_log(name, value.word, under, span=span)
    if value.type == "NUM":
        return build.firewall_log(name, value.number, under, span=span)
    known = PF_REASONS if name == "reason" else PF_ACTIONS
    return build.firewall_log(name, _named(text, value, known, f"pf {name}"), under, span=span)


def listed(field: Token, relation: Token | None, values: list[Token], under: Under) -> Query:
    name = field.word
    what, largest = ATM_FIELDS.get(name) or SS7_FIELDS[name]
    numbers = tuple(in_range(v.number, largest, what, v.span) for v in values)
    span = Span(field.start, values[-1].end)
    make = build.atm_field if name in ATM_FIELDS else build.ss7_field
    return make(name, relation.word if relation else "=", numbers, under, span=span)
