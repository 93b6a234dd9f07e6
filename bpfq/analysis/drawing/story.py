"""The stages of a filter as text.

thread jumps: 13 tests, 2 lead elsewhere
the same decisions with every known test skipped
~ 1  [20] = 6       tcp           ✓ 2        ✗ 6→reject
~ 5  [56:2] = 0x1bb dst port 443  ✓ accept   ✗ 6→reject
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from bpfq.analysis.decisions.picture import Decision, Exit, Picture
from bpfq.analysis.drawing.panel import Panel
from bpfq.analysis.drawing.rows import NO, YES, Row, aligned, defined, tests
from bpfq.analysis.drawing.terminal import draw
from bpfq.analysis.stages import Stages, Step
from bpfq.isa.cbpf.text import dump_d

_MOST_CHANGES: Final = 60  # tests of a step that are listed
_MOST_LINES: Final = 12  # of a query
_MOST_INSTRUCTIONS: Final = 200
_INDENT: Final = "    "


def story(made: Stages, width: int = 80) -> Iterator[str]:
    """The lines: query, simplified, graph, each pass with what it changed, code."""
    yield "query"
    yield from _query(made.query, width)
    if made.simplified is not None:
        yield from ("", "simplified")
        yield from _query(made.simplified, width)
    yield from ("", heading(made))
    yield from draw(Panel("", made.graph), width)
    known = {letter for letter, _ in made.graph.definitions}
    for step in made.steps:
        yield from ("", *_step(step, known, width))
        known.update(letter for letter, _ in step.after.definitions)
    if made.searched:
        yield from ("", "search", *(f"{_INDENT}{line}" for line in wrap(made.searched, width - 4)))
    yield from ("", f"code: {len(made.program)} instruction{'s' * (len(made.program) != 1)}")
    listing = dump_d(made.program).split("\n")
    yield from listing[:_MOST_INSTRUCTIONS]
    if len(listing) > _MOST_INSTRUCTIONS:
        yield f"... and {len(listing) - _MOST_INSTRUCTIONS} more: -d lists them"


def heading(made: Stages) -> str:
    return f"graph, {made.made}: {tests(len(made.graph.decisions))}"


def _query(text: str, width: int) -> Iterator[str]:
    lines = wrap(text, width - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    yield from (f"{_INDENT}{line}" for line in lines[:_MOST_LINES] or ["every packet"])
    if len(lines) > _MOST_LINES:
        yield f"{_INDENT}... and {len(lines) - _MOST_LINES} more lines"


def _step(step: Step, known: set[str], width: int) -> Iterator[str]:
    yield step_heading(step)
    yield from (f"{_INDENT}{line}" for line in wrap(_lower(step.about), width - len(_INDENT)))
    if step.after.start != step.started:
        yield f"{_INDENT}starts at {_moved(step.started, step.after.start)}"
    changed = [one for one in step.after.decisions if one.number in step.new | step.led.keys()]
    rows = [_row(step, one) for one in changed]
    rows += [Row("-", str(one.number), one.test, one.meaning, "", "") for one in step.gone]
    if rows:
        yield from (line.rstrip() for line in aligned(rows[:_MOST_CHANGES], width))
    if len(rows) > _MOST_CHANGES:
        yield f"... and {len(rows) - _MOST_CHANGES} more"
    unknown = [pair for pair in step.after.definitions if pair[0] not in known]
    yield from (f"{_INDENT}{line}" for line in defined(changed[:_MOST_CHANGES], unknown))


def step_heading(step: Step) -> str:
    """Its name, the sizes, and how many tests it changed in which way."""
    before, after = step.before, len(step.after.decisions)
    sizes = tests(after) if before == after else f"{before} → {tests(after)}"
    kinds = ((len(step.gone), "gone"), (len(step.new), "new"), (len(step.led), "led elsewhere"))
    told = [f"{count} {what}" for count, what in kinds if count]
    return ", ".join([f"{step.name}: {sizes}", *told])


def _row(step: Step, one: Decision) -> Row:
    if one.number in step.new:
        return Row(
            "+", str(one.number), one.test, one.meaning, f"{YES} {one.yes}", f"{NO} {one.no}"
        )
    yes, no = step.led[one.number]
    exits = (f"{YES} {_moved(yes, one.yes)}", f"{NO} {_moved(no, one.no)}")
    return Row("~", str(one.number), one.test, one.meaning, *exits)


def _moved(before: Exit, after: Exit) -> str:
    return str(after) if before == after else f"{before}→{after}"


def _lower(sentence: str) -> str:
    """A sentence as it stands behind a heading."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def panels(made: Stages) -> tuple[Panel, ...]:
    """A drawing of the graph, and one behind each pass."""
    first = made.steps[0].gone if made.steps else ()
    found = [Panel(heading(made), made.graph, leaving=_numbers(first))]
    for number, step in enumerate(made.steps):
        following = made.steps[number + 1].gone if number + 1 < len(made.steps) else ()
        found.append(
            Panel(
                step_heading(step), step.after, step.new, step.led, step.gone, _numbers(following)
            )
        )
    return tuple(found)


def _numbers(decisions: Sequence[Decision]) -> frozenset[int]:
    return frozenset(one.number for one in decisions)


def final(made: Stages) -> Picture:
    """The graph that the program was made of."""
    return made.steps[-1].after if made.steps else made.graph
