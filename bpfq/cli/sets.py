"""``bpfq set list | add | del NAME|PATH ENTRY...``: the sets of filters that are at work.

``bpfq set pin NAME PATH`` keeps one when its filter goes.
"""

from __future__ import annotations

import json
from argparse import Namespace

from bpfq.cli.request import read_text
from bpfq.cli.terminal import say
from bpfq.ebpf.sets import LiveSet, all_sets, sets_called, spelled
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.sets import from_text
from bpfq.source import Suggestion, nearest

_VERBS = ("list", "add", "del", "pin")


def run(options: Namespace) -> int:
    verb, *words = options.words or [""]
    if verb not in _VERBS:
        close = nearest(verb, _VERBS)
        raise BpfqError(
            f"set {verb or 'alone'} is nothing to do: list, add, del or pin",
            suggestions=(Suggestion(f"bpfq set {close or 'list'}"),),
        )
    if verb == "list":
        return _list(options, words)
    if verb == "pin":
        return _pin(options, words)
    texts = [*words[1:], *_from_file(options)]
    if not words or not texts:
        raise BpfqError(
            f"set {verb} takes a name and entries",
            suggestions=(Suggestion(f"bpfq set {verb} bad 192.0.2.0/24"),),
        )
    with sets_called(words[0]) as found:
        changed = found.add(texts) if verb == "add" else found.delete(texts)
        return _tell(options, verb, found, changed, texts)


def _pin(options: Namespace, words: list[str]) -> int:
    if len(words) != 2:
        raise BpfqError(
            "set pin takes a name and a path",
            suggestions=(Suggestion("bpfq set pin bad /sys/fs/bpf/bad"),),
        )
    with sets_called(words[0]) as found:
        found.pin(words[1])
    if options.json:
        print(json.dumps({"set": words[0], "pin": words[1]}))
    elif not options.quiet:
        say(f"pinned set {words[0]} at {words[1]}")
    return 0


def _from_file(options: Namespace) -> list[str]:
    if options.file is None:
        return []
    listing = from_text(read_text(options.file), options.file)
    return [text for text, _ in listing.entries]


def _tell(options: Namespace, verb: str, found: LiveSet, changed: int, texts: list[str]) -> int:
    """1 where there was nothing to delete."""
    if options.json:
        print(json.dumps({"set": found.name, verb: changed, "entries": len(found.entries())}))
    elif not options.quiet:
        done, way = ("added", "to") if verb == "add" else ("deleted", "from")
        rest = "the others were there" if verb == "add" else "the others were not there"
        others = f"; {rest}" if changed < len(set(texts)) else ""
        say(f"{done} {_counted(changed)} {way} set {found.name}{others}")
    return 1 if verb == "del" and not changed else 0


def _list(options: Namespace, words: list[str]) -> int:
    if len(words) > 1:
        raise BpfqError(f"set list takes one name, not {words[1]!r} as well")
    rows = (sets_called(words[0]),) if words else all_sets()
    try:
        if options.json:
            print(json.dumps({"sets": [_fields(row) for row in rows]}))
        elif words:
            _print(rows[0])
        else:
            for row in rows:
                filters = ", ".join(dict.fromkeys(filter(None, row.filters)))
                where = f"  {filters}" if filters else ""
                print(f"{row.name}  {row.kind}  {_counted(len(row.entries()))}{where}")
            if not rows and not options.quiet:
                say("no filter of bpfq at work has a set")
    finally:
        for row in rows:
            row.close()
    return 0


def _print(row: LiveSet) -> None:
    """As a file for --set."""
    for each in row.entries():
        print(spelled(row.kind, each))


def _fields(row: LiveSet) -> dict[str, object]:
    """One set as ``--json`` prints it; keys are only ever added."""
    entries = [spelled(row.kind, each) for each in row.entries()]
    return {"set": row.name, "kind": row.kind, "filters": list(row.filters), "entries": entries}


def _counted(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"
