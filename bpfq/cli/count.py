"""``bpfq count -i INTERFACE NAME=EXPRESSION ...``: what each of many filters matches, by the second.

One program in the kernel counts for all of them.  With -r the packets of a capture file are counted,
by classic programs; nothing is attached then.
"""

from __future__ import annotations

import os
import time
from argparse import Namespace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from bpfq.cli.count_shows import JsonLines, Lines, Show
from bpfq.cli.durations import duration
from bpfq.cli.given import given
from bpfq.cli.meter import Meter
from bpfq.cli.named import is_named, named_filters
from bpfq.cli.request import filter_text, meaning
from bpfq.cli.terminal import coloured, note, say, standard_output
from bpfq.errors import BpfqError, LoadError
from bpfq.source import Suggestion

if TYPE_CHECKING:
    from bpfq.cli.waiting import Waiting
    from bpfq.counting import CountProgram
    from bpfq.ebpf.counters import Counters

_EVERYTHING: Final = "*"
_ALL: Final = "all"  # what a filter without name and text is called
_PROGRAM: Final = "program"  # what one of --program is called
_HOOKS: Final = ("tc", "xdp")
_DIRECTIONS: Final = ("ingress", "egress", "both")
_INTERVAL: Final = "1s"
_SHORTEST: Final = 0.01  # seconds
_GLANCE: Final = 0.5  # seconds between two looks at whether it is attached still


def run(options: Namespace) -> int:
    """Count until something ends it; returns the exit code."""
    filters = _filters(options)
    if options.read is not None:
        from bpfq.cli.count_file import run as run_file

        return run_file(options, filters)
    if options.interface is None:
        raise BpfqError("no interface: give one with -i, or a capture file with -r")
    interval = duration(options.interval or _INTERVAL, "--interval")
    if interval < _SHORTEST:
        raise BpfqError(f"--interval {options.interval} is less than {_SHORTEST:g}s")
    limit = None if options.duration is None else duration(options.duration, "--for")
    program = _program(options, filters)
    from bpfq.cli.waiting import Waiting

    with (
        Waiting() as waiting,
        program.attach(options.interface, direction=options.direction or "") as counters,
    ):
        return _watch(options, program, counters, waiting, interval, limit)


def _filters(options: Namespace) -> dict[str, str]:
    """The filters by their names; one without a name is called what it says."""
    if given(options) is not None:
        return {_PROGRAM: filter_text(options) if options.read is None else ""}
    _refuse_halves(options)
    rows = named_filters(options, "")
    if rows[0][0] == "":
        text = " ".join(filter_text(options).split())
        rows = ((text, text),) if text not in ("", _EVERYTHING) else ((_ALL, ""),)
    return {name: "" if text.strip() == _EVERYTHING else text for name, text in rows}


def _refuse_halves(options: Namespace) -> None:
    """Words of which some have names, as when an expression is not quoted."""
    named = [word for word in options.words if is_named(word)]
    others = [word for word in options.words if not is_named(word)]
    if named and others:
        raise BpfqError(
            f"{others[0]!r} has no name beside {named[0]!r}",
            suggestions=(
                Suggestion(f"'{' '.join(options.words)}'", "one filter: quote its words"),
                Suggestion(f"NAME={others[0]}", "another filter"),
            ),
        )


def _program(options: Namespace, filters: dict[str, str]) -> CountProgram:
    """The program of all filters for the hook; raises BpfqError that names the wrong one."""
    from bpfq.counting import count_program

    hook = _choice(options.hook or _HOOKS[0], _HOOKS, "--hook")
    _choice(options.direction or _DIRECTIONS[0], _DIRECTIONS, "--direction")
    if hook == "xdp" and options.direction not in (None, "ingress"):
        raise BpfqError(f"XDP sees only what comes in: --direction {options.direction} is for tc")
    if options.target not in (None, f"ebpf:{hook}"):
        raise BpfqError(f"--hook {hook} is target 'ebpf:{hook}', not '{options.target}'")
    if options.action not in (None, "count"):
        raise BpfqError(f"every packet passes: leave out --action {options.action}")
    options.target = f"ebpf:{hook}"
    meant = meaning(options)
    return count_program(
        filters,
        target=meant["target"],
        link=meant["link"],
        netmask=meant["netmask"],
        level=options.level,
        resolver=meant["resolver"],
        through=meant["through"],
        tcp6=meant["tcp6"],
        family=meant["family"],
        strict=options.strict,
        allow_empty=options.allow_empty,
        protochain=meant["protochain"],
        optimise_for=options.objective,
        profile=options.profile,
    )


def _choice(word: str, known: tuple[str, ...], option: str) -> str:
    if word not in known:
        raise BpfqError(f"{option} is one of {', '.join(known)}, not {word!r}")
    return word


def _watch(
    options: Namespace,
    program: CountProgram,
    counters: Counters,
    waiting: Waiting,
    interval: float,
    limit: float | None,
) -> int:
    """Report until something ends it; then the totals.  Returns the exit code."""
    meter = Meter(counters.names)
    show = _show(options, program, counters, meter, waiting.reads_keys)
    try:
        end = None
        started, shown, elapsed, gone = time.monotonic(), 0, 0.0, False
        while end is None and not gone and (limit is None or elapsed < limit):
            following = (shown + 1) * interval
            until = min(following, elapsed + _GLANCE, following if limit is None else limit)
            end = waiting.for_(until - (time.monotonic() - started))
            elapsed = time.monotonic() - started
            gone = not counters.is_attached()
            if elapsed >= following:
                shown = int(elapsed / interval)
                show.interval(meter.report(elapsed, counters.read()))
        show.total(meter.total(elapsed, counters.read()))
    finally:
        show.close()
    if gone:
        raise LoadError(f"detached by another process, or interface {options.interface!r} is gone")
    return 0 if end is None else end.value


def _show(
    options: Namespace, program: CountProgram, counters: Counters, meter: Meter, keys: bool
) -> Show:
    """A live table on a terminal where rich is there, lines where not; JSON lines elsewhere."""
    stream = standard_output()
    many = len(counters.names)
    places = " and ".join(map(str, counters.places))
    title = f"{places}: {many} {'filter' if many == 1 else 'filters'}, {len(program)} instructions"
    help = "q or Ctrl-C ends" if keys else "Ctrl-C ends"
    on_terminal = stream is not None and stream.isatty()
    if on_terminal and not options.json and _can_draw():
        from bpfq.cli.count_live import LiveTable

        return LiveTable(meter, title, coloured=coloured(options.color, stream), help=help)
    if not options.quiet:
        say(f"counting at {title}; {help}")
        if on_terminal and not options.json and find_spec("rich") is None:
            note("a table that stays in its place needs rich: pip install 'bpfq[live]'")
    return Lines(meter) if on_terminal and not options.json else JsonLines(options.interface)


def _can_draw() -> bool:
    return os.environ.get("TERM", "dumb") != "dumb" and find_spec("rich") is not None
