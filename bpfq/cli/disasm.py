"""``bpfq disasm``: read a program in any text form, print another, or the filter that it is.

An object file of eBPF programs is listed.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bpfq.cli.given import Given, live_socket, read_program
from bpfq.cli.request import STANDARD_STREAM, read_octets
from bpfq.cli.terminal import say
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.given import octet_words
from bpfq.output.formats import FORMATS
from bpfq.program.classic import Program

if TYPE_CHECKING:
    from bpfq.analysis.decompile.decompile import Decompiled

_ELF: Final = b"\x7fELF"
EXIT_CODES: Final = {"proved": 0, "partial": 1, "undecided": 5}


def run(options: Namespace) -> int:
    if len(options.words) > 1:
        raise BpfqError(f"one file at a time, not {len(options.words)}")
    where = options.words[0] if options.words else STANDARD_STREAM
    if live_socket(where) is not None:
        brought = read_program(where, known=options.target is not None or not options.decompile)
    else:
        octets = read_octets(where)
        if octets.startswith(_ELF):
            return _object(octets, options)
        brought = Given(octet_words(octets))
    if options.decompile:
        return _decompile(brought, options)
    print(FORMATS["json" if options.json else options.to](brought.words))
    return 0


def _object(octets: bytes, options: Namespace) -> int:
    from bpfq.objfile.read import read_object
    from bpfq.output.objects import dump_object, dump_object_json

    asked = "--decompile" if options.decompile else f"--to {options.to}"
    if asked not in ("--to d", "--to json"):
        raise BpfqError(f"{asked} is for classic programs: an object file is listed, or --json")
    as_json = options.json or options.to == "json"
    print((dump_object_json if as_json else dump_object)(read_object(octets)))
    return 0


def _decompile(brought: Given, options: Namespace) -> int:
    """The filter on standard output, what it leaves out on standard error."""
    found = Program.of(
        brought.words,
        target=options.target or brought.target or "file",
        link=options.link or brought.link or "EN10MB",
        family=brought.family,
    ).decompiled
    if options.json:
        print(json.dumps(decompiled_fields(found)))
        return EXIT_CODES[found.verdict]
    print(found.text)
    if not found.proved and not options.quiet:
        say(f"bpfq: {SAID[found.verdict]}")
        for line in gap_lines(found):
            say(f"  {line}")
    return EXIT_CODES[found.verdict]


SAID: Final = {
    "partial": "not proved equal to the program, which was recovered in part",
    "undecided": "not decided whether this is what the program does",
}


def gap_lines(found: Decompiled) -> Iterator[str]:
    """What was not recovered, and why."""
    for number, gap in enumerate(found.gaps):
        place = f"<{number}>: " if f"<{number}>" in found.text else ""
        yield f"{place}{gap}"


def decompiled_fields(found: Decompiled) -> dict[str, object]:
    return {
        "filter": found.text,
        "verdict": found.verdict,
        "gaps": [
            {"instructions": list(gap.instructions), "reason": gap.reason} for gap in found.gaps
        ],
    }
