"""The parts that schemas are made of (JSON Schema, draft 2020-12).

thing("a packet", {"length": number("bytes"), "faults": rows("...", text("one"))})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def text(about: str, *choices: str) -> Schema:
    found: Schema = {"type": "string", "description": about}
    return {**found, "enum": list(choices)} if choices else found


def number(about: str) -> Schema:
    return {"type": "integer", "description": about}


def real(about: str) -> Schema:
    return {"type": "number", "description": about}


def flag(about: str) -> Schema:
    return {"type": "boolean", "description": about}


def rows(about: str, each: Schema) -> Schema:
    return {"type": "array", "description": about, "items": each}


def pair(about: str, each: Schema) -> Schema:
    return {"type": "array", "description": about, "items": each, "minItems": 2, "maxItems": 2}


def table(about: str, each: Schema) -> Schema:
    """An object whose keys are names."""
    return {"type": "object", "description": about, "additionalProperties": each}


def thing(about: str, keys: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """An object with these keys; others may be added to it some day."""
    return {
        "type": "object",
        "description": about,
        "properties": dict(keys),
        "required": [key for key in keys if key not in optional],
    }


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    found = {**schema, "type": [schema["type"], "null"]}
    return {**found, "enum": [*schema["enum"], None]} if "enum" in schema else found


def one_of(about: str, *ways: Schema) -> Schema:
    return {"description": about, "anyOf": list(ways)}
