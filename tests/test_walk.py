"""Walks over what is made of shared parts."""

from __future__ import annotations

from bpfq.walk import bottom_up

PARTS = {"a": ("b", "c"), "b": ("d", "c"), "c": ("e",), "d": (), "e": ()}


def parts(name: str) -> tuple[str, ...]:
    return PARTS[name]


def test_parts_come_first_in_their_order_and_once() -> None:
    assert [*bottom_up("a", parts)] == ["d", "e", "c", "b", "a"]


def test_roots_are_walked_in_their_order() -> None:
    assert [*bottom_up("cba", parts)] == ["e", "c", "d", "b", "a"]


def test_what_is_done_is_left_out_with_what_only_it_is_made_of() -> None:
    assert [*bottom_up("a", parts, done={"b"})] == ["e", "c", "a"]
    assert [*bottom_up("a", parts, done={"a"})] == []


def test_what_is_yielded_may_be_remembered_as_done() -> None:
    depth: dict[str, int] = {}
    for name in bottom_up("a", parts, depth):
        depth[name] = 1 + max((depth[part] for part in parts(name)), default=0)
    assert depth == {"d": 1, "e": 1, "c": 2, "b": 3, "a": 4}


def test_depth_is_no_limit() -> None:
    order = [*bottom_up((50_000,), lambda number: (number - 1,) if number else ())]
    assert order == [*range(50_001)]
