"""``bpfq count -r FILE NAME=EXPRESSION ...``: what each filter matches of a capture file."""

from __future__ import annotations

from argparse import Namespace

from bpfq.capture.errors import CaptureError
from bpfq.capture.files import open_capture
from bpfq.cli.count_shows import JsonLines, Lines, Show
from bpfq.cli.matchers import Matchers
from bpfq.cli.meter import Meter, Report, Row
from bpfq.cli.request import file_to_read
from bpfq.cli.terminal import standard_output
from bpfq.errors import BpfqError, naming


def run(options: Namespace, filters: dict[str, str]) -> int:
    path = file_to_read(options)
    _refuse_live_options(options)
    trouble: CaptureError | KeyboardInterrupt | None = None
    with open_capture(path) as source:
        given = options.program is not None  # and run as it is
        matchers = {
            name: Matchers(options, None if given else text) for name, text in filters.items()
        }
        for name, each in matchers.items():
            with naming(name, each.text):
                each.rehearse(source.link_type)
        sizes = dict.fromkeys(filters, 0)
        try:
            for block in source:
                packet = block.packet
                if packet is None:
                    continue
                length = packet.wire_length
                for name, each in matchers.items():
                    if each.accepts(packet.link_type, packet.swapped, packet.data, length):
                        sizes[name] += length
        except (CaptureError, KeyboardInterrupt) as error:
            trouble = error  # what came before counts
    for name, each in matchers.items():
        with naming(name, each.text):
            each.check()
    rows = (Row(name, each.matched, sizes[name], None, None) for name, each in matchers.items())
    _show(options, tuple(filters)).total(Report(tuple(rows)))
    if trouble is not None:
        raise trouble
    return 0


def _refuse_live_options(options: Namespace) -> None:
    given = {
        "--hook": options.hook,
        "--direction": options.direction,
        "--interval": options.interval,
        "--for": options.duration,
    }
    for name, value in given.items():
        if value is not None:
            raise BpfqError(f"{name} is for live traffic: leave it out with -r")


def _show(options: Namespace, names: tuple[str, ...]) -> Show:
    stream = standard_output()
    if stream is None or options.json or not stream.isatty():
        return JsonLines(options.read)
    return Lines(Meter(names))
