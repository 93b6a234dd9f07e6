"""Schemas of what is said of programs: explain, dump, graph, disasm, export, -L."""

from __future__ import annotations

from typing import Final

from bpfq.cli.schemas.words import (
    Schema,
    flag,
    maybe,
    number,
    one_of,
    pair,
    real,
    rows,
    table,
    text,
    thing,
)

VERSION: Final = text("the version of bpfq")
WORD: Final = rows(
    "an instruction: [code, jt, jf, k]; of an eBPF program [opcode, dst, src, off, imm]",
    number("a field"),
)
PROGRAM: Final[dict[str, Schema]] = {
    "bpfq": VERSION,
    "filter": maybe(text("the filter; null for a program that was given and not compiled")),
    "target": text("where the program runs"),
    "link": text("the link type, as -L names it"),
    "snaplen": number("bytes that a match returns, where the target returns bytes"),
    "instructions": number("how many there are"),
    "option_memory": maybe(number("bytes that a socket is charged; null off sockets")),
    "program": rows("the instructions", WORD),
    "action": text("of an eBPF program: what is done with packets that match"),
    "verdicts": pair("of an eBPF program: what it returns for a match, and else", number("returned")),
}  # fmt: skip
OF_HOOKS: Final = ("action", "verdicts")  # keys that classic programs do not have
_CLASSIC: Final = {key: value for key, value in PROGRAM.items() if key not in OF_HOOKS}

_GAP: Final = thing(
    "packets that some clause does not look into",
    {
        "what": text("what they are"),
        "option": maybe(text("the option that lets the filter look into them")),
    },
)
_LOST: Final = thing(
    "what could not be said as a filter",
    {
        "instructions": rows("their numbers", number("from 0")),
        "reason": text("why"),
    },
)
_DECOMPILED: Final[dict[str, Schema]] = {
    "filter": text("the filter; <N> stands for gap N"),
    "verdict": text(
        "proved: the filter is the program", "proved", "partial", "undecided", "refuted"
    ),
    "gaps": rows("what the filter leaves out", _LOST),
}

EXPLAIN: Final = one_of(
    "What a filter means, or what is known of a program that no filter is known to be.",
    thing(
        "a filter",
        {
            **PROGRAM,
            "in_full": rows("the filter with everything that it implies, line by line", text("line")),
            "english": maybe(text("the same in words; null where it is too long for that")),
            "not_seen": rows("packets that never match", _GAP),
            "let_in": rows("packets that match without being looked into", _GAP),
            "in_part": rows("packets that some clauses look into and others do not", _GAP),
            "notes": rows("what else is to be said of the program", text("a sentence")),
        },
        OF_HOOKS,
    ),
    thing("a program that was recovered in part", {**PROGRAM, **_DECOMPILED}, OF_HOOKS),
)  # fmt: skip

_EXIT: Final = {
    "description": "the number of a test, or the end",
    "anyOf": [number("of the test"), text("the end", "accept", "reject")],
}
_TEST: Final[dict[str, Schema]] = {
    "number": number("of the test"),
    "test": text("as listings have it"),
    "meaning": maybe(text("in the words of the filter")),
    "yes": _EXIT,
    "no": _EXIT,
}
_LETTERS: Final = table("letters of the tests and what they stand for", text("a formula"))
_PICTURE: Final = thing(
    "a graph of decisions",
    {"start": _EXIT, "tests": rows("the tests", thing("a test", _TEST)), "letters": _LETTERS},
)
_LED: Final = thing(
    "a test that leads elsewhere now",
    {"number": number("of the test"), "yes_was": _EXIT, "no_was": _EXIT},
)
_STEP: Final = thing(
    "a run of a pass",
    {
        "name": text("of the pass"),
        "about": text("what it does"),
        "before": number("tests before it"),
        "after": number("tests after it"),
        "new": rows("tests that it made", number("of the test")),
        "gone": rows("tests that it left out", number("of the test")),
        "led_elsewhere": rows("tests that stayed", _LED),
        "graph": _PICTURE,
    },
)
_STAGES: Final[dict[str, Schema]] = {
    "query": text("the filter as it was understood"),
    "simplified": maybe(text("what the simplifier made of it; null where nothing")),
    "made": text("how the first graph came about"),
    "graph": _PICTURE,
    "passes": rows("each pass that changed something", _STEP),
    "searched": maybe(text("what the search of level 3 came to; null without one")),
}
_FIGURES: Final = thing(
    "what a program costs",
    {
        "instructions": number("how many there are"),
        "worst": number("executed by one packet at most"),
        "executed": maybe(real("on average over the profile")),
        "loads": maybe(real("of packet bytes, on average")),
        "nanoseconds": maybe(real("by the kernel's prices, on average")),
        "converted": number("eBPF instructions that the kernel makes of it"),
        "option_memory": number("bytes that a socket is charged"),
    },
)
_STATS: Final[dict[str, Schema]] = {
    "optimised_for": text("by what it was chosen", "balanced", "size", "speed", "kernel-size"),
    "result": _FIGURES,
    "models": table("the best program by each measure; none below level 2", _FIGURES),
    "written": _FIGURES,
    "libpcap": maybe(_FIGURES),
    "libpcap_says": text("its version, or why there is nothing to compare"),
    "profile": thing(
        "the packets behind the averages",
        {"packets": number("kinds of packets"), "own": flag("--profile was given")},
    ),
}

DUMP: Final = one_of(
    "A program; with --stages how it came about, with --stats what it costs.",
    thing("the program", PROGRAM, OF_HOOKS),
    thing("with --stages", {**_CLASSIC, **_STAGES}),
    thing("with --stats", {**_CLASSIC, **_STATS}),
)
GRAPH: Final = thing(
    "The decisions of a filter; with -r the packets that took each way.",
    {
        **PROGRAM,
        "start": _EXIT,
        "tests": rows(
            "the tests, each before all that it leads to",
            thing(
                "a test",
                {
                    **_TEST,
                    "packets": thing(
                        "with -r",
                        {
                            "yes": number("packets that passed"),
                            "no": number("packets that did not"),
                            "short": number("packets too short to be asked"),
                        },
                    ),
                },
                ("packets",),
            ),
        ),
        "letters": _LETTERS,
        "packets": number("with -r: of the file"),
        "accepted": number("with -r: those that match"),
    },
    (*OF_HOOKS, "packets", "accepted"),
)

_FUNCTION: Final = thing(
    "a function of an object file",
    {
        "section": text("where it stands"),
        "name": text("of the function"),
        "instructions": rows("the instructions", WORD),
        "lines": rows(
            "[instruction, text, line, column] of the source",
            {"type": "array", "items": {"type": ["integer", "string"]}},
        ),
        "references": rows(
            "[instruction, kind, symbol] that a loader puts in",
            {"type": "array", "items": {"type": ["integer", "string"]}},
        ),
    },
)
DISASM: Final = one_of(
    "A program that was read: its instructions, the functions of an object file, or the filter.",
    rows("of a classic program", WORD),
    thing(
        "of an object file",
        {
            "byteorder": text("of the file", "little", "big"),
            "license": text("that it names"),
            "functions": rows("all of them", _FUNCTION),
        },
    ),
    thing("with --decompile", _DECOMPILED),
)
EXPORT: Final = one_of(
    "What was written, or the text itself.",
    thing(
        "of all formats but elf",
        {
            "file": maybe(text("its name; null for standard output")),
            "programs": rows(
                "what it holds",
                thing(
                    "a program",
                    {
                        "name": maybe(text("that it was given")),
                        "filter": maybe(text("the filter; null for a program that was given")),
                        "target": text("where it runs"),
                        "link": text("the link type"),
                        "instructions": number("how many there are"),
                    },
                ),
            ),
            "text": text("what would have been written, where there is no file"),
        },
        ("text",),
    ),
    thing(
        "of elf; on standard error where the file goes to standard output",
        {
            "file": text("its name, - for standard output"),
            "bytes": number("its size"),
            "programs": rows(
                "what it holds",
                thing(
                    "a program",
                    {
                        "name": text("of the program"),
                        "section": text("where it stands"),
                        "instructions": number("how many there are"),
                        "maps": rows("that it uses", text("the name of one")),
                    },
                ),
            ),
        },
    ),
)
LINKS: Final = thing(
    "The link types, all of them or that of the interface of -i.",
    {
        "links": rows(
            "by name",
            thing(
                "a link type",
                {
                    "name": text("as -y takes it"),
                    "number": number("DLT value"),
                    "description": text("in words, may be empty"),
                },
            ),
        )
    },
)
