"""``bpfq detach NAME|PATH|LINK``: take away what bpfq attached, whoever holds it."""

from __future__ import annotations

import json
from argparse import Namespace

from bpfq.cli.counted import count_fields, in_words
from bpfq.cli.terminal import say
from bpfq.ebpf.standing import detach
from bpfq.errors import BpfqError
from bpfq.source import Suggestion


def run(options: Namespace) -> int:
    if len(options.words) != 1:
        raise BpfqError(
            "detach takes one name, pin or link number", suggestions=(Suggestion("bpfq status"),)
        )
    row = detach(options.words[0])
    if options.json:
        fields = {"name": row.name or None, "place": str(row.place), "link": row.id,
                  "pins": list(row.pins), **count_fields(row.counts)}  # fmt: skip
        print(json.dumps(fields))
    elif not options.quiet:
        matched = "" if row.counts is None else f"; {in_words(row.counts)} matched"
        say(f"detached {row.title} from {row.place}{matched}")
    return 0
