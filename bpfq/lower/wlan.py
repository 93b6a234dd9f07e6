"""802.11: frame types, distribution-system bits and the addresses that they move about."""

from __future__ import annotations

from bpfq.graph.formula import Formula, both, either, negation
from bpfq.headers.places import Frame
from bpfq.lower.context import Context
from bpfq.operators import Relation
from bpfq.query import nodes as q

_CONTROL, _DATA = 0x04, 0x08  # frame control byte 0
_TO_DS, _FROM_DS = 0x01, 0x02  # frame control byte 1
_CTS, _ACK = 0xC0, 0xD0


def _bit(c: Context, frame: Frame, offset: int, mask: int) -> Formula:
    return c.headers.atom(frame.header, offset, 1, mask, relation=Relation.SET)


def frame_type(node: q.FrameType, c: Context) -> Formula:
    frame = c.frame(node.under)
    if frame.kind != "wlan":
        raise c.refuse("'type' and 'subtype' (an 802.11 frame)", node.span)
    if node.subtype is None:
        return c.headers.atom(frame.header, 0, 1, node.type, 0x0C)
    return c.headers.atom(frame.header, 0, 1, node.type | node.subtype, 0xFC)


def frame_direction(node: q.FrameDirection, c: Context) -> Formula:
    frame = c.frame(node.under)
    if frame.kind != "wlan":
        raise c.refuse("'dir' (an 802.11 frame)", node.span)
    return c.headers.atom(frame.header, 1, 1, node.value, 0x03)


def address(direction: str, value: int, frame: Frame, c: Context) -> Formula:
    def at(offset: int) -> Formula:
        h = c.headers
        return both(
            h.atom(frame.header, offset + 2, 4, value & 0xFFFF_FFFF),
            h.atom(frame.header, offset, 2, value >> 32),
        )

    match direction:
        case "src":
            return _by_frame(c, frame, at(10), _data_source(c, frame, at(10), at(16), at(24)))
        case "dst":
            return _by_frame(c, frame, at(4), _data_destination(c, frame, at(4), at(16)))
        case "src and dst":
            return both(address("src", value, frame, c), address("dst", value, frame, c))
        case "src or dst":
            return either(address("src", value, frame, c), address("dst", value, frame, c))
        case "ra":
            return both(_bit(c, frame, 0, _DATA), at(4))
        case "ta":
            return both(_bit(c, frame, 0, _DATA), _has_second(c, frame), at(10))
        case "addr1":
            return at(4)
        case "addr2":
            return both(_has_second(c, frame), at(10))
        case "addr3":
            return both(negation(_is_control(c, frame)), at(16))
        case _:  # addr4: both distribution-system bits
            return both(c.headers.atom(frame.header, 1, 1, 0x03, 0x03), at(24))


def multicast(frame: Frame, c: Context) -> Formula:
    """The destination's group bit."""
    near, far = (_bit(c, frame, offset, 0x01) for offset in (4, 16))
    return _by_frame(c, frame, near, _data_destination(c, frame, near, far))


def _by_frame(c: Context, frame: Frame, management: Formula, data: Formula) -> Formula:
    """Control frames have neither address; management frames have it in one place."""
    is_data = _bit(c, frame, 0, _DATA)
    return both(
        negation(_bit(c, frame, 0, _CONTROL)),
        either(both(negation(is_data), management), both(is_data, data)),
    )


def _data_source(c: Context, frame: Frame, near: Formula, far: Formula, fourth: Formula) -> Formula:
    from_ds, to_ds = _bit(c, frame, 1, _FROM_DS), _bit(c, frame, 1, _TO_DS)
    relayed = either(both(negation(to_ds), far), both(to_ds, fourth))
    return either(both(negation(from_ds), near), both(from_ds, relayed))


def _data_destination(c: Context, frame: Frame, near: Formula, far: Formula) -> Formula:
    to_ds = _bit(c, frame, 1, _TO_DS)
    return either(both(negation(to_ds), near), both(to_ds, far))


def _is_control(c: Context, frame: Frame) -> Formula:
    return c.headers.atom(frame.header, 0, 1, _CONTROL, 0x0C)


def _has_second(c: Context, frame: Frame) -> Formula:
    """Every frame but the CTS and ACK control frames has a second address."""
    subtypes = (c.headers.atom(frame.header, 0, 1, value, 0xF0) for value in (_CTS, _ACK))
    return either(negation(_is_control(c, frame)), both(*(negation(s) for s in subtypes)))
