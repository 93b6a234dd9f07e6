"""Link-layer addresses, LLC control fields and 802.11 frame control.

Sources: IEEE 802.3, IEEE 802.2, IEEE 802.11 clause 9.2, RFC 1201 (ARCnet), ASHRAE 135 (MS/TP).
"""

from __future__ import annotations

from collections.abc import Callable

from bpfq.errors import UnsupportedError
from bpfq.meaning.frame import Frame, unsupported
from bpfq.meaning.linktype import carries_length, data_frame, llc_cell
from bpfq.meaning.logic import (
    Test,
    bytes_equal,
    directed,
    equals,
    every,
    has_bits,
    opposite,
    some,
)
from bpfq.meaning.network import not_from_hosts
from bpfq.meaning.packet import Place
from bpfq.meaning.setting import Setting
from bpfq.query import nodes

_BROADCAST = b"\xff" * 6
_MSTP_STATIONS = (4, 3)  # source and destination byte
_STATION_BROADCASTS = {"ARCNET": 0, "ARCNET_LINUX": 0, "BACNET_MS_TP": 0xFF}

# 802.11 frame control, first byte and second
_CONTROL, _DATA = 0x04, 0x08
_TYPE, _SUBTYPE, _CTS, _ACK = 0x0C, 0xF0, 0xC0, 0xD0
_TO_DS, _FROM_DS = 0x01, 0x02
_ADDRESS_1, _ADDRESS_2, _ADDRESS_3, _ADDRESS_4 = 4, 10, 16, 24

# word -> value and mask of the LLC control byte
_LLC_CLASSES = {"i": (0x00, 0x01), "s": (0x01, 0x03), "u": (0x03, 0x03)}
_LLC_SUPERVISORY = {"rr": 0x01, "rnr": 0x05, "rej": 0x09}
_LLC_UNNUMBERED = {
    **{"ui": 0x03, "ua": 0x63, "disc": 0x43, "dm": 0x0F},
    **{"sabme": 0x6F, "test": 0xE3, "xid": 0xAF, "frmr": 0x87},
}
_LLC_CONTROLS = {
    **_LLC_CLASSES,
    **{word: (value, 0x0F) for word, value in _LLC_SUPERVISORY.items()},
    **{word: (value, 0xEF) for word, value in _LLC_UNNUMBERED.items()},
}


# ---------------------------------------------------------------- addresses


def mac_address(frame: Frame, direction: str, addresses: tuple[int, ...]) -> Test:
    """One of the addresses stands where the direction says."""
    values = [address.to_bytes(6, "big") for address in addresses]
    if frame.kind == "wlan":
        return some(*[_wlan_address(frame, direction, value) for value in values])
    if frame.layout.mac is None:
        raise unsupported("link host", frame)
    if direction not in ("src", "dst", "src or dst", "src and dst"):
        raise UnsupportedError(f"'{direction}' is for 802.11 frames only, not {frame.name}")
    source, destination = (frame.link.at(offset) for offset in frame.layout.mac)
    tests = [
        directed(direction, bytes_equal(source, value), bytes_equal(destination, value))
        for value in values
    ]
    return every(frame.station, some(*tests))


def station_address(frame: Frame, node: nodes.StationAddress) -> Test:
    source, destination = _stations(frame)
    return directed(
        node.direction, equals(source, 1, node.address), equals(destination, 1, node.address)
    )


def _stations(frame: Frame) -> tuple[Place, Place]:
    offsets = _MSTP_STATIONS if frame.name == "BACNET_MS_TP" else frame.layout.station
    if offsets is None:
        raise unsupported("link host $XX", frame)
    return frame.link.at(offsets[0]), frame.link.at(offsets[1])


def broadcast(frame: Frame) -> Test:
    if frame.name in _STATION_BROADCASTS:
        return equals(_stations(frame)[1], 1, _STATION_BROADCASTS[frame.name])
    return mac_address(frame, "dst", (int.from_bytes(_BROADCAST, "big"),))


def multicast(frame: Frame) -> Test:
    """The group bit of the destination; ARCnet has broadcasts only."""
    if frame.name in ("ARCNET", "ARCNET_LINUX"):
        return broadcast(frame)
    if frame.kind == "wlan":
        return _wlan_destination(frame, lambda offset: has_bits(frame.link.at(offset), 1))
    if frame.layout.mac is None:
        raise unsupported("multicast", frame)
    return every(frame.station, has_bits(frame.link.at(frame.layout.mac[1]), 1))


def gateway(frame: Frame, node: nodes.Gateway, setting: Setting) -> Test:
    """The frame is from or to the gateway's MAC, the packet in it is not."""
    if frame.labels:
        raise UnsupportedError("'gateway' cannot be used behind mpls")
    if {"geneve", "vxlan"} & set(node.under):
        raise UnsupportedError("'gateway' cannot be used inside geneve or vxlan")
    frames = mac_address(frame, "src or dst", node.macs)
    return every(frames, not_from_hosts(frame, node.protocol, node.addresses, setting))


# ---------------------------------------------------------------- 802.11


def _control_bits(frame: Frame, mask: int) -> Test:
    return has_bits(frame.link, mask)


def _flags(frame: Frame, mask: int) -> Test:
    return has_bits(frame.link.at(1), mask)


def _wlan_address(frame: Frame, direction: str, value: bytes) -> Test:
    def here(offset: int) -> Test:
        return bytes_equal(frame.link.at(offset), value)

    match direction:
        case "src" | "dst" | "src or dst" | "src and dst":
            return directed(direction, _wlan_source(frame, here), _wlan_destination(frame, here))
        case "addr1":
            return here(_ADDRESS_1)
        case "ra":
            return every(_control_bits(frame, _DATA), here(_ADDRESS_1))
        case "addr2":
            return every(_has_address_2(frame), here(_ADDRESS_2))
        case "ta":
            return every(_control_bits(frame, _DATA), _has_address_2(frame), here(_ADDRESS_2))
        case "addr3":
            not_control = opposite(equals(frame.link, 1, _CONTROL, _TYPE))
            return every(not_control, here(_ADDRESS_3))
        case _:
            both = equals(frame.link.at(1), 1, _TO_DS | _FROM_DS, _TO_DS | _FROM_DS)
            return every(both, here(_ADDRESS_4))


def _has_address_2(frame: Frame) -> Test:
    """Any frame but the control frames CTS and ACK."""
    kind = equals(frame.link, 1, _CONTROL, _TYPE)
    short = some(equals(frame.link, 1, _CTS, _SUBTYPE), equals(frame.link, 1, _ACK, _SUBTYPE))
    return opposite(every(kind, short))


def _wlan_source(frame: Frame, here: Callable[[int], Test]) -> Test:
    """Not in control frames; in data frames it depends on the distribution-system bits."""
    to_ds, from_ds = _flags(frame, _TO_DS), _flags(frame, _FROM_DS)
    relayed = some(every(opposite(to_ds), here(_ADDRESS_3)), every(to_ds, here(_ADDRESS_4)))
    data = some(every(opposite(from_ds), here(_ADDRESS_2)), every(from_ds, relayed))
    return _management_or_data(frame, here(_ADDRESS_2), data)


def _wlan_destination(frame: Frame, here: Callable[[int], Test]) -> Test:
    to_ds = _flags(frame, _TO_DS)
    data = some(every(opposite(to_ds), here(_ADDRESS_1)), every(to_ds, here(_ADDRESS_3)))
    return _management_or_data(frame, here(_ADDRESS_1), data)


def _management_or_data(frame: Frame, management: Test, data: Test) -> Test:
    is_data = _control_bits(frame, _DATA)
    either = some(every(opposite(is_data), management), every(is_data, data))
    return every(opposite(_control_bits(frame, _CONTROL)), either)


def frame_type(frame: Frame, node: nodes.FrameType) -> Test:
    if frame.kind != "wlan":
        raise unsupported("type/subtype", frame)
    if node.subtype is None:
        return equals(frame.link, 1, node.type, _TYPE)
    return equals(frame.link, 1, node.type | node.subtype, _TYPE | _SUBTYPE)


def frame_direction(frame: Frame, node: nodes.FrameDirection) -> Test:
    if frame.kind != "wlan":
        raise unsupported("dir", frame)
    return equals(frame.link.at(1), 1, node.value, _TO_DS | _FROM_DS)


# ---------------------------------------------------------------- LLC


def llc(frame: Frame, kind: str | None) -> Test:
    """An 802.2 frame, and its control byte if a kind is named."""
    if not frame.layout.llc:
        raise unsupported("llc", frame)
    here = _has_llc(frame)
    if kind is None:
        return here
    value, mask = _LLC_CONTROLS[kind]
    return every(here, equals(frame.payload.at(2), 1, value, mask))


def _has_llc(frame: Frame) -> Test:
    match frame.kind:
        case "ethernet":
            raw_ipx = equals(frame.payload, 2, 0xFFFF)
            return every(carries_length(frame), opposite(raw_ipx))
        case "wlan":
            return data_frame(frame)
        case "sunatm":
            return llc_cell(frame)
        case _:
            return True
