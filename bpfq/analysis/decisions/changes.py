"""Which tests of a graph are those of the graph it was made from.

    before    0: ip ? 1 : reject    1: ip ? 2 : reject    2: udp ? accept : reject
    after     ip ? udp : reject     udp ? accept : reject
    =>        ip is 0, its yes led elsewhere; udp is 2; 1 is gone

Nodes are equal only where all behind them is equal, so one change far behind makes every test
before it another node.  Here a test is the same where it asks the same and leads to the same
tests, else where it asks the same and one exit agrees, else where it asks the same; of several the
last one, since tests are met from the verdicts upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from bpfq.graph.nodes import Node, Test, Verdict
from bpfq.record import field, record

_Key: TypeAlias = tuple[object, ...]


def same_tests(before: Sequence[Test], after: Sequence[Test]) -> dict[Node, Test]:
    """Tests of after -> the tests of before that they are; in time linear in both."""
    match = _Match()
    for test in before:
        exits = (test.yes, test.no)
        match.exactly[(*_asked(test), *exits)] = test
        for key in _partly(test, *exits):
            match.roughly.setdefault(key, []).append(test)
    for test in reversed(after):
        match.find(test, match.exact(test))
    for test in reversed(after):
        if test not in match.images:
            match.find(test, match.exact(test) or match.rough(test))
    return match.images


@record(frozen=False)
class _Match:
    """images: what was found; each test of before is the image of one test at most."""

    exactly: dict[_Key, Test] = field(default_factory=dict)
    roughly: dict[_Key, list[Test]] = field(default_factory=dict)
    images: dict[Node, Test] = field(default_factory=dict)
    taken: set[Node] = field(default_factory=set)

    def exact(self, test: Test) -> Test | None:
        found = self.exactly.get((*_asked(test), self._image(test.yes), self._image(test.no)))
        return None if found in self.taken else found

    def rough(self, test: Test) -> Test | None:
        for key in _partly(test, self._image(test.yes), self._image(test.no)):
            candidates = self.roughly.get(key, [])
            while candidates and candidates[-1] in self.taken:
                candidates.pop()
            if candidates:
                return candidates[-1]
        return None

    def find(self, test: Test, image: Test | None) -> None:
        if image is not None:
            self.images[test] = image
            self.taken.add(image)

    def _image(self, node: Node) -> Node | None:
        return node if isinstance(node, Verdict) else self.images.get(node)


def _asked(test: Test) -> _Key:
    return (test.term, test.relation, test.operand)


def _partly(test: Test, yes: Node | None, no: Node | None) -> list[_Key]:
    """What is equal where one exit agrees, and where none does."""
    asked = _asked(test)
    exits = (("yes", yes), ("no", no))
    return [*((*asked, *one) for one in exits if one[1] is not None), asked]
