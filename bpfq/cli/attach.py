"""``bpfq attach --xdp IFACE EXPRESSION --action drop``: a filter at work in the kernel.

In the foreground until Ctrl-C or the end of --ttl, or left under a name with --pin.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from typing import Final

from bpfq.cli.counted import count_fields, in_words
from bpfq.cli.durations import duration
from bpfq.cli.places import place_in
from bpfq.cli.request import compiled, description, filter_text, for_hook
from bpfq.cli.terminal import say
from bpfq.cli.waiting import Waiting
from bpfq.ebpf.attachment import Attachment
from bpfq.ebpf.counts import Counts
from bpfq.ebpf.naming import program_name
from bpfq.ebpf.pinned import attach_pinned
from bpfq.ebpf.places import Place, check_link_type
from bpfq.errors import BpfqError
from bpfq.kernel.verifier import VerifierError
from bpfq.program.ebpf import EbpfProgram
from bpfq.source import Span

_GLANCE: Final = 0.5  # seconds between two looks at whether it is attached still


def run(options: Namespace) -> int:
    place = place_in(options)
    _refuse_contradictions(options, place)
    lifetime = None if options.ttl is None else duration(options.ttl, "--ttl")
    text = filter_text(options)
    if options.file is not None and not text.strip():
        raise BpfqError(f"no filter in {options.file}: give '' for all packets")
    program = for_hook(compiled(options, text))
    assert program is not None
    if place.hook != "socket":  # which counts by itself
        program = program.counting()
    if options.prove:
        program.require_proof()
    check_link_type(place, program.link)
    try:
        return _attach(options, program, place, lifetime, text)
    except VerifierError as error:
        if not options.json:
            _show_instruction(error, program)
        raise


def _attach(
    options: Namespace, program: EbpfProgram, place: Place, lifetime: float | None, text: str
) -> int:
    if options.dry_run:
        from bpfq.cli.rehearsal import rehearse

        return rehearse(options, program, place, text)
    if options.pin is not None:
        return _leave(options, program, place)
    with (
        Waiting() as waiting,
        program.attach(
            _where(place), direction=_direction(place), mode=place.mode, priority=place.priority,
            name=options.name or "",
        ) as attachment,
    ):  # fmt: skip
        _announce(options, program, attachment, text)
        return _wait(options, attachment, waiting, lifetime)


def _show_instruction(error: VerifierError, program: EbpfProgram) -> None:
    """Let the message show the instruction that the verifier refused."""
    start = f"{error.instruction}: "
    for line in map(str.strip, str(program).splitlines()):
        if line.startswith(start):
            error.text, error.span = line, Span(0, len(line))


def _refuse_contradictions(options: Namespace, place: Place) -> None:
    if options.action is None and place.hook != "socket":
        raise BpfqError(
            "no action: --action drop, pass or count is what is done with packets that match; "
            "all others pass"
        )
    if options.pin is not None and place.hook == "socket":
        raise BpfqError("a socket cannot be pinned: its program goes with it")
    if options.pin is not None and options.ttl is not None:
        raise BpfqError("--ttl ends with this process, which --pin does not wait for: give one")
    if not options.words and options.file is None and options.program is None:
        raise BpfqError("no expression: give a filter, '' for all packets")
    program_name(options.name or "")


def _where(place: Place) -> str:
    return f"{place.where}:{place.point}" if place.hook == "netfilter" else place.where


def _direction(place: Place) -> str:
    return "" if place.hook == "netfilter" else place.point


def _leave(options: Namespace, program: EbpfProgram, place: Place) -> int:
    """Attach under a name, and end."""
    left = attach_pinned(program.module, place, options.pin, name=options.name or "")
    if options.json:
        fields = {"place": str(left.place), "id": left.id, "mode": left.mode or None,
                  "pin": options.pin, "replaced": left.replaced}  # fmt: skip
        print(json.dumps(fields))
    elif not options.quiet:
        done = "replaced the program of" if left.replaced else "attached to"
        mode = f", {left.mode}" if left.mode else ""
        say(f"{done} {left.place} (link {left.id}{mode}); bpfq detach {options.pin} takes it away")
    return 0


def _announce(options: Namespace, program: EbpfProgram, attachment: Attachment, text: str) -> None:
    if options.json:
        fields = {**description(program, text, options), "place": str(attachment.place),
                  "id": attachment.id, "mode": attachment.mode or None}  # fmt: skip
        print(json.dumps(fields), flush=True)
    elif not options.quiet:
        kind = "program" if attachment.link is None else "link"
        mode = f", {attachment.mode}" if attachment.mode else ""
        ends = "Ctrl-C" if options.ttl is None else f"Ctrl-C or {options.ttl}"
        say(f"attached to {attachment.place} ({kind} {attachment.id}{mode}); {ends} detaches")


def _wait(
    options: Namespace, attachment: Attachment, waiting: Waiting, lifetime: float | None
) -> int:
    """Until it ends; prints what it came to.  Returns the exit code."""
    started, end = time.monotonic(), None
    while end is None and attachment.is_attached():
        left = _GLANCE
        if lifetime is not None:
            left = min(left, started + lifetime - time.monotonic())
        if left <= 0:
            break
        end = waiting.for_(left)
    if not attachment.is_attached():
        say("detached by another process, or the interface or cgroup is gone")
    _totals(options, attachment.counts(), time.monotonic() - started)
    return 0 if end is None else end.value


def _totals(options: Namespace, counts: Counts | None, elapsed: float) -> None:
    if options.json:
        print(json.dumps({**count_fields(counts), "seconds": round(elapsed, 3)}))
    elif not options.quiet:
        matched = "" if counts is None else f"{in_words(counts)} matched in "
        say(f"{matched}{elapsed:.1f} s")
