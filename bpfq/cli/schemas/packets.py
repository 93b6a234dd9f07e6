"""Schemas of what is said of packets: match, capture, why, witness, equiv, prove, test."""

from __future__ import annotations

from typing import Final

from bpfq.cli.schemas.programs import VERSION
from bpfq.cli.schemas.words import (
    Schema,
    flag,
    maybe,
    number,
    one_of,
    pair,
    rows,
    table,
    text,
    thing,
)

SPAN: Final = pair("characters of the filter: the first, and the one behind the last", number("from 0"))  # fmt: skip
OCTETS: Final = "hexadecimal, from the target's byte 0"
METADATA: Final = table("what the kernel knows of it, by name", number("a value"))

_SHOWN: Final[dict[str, Schema]] = {
    "timestamp_ns": maybe(number("since 1970, in nanoseconds; null in a file without times")),
    "length": number("bytes on the wire"),
    "captured": number("bytes that there are"),
    "summary": text("one line"),
}
MATCH: Final = one_of(
    "An object a line for each packet that matches; with --count or -w one for the file.",
    thing("a packet that matches", _SHOWN),
    thing(
        "with --count or -w; on standard error where packets go to standard output",
        {"seen": number("packets of the file"), "matched": number("those that match")},
    ),
)
CAPTURE: Final = one_of(
    "An object a line for each packet that matches; with -w one at the end.",
    thing(
        "a packet that matches",
        {
            **_SHOWN,
            "interface": maybe(text("with -i any: where it was; null where that is gone")),
            "direction": maybe(text("with -i any: its way; null where nobody knows", "in", "out")),
        },
        ("interface", "direction"),
    ),
    thing(
        "with -w; on standard error where packets go to standard output",
        {
            "captured": number("packets written"),
            "received": number("packets that the filter let through"),
            "dropped": number("packets that came too fast"),
        },
    ),
)

_READING: Final = thing(
    "a value that a clause looked at",
    {
        "what": text("in the words of the filter"),
        "offset": maybe(number("of the bytes; null where it is no load")),
        "size": maybe(number("in bytes; null where it is no load")),
        "value": maybe(number("what was there; null behind the captured bytes")),
        "shown": text("the value as text"),
        "wanted": maybe(text("what would have made the clause true")),
        "holds": flag("it was as wanted"),
    },
)
_CLAUSE: Final = thing(
    "a part of the filter",
    {
        "depth": number("below how many clauses it stands"),
        "text": text("as written; and, or, not above others"),
        "role": maybe(text("its part in a choice", "if", "then", "else")),
        "outcome": text("what became of it", "true", "false", "not evaluated", "ended the filter"),
        "decided": flag("it decided about the packet"),
        "note": maybe(text("why, where the values do not tell")),
        "span": maybe(SPAN),
        "readings": rows("what decided it", _READING),
        "reads": rows("all that it read", _READING),
    },
)
WHY: Final = thing(
    "What each clause of a filter makes of one packet.",
    {
        "bpfq": VERSION,
        "filter": text("the filter"),
        "packet": number("its number in the file, from 1"),
        "length": number("bytes on the wire"),
        "captured": number("bytes that there are"),
        "headers": text("of the packet, in one line"),
        "matched": flag("the program accepts it"),
        "clauses": rows("from top to bottom", _CLAUSE),
        "cause": maybe(text("the likely reason, in one sentence")),
        "fixes": rows(
            "what would have matched this packet; each was tried",
            thing("a fix", {"text": text("a filter or an option"), "why": text("what it lets in")}),
        ),
    },
)

_PACKET: Final[dict[str, Schema]] = {
    "summary": text("one line"),
    "octets": text(OCTETS),
    "length": number("bytes on the wire"),
    "metadata": METADATA,
    "network_header": maybe(text("hexadecimal: what lies before byte 0, where something does")),
    "faults": rows("lengths and checksums that are wrong because the filter wants them so", text("one")),
}  # fmt: skip
WITNESS: Final = rows(
    "Packets that match; with --not near misses, with --branches both ways of each test.",
    thing(
        "a packet",
        {
            **_PACKET,
            "matches": flag("the filter accepts it"),
            "fails": text("with --not: the one clause that it fails"),
            "outcomes": rows("with --branches: the ways that it takes", text("a test and its outcome")),
        },
        ("fails", "outcomes"),
    ),
)  # fmt: skip
EQUIV: Final = thing(
    "How two filters relate, with packets that show it.",
    {
        "relation": text(
            "of the packets of the first to those of the second",
            "equal", "subset", "superset", "disjoint", "overlapping", "undecided",
        ),
        "only_left": maybe(thing("a packet of the first alone", _PACKET)),
        "only_right": maybe(thing("a packet of the second alone", _PACKET)),
        "both": maybe(thing("a packet of both", _PACKET)),
    },
)  # fmt: skip
PROVE: Final = thing(
    "Whether a program does what the filter says.",
    {
        "verdict": text("the answer", "proved", "refuted", "undecided"),
        "instructions": number("of the program"),
        "solved": number("questions that the solver answered"),
        "counterexample": maybe(
            thing(
                "a packet on which they differ",
                {
                    "summary": text("one line"),
                    "octets": text(OCTETS),
                    "length": number("bytes on the wire"),
                    "metadata": METADATA,
                    "network_header": maybe(text("hexadecimal: what lies before byte 0")),
                    "filter_accepts": flag("what the filter says"),
                    "program_returns": maybe(number("what the program says; null: the kernel refuses it")),
                    "sets": table(
                        "keys that are in sets which may change, by the set's name",
                        rows("all of them", text("hexadecimal: an address, a port or a MAC address")),
                    ),
                    "completed": maybe(text("hexadecimal: the packet before it was cut, without zeros at its end")),
                },
            )
        ),
    },
)  # fmt: skip
TEST: Final = thing(
    "What a loaded program made of a file, beside the classic one.",
    {
        "packets": number("of the file"),
        "compared": number("those that come to the hook"),
        "matched": number("those that the classic program accepts"),
        "different": number("those on which the two differ"),
        "cut_and_different": number("those that the capture cut short, and that differ"),
        "interpreted": number("those too short or long for the kernel's test run"),
        "not_at_this_hook": number("those that never come to it"),
        "examples": rows(
            "the first that differ",
            thing(
                "a packet",
                {
                    "packet": number("in the file, from 1"),
                    "returned": number("by the loaded program"),
                    "expected": flag("the classic program accepts it"),
                },
            ),
        ),
    },
)
