from __future__ import annotations

import pytest

from bpfq.record import field, fields, record, replace


@record
class Point:
    x: int
    y: int = 0
    label: str | None = field(default=None, compare=False, kw_only=True)


@record
class Point3(Point):
    z: int = 0


@record(eq=False)
class Thing:
    value: int


@record(frozen=False)
class Bag:
    items: list[int] = field(default_factory=list)


def test_fields_are_positional_in_order_and_have_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(1, 2).y, Point(1, y=3).y) == (1, 0, 2, 3)


def test_missing_and_unknown_arguments_are_type_errors() -> None:
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, w=2)  # type: ignore[call-arg]


def test_equality_is_by_value_and_leaves_out_what_is_not_compared() -> None:
    assert Point(1, 2, label="a") == Point(1, 2, label="b")
    assert Point(1, 2) != Point(2, 1)
    assert Point(1, 2) != Point3(1, 2)
    assert hash(Point(1, 2, label="a")) == hash(Point(1, 2))


def test_identity_classes_compare_by_identity() -> None:
    one = Thing(1)
    assert one == one and one != Thing(1)


def test_frozen_records_refuse_assignment() -> None:
    with pytest.raises(AttributeError, match="Point is frozen"):
        Point(1).x = 2  # type: ignore[misc]


def test_mutable_records_get_a_new_default_each() -> None:
    first, second = Bag(), Bag()
    first.items.append(1)
    assert (first.items, second.items) == ([1], [])


def test_a_derived_record_has_the_fields_of_its_base_first() -> None:
    assert [f.name for f in fields(Point3)] == ["x", "y", "label", "z"]
    assert repr(Point3(1, 2, 3, label="a")) == "Point3(x=1, y=2, label='a', z=3)"


def test_patterns_match_the_positional_fields() -> None:
    match Point(1, 2, label="a"):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_replace_changes_what_it_names_and_keeps_the_rest() -> None:
    assert replace(Point(1, 2, label="a"), y=5).label == "a"
    assert replace(Point(1, 2), y=5) == Point(1, 5)
    with pytest.raises(TypeError):
        replace(Point(1), w=1)


def test_records_have_no_dictionary() -> None:
    assert not hasattr(Point(1), "__dict__")


def test_a_plain_class_derived_from_a_record_has_its_fields() -> None:
    class Derived(Point):
        __slots__ = ()

    assert [f.name for f in fields(Derived)] == ["x", "y", "label"]
    assert Derived(1, 2).y == 2
