"""Schemas of what is said of programs at work: attach, status, detach, set, count, doctor."""

from __future__ import annotations

from typing import Final

from bpfq.cli.schemas.programs import PROGRAM
from bpfq.cli.schemas.words import (
    Schema,
    flag,
    maybe,
    number,
    one_of,
    real,
    rows,
    table,
    text,
    thing,
)

_COUNTS: Final[dict[str, Schema]] = {
    "packets": maybe(number("that matched; null where nothing counts")),
    "bytes": maybe(number("of them; null where nothing counts")),
}
_PLACE: Final = text("where it is attached, in words")
_MODE: Final = maybe(text("of XDP", "native", "generic", "offload"))
_MAP: Final = thing(
    "a map of the program",
    {
        "name": text("of the map"),
        "kind": text("its type"),
        "key": number("bytes of a key"),
        "value": number("bytes of a value"),
        "entries": number("at most"),
    },
)
ATTACH: Final = one_of(
    "Two lines, when it is attached and when it is detached; with --pin or --dry-run one object.",
    thing(
        "attached",
        {
            **PROGRAM,
            "place": _PLACE,
            "id": number("of the link; on a socket of the program"),
            "mode": _MODE,
        },
    ),
    thing("detached", {**_COUNTS, "seconds": real("that it was attached")}),
    thing(
        "with --pin",
        {
            "place": _PLACE,
            "id": number("of the link"),
            "mode": _MODE,
            "pin": text("its path"),
            "replaced": flag("another program was there before"),
        },
    ),
    thing(
        "with --dry-run",
        {
            **PROGRAM,
            "place": _PLACE,
            "maps": rows("that it uses", _MAP),
            "verified_instructions": maybe(number("that the verifier looked at")),
            "machine_code_bytes": maybe(number("null where the kernel interprets it")),
        },
    ),
)
STATUS: Final = thing(
    "What bpfq has attached on this machine.",
    {
        "attached": rows(
            "in the order of ids",
            thing(
                "a program",
                {
                    "name": maybe(text("that it was given")),
                    "hook": text("where it runs", "xdp", "tc", "cgroup_skb", "netfilter", "socket"),
                    "place": maybe(_PLACE),
                    "mode": _MODE,
                    "link": maybe(number("the id of its link; null on a socket")),
                    "program": number("its id"),
                    "age_seconds": real("since it was loaded"),
                    "pins": rows("where it is pinned", text("a path")),
                    "runs": number("counted while kernel.bpf_stats_enabled is 1, else 0"),
                    "run_time_ns": number("of all runs"),
                    **_COUNTS,
                },
            ),
        )
    },
)
DETACH: Final = thing(
    "What was detached.",
    {
        "name": maybe(text("that it was given")),
        "place": _PLACE,
        "link": number("the id that its link had"),
        "pins": rows("that it had", text("a path")),
        **_COUNTS,
    },
)
SET: Final = one_of(
    "The sets of filters at work, or what was done to one.",
    thing(
        "list",
        {
            "sets": rows(
                "by name",
                thing(
                    "a set",
                    {
                        "set": text("its name"),
                        "kind": text("of its entries"),
                        "filters": rows("that ask it", text("the name of one")),
                        "entries": rows("of the set", text("as --set takes it")),
                    },
                ),
            )
        },
    ),
    thing(
        "add",
        {
            "set": text("its name"),
            "add": number("entries that were new"),
            "entries": number("that it has now"),
        },
    ),
    thing(
        "del",
        {
            "set": text("its name"),
            "del": number("entries that were there"),
            "entries": number("that it has now"),
        },
    ),
    thing("pin", {"set": text("its name"), "pin": text("the path where it is kept")}),
)
COUNT: Final = thing(
    "An object a line: one each interval, and the totals at the end.",
    {
        "type": text("of the line", "interval", "total"),
        "source": text("the interface, or the file"),
        "elapsed": maybe(real("seconds since the start; null for a file")),
        "seconds": maybe(real("that the rates are of; null for a file")),
        "filters": table(
            "by name",
            thing(
                "what a filter has matched",
                {
                    "packets": number("since the start"),
                    "bytes": number("of them"),
                    "packets_per_second": maybe(real("null for a file")),
                    "bits_per_second": maybe(real("null for a file")),
                },
            ),
        ),
    },
)
DOCTOR: Final = thing(
    "What works on this machine.",
    {
        "features": rows(
            "in the order in which they are shown",
            thing(
                "something that bpfq depends on",
                {
                    "name": text("as doctor takes it"),
                    "ok": maybe(flag("it works; null where the kernel does not tell")),
                    "value": text("what was found"),
                    "reason": text("what does not work because of it, may be empty"),
                    "help": text("what would help, may be empty"),
                },
            ),
        )
    },
)
