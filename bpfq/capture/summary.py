"""One line about a packet: protocol and endpoints, for people who look at what matched.

    vlan 100 UDP 10.1.0.9:40112 > 8.8.8.8:53        TCP [2001:db8::1]:1024 > [2001:db8::2]:443 S.
    ARP who-has 10.0.0.1 tell 10.0.0.2              EtherType 0x88cc 02:..:01 > 01:80:c2:..:0e
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

from bpfq.tables import protocols as p
from bpfq.tables.ipprotocols import ip_protocols

_MOST_SHIMS: Final = 8  # tags and labels followed
_MOST_EXTENSIONS: Final = 8  # IPv6 extension headers followed
_EXTENSIONS: Final = (0, 43, 60)  # hop-by-hop, routing, destination options: RFC 8200
_WITH_PORTS: Final = (p.PROTO_TCP, p.PROTO_UDP, p.PROTO_SCTP)
_FLAGS: Final = "FSRP.UEW"  # TCP flags from the lowest bit, as tcpdump writes them
_ARP_REQUEST: Final = 1
_PPP_IP: Final = {0x0021: p.ETHERTYPE_IP, 0x0057: p.ETHERTYPE_IPV6}
_TYPE_AND_PAYLOAD: Final = {  # where an EtherType stands and what follows, bytes
    "EN10MB": (12, 14), "LINUX_SLL": (14, 16), "LINUX_SLL2": (0, 20), "C_HDLC": (2, 4),
    "DSA_TAG_DSA": (16, 18), "DSA_TAG_BRCM": (16, 18),
}  # fmt: skip
_IP_AT: Final = {"RAW": 0, "IPV4": 0, "IPV6": 0, "NULL": 4, "LOOP": 4, "ENC": 12, "COOKED": 0}


def summary(link: str, data: bytes) -> str:
    """What the packet is, as far as its captured bytes tell; link is a DLT name."""
    words: list[str] = []
    try:
        _link(link, data, words)
    except struct.error:
        words.append("[cut]")
    return " ".join(words)


def _link(link: str, data: bytes, words: list[str]) -> None:
    if link in _IP_AT:
        _ip(data, _IP_AT[link], words)
    elif link in _TYPE_AND_PAYLOAD:
        type_at, payload = _TYPE_AND_PAYLOAD[link]
        ethertype = _half(data, type_at)
        stations = link == "EN10MB"
        if not _network(ethertype, data, payload, words):
            words.append(_ethertype_name(ethertype))
            if stations:
                words.append(f"{_mac(data, 6)} > {_mac(data, 0)}")
    else:
        words.append(link)


def _network(ethertype: int, data: bytes, at: int, words: list[str]) -> bool:
    """Say what an EtherType's payload is; False when it is not known."""
    for _ in range(_MOST_SHIMS):
        if ethertype in (p.ETHERTYPE_8021Q, p.ETHERTYPE_8021AD, p.ETHERTYPE_8021QINQ):
            words.append(f"vlan {_half(data, at) & 0xFFF}")
            ethertype, at = _half(data, at + 2), at + 4
        elif ethertype == p.ETHERTYPE_MPLS:
            label = _word(data, at)
            words.append(f"mpls {label >> 12}")
            at += 4
            if label & 0x100:  # bottom of stack: what follows is not named
                _ip(data, at, words)
                return True
        elif ethertype == p.ETHERTYPE_PPPOES:
            words.append(f"pppoe {_half(data, at + 2)}")
            ethertype, at = _PPP_IP.get(_half(data, at + 6), 0), at + 8
        else:
            break
    match ethertype:
        case p.ETHERTYPE_IP | p.ETHERTYPE_IPV6:
            _ip(data, at, words)
        case p.ETHERTYPE_ARP | p.ETHERTYPE_RARP:
            _arp(data, at, words)
        case _:
            return False
    return True


def _ethertype_name(ethertype: int) -> str:
    if ethertype <= p.LARGEST_LENGTH:
        return "802.3"
    return f"EtherType {ethertype:#06x}"


def _arp(data: bytes, at: int, words: list[str]) -> None:
    operation = _half(data, at + 6)
    sender, wanted = _address(data, at + 14, AF_INET), _address(data, at + 24, AF_INET)
    if operation == _ARP_REQUEST:
        words.append(f"ARP who-has {wanted} tell {sender}")
    else:
        words.append(f"ARP {sender} is-at {_mac(data, at + 8)}")


def _ip(data: bytes, at: int, words: list[str]) -> None:
    version = _byte(data, at) >> 4
    if version == 4:
        _ipv4(data, at, words)
    elif version == 6:
        _ipv6(data, at, words)
    else:
        words.append(f"IP version {version}")


def _ipv4(data: bytes, at: int, words: list[str]) -> None:
    source, destination = _address(data, at + 12, AF_INET), _address(data, at + 16, AF_INET)
    protocol, fragment = _byte(data, at + 9), 8 * (_half(data, at + 6) & 0x1FFF)
    transport = at + 4 * (_byte(data, at) & 0xF)
    if fragment:
        words.append(f"{_name(protocol)} {source} > {destination} fragment at {fragment}")
    else:
        _transport(protocol, source, destination, data, transport, words)


def _ipv6(data: bytes, at: int, words: list[str]) -> None:
    source, destination = _address(data, at + 8, AF_INET6), _address(data, at + 24, AF_INET6)
    following, at = _byte(data, at + 6), at + 40
    for _ in range(_MOST_EXTENSIONS):
        if following in _EXTENSIONS:
            following, at = _byte(data, at), at + 8 * (1 + _byte(data, at + 1))
        elif following == p.PROTO_FRAGMENT:
            fragment = _half(data, at + 2) & 0xFFF8
            following, at = _byte(data, at), at + 8
            if fragment:
                words.append(f"{_name(following)} {source} > {destination} fragment at {fragment}")
                return
        else:
            break
    _transport(following, source, destination, data, at, words)


def _transport(
    protocol: int, source: str, destination: str, data: bytes, at: int, words: list[str]
) -> None:
    if protocol not in _WITH_PORTS:
        words.append(f"{_name(protocol)} {source} > {destination}")
        return
    try:
        ports = (_half(data, at), _half(data, at + 2))
    except struct.error:
        words.append(f"{_name(protocol)} {source} > {destination}")
        raise
    ends = (_end(source, ports[0]), _end(destination, ports[1]))
    words.append(f"{_name(protocol)} {ends[0]} > {ends[1]}")
    if protocol == p.PROTO_TCP:
        flags = _byte(data, at + 13)
        words.append("".join(c for bit, c in enumerate(_FLAGS) if flags >> bit & 1) or "none")


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _name(protocol: int) -> str:
    return next((name for name, number in ip_protocols().items() if number == protocol),
                f"proto {protocol}")  # fmt: skip


def _address(data: bytes, at: int, family: int) -> str:
    (octets,) = struct.unpack_from("4s" if family == AF_INET else "16s", data, at)
    return inet_ntop(family, octets)


def _mac(data: bytes, at: int) -> str:
    (octets,) = struct.unpack_from("6s", data, at)
    return ":".join(f"{octet:02x}" for octet in octets)


def _byte(data: bytes, at: int) -> int:
    (value,) = struct.unpack_from(">B", data, at)
    return int(value)


def _half(data: bytes, at: int) -> int:
    (value,) = struct.unpack_from(">H", data, at)
    return int(value)


def _word(data: bytes, at: int) -> int:
    (value,) = struct.unpack_from(">I", data, at)
    return int(value)
