"""``bpfq why EXPRESSION -r FILE [-n N]``: what each clause makes of one packet."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bpfq.capture.blocks import PacketView
from bpfq.capture.files import Capture, open_capture
from bpfq.cli.given import known_filter
from bpfq.cli.request import compiled_for_file, file_to_read, given_text, meaning_in_file
from bpfq.cli.terminal import (
    BOLD,
    DIM,
    GREEN,
    RED,
    coloured,
    drawable,
    note,
    paint,
    standard_output,
)
from bpfq.errors import BpfqError
from bpfq.program.given import GivenProgram
from bpfq.questions.packets import why

if TYPE_CHECKING:
    from bpfq.analysis.why.answer import Why
    from bpfq.analysis.why.clauses import Clause
    from bpfq.analysis.why.readings import Reading
    from bpfq.backends.pyfunc import Matcher

_NOT_MATCHED: Final = 1
_STYLES: Final = {"✓": GREEN, "✗": RED, "!": RED, "·": DIM}
_RAILS: Final = "│├└─ "


class _Picked(NamedTuple):
    """A packet of a file; number: from 1.  said: why this one, where nobody asked for it."""

    number: int
    packet: PacketView
    said: str = ""


def run(options: Namespace) -> int:
    path = file_to_read(options)
    if options.number is not None and options.number < 1:
        raise BpfqError(f"-n {options.number} is no packet: the first one is 1")
    text = given_text(options)
    with open_capture(path) as source:
        if options.number is None:
            picked = _first_unmatched(source, options, text)
        else:
            picked = _numbered(source, options.number, path)
    text, found = _why(options, text, picked.packet)
    if picked.said and not options.quiet:
        note(picked.said)
    if options.json:
        _print_json(text, picked.number, found)
    else:
        _print(options, picked.number, found)
    return 0 if found.matched else _NOT_MATCHED


# ---------------------------------------------------------------- which packet


def _packets(source: Capture) -> Iterator[tuple[int, PacketView]]:
    number = 0
    for block in source:
        if block.packet is not None:
            number += 1
            yield number, block.packet


def _numbered(source: Capture, wanted: int, path: str) -> _Picked:
    last = 0
    for last, packet in _packets(source):
        if last == wanted:
            return _Picked(last, packet)
    many = f"{last} packet{'s' if last != 1 else ''}" if last else "no packets"
    raise BpfqError(f"no packet {wanted}: {path} has {many}")


def _first_unmatched(source: Capture, options: Namespace, text: str | None) -> _Picked:
    """The first packet that the filter rejects, or the very first where it rejects none."""
    options = Namespace(**{**vars(options), "allow_empty": True})
    matchers: dict[tuple[int, bool], Matcher] = {}
    first: PacketView | None = None
    number = 0
    for number, packet in _packets(source):
        key = (packet.link_type, packet.swapped)
        if key not in matchers:
            matchers[key] = compiled_for_file(options, text, *key).matcher()
        if not matchers[key](packet.data, packet.wire_length, {}):
            return _Picked(number, packet, "the first packet that does not match; -n N picks one")
        first = first or packet
    if first is None:
        raise BpfqError("the file has no packets")
    return _Picked(1, first, f"all {number} packets match; this is the first")


def _why(options: Namespace, text: str | None, packet: PacketView) -> tuple[str, Why]:
    """The answer, and the text that it is about."""
    if text is None:
        program = compiled_for_file(options, None, packet.link_type, packet.swapped)
        assert isinstance(program, GivenProgram)
        text = known_filter(program, options)
        return text, why(program, packet.data, wire_length=packet.wire_length)
    return text, why(
        text,
        packet.data,
        wire_length=packet.wire_length,
        level=options.level,
        strict=options.strict,
        **meaning_in_file(options, packet.link_type, packet.swapped),
    )


# ---------------------------------------------------------------- printing


def _print(options: Namespace, number: int, found: Why) -> None:
    stream = standard_output()
    on = coloured(options.color, stream)
    drawn = drawable(f"packet {number}  {found}", stream)
    first, *rest = drawn.split("\n")
    print(paint(first, BOLD, on))
    for line in rest:
        print(_painted(line) if on else line)


def _painted(line: str) -> str:
    """The sign of a clause in its colour."""
    rest = line.lstrip(_RAILS)
    style = _STYLES.get(rest[:1])
    if style is None:
        return line
    rails = line[: len(line) - len(rest)]
    return f"{paint(rails, DIM, True)}{paint(rest[0], style, True)}{rest[1:]}"


def _print_json(text: str, number: int, found: Why) -> None:
    import json

    from bpfq.version import __version__

    result = {
        "bpfq": __version__,
        "filter": text,
        "packet": number,
        "length": found.wire_length,
        "captured": found.captured,
        "headers": found.packet,
        "matched": found.matched,
        "clauses": [_clause(depth, clause) for depth, clause in _flat(found.tree)],
        "cause": found.cause,
        "fixes": [{"text": fix.text, "why": fix.why} for fix in found.fixes],
    }
    print(json.dumps(result))


def _flat(tree: Clause) -> Iterator[tuple[int, Clause]]:
    """The clauses from top to bottom with their depth; trees of any depth are written."""
    work = [(0, tree)]
    while work:
        depth, clause = work.pop()
        yield depth, clause
        work.extend((depth + 1, part) for part in reversed(clause.operands))


def _clause(depth: int, clause: Clause) -> dict[str, Any]:
    return {
        "depth": depth,
        "text": clause.text,
        "role": clause.role or None,
        "outcome": clause.outcome.value,
        "decided": clause.decided,
        "note": clause.note or None,
        "span": None if clause.span is None else list(clause.span),
        "readings": [_reading(reading) for reading in clause.readings],
        "reads": [_reading(reading) for reading in clause.reads],
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "what": reading.what,
        "offset": reading.offset,
        "size": reading.size,
        "value": reading.value,
        "shown": reading.shown,
        "wanted": reading.wanted or None,
        "holds": reading.holds,
    }
