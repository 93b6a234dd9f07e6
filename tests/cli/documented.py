"""Whether JSON is what ``bpfq schema`` says, with no key that it does not say."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from bpfq.cli.schemas.table import schema_of


def closed(schema: Any) -> Any:
    """The schema with no room for keys that it does not list."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    return {**made, "additionalProperties": False} if "properties" in schema else made


def faults(name: str, value: Any) -> list[str]:
    """What in a value is not as documented."""
    checker = Draft202012Validator(closed(schema_of(name)))
    return [f"{error.json_path}: {error.message[:300]}" for error in checker.iter_errors(value)]


def wrong(name: str, printed: str, *, least: int = 1) -> list[str]:
    """What in the lines that a command printed is not as documented; least: how many there are."""
    values = [json.loads(line) for line in printed.splitlines()]
    found = [fault for value in values for fault in faults(name, value)]
    return found if len(values) >= least else [*found, f"only {len(values)} lines"]


def ways(name: str) -> list[Any]:
    """The forms that the output of a command has, each a schema."""
    schema = schema_of(name)
    return [closed(each) for each in schema.get("anyOf", [schema])]
