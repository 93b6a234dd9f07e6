"""Levels, order and places of boxes."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfq.analysis.drawing.abscissae import abscissae, increasing
from bpfq.analysis.drawing.layers import Bend, Key, Layered, crossings, layered


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Key], list[tuple[Key, Key]]]:
    """Tests that lead to two later ones, or to a verdict."""
    size = draw(st.integers(1, 25))
    edges: dict[tuple[Key, Key], None] = {}
    for number in range(size):
        for end in draw(st.sets(st.integers(number + 1, size + 1), min_size=1, max_size=2)):
            edges[number, end] = None
    boxes: list[Key] = list(range(size + 2))
    return boxes, list(edges)


def drawn(boxes: list[Key], edges: list[tuple[Key, Key]]) -> Layered:
    return layered(boxes, edges, boxes[-2:])


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_edge_is_a_way_down_through_its_own_bends(
    graph: tuple[list[Key], list[tuple[Key, Key]]],
) -> None:
    boxes, edges = graph
    made = drawn(boxes, edges)
    level = {key: number for number, row in enumerate(made.levels) for key in row}
    below: dict[Key, list[Key]] = {}
    for upper, lower in made.joints:
        assert level[lower] == level[upper] + 1
        below.setdefault(upper, []).append(lower)
    found = set(made.straight)
    for box in boxes:
        for end in below.get(box, ()):
            while isinstance(end, Bend):
                (end,) = below[end]
            found.add((box, end))
    assert found == set(edges)
    assert sorted(map(str, level)) == sorted(map(str, {*boxes, *level}))
    assert level[boxes[-1]] == level[boxes[-2]] == len(made.levels) - 1


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_boxes_of_a_level_stand_apart(graph: tuple[list[Key], list[tuple[Key, Key]]]) -> None:
    made = drawn(*graph)
    widths = {key: 40.0 + 7 * (number % 5) for number, row in enumerate(made.levels) for key in row}
    at = abscissae(made, widths)
    for row in made.levels:
        for left, right in pairwise(row):
            assert at[right] - at[left] > (widths[left] + widths[right]) / 2
    assert min(at[key] - widths[key] / 2 for key in at) == pytest.approx(0)


def test_crossings_are_counted() -> None:
    below: dict[Key, list[Key]] = {"a": ["z"], "b": ["y", "z"], "c": ["x"]}
    assert crossings([["a", "b", "c"], ["x", "y", "z"]], below) == 4
    assert crossings([["c", "b", "a"], ["x", "y", "z"]], below) == 0


def test_an_order_without_crossings_is_found() -> None:
    edges: list[tuple[Key, Key]] = [("r", "a"), ("r", "b"), ("r", "c")]
    edges += [("a", "z"), ("b", "y"), ("c", "x"), ("x", "t"), ("y", "t"), ("z", "f")]
    boxes: list[Key] = ["r", "a", "b", "c", "x", "y", "z", "t", "f"]
    made = layered(boxes, edges, ["t", "f"])
    below: dict[Key, list[Key]] = {}
    for upper, lower in made.joints:
        below.setdefault(upper, []).append(lower)
    assert crossings(made.levels, below) == 0


def test_a_long_chain_has_as_many_bends_as_levels() -> None:
    size = 3000
    boxes: list[Key] = [*range(size), "yes", "no"]
    edges: list[tuple[Key, Key]] = [(n, n + 1) for n in range(size - 1)]
    edges += [(n, "yes") for n in range(size)] + [(size - 1, "no")]
    made = layered(boxes, edges, ["yes", "no"])
    assert len(made.joints) < 3 * size and made.straight == ()


def test_edges_that_would_need_too_many_bends_are_straight() -> None:
    size = 400
    boxes: list[Key] = list(range(2 * size))
    edges: list[tuple[Key, Key]] = [(n, n + 1) for n in range(2 * size - 1)]
    edges += [(n, 2 * size - 1 - n) for n in range(size - 1)]
    made = layered(boxes, edges, [])
    assert made.straight and len(made.joints) < 15 * len(boxes)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.5, 9)), min_size=1, max_size=6))
def test_the_nearest_sequence_that_never_falls(wanted: list[tuple[float, float]]) -> None:
    values, weights = zip(*wanted, strict=True)
    made = increasing(values, weights)
    assert all(left <= right + 1e-9 for left, right in pairwise(made))
    assert distance(made, values, weights) <= least(values, weights) + 1e-6


def distance(made: list[float], wanted: tuple[float, ...], weights: tuple[float, ...]) -> float:
    return sum(w * (a - b) ** 2 for a, b, w in zip(made, wanted, weights, strict=True))


def least(wanted: tuple[float, ...], weights: tuple[float, ...]) -> float:
    """The best of all ways to cut the sequence into runs of one value each."""
    size, best = len(wanted), float("inf")
    for count in range(size):
        for cuts in combinations(range(1, size), count):
            ends = (0, *cuts, size)
            means = [
                sum(v * w for v, w in zip(wanted[a:b], weights[a:b], strict=True))
                / sum(weights[a:b])
                for a, b in pairwise(ends)
            ]
            if all(left <= right for left, right in pairwise(means)):
                made = [mean for mean, (a, b) in zip(means, pairwise(ends), strict=True)
                        for _ in range(b - a)]  # fmt: skip
                best = min(best, distance(made, wanted, weights))
    return best
