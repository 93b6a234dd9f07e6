"""``bpfq capture -i INTERFACE EXPRESSION``: the filter at work in the kernel."""

from __future__ import annotations

import time
from argparse import Namespace
from contextlib import ExitStack
from socket import socket
from typing import Protocol

from bpfq.api import open_packet_socket
from bpfq.capture.pcap import Writer
from bpfq.cli.packets import PacketPrinter, writable
from bpfq.cli.request import compiled, given_text
from bpfq.cli.terminal import say
from bpfq.errors import BpfqError, LoadError
from bpfq.kernel.constants import ARPHRD_LOOPBACK
from bpfq.kernel.interfaces import interface
from bpfq.kernel.packets import DEFAULT_SNAPLEN, Packet, prepare, receive, statistics
from bpfq.program import Program
from bpfq.settings import SNAPLEN
from bpfq.tables.linktypes import link_types

_INTERRUPTED = 130
_OUTGOING = 4  # PACKET_OUTGOING, <linux/if_packet.h>


class _Sink(Protocol):
    def take(self, packet: Packet) -> None: ...


def run(options: Namespace) -> int:
    if options.interface is None:
        raise BpfqError("no interface: give one with -i")
    if options.limit is not None and options.limit < 1:
        raise BpfqError(f"-c {options.limit} is not a number of packets")
    if options.target not in (None, "packet"):
        raise BpfqError(f"capture opens a packet socket, target 'packet', not '{options.target}'")
    program = compiled(options, given_text(options))
    with ExitStack() as stack:
        sink = _sink(options, program, stack)
        sock = stack.enter_context(
            open_packet_socket(options.interface, program, prove=options.prove)
        )
        prepare(sock)
        _announce(options, program)
        return _receive_all(sock, sink, options)


class _Printed:
    def __init__(self, link: int, *, json: bool) -> None:
        self._link = link
        self._printer = PacketPrinter(json=json, flush=True)

    def take(self, packet: Packet) -> None:
        self._printer.show(self._link, packet.data, packet.wire_length, _time_of(packet))


class _Written:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def take(self, packet: Packet) -> None:
        self._writer.write(
            packet.data, timestamp_ns=_time_of(packet), wire_length=packet.wire_length
        )


def _time_of(packet: Packet) -> int:
    return time.time_ns() if packet.timestamp_ns is None else packet.timestamp_ns


def _sink(options: Namespace, program: Program, stack: ExitStack) -> _Sink:
    number = link_types()[program.link].number
    if options.write is None:
        return _Printed(number, json=options.json)
    stream = stack.enter_context(writable(options.write, buffered=False))
    return _Written(Writer(stream, number, snaplen=options.snaplen or SNAPLEN))


def _announce(options: Namespace, program: Program) -> None:
    if not options.quiet:
        row = link_types()[program.link]
        say(f"listening on {options.interface}, {row.name} ({row.description}); Ctrl-C stops")


def _receive_all(sock: socket, sink: _Sink, options: Namespace) -> int:
    loopback = interface(options.interface).arphrd == ARPHRD_LOOPBACK
    snaplen = min(options.snaplen or DEFAULT_SNAPLEN, DEFAULT_SNAPLEN)
    taken = 0
    try:
        while taken != options.limit:
            packet = _next(sock, snaplen, options.interface)
            if loopback and packet.packet_type == _OUTGOING:
                continue  # it comes in as well
            sink.take(packet)
            taken += 1
    except KeyboardInterrupt:
        _totals(sock, taken, options)
        return _INTERRUPTED
    _totals(sock, taken, options)
    return 0


def _next(sock: socket, snaplen: int, name: str) -> Packet:
    try:
        return receive(sock, snaplen=snaplen)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LoadError(f"interface '{name}': {reason}", errno=error.errno) from None


def _totals(sock: socket, taken: int, options: Namespace) -> None:
    if options.quiet:
        return
    counters = statistics(sock)
    say(
        f"{taken} {'packet' if taken == 1 else 'packets'} captured, "
        f"{counters.received} received by the filter, "
        f"{counters.dropped} dropped by the kernel"
    )
