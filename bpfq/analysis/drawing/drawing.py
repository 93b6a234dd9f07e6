"""A drawing of a filter's decision graph, in any form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bpfq.analysis.decisions.counts import Counts
from bpfq.analysis.decisions.picture import Decision, Picture
from bpfq.analysis.drawing.panel import Panel
from bpfq.analysis.drawing.story import final, panels
from bpfq.analysis.drawing.terminal import draw
from bpfq.analysis.stages import Stages
from bpfq.record import record, replace


@record
class Drawing:
    """One graph, or one for each stage that led to it; ``print`` it, or write it to a file.

    title: the filter's text.
    """

    title: str
    panels: tuple[Panel, ...]

    @property
    def picture(self) -> Picture:
        """The graph of the program."""
        return self.panels[-1].picture

    @property
    def tests(self) -> tuple[Decision, ...]:
        """The tests of the program's graph."""
        return self.picture.decisions

    @property
    def counts(self) -> Counts | None:
        """How many packets took each exit; in the order of the tests."""
        return self.panels[-1].counts

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, width: int = 80) -> list[str]:
        """The drawing as text of so many columns; graphs of more than 100 tests are cut."""
        found: list[str] = []
        for number, panel in enumerate(self.panels):
            found += [""] * bool(number) + [panel.heading] * bool(panel.heading)
            found += draw(panel, width)
        return found

    def svg(self) -> str:
        """A picture of the whole graph, as an XML document."""
        from bpfq.analysis.drawing.svg import svg

        return svg(self.title, self.panels)

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        from bpfq.analysis.drawing.dot import dot

        return dot(self.title, self.panels)

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart."""
        from bpfq.analysis.drawing.mermaid import mermaid

        return mermaid(self.title, self.panels)

    def _repr_svg_(self) -> str:
        """What notebooks show."""
        return self.svg()


FORMS: Final[Mapping[str, Callable[[Drawing], str]]] = {
    "svg": Drawing.svg,
    "dot": Drawing.dot,
    "mmd": Drawing.mermaid,
}


def drawing(
    title: str, made: Stages, *, every: bool = False, counts: Counts | None = None
) -> Drawing:
    """every: the graphs of all stages.  counts: of packets, for the last one."""
    if every:
        *earlier, last = panels(made)
        return Drawing(title, (*earlier, replace(last, counts=counts)))
    return Drawing(title, (Panel("", renumbered(final(made)), counts=counts),))


def renumbered(picture: Picture) -> Picture:
    """The tests numbered as they stand."""
    numbers = {one.number: place for place, one in enumerate(picture.decisions)}

    def exit(old: int | str) -> int | str:
        return numbers[old] if isinstance(old, int) else old

    decisions = tuple(
        replace(one, number=numbers[one.number], yes=exit(one.yes), no=exit(one.no))
        for one in picture.decisions
    )
    return Picture(exit(picture.start), decisions, picture.definitions)
