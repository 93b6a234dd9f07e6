"""docs/json.md has a table of every key that ``bpfq schema`` knows.

Its tables are written by: pytest tests/cli/test_json_page.py --update-golden
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bpfq.cli.schemas.table import SCHEMAS

from .running import ROOT

PAGE = ROOT / "docs/json.md"
BEGIN = "<!-- the tables below are written by tests/cli/test_json_page.py -->\n"


def kind(schema: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{word}`" if word is not None else "null" for word in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(types)


def rows(schema: dict[str, Any], path: str) -> Iterator[str]:
    """A line of a table for each key below."""
    for key, value in schema.get("properties", {}).items():
        where = f"{path}.{key}".lstrip(".")
        about = value["description"].replace("<", "\\<")
        optional = "" if key in schema["required"] else " (optional)"
        yield f"| `{where}`{optional} | {kind(value)} | {about} |"
        yield from rows(value, where)
    for each, mark in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), ".*")):
        if isinstance(each, dict):
            yield from rows(each, f"{path}{mark}")


def section(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {name}\n\n{schema['description']}\n"
    for way in schema.get("anyOf", [schema]):
        listed = list(rows(way, ""))
        if way is not schema:
            end = ":" if listed else f": {kind(way)}"
            about = way["description"]
            yield f"\n{about[:1].upper()}{about[1:]}{end}\n"
        if listed:
            yield "\n".join(("\n| key | value | meaning |", "|---|---|---|", *listed, ""))


def tables() -> str:
    return "".join(line for name, schema in SCHEMAS.items() for line in section(name, schema))


def test_the_page_has_every_key(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, mark, after = text.partition(BEGIN)
    assert mark == BEGIN
    if request.config.getoption("--update-golden"):
        PAGE.write_text(before + mark + tables(), encoding="utf-8")
        return
    assert after == tables()


def test_the_tables_have_keys_at_every_depth() -> None:
    text = tables()
    assert "| `clauses[].readings[].offset` | integer or null | of the bytes; null " in text
    assert "| `filters.*.packets` | integer | since the start |" in text
    assert "| `error` (optional) | object |" in text
