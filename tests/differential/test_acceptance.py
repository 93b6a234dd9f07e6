"""Which primitive compiles on which link type: all 44 x 221 pairs against the reference's list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from oracles.sweep import sampled

import bpfq
from bpfq.errors import BpfqError, FilterError, UnsupportedError
from bpfq.settings import LEVELS, SEARCHING

MATRIX = json.loads((Path(__file__).parents[1] / "corpus" / "acceptance.json").read_text())
PRIMITIVES: list[str] = MATRIX["primitives"]
ROWS: list[dict[str, Any]] = MATRIX["rows"]

# Documented differences: (link type, primitive) -> why.
DIFFERENT: dict[tuple[str, str], str] = {}


def refusal(primitive: str, link: int, level: int) -> BpfqError | None:
    try:
        bpfq.compile(
            primitive, link=link, level=level, netmask="255.255.255.0", allow_empty=True,
            search_budget=0,
        )  # fmt: skip
    except BpfqError as error:
        return error
    return None


def says_what_and_where(error: BpfqError) -> bool:
    known = type(error) in (UnsupportedError, FilterError)
    return known and str(error) != "" and error.span is not None


def test_the_matrix_is_whole() -> None:
    assert (len(PRIMITIVES), len(ROWS)) == (44, 221)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["dlt"]))
def test_a_link_type_takes_the_primitives_that_the_reference_takes(row: dict[str, Any]) -> None:
    """And a refusal says what is refused, and where it stands."""
    refused = {text: refusal(text, row["dlt"], level=0) for text in PRIMITIVES}
    taken = {text for text, error in refused.items() if error is None}
    expected = {PRIMITIVES[at] for at in row["accepts"]}
    changed = {text for name, text in DIFFERENT if name == row["name"]}
    assert taken == expected ^ changed
    assert [
        text for text, error in refused.items() if error and not says_what_and_where(error)
    ] == []


@pytest.mark.parametrize("row", sampled(ROWS, every=23), ids=lambda row: str(row["dlt"]))
def test_every_level_takes_the_same_primitives(row: dict[str, Any]) -> None:
    as_written, *optimised = (
        {text for text in PRIMITIVES if refusal(text, row["dlt"], level) is None}
        for level in LEVELS[:SEARCHING]
    )
    assert optimised == [as_written] * (SEARCHING - 1)
