"""``bpfq -r FILE EXPRESSION``: filter a capture file; print, write or count what matches."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO

from bpfq.capture.errors import CaptureError
from bpfq.capture.files import Capture, Counts, copy_matching, open_capture
from bpfq.cli.figures import grouped, short
from bpfq.cli.matchers import Matchers, why_none
from bpfq.cli.packets import PacketPrinter, print_beside, writable
from bpfq.cli.request import STANDARD_STREAM, file_to_read, given_text
from bpfq.cli.terminal import note, say
from bpfq.errors import BpfqError

_NONE_MATCHED = 1


def run(options: Namespace) -> int:
    _refuse_contradictions(options)
    text = given_text(options)
    with open_capture(options.read) as source:
        matchers = Matchers(options, text)
        matchers.rehearse(source.link_type)
        with _destination(options) as destination:
            return _filter(source, matchers, destination, options)


def _refuse_contradictions(options: Namespace) -> None:
    file_to_read(options)
    if options.limit is not None and options.limit < 1:
        raise BpfqError(f"-c {options.limit} is not a number of packets")
    if options.count and options.write is not None:
        raise BpfqError("--count writes nothing: leave out --count or -w")
    if options.write not in (None, STANDARD_STREAM) and _same(options.read, options.write):
        raise BpfqError(f"{options.write} is being read: write to another file")


def _same(first: str, second: str) -> bool:
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False  # one of them does not exist


def _destination(options: Namespace) -> AbstractContextManager[BinaryIO | None]:
    return nullcontext(None) if options.write is None else writable(options.write)


def _filter(
    source: Capture, matchers: Matchers, destination: BinaryIO | None, options: Namespace
) -> int:
    started = time.perf_counter()
    copy = copy_matching if destination is not None or options.count else _print_matching(options)
    trouble: CaptureError | KeyboardInterrupt | None = None
    try:
        copy(source, destination, matchers.accepts, limit=options.limit)
    except (CaptureError, KeyboardInterrupt) as error:
        trouble = error  # what came before counts
    if destination is not None:
        destination.flush()
    if not isinstance(trouble, KeyboardInterrupt):
        matchers.check()
    _report(matchers, options, time.perf_counter() - started)
    if trouble is not None:
        raise trouble
    if matchers.matched == 0 and not options.quiet:
        for line in why_none(matchers):
            note(line)
    return 0 if matchers.matched else _NONE_MATCHED


def _print_matching(options: Namespace) -> Callable[..., Counts]:
    """A stand-in for copy_matching that prints a line for each packet that matches."""
    printer = PacketPrinter(json=options.json)

    def print_matching(
        source: Capture,
        destination: BinaryIO | None,
        accepts: Callable[[int, bool, bytes, int], bool],
        *,
        limit: int | None,
    ) -> Counts:
        seen = matched = 0
        for block in source:
            packet = block.packet
            if packet is None:
                continue
            seen += 1
            if accepts(packet.link_type, packet.swapped, packet.data, packet.wire_length):
                matched += 1
                printer.show(packet.link_type, packet.data, packet.wire_length, packet.timestamp_ns)
                if matched == limit:
                    break
        return Counts(seen, matched)

    return print_matching


def _report(matchers: Matchers, options: Namespace, seconds: float) -> None:
    """The number alone on standard output with --count, all counts on standard error else."""
    seen, matched = matchers.seen, matchers.matched
    if options.json and (options.count or options.write is not None):
        print_beside(options.write, {"seen": seen, "matched": matched})
        return
    if options.count:
        print(matched)
        return
    if options.quiet:
        return
    sys.stdout.flush()
    share = f" ({100 * matched / seen:.2f} %)" if seen else ""
    rate = f", {short(seen / seconds)} pkt/s" if seen and seconds > 0 else ""
    where = f"  → {options.write}" if options.write not in (None, STANDARD_STREAM) else ""
    say(f"{grouped(seen)} packets, {grouped(matched)} matched{share}, {seconds:.1f} s{rate}{where}")
