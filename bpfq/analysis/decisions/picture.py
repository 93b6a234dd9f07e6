"""A decision graph as plain data: its tests in order, by numbers that stages have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from bpfq.analysis.decisions.landmarks import Landmarks, landmarks
from bpfq.analysis.decisions.meaning import meanings
from bpfq.analysis.decisions.wording import Wording
from bpfq.graph.nodes import Node, Test, Verdict
from bpfq.graph.walk import topological
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.settings import Settings

Exit: TypeAlias = int | str
"""The number of a test, or "accept" or "reject"."""


@record
class Decision:
    """One test.

    test: as listings have it, ``[12:2] = 0x800``.  meaning: in words, "" where it has none.
    yes, no: where it leads; a test that reads past the captured bytes rejects.
    """

    number: int
    test: str
    meaning: str
    yes: Exit
    no: Exit


@record
class Picture:
    """A graph: where it starts and its tests, each before all that it leads to.

    definitions: letters of the tests and what they stand for.
    """

    start: Exit
    decisions: tuple[Decision, ...]
    definitions: tuple[tuple[str, str], ...]


@record(frozen=False)
class Sketches:
    """Pictures of one filter's graphs, with the same words and letters in all of them."""

    marks: Landmarks
    wording: Wording = field(default_factory=Wording)
    _letters: int = 0

    def picture(self, root: Node, numbers: Mapping[Node, int]) -> Picture:
        """numbers: of every test that the root leads to."""
        order = topological(root)
        words = meanings(order, root, self.marks)
        decisions = tuple(self._decision(test, words[test], numbers) for test in order)
        return Picture(_exit(root, numbers), decisions, tuple(self.wording.definitions.items()))

    def _decision(self, test: Test, meaning: str, numbers: Mapping[Node, int]) -> Decision:
        yes, no = _exit(test.yes, numbers), _exit(test.no, numbers)
        return Decision(numbers[test], self.wording.test(test), meaning, yes, no)


def sketches(query: Query, settings: Settings) -> Sketches:
    """query: as it was written, for what its tests mean."""
    return Sketches(landmarks(query, settings))


def numbered(tests: Sequence[Test]) -> dict[Node, int]:
    return {test: number for number, test in enumerate(tests)}


def _exit(node: Node, numbers: Mapping[Node, int]) -> Exit:
    if isinstance(node, Verdict):
        return "accept" if node.accept else "reject"
    return numbers[node]
