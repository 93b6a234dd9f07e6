"""``bpfq capture -i INTERFACE EXPRESSION``: the filter at work in the kernel."""

from __future__ import annotations

import time
from argparse import Namespace
from contextlib import ExitStack
from typing import Final, Protocol

from bpfq.capture.pcap import Writer
from bpfq.cli.packets import PacketPrinter, print_beside, writable
from bpfq.cli.request import compiled, given_text
from bpfq.cli.terminal import say
from bpfq.errors import BpfqError, LoadError
from bpfq.kernel.live import LiveCapture
from bpfq.kernel.packets import Packet
from bpfq.kernel.sockets import ANY_INTERFACE
from bpfq.live import open_capture
from bpfq.program.classic import Program
from bpfq.settings import SNAPLEN
from bpfq.tables.linktypes import link_types

_INTERRUPTED: Final = 130
_KIB: Final = 1024


class _Sink(Protocol):
    def take(self, packet: Packet) -> None: ...


def run(options: Namespace) -> int:
    _refuse_contradictions(options)
    program = compiled(options, given_text(options))
    with ExitStack() as stack:
        destination = None
        if options.write is not None:
            destination = stack.enter_context(writable(options.write, buffered=False))
        capture = stack.enter_context(_open(options, program))
        row = link_types()[capture.link]
        sink: _Sink = _Printed(row.number, options)
        if destination is not None:
            sink = _Written(Writer(destination, row.number, snaplen=options.snaplen or SNAPLEN))
        if not options.quiet:
            where = f"{options.interface}, {row.name} ({row.description})"
            say(f"listening on {where}; Ctrl-C stops")
        return _take_all(capture, sink, options)


def _refuse_contradictions(options: Namespace) -> None:
    if options.interface is None:
        raise BpfqError("no interface: give one with -i, or -i any")
    if options.limit is not None and options.limit < 1:
        raise BpfqError(f"-c {options.limit} is not a number of packets")
    if options.buffer is not None and options.buffer < 1:
        raise BpfqError(f"-B {options.buffer} is not a number of KiB")
    wanted = "packet-cooked" if options.interface == ANY_INTERFACE else "packet"
    if options.target not in (None, wanted):
        raise BpfqError(f"capture opens a packet socket, target '{wanted}', not '{options.target}'")


def _open(options: Namespace, program: Program) -> LiveCapture:
    return open_capture(
        options.interface,
        program,
        snaplen=options.snaplen or SNAPLEN,
        promiscuous=not options.modest,
        buffer=None if options.buffer is None else options.buffer * _KIB,
        count=options.limit,
        prove=options.prove,
    )


class _Printed:
    """A line each; of all interfaces it says which one."""

    def __init__(self, link: int, options: Namespace) -> None:
        self._link = link
        self._names = options.interface == ANY_INTERFACE
        self._printer = PacketPrinter(json=options.json, flush=True)

    def take(self, packet: Packet) -> None:
        beside = {"interface": packet.interface, "direction": packet.direction}
        self._printer.show(
            self._link, packet.octets, packet.wire_length, _time_of(packet),
            beside if self._names else {},
        )  # fmt: skip


class _Written:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def take(self, packet: Packet) -> None:
        self._writer.write(
            packet.octets, timestamp_ns=_time_of(packet), wire_length=packet.wire_length
        )


def _time_of(packet: Packet) -> int:
    return time.time_ns() if packet.timestamp_ns is None else packet.timestamp_ns


def _take_all(capture: LiveCapture, sink: _Sink, options: Namespace) -> int:
    """Until the limit, Ctrl-C, or an interface that is gone; then the totals."""
    taken, code = 0, 0
    trouble: LoadError | None = None
    try:
        for packet in capture:
            sink.take(packet)
            taken += 1
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except LoadError as error:
        trouble = error  # what came before counts
    _totals(capture, taken, options)
    if trouble is not None:
        raise trouble
    return code


def _totals(capture: LiveCapture, taken: int, options: Namespace) -> None:
    received, dropped = capture.statistics()
    if options.json and options.write is not None:
        fields = {"captured": taken, "received": received, "dropped": dropped}
        print_beside(options.write, fields)
    elif not options.quiet:
        say(
            f"{taken} {'packet' if taken == 1 else 'packets'} captured, "
            f"{received} received by the filter, {dropped} dropped by the kernel"
        )
