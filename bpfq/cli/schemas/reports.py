"""Schemas of errors and of what lint finds."""

from __future__ import annotations

from typing import Final

from bpfq.cli.schemas.packets import OCTETS, SPAN
from bpfq.cli.schemas.programs import VERSION
from bpfq.cli.schemas.words import flag, maybe, number, one_of, rows, text, thing

_SUGGESTION: Final = thing(
    "what may be pasted instead",
    {"text": text("a filter or an option"), "why": text("may be empty")},
)
ERROR: Final = thing(
    "What any command writes to standard error, as its last line, when it fails.",
    {
        "message": text("what is wrong, where, and what would be right"),
        "span": maybe(SPAN),
        "spans": rows("all that share the blame, span first", SPAN),
        "suggestions": rows("may be empty", _SUGGESTION),
        "exit_code": number("of the command"),
    },
)
FMT: Final = one_of(
    "A filter in one layout; with --files an object a line for each file.",
    thing(
        "a filter",
        {
            "bpfq": VERSION,
            "filter": text("as it was"),
            "file": maybe(text("its path, - for standard input; null for an expression")),
            "text": text("as it is now"),
            "changed": flag("the two differ"),
            "proved": flag("the two accept the same packets"),
        },
    ),
    thing(
        "one of several files that is no filter",
        {"bpfq": VERSION, "file": text("its path"), "error": ERROR},
    ),
)
_PLACE: Final = thing(
    "a part of the filter; lines and columns count from 1",
    {
        "start": number("the first character, from 0"),
        "end": number("behind the last character"),
        "line": number("of the first character"),
        "column": number("of the first character"),
        "end_line": number("of the end"),
        "end_column": number("behind the last character"),
        "text": text("what stands there"),
    },
)
_EDIT: Final = thing("a change of the text", {"span": SPAN, "text": text("what comes in its place")})  # fmt: skip
_FINDING: Final = thing(
    "something that is legal and yet most likely a mistake",
    {
        "code": text("of the rule, which stays"),
        "severity": text("how bad it is", "error", "warning", "note"),
        "message": text("what is wrong"),
        "spans": rows("where; the first is the one to blame", _PLACE),
        "fix": maybe(thing("means the same", {"edits": rows("to make at once", _EDIT)})),
        "suggestions": rows("what else may have been meant", _SUGGESTION),
        "witness": maybe(
            thing(
                "a packet that shows it",
                {
                    "octets": text(OCTETS),
                    "summary": text("one line"),
                    "shows": text("what it shows"),
                },
            )
        ),
    },
)
LINT: Final = thing(
    "What is found in a filter; with --files an object a line for each file.",
    {
        "bpfq": VERSION,
        "filter": text("the text, with its comments; after --fix the repaired one"),
        "file": maybe(text("its path; null for an expression and standard input")),
        "target": text("that it was looked at for"),
        "link": text("the link type"),
        "counts": thing(
            "findings by severity",
            {
                "error": number("errors"),
                "warning": number("warnings"),
                "note": number("notes"),
            },
        ),
        "findings": rows("in the order of the text", _FINDING),
        "error": ERROR,
        "edits": number("with --fix: changes that were made"),
    },
    ("error", "edits"),
)
