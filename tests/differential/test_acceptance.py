"""Which primitive compiles on which link type: all 44 x 221 pairs against the reference's list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bpfq
from bpfq.errors import BpfqError, FilterError, UnsupportedError

MATRIX = json.loads((Path(__file__).parents[1] / "corpus" / "acceptance.json").read_text())
PRIMITIVES: list[str] = MATRIX["primitives"]
ROWS: list[dict[str, Any]] = MATRIX["rows"]

# Documented differences: (link type, primitive) -> why.
DIFFERENT: dict[tuple[str, str], str] = {}


def refusal(primitive: str, link: int) -> BpfqError | None:
    try:
        bpfq.compile(primitive, link=link, netmask="255.255.255.0", allow_empty=True)
    except BpfqError as error:
        return error
    return None


def test_the_matrix_is_whole() -> None:
    assert (len(PRIMITIVES), len(ROWS)) == (44, 221)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["dlt"]))
def test_a_link_type_takes_the_primitives_that_the_reference_takes(row: dict[str, Any]) -> None:
    taken = {text for text in PRIMITIVES if refusal(text, row["dlt"]) is None}
    expected = {PRIMITIVES[at] for at in row["accepts"]}
    changed = {text for name, text in DIFFERENT if name == row["name"]}
    assert taken == expected ^ changed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["dlt"]))
def test_a_refusal_says_what_and_where(row: dict[str, Any]) -> None:
    for text in PRIMITIVES:
        error = refusal(text, row["dlt"])
        if error is not None:
            assert type(error) in (UnsupportedError, FilterError), text
            assert str(error) and error.span is not None, text
