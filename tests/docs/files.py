"""The capture files that pages mention, made anew for each page that runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from capture.octets import enhanced, interface, pcap_header, record, section
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

_ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
_DNS = IP(src="10.1.0.9", dst="8.8.8.8") / UDP(sport=40112, dport=53)
_WEB = IP(src="10.1.0.9", dst="8.8.8.8") / TCP(sport=1024, dport=443)
_TRUNK = (_ETHERNET / _DNS, _ETHERNET / _WEB, _ETHERNET / Dot1Q(vlan=100) / _DNS)


def _classic(packets: Sequence[bytes]) -> bytes:
    return pcap_header() + b"".join(map(record, packets))


def _trunk() -> bytes:
    return _classic([bytes(packet) for packet in _TRUNK])


def _trunk_ng() -> bytes:
    return section() + interface() + b"".join(enhanced(bytes(packet)) for packet in _TRUNK)


def _office() -> bytes:
    """Sixteen packets, two of them cut short."""
    web = bytes(_ETHERNET / IP() / TCP(dport=80))
    dns = bytes(_ETHERNET / IP() / UDP(dport=53))
    return _classic([*9 * [web], *4 * [dns], *2 * [web[:30]], bytes(_ETHERNET / ARP())])


_FILES = {"trunk.pcap": _trunk, "trunk.pcapng": _trunk_ng, "office.pcap": _office}


def put_files(directory: Path, text: str) -> None:
    """Write the files whose names stand in a text."""
    for name, octets in _FILES.items():
        if name in text:
            (directory / name).write_bytes(octets())
