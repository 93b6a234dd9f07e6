"""``bpfq export elf``: programs as an object file for bpftool, libbpf, ip and tc."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any, Final

from bpfq.cli.named import named_filters
from bpfq.cli.packets import writable
from bpfq.cli.request import compiled, for_hook
from bpfq.cli.terminal import say
from bpfq.ebpf.naming import renamed
from bpfq.errors import BpfqError
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.program import Module
from bpfq.objfile.object import object_file
from bpfq.objfile.sections import section_of
from bpfq.record import replace
from bpfq.program_ebpf import compile_ebpf
from bpfq.source import Suggestion, nearest

FORMATS: Final = ("elf",)
_DEFAULT_NAME: Final = "bpfq"


def run(options: Namespace) -> int:
    _format(options)
    rows = named_filters(options, options.name or _DEFAULT_NAME)
    if options.name is not None and rows[0][0] != options.name:
        raise BpfqError("--name and NAME=EXPRESSION both name the program: leave out --name")
    modules = tuple(
        renamed(_module(options, text), name, own_maps=len(rows) > 1) for name, text in rows
    )
    sections = (options.section or "",) * len(modules)
    octets = object_file(modules, byteorder=_byteorder(options), sections=sections)
    with writable(options.output, "an object file is", "-o") as stream:
        stream.write(octets)
    _report(options, modules, len(octets))
    return 0


def _format(options: Namespace) -> None:
    """Take the format from the words; raises BpfqError for another one, and without a file."""
    name = options.words.pop(0) if options.words else ""
    if name not in FORMATS:
        close = nearest(name, FORMATS)
        raise BpfqError(
            f"cannot export {name!r}; the formats are {', '.join(FORMATS)}"
            if name
            else f"no format: the formats are {', '.join(FORMATS)}",
            suggestions=(Suggestion(f"bpfq export {close or FORMATS[0]} ..."),),
        )
    if options.output is None:
        raise BpfqError("no file: give one with -o, - for standard output")


def _module(options: Namespace, text: str) -> Module:
    program = for_hook(compiled(options, text))
    if program is None:
        raise BpfqError(
            f"an object file holds eBPF programs, target '{options.target or 'file'}' takes "
            "classic ones",
            suggestions=(Suggestion("--target ebpf:xdp"), Suggestion("--target ebpf:tc")),
        )
    filled = any(each.entries for each in program.module.maps)  # which no object file can carry
    if filled or options.big_endian:
        settings = replace(program.settings, byteorder=_byteorder(options))
        program = compile_ebpf(program.query, settings, program.action, maps=False)
    return program.module


def _byteorder(options: Namespace) -> Endian:
    return "big" if options.big_endian else "little"


def _report(options: Namespace, modules: tuple[Module, ...], size: int) -> None:
    """What the file holds: on standard output as JSON, else on standard error."""
    if options.json:
        import json

        print(json.dumps(_fields(options, modules, size)), file=_beside(options))
    elif not options.quiet:
        for module in modules:
            section = section_of(module.hook, options.section or "")
            many = len(module.function.instructions)
            maps = "".join(f", map {each.name}" for each in module.maps)
            say(f"{options.output}: {section} {module.function.name}, {many} instructions{maps}")


def _beside(options: Namespace) -> Any:
    """Where the JSON goes: not among the bytes of the object file."""
    return sys.stderr if options.output == "-" else sys.stdout


def _fields(options: Namespace, modules: tuple[Module, ...], size: int) -> dict[str, Any]:
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
            for module in modules
        ],
    }
