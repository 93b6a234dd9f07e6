"""``bpfq disasm``: read a program in any text form, print another, or the filter that it is.

An object file of eBPF programs is listed.
"""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from bpfq.cli.request import STANDARD_STREAM, as_text, read_octets
from bpfq.cli.terminal import say
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.read import parse_program
from bpfq.output.formats import FORMATS

if TYPE_CHECKING:
    from bpfq.analysis.decompile.decompile import Decompiled

_ELF: Final = b"\x7fELF"
_EXIT_CODES: Final = {"proved": 0, "partial": 1, "undecided": 5}


def run(options: Namespace) -> int:
    if len(options.words) > 1:
        raise BpfqError(f"one file at a time, not {len(options.words)}")
    octets = read_octets(options.words[0] if options.words else STANDARD_STREAM)
    if octets.startswith(_ELF):
        return _object(octets, options)
    text = as_text(octets)
    if options.decompile:
        return _decompile(text, options)
    print(FORMATS["json" if options.json else options.to](parse_program(text)))
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


def _decompile(text: str, options: Namespace) -> int:
    """The filter on standard output, what it leaves out on standard error."""
    from bpfq.questions.filters import decompile

    found = decompile(text, link=options.link or "EN10MB", target=options.target or "file")
    if options.json:
        print(json.dumps(_as_json(found)))
        return _EXIT_CODES[found.verdict]
    print(found.text)
    if not found.proved and not options.quiet:
        say(f"bpfq: {_SAID[found.verdict]}")
        for number, gap in enumerate(found.gaps):
            place = f"<{number}>: " if f"<{number}>" in found.text else ""
            say(f"  {place}{gap}")
    return _EXIT_CODES[found.verdict]


_SAID: Final = {
    "partial": "not proved equal to the program, which was recovered in part",
    "undecided": "not decided whether this is what the program does",
}


def _as_json(found: Decompiled) -> dict[str, object]:
    return {
        "filter": found.text,
        "verdict": found.verdict,
        "gaps": [
            {"instructions": list(gap.instructions), "reason": gap.reason} for gap in found.gaps
        ],
    }
