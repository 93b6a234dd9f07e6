"""``bpfq witness EXPRESSION``: packets that match, near misses, or a test suite; -w writes them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from bpfq.analysis.witness.found import Witness
from bpfq.cli.packets import packet_fields, print_beside, write_frames
from bpfq.cli.request import STANDARD_STREAM, compiled, given_text
from bpfq.cli.terminal import note
from bpfq.errors import BpfqError, quoting
from bpfq.program.classic import Program
from bpfq.questions.packets import branches, near_misses, witness
from bpfq.record import record

_NONE_FOUND = 1


@record
class _Line:
    """A packet, whether it matches, and what is said beside it."""

    witness: Witness
    matches: bool
    beside: str = ""
    details: tuple[tuple[str, Any], ...] = ()  # for --json


def run(options: Namespace) -> int:
    if options.near_misses and options.branches:
        raise BpfqError("--not and --branches: give one of them")
    text = given_text(options)
    with quoting(text):
        lines = list(_lines(options, compiled(options, text), text))
    if options.write is not None:
        write_frames(options.write, [line.witness.frame for line in lines])
    if options.json:
        print_beside(options.write, [_described(line) for line in lines])
    elif options.write != STANDARD_STREAM:
        _print(lines, options)
    return 0 if lines else _NONE_FOUND


def _lines(options: Namespace, program: Program, text: str | None) -> Iterator[_Line]:
    if options.branches:
        yield from _suite(program, options)
    elif options.near_misses:
        yield from _near_misses(program, text, options)
    else:
        for found in witness(program, options.number, checksums=options.checksums):
            yield _Line(found, True)


def _suite(program: Program, options: Namespace) -> Iterator[_Line]:
    found = branches(program)
    for case in found.cases:
        beside = "matches" if case.matches else ""
        yield _Line(case.witness, case.matches, beside, (("outcomes", list(case.outcomes)),))
    if options.quiet:
        return
    for what, outcomes in (("no packet has", found.unreachable), ("undecided", found.undecided)):
        for outcome in outcomes:
            note(f"{what}: {outcome}")


def _near_misses(program: Program, text: str | None, options: Namespace) -> Iterator[_Line]:
    for miss in near_misses(program, text=text):
        if miss.witness is not None:
            yield _Line(miss.witness, False, f"fails: {miss.clause}", (("fails", miss.clause),))
        elif not options.quiet:
            note(f"no packet fails only '{miss.clause}': it follows from the other clauses")


# ---------------------------------------------------------------- out


def _print(lines: Sequence[_Line], options: Namespace) -> None:
    width = max((len(line.witness.summary) for line in lines), default=0)
    for number, line in enumerate(lines, 1):
        packet = line.witness
        beside = f"  {'':<{width - len(packet.summary)}}{line.beside}" if line.beside else ""
        print(f"{number:>2}  {packet.frame.length:>5} B  {packet.summary}{beside}")
        for fault in () if options.quiet else packet.faults:
            note(f"packet {number}: {fault}, but for the filter")


def _described(line: _Line) -> dict[str, Any]:
    """One packet as ``--json`` prints it; keys are only ever added."""
    return {**packet_fields(line.witness), "matches": line.matches, **dict(line.details)}
