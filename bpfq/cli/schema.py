"""``bpfq schema [COMMAND]``: the JSON Schema of what ``--json`` prints.

    bpfq schema why > why.schema.json
    bpfq schema | jq '."$defs" | keys'

Keys are only ever added to what is printed, and the schemas say which are always there.
"""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Final

from bpfq.cli.schemas.table import SCHEMAS, all_schemas, schema_of
from bpfq.errors import BpfqError
from bpfq.source import Suggestion, nearest

_ALIASES: Final = {"diff": "equiv"}


def run(options: Namespace) -> int:
    if len(options.words) > 1:
        raise BpfqError(f"schema takes one command, not {options.words[1]!r} as well")
    if not options.words:
        print(json.dumps(all_schemas(), indent=1))
        return 0
    name = _ALIASES.get(options.words[0], options.words[0])
    if name not in SCHEMAS:
        close = nearest(name, SCHEMAS)
        raise BpfqError(
            f"no schema for {name!r}; there is one for each of {', '.join(SCHEMAS)}",
            suggestions=(Suggestion(f"bpfq schema {close}"),) if close else (),
        )
    print(json.dumps(schema_of(name), indent=1))
    return 0
