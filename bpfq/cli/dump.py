"""``bpfq -d EXPRESSION``: the program as text."""

from __future__ import annotations

from argparse import Namespace

from bpfq.cli.given import refuse_program
from bpfq.cli.request import compiled, description, given_text
from bpfq.errors import BpfqError
from bpfq.program.classic import Program

_FORMATS = ("d", "dd", "ddd")


def run(options: Namespace) -> int:
    _refuse_contradictions(options)
    if options.stages:
        refuse_program(options, "--stages are those from a filter to its program, which is given")
    text = given_text(options)
    program = compiled(options, text)
    if program.settings.target.hook is not None:
        _refuse_classic_forms(options)
    if options.prove:
        program.require_proof()
    if program.notes and (text is None or text.strip()) and not options.quiet:
        from bpfq.cli.terminal import say

        say("\n".join(f"bpfq: {note}" for note in program.notes))
    if options.stages:
        from bpfq.cli.stages import run as run_stages

        return run_stages(options, text, program)
    if options.stats:
        from bpfq.cli.stats import run as run_stats

        return run_stats(options, text, program)
    if options.json:
        import json

        print(json.dumps(description(program, text, options)))
    elif options.raw:
        print(program.format("raw"))
    else:
        print(_listing(program, options.dump))
    return 0


def _listing(program: Program, times: int) -> str:
    """The listing; in one of the classic forms when -d stands there more often."""
    if program.settings.target.hook is not None:
        return str(program)
    return program.format(_FORMATS[min(max(times, 1), len(_FORMATS)) - 1])


def _refuse_classic_forms(options: Namespace) -> None:
    asked = [f"--{name}" for name in ("stages", "stats", "raw") if getattr(options, name)]
    if options.dump > 1:
        asked.append("-dd" if options.dump == 2 else "-ddd")
    if asked:
        raise BpfqError(
            f"{' and '.join(asked)}: for classic programs only; of an eBPF program there are the "
            "listing, -d, its numbers, --json, and an object file, bpfq export elf"
        )


def _refuse_contradictions(options: Namespace) -> None:
    asked = [f"--{name}" for name in ("stages", "stats") if getattr(options, name)]
    if len(asked) > 1:
        raise BpfqError(f"{' and '.join(asked)} print different things: leave out one of them")
    if asked and (options.raw or options.dump > 1):
        raise BpfqError(f"{asked[0]} prints no such format: leave out -dd, -ddd and --raw")
