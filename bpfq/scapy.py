"""scapy that filters with bpfq: no libpcap, no tcpdump, and VLAN tags where they are.

    import bpfq.scapy

    with bpfq.scapy.use():
        sniff(iface="eth0", filter="vlan 295", count=1)
        sniff(iface="eth0", filter=(tcp.dport == 443) & ~net("10.0.0.0/8"))
        sr1(IP(dst="192.0.2.1") / ICMP(), filter="icmp")

    sniff(iface="eth0", filter="vlan 295", L2socket=bpfq.scapy.L2ListenSocket)

Nothing of scapy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bpfq.errors import BpfqError

if TYPE_CHECKING:
    from bpfq.integrations.scapy.sockets import L2ListenSocket as L2ListenSocket
    from bpfq.integrations.scapy.sockets import L2Socket as L2Socket
    from bpfq.integrations.scapy.sockets import L3RawSocket as L3RawSocket
    from bpfq.integrations.scapy.sockets import L3RawSocket6 as L3RawSocket6
    from bpfq.integrations.scapy.sockets import L3Socket as L3Socket
    from bpfq.integrations.scapy.use import Use

_SOCKETS = ("L2ListenSocket", "L2Socket", "L3RawSocket", "L3RawSocket6", "L3Socket")

__all__ = ["use", *_SOCKETS]


def use(*, patch: bool = False) -> Use:
    """From now on ``sniff``, ``AsyncSniffer``, ``sr``, ``srp`` and their kind filter with bpfq.

    ``filter=`` takes pcap text, an expression or a Program.  The result is a context manager;
    its ``undo()``, or the end of the with block, takes it back.  patch: also
    ``sniff(offline=..., filter=...)``, and code that names scapy's own socket classes.

    A wrong filter raises FilterError where the sniffer is made.  Raises BpfqError where scapy is
    not installed.
    """
    made: Use = _load("use").Use(patch=patch)
    return made


def _load(module: str) -> Any:
    try:
        import_module("scapy")
    except ImportError:
        raise BpfqError("scapy is not installed; pip install 'bpfq[scapy]'") from None
    return import_module(f"bpfq.integrations.scapy.{module}")


def __getattr__(name: str) -> object:
    if name in _SOCKETS:
        return getattr(_load("sockets"), name)
    raise AttributeError(f"module 'bpfq.scapy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
