"""SunATM cells and SS7 signal units (ITU-T I.610, Q.2931, Q.703, Q.704)."""

from __future__ import annotations

from collections.abc import Callable

from bpfq.graph.formula import Formula, both, either, negation
from bpfq.headers.linktype import llc_cell
from bpfq.headers.places import Place
from bpfq.lower.context import Context
from bpfq.operators import Relation
from bpfq.query import nodes as q

_PACKET = Place(None, 0)
_ATM_FIELDS = {"vpi": (1, 1), "vci": (2, 2)}  # offset, size
_ATM_CHANNELS = {  # vci values on vpi 0
    "metac": (1,), "bcc": (2,), "oam": (3, 4), "oamf4": (3, 4), "oamf4sc": (3,),
    "oamf4ec": (4,), "sc": (5,), "ilmic": (16,), "connectmsg": (5,), "metaconnect": (1,),
}  # fmt: skip
_MESSAGE_AT = 9
# Q.2931 message types: release complete, release, connect ack, connect, call proceeding, setup
_ATM_MESSAGES = {
    "connectmsg": (0x5A, 0x4D, 0x0F, 0x07, 0x05, 0x02),
    "metaconnect": (0x5A, 0x4D, 0x07, 0x05, 0x02),
}
_LANE = 1

_SS7_BASE = {"MTP2": 0, "MTP2_WITH_PHDR": 4, "ERF": 20}
_EXTENDED = 3  # the "h" forms have a header three bytes longer


def atm(node: q.AtmField | q.AtmClass, c: Context) -> Formula:
    if c.headers.link.name != "SUNATM":
        raise c.refuse(f"'{node.name}' (an ATM cell)", node.span)
    if isinstance(node, q.AtmField):
        offset, size = _ATM_FIELDS[node.name]
        return _one_of(node.relation, node.values, offset, size, None, c)
    if node.name == "lane":
        return c.headers.atom(_PACKET, 0, 1, _LANE, 0x0F)
    if node.name == "llc":
        return llc_cell(c.headers)
    channel = both(
        c.headers.atom(_PACKET, 1, 1, 0),
        either(*(c.headers.atom(_PACKET, 2, 2, vci) for vci in _ATM_CHANNELS[node.name])),
    )
    messages = _ATM_MESSAGES.get(node.name)
    if messages is None:
        return channel
    return both(channel, either(*(c.headers.atom(_PACKET, _MESSAGE_AT, 1, m) for m in messages)))


def ss7(node: q.Ss7Unit | q.Ss7Field, c: Context) -> Formula:
    base = _SS7_BASE.get(c.headers.link.name)
    if base is None:
        raise c.refuse(f"'{node.name}' (an SS7 signal unit)", node.span)
    if isinstance(node, q.Ss7Unit):
        return _unit(node.name, base, c)
    extended = node.name.startswith("h")
    base += _EXTENDED if extended else 0
    offset, size, mask, encode = _SS7_FIELDS[node.name.removeprefix("h")]
    values = tuple(encode(value) for value in node.values)
    return _one_of(node.relation, values, base + offset, size, mask, c)


def _opc(value: int) -> int:
    """14 bits, shifted and byte-swapped as they cross four bytes."""
    return int.from_bytes((value << 14).to_bytes(4, "little"), "big")


def _dpc(value: int) -> int:
    return int.from_bytes(value.to_bytes(2, "little"), "big")


_SS7_FIELDS: dict[
    str, tuple[int, int, int | None, Callable[[int], int]]
] = {  # offset, size, mask, value -> bits compared
    "sio": (3, 1, None, lambda value: value),
    "opc": (4, 4, 0x00C0FF0F, _opc),
    "dpc": (4, 2, 0xFF3F, _dpc),
    "sls": (7, 1, 0xF0, lambda value: value << 4),
}


def _unit(name: str, base: int, c: Context) -> Formula:
    """By the length indicator: 0 fill-in, 1 and 2 link status, more a message."""

    def longer(limit: int) -> Formula:
        if name.startswith("h"):
            return c.headers.atom(_PACKET, base + 4, 2, limit << 7, 0xFF80, Relation.GT)
        return c.headers.atom(_PACKET, base + 2, 1, limit, 0x3F, Relation.GT)

    match name.removeprefix("h"):
        case "fisu" if name.startswith("h"):
            return c.headers.atom(_PACKET, base + 4, 2, 0, 0xFF80)
        case "fisu":
            return c.headers.atom(_PACKET, base + 2, 1, 0, 0x3F)
        case "lssu":
            return both(longer(0), negation(longer(2)))
        case _:
            return longer(2)


def _one_of(
    relation: str, values: tuple[int, ...], offset: int, size: int, mask: int | None, c: Context
) -> Formula:
    def holds(value: int) -> Formula:
        def test(r: Relation) -> Formula:
            return c.headers.atom(_PACKET, offset, size, value, mask, r)

        match relation:
            case "=":
                return test(Relation.EQ)
            case "!=":
                return negation(test(Relation.EQ))
            case ">":
                return test(Relation.GT)
            case ">=":
                return test(Relation.GE)
            case "<":
                return negation(test(Relation.GE))
            case _:
                return negation(test(Relation.GT))

    return either(*(holds(value) for value in values))
