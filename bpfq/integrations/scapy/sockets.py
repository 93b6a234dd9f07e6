"""scapy's own sockets of Linux, but for who compiles the filter and attaches it.

    s = conf.L2listen(iface="eth0", filter="vlan 295")

scapy makes a socket, binds it and throws away what came before.  The filter is put on the socket
in the moment that scapy makes it, so that nothing else is ever received from it.
"""

from __future__ import annotations

import socket
from typing import Any

from scapy.arch import linux
from scapy.config import conf
from scapy.data import ETH_P_ALL, ETH_P_IP, ETH_P_IPV6
from scapy.interfaces import network_name
from scapy.supersocket import L3RawSocket as ScapyL3RawSocket
from scapy.supersocket import L3RawSocket6 as ScapyL3RawSocket6

from bpfq.api import attach
from bpfq.integrations.scapy.filters import excepting, live_program
from bpfq.program.classic import Program


class FilteringSocket:
    """A socket of scapy, whose ``ins`` has the program of its filter from the start."""

    _program: Program | None = None
    _ins: socket.socket

    @property
    def ins(self) -> socket.socket:
        return self._ins

    @ins.setter
    def ins(self, made: socket.socket) -> None:
        if self._program is not None:
            try:
                attach(made, self._program, drain=False)
            except BaseException:
                made.close()
                raise
        self._ins = made


def program_of(filter: Any, interface: Any, nofilter: Any) -> Program | None:
    """What a socket is to be filtered with, ``conf.except_filter`` included; None for nothing."""
    if nofilter:
        return None
    wanted = excepting(filter, conf.except_filter)
    return None if wanted is None else live_program(wanted, interface)


class _PacketSocket(FilteringSocket):
    """Sockets on the link layer of an interface."""

    def __init__(
        self,
        iface: Any = None,
        type: int = ETH_P_ALL,
        promisc: Any = None,
        filter: Any = None,
        nofilter: Any = 0,
        monitor: Any = None,
    ) -> None:
        self._program = program_of(filter, network_name(iface or conf.iface), nofilter)
        init: Any = super().__init__  # scapy's
        init(iface=iface, type=type, promisc=promisc, nofilter=1, monitor=monitor)
        self.filter, self.nofilter = filter, nofilter


class L2Socket(_PacketSocket, linux.L2Socket):
    desc = "read/write packets at layer 2 using Linux PF_PACKET sockets, filtered by bpfq"


class L2ListenSocket(_PacketSocket, linux.L2ListenSocket):
    desc = "read packets at layer 2, also those going out, filtered by bpfq"


class L3Socket(_PacketSocket, linux.L3PacketSocket):
    desc = "read/write packets at layer 3 using Linux PF_PACKET sockets, filtered by bpfq"

    def send(self, x: Any) -> int:
        """Send by the interface that the packet is routed to, and filter what is heard there."""
        interface = x.route()[0] or network_name(conf.iface)
        if interface not in self.send_socks:
            self.send_socks[interface] = L3Socket(
                iface=interface,
                type=conf.l3types.layer2num.get(type(x), self.type),
                promisc=self.promisc,
                filter=self.filter,
                nofilter=self.nofilter,
            )
        sent: int = super().send(x)
        return sent


class _RawSocket(FilteringSocket):
    """Sockets that send as the kernel routes, and listen beside it.

    They hear one interface, or all of them; then the filter takes what it sees for Ethernet frames,
    which is so on the loopback interface, too.
    """

    def _open(self, filter: Any, bound_to: Any, nofilter: Any, **options: Any) -> None:
        self._program = program_of(filter, bound_to, nofilter)
        init: Any = super().__init__  # scapy's
        init(nofilter=1, **options)
        if self._program is not None:
            attach(self._ins, self._program)  # scapy does not throw away what came before


class L3RawSocket(_RawSocket, ScapyL3RawSocket):
    desc = "Layer 3 using Raw sockets (PF_INET/SOCK_RAW), filtered by bpfq"

    def __init__(
        self,
        type: int = ETH_P_IP,
        filter: Any = None,
        iface: Any = None,
        promisc: Any = None,
        nofilter: Any = 0,
    ) -> None:
        interface = None if iface is None else network_name(iface)
        self._open(filter, interface, nofilter, type=type, iface=iface, promisc=promisc)


class L3RawSocket6(_RawSocket, ScapyL3RawSocket6):
    desc = "Layer 3 using Raw sockets (PF_INET6/SOCK_RAW), filtered by bpfq"

    def __init__(
        self,
        type: int = ETH_P_IPV6,
        filter: Any = None,
        iface: Any = None,
        promisc: Any = None,
        nofilter: Any = 0,
    ) -> None:
        # scapy does not bind it to the interface
        self._open(filter, None, nofilter, type=type, iface=iface, promisc=promisc)
