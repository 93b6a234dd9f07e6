"""SCHEMAS: command -> the schema of what it prints with ``--json``; "error" is that of errors."""

from __future__ import annotations

from typing import Final

from bpfq.cli.schemas import kernel, packets, programs, reports
from bpfq.cli.schemas.words import Schema

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS: Final[dict[str, Schema]] = {
    "explain": programs.EXPLAIN,
    "dump": programs.DUMP,
    "graph": programs.GRAPH,
    "match": packets.MATCH,
    "capture": packets.CAPTURE,
    "why": packets.WHY,
    "lint": reports.LINT,
    "fmt": reports.FMT,
    "witness": packets.WITNESS,
    "equiv": packets.EQUIV,
    "prove": packets.PROVE,
    "disasm": programs.DISASM,
    "export": programs.EXPORT,
    "attach": kernel.ATTACH,
    "status": kernel.STATUS,
    "detach": kernel.DETACH,
    "set": kernel.SET,
    "count": kernel.COUNT,
    "test": packets.TEST,
    "doctor": kernel.DOCTOR,
    "links": programs.LINKS,
    "error": reports.ERROR,
}


def schema_of(name: str) -> Schema:
    """A whole document for one command."""
    return {"$schema": DRAFT, "$id": f"urn:bpfq:{name}", "title": f"bpfq {name}", **SCHEMAS[name]}


def all_schemas() -> Schema:
    """One document, which has each of them under its name."""
    return {"$schema": DRAFT, "$id": "urn:bpfq", "title": "bpfq --json", "$defs": SCHEMAS}
