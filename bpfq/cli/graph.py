"""``bpfq graph EXPRESSION``: the decision graph, drawn in the terminal or into a file."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from bpfq.analysis.decisions.counts import Counter
from bpfq.analysis.drawing.drawing import FORMS, Drawing, drawing
from bpfq.capture.errors import CaptureError
from bpfq.capture.files import copy_matching, open_capture
from bpfq.cli.drawn import print_drawn
from bpfq.cli.packets import print_beside, writable
from bpfq.cli.request import (
    compiled,
    compiled_for_file,
    description,
    file_to_read,
    filter_text,
)
from bpfq.cli.stages import decision_fields
from bpfq.cli.terminal import columns, note, standard_output
from bpfq.errors import BpfqError
from bpfq.program.classic import Program
from bpfq.questions.programs import packet_counter, stages
from bpfq.source import Suggestion

_ETHERNET = 1  # DLT_EN10MB


def run(options: Namespace) -> int:
    form = None if options.output is None else _form(options.output)
    counter = trouble = None
    if options.read is None:
        text = filter_text(options)
        program = compiled(options, text)
    else:
        text, program, counter, trouble = _counted(options)
    counts = None if counter is None else counter.counts()
    made = drawing(text, stages(program), every=options.stages, counts=counts)
    if form is not None:
        with writable(options.output) as file:
            file.write(FORMS[form](made).encode())
    if options.json:
        print_beside(options.output, _fields(made, program, text, options))
    elif form is None:
        print_drawn(made.lines(columns(standard_output())), options.color)
    if trouble is not None:
        raise trouble
    return 0


def _form(path: str) -> str:
    """What a file is to hold, by its suffix; raises BpfqError."""
    name, dot, suffix = path.rpartition("/")[2].rpartition(".")
    if dot and suffix.lower() in FORMS:
        return suffix.lower()
    known = ", ".join(f".{form}" for form in FORMS)
    said = f"nothing can be drawn as '.{suffix}'" if dot else f"'{path}' has no suffix"
    raise BpfqError(
        f"{said}: the suffix says how to draw, {known}",
        suggestions=(Suggestion(f"-o {name or suffix.strip('-') or 'graph'}.svg"),),
    )


def _fields(made: Drawing, program: Program, text: str, options: Namespace) -> dict[str, Any]:
    """The drawing as ``--json`` prints it; keys are only ever added."""
    panel = made.panels[-1]
    tests = [decision_fields(one) for one in panel.picture.decisions]
    for one, passed in zip(tests, panel.passed().values(), strict=False):
        one["packets"] = {"yes": passed.yes, "no": passed.no, "short": passed.short}
    result: dict[str, Any] = description(program, text, options)
    result["start"] = panel.picture.start
    result["tests"] = tests
    result["letters"] = dict(panel.picture.definitions)
    if panel.counts is not None:
        result["packets"] = panel.counts.packets
        result["accepted"] = panel.counts.accepted
    return result


# ---------------------------------------------------------------- packets


def _counted(
    options: Namespace,
) -> tuple[str, Program, Counter, CaptureError | KeyboardInterrupt | None]:
    """The filter and its program for a file's packets, what they did, and what ended the reading.

    Of a file with several link types or byte orders the first one counts.
    """
    trouble: CaptureError | KeyboardInterrupt | None = None
    with open_capture(file_to_read(options)) as source:
        if options.program is not None and options.link is None and source.link_type is not None:
            options.link = str(source.link_type)  # a program is another filter on each
        text = filter_text(options)
        made = _Counting(options, text, source.link_type)
        try:
            copy_matching(source, None, made.accepts)
        except (CaptureError, KeyboardInterrupt) as error:
            trouble = error  # what came before counts
    if made.others and not options.quiet:
        note(f"{made.others} packets of another link type or byte order are not counted")
    return text, *made.made(), trouble


class _Counting:
    """Counts the packets that are like the first one.  link: of all packets, None for each its own.

    Raises what compiling for that link type raises, before anything is read.
    """

    def __init__(self, options: Namespace, text: str, link: int | None) -> None:
        self.options, self.text = options, text
        self.others = 0
        self._kind: tuple[int, bool] | None = None
        self._made = self._start(_ETHERNET if link is None else link, False)

    def _start(self, link: int, swapped: bool) -> tuple[Program, Counter]:
        program = compiled_for_file(self.options, self.text, link, swapped)
        return program, packet_counter(program)

    def accepts(self, link: int, swapped: bool, data: bytes, wire_length: int) -> bool:
        if self._kind is None:
            self._kind, self._made = (link, swapped), self._start(link, swapped)
        if (link, swapped) != self._kind:
            self.others += 1
            return False
        return self._made[1].count(data, wire_length)

    def made(self) -> tuple[Program, Counter]:
        return self._made
