"""``bpfq export elf``: the object file, and what is said about it."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from bpfq.cli.packets import writable
from bpfq.cli.terminal import say
from bpfq.export.elf import modules
from bpfq.export.job import Job
from bpfq.isa.ebpf.program import Module
from bpfq.objfile.sections import section_of


def write_object(options: Namespace, job: Job, octets: bytes) -> None:
    with writable(options.output, "an object file is", "-o") as stream:
        stream.write(octets)
    _report(options, modules(job), len(octets))


def _report(options: Namespace, made: tuple[Module, ...], size: int) -> None:
    """What the file holds: on standard output as JSON, else on standard error."""
    if options.json:
        import json

        print(json.dumps(_fields(options, made, size)), file=_beside(options))
    elif not options.quiet:
        for module in made:
            section = section_of(module.hook, options.section or "")
            many = len(module.function.instructions)
            maps = "".join(f", map {each.name}" for each in module.maps)
            say(f"{options.output}: {section} {module.function.name}, {many} instructions{maps}")


def _beside(options: Namespace) -> Any:
    """Where the JSON goes: not among the bytes of the object file."""
    return sys.stderr if options.output == "-" else sys.stdout


def _fields(options: Namespace, made: tuple[Module, ...], size: int) -> dict[str, Any]:
    return {
        "file": options.output,
        "bytes": size,
        "programs": [
            {
                "name": module.function.name,
                "section": section_of(module.hook, options.section or ""),
                "instructions": len(module.function.instructions),
                "maps": [each.name for each in module.maps],
            }
            for module in made
        ],
    }
