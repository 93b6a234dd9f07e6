"""Tests of one link type each: packet direction, pf log, SunATM and SS7 fields.

Sources: <pcap/sll.h>, <net/if_pflog.h>, <pcap/ipnet.h>, SunATM's pseudo-header; ITU-T Q.703
(signal units) and Q.704 (routing labels).
"""

from __future__ import annotations

from bpfq.meaning.frame import Frame, unsupported
from bpfq.meaning.logic import (
    Leaf,
    Test,
    bytes_equal,
    equals,
    every,
    opposite,
    reads,
    some,
)
from bpfq.meaning.packet import Reader
from bpfq.meaning.setting import Setting
from bpfq.operators import WORD_MASK
from bpfq.query import nodes

_OUTGOING = 4  # PACKET_OUTGOING, <linux/if_packet.h>

# kind or name of the link type -> offset, size, mask, value inbound, value outbound
_DIRECTIONS = {
    "SLIP": (0, 1, 0xFF, 0, 1),
    "IPNET": (2, 2, 0xFFFF, 2, 1),
    "PFLOG": (60, 1, 0xFF, 1, 2),
    "PPP_PPPD": (0, 1, 0xFF, 0, 1),
    "juniper": (3, 1, 0x01, 1, 0),
    "DSA_TAG_BRCM": (12, 1, 0xE0, 0x00, 0x20),
}
_OUTBOUND_MARKS = {"LINUX_SLL": (0, 2), "LINUX_SLL2": (10, 1)}

# name -> offset, size
_FIREWALL = {
    **{"action": (2, 1), "reason": (3, 1), "ifname": (4, 0), "rset": (20, 0)},
    **{"rnr": (36, 4), "srnr": (40, 4)},
}

_ATM_FIELDS = {"vpi": (1, 1), "vci": (2, 2)}
_ATM_CIRCUITS = {
    **{"metac": (1,), "bcc": (2,), "oamf4sc": (3,), "oamf4ec": (4,), "sc": (5,), "ilmic": (16,)},
    **{"oam": (3, 4), "oamf4": (3, 4), "connectmsg": (5,), "metaconnect": (1,)},
}
_ATM_MESSAGES = {
    "connectmsg": (0x5A, 0x4D, 0x0F, 0x07, 0x05, 0x02),
    "metaconnect": (0x5A, 0x4D, 0x07, 0x05, 0x02),
}

_SS7_BASES = {"MTP2": 0, "MTP2_WITH_PHDR": 4, "ERF": 20}
_SS7_HIGH_SPEED = 3  # bytes by which the high-speed forms are further on
# name -> offset, size, mask
_SS7_FIELDS = {
    "sio": (3, 1, 0xFF),
    "opc": (4, 4, 0x00C0_FF0F),
    "dpc": (4, 2, 0xFF3F),
    "sls": (7, 1, 0xF0),
}


def packet_direction(frame: Frame, inbound: bool, setting: Setting) -> Test:
    """From the link header where it tells, otherwise from the kernel's packet type."""
    if frame.name == "DSA_TAG_DSA":
        tag = frame.link.at(12)
        return equals(tag, 1, 0x00, 0x40) if inbound else equals(tag, 1, 0x40, 0xC0)
    row = _DIRECTIONS.get(frame.name) or _DIRECTIONS.get(frame.kind)
    if row is not None:
        offset, size, mask, value_in, value_out = row
        return equals(frame.link.at(offset), size, value_in if inbound else value_out, mask)
    if frame.name in _OUTBOUND_MARKS:
        offset, size = _OUTBOUND_MARKS[frame.name]
        outbound = equals(frame.link.at(offset), size, _OUTGOING)
    else:
        setting.require_metadata("inbound" if inbound else "outbound")
        outbound = reads(lambda packet: packet.word("type"), _OUTGOING)
    return opposite(outbound) if inbound else outbound


def interface_index(frame: Frame, index: int, setting: Setting) -> Test:
    if frame.name == "LINUX_SLL2":
        return equals(frame.link.at(4), 4, index)
    setting.require_metadata("ifindex")
    return reads(lambda packet: packet.word("ifidx"), index)


def firewall_log(frame: Frame, node: nodes.FirewallLog) -> Test:
    """A text is compared as long as it is: names that go on match too."""
    if frame.kind != "pflog":
        raise unsupported(node.name, frame)
    offset, size = _FIREWALL[node.name]
    place = frame.link.at(offset)
    if isinstance(node.value, str):
        return bytes_equal(place, node.value.encode())
    return equals(place, size, node.value)


# ---------------------------------------------------------------- relations


def related(reader: Reader, relation: str, value: int) -> Test:
    """reader relation value, unsigned."""
    return Leaf(lambda packet: compare(relation, reader(packet), value))


def compare(relation: str, left: int, right: int) -> bool:
    match relation:
        case "=":
            return left == right
        case "!=":
            return left != right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case _:
            assert relation == "<=", relation
            return left <= right


# ---------------------------------------------------------------- SunATM


def atm_field(frame: Frame, node: nodes.AtmField) -> Test:
    if frame.kind != "sunatm":
        raise unsupported(node.name, frame)
    offset, size = _ATM_FIELDS[node.name]
    place = frame.link.at(offset)
    return some(
        *[related(lambda p: place.load(p, size), node.relation, value) for value in node.values]
    )


def atm_class(frame: Frame, name: str) -> Test:
    """LAN emulation is a kind of cell; the others are circuits of path 0, some with a message."""
    if frame.kind != "sunatm":
        raise unsupported(name, frame)
    if name == "lane":
        return equals(frame.link, 1, 1, 0x0F)
    circuits = [equals(frame.link.at(2), 2, circuit) for circuit in _ATM_CIRCUITS[name]]
    tests = [equals(frame.link.at(1), 1, 0), some(*circuits)]
    if name in _ATM_MESSAGES:
        messages = [equals(frame.link.at(9), 1, value) for value in _ATM_MESSAGES[name]]
        tests.append(some(*messages))
    return every(*tests)


# ---------------------------------------------------------------- SS7


def _ss7_base(frame: Frame, word: str) -> int:
    if frame.name not in _SS7_BASES:
        raise unsupported(word, frame)
    return _SS7_BASES[frame.name]


def ss7_unit(frame: Frame, name: str) -> Test:
    """By the length indicator: none, up to two (high speed: 0x100), or more."""
    base = _ss7_base(frame, name)
    fast = name.startswith("h")
    place = frame.link.at(base + (4 if fast else 2))
    size, mask, limit = (2, 0xFF80, 0x100) if fast else (1, 0x3F, 2)

    def length_is(low: int, high: int) -> Test:
        return Leaf(lambda packet: low <= place.load(packet, size) & mask <= high)

    match name.removeprefix("h"):
        case "fisu":
            return length_is(0, 0)
        case "lssu":
            return length_is(1, limit)
        case _:
            return length_is(limit + 1, WORD_MASK)


def ss7_field(frame: Frame, node: nodes.Ss7Field) -> Test:
    """Compared as it stands in the packet, where point codes are little-endian."""
    base = _ss7_base(frame, node.name)
    name = node.name.removeprefix("h")
    offset, size, mask = _SS7_FIELDS[name]
    if name != node.name:
        offset += _SS7_HIGH_SPEED
    place = frame.link.at(base + offset)
    return some(
        *[
            related(lambda p: place.load(p, size) & mask, node.relation, _on_the_wire(name, value))
            for value in node.values
        ]
    )


def _on_the_wire(name: str, value: int) -> int:
    match name:
        case "sio":
            return value
        case "opc":
            return int.from_bytes((value << 14).to_bytes(4, "little"), "big")
        case "dpc":
            return int.from_bytes(value.to_bytes(2, "little"), "big")
        case _:
            return value << 4
