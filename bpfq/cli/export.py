"""``bpfq export FORMAT``: programs as other tools take them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from bpfq.cli.given import given
from bpfq.cli.named import named_filters
from bpfq.cli.packets import writable
from bpfq.cli.request import compiled, for_hook, given_program, meaning
from bpfq.cli.terminal import note, say, standard_output
from bpfq.errors import BpfqError, LimitError, naming
from bpfq.export.formats import Format, check_target, exported, format_of
from bpfq.export.job import Job, Part
from bpfq.program.ebpf import compile_ebpf
from bpfq.record import replace
from bpfq.source import Suggestion
from bpfq.targets import target

_RETURNS_CLASSES: Final = "tc"  # where other programs return lengths


def run(options: Namespace) -> int:
    name = options.words.pop(0) if options.words else ""
    row = format_of(name)
    if row.binary and options.output is None:
        raise BpfqError("no file: give one with -o, - for standard output")
    _settle_target(options, row)
    check_target(name, target(options.target or "file"))
    brought = given(options)
    if brought is not None and not row.binary and name != _RETURNS_CLASSES:
        parts: tuple[Part, ...] = (_given_part(options),)
    else:
        parts = _parts(options)
    job = Job(
        parts,
        options.line if brought is None or brought.lasting else (),
        options.package,
        "big" if options.big_endian else "little",
        (options.section or "",) * len(parts),
    )
    made = exported(name, job)
    if isinstance(made, bytes):
        from bpfq.cli.export_object import write_object

        write_object(options, job, made)
    else:
        _write_text(options, row, job, made)
    return 0


def _settle_target(options: Namespace, row: Format) -> None:
    """The target that the format is for, unless the options name another one."""
    live = options.interface is not None and row.target == "file"
    if options.target is None and row.target:
        options.target = "packet" if live else row.target


def _parts(options: Namespace) -> tuple[Part, ...]:
    rows = named_filters(options, options.name or "")
    if options.name is not None and rows[0][0] != options.name:
        raise BpfqError("--name and NAME=EXPRESSION both name the program: leave out --name")
    return tuple(_part(options, name, text) for name, text in rows)


def _given_part(options: Namespace) -> Part:
    """The program of --program as it is, with the filter that it is for a comment."""
    program = given_program(options)
    limit = program.settings.target.limit
    if limit is not None and len(program) > limit:
        raise LimitError(program.settings.target.excess(len(program)))
    if options.prove:
        program.query  # noqa: B018  # raises where it is not proved
    if program.decompiled.proved:
        return program.part(options.name or "", program.decompiled.text)
    if not options.quiet:
        where = f"target '{program.target}', DLT_{program.link}"
        note(f"exported as it is, which is not known to be a filter for {where}")
    return program.part(options.name or "")


def _part(options: Namespace, name: str, text: str) -> Part:
    with naming(name or text, text):
        try:
            program = compiled(options, text)
        except LimitError as error:
            raise _explained(error, options, text) from None
    hooked = for_hook(program)
    if hooked is not None and options.big_endian:
        settings = replace(hooked.settings, byteorder="big")
        program = compile_ebpf(hooked.query, settings, hooked.action, maps=False)
    if options.prove:
        program.require_proof()
    return program.part(name, text)


def _explained(error: LimitError, options: Namespace, text: str) -> LimitError:
    """The error with the largest part of the filter, and what is short enough."""
    from bpfq.questions.filters import too_long
    from bpfq.settings import settings_of

    meant = meaning(options)
    settings = settings_of(
        meant["target"], meant["link"], netmask=meant["netmask"], through=meant["through"],
        tcp6=meant["tcp6"], family=meant["family"], protochain=meant["protochain"],
        level=options.level, strict=options.strict, allow_empty=options.allow_empty,
        optimise_for=options.objective,
    )  # fmt: skip
    found = too_long(error, text, settings, meant["resolver"])
    if settings.target.name == "xt_bpf":
        link = settings.link.name
        found.suggestions += (
            Suggestion(
                f"bpfq export elf --target ebpf:socket -y {link} -o FILE ...",
                "of any size, for -m bpf --object-pinned",
            ),
        )
    return found


def _write_text(options: Namespace, row: Format, job: Job, made: str) -> None:
    """Write it, and say what there is to say beside it."""
    to_file = options.output not in (None, "-")
    if to_file:
        with writable(options.output, option="-o") as stream:
            stream.write(made.encode("utf-8", "surrogateescape"))
    elif not options.json and (output := standard_output()) is not None:
        output.write(made)
    if options.json:
        import json

        fields = _fields(options, job)
        print(json.dumps(fields if to_file else {**fields, "text": made}))
    elif row.beside is not None and not options.quiet:
        say(row.beside(job))


def _fields(options: Namespace, job: Job) -> dict[str, Any]:
    """What was written, as ``--json`` prints it; keys are only ever added."""
    return {
        "file": options.output,
        "programs": [
            {
                "name": part.name or None,
                "filter": part.text,
                "target": part.settings.target.name,
                "link": part.settings.link.name,
                "instructions": len(part.words),
            }
            for part in job.parts
        ],
    }
