"""``bpfq EXPRESSION``: what the filter tests, what it does not see, how large it is."""

from __future__ import annotations

from argparse import Namespace
from textwrap import wrap
from typing import TYPE_CHECKING

from bpfq.analysis.explain import Explanation, explain
from bpfq.cli.request import compiled, description, for_hook, given_text, takes_option_memory
from bpfq.cli.terminal import BOLD, DIM, coloured, paint, standard_output
from bpfq.isa.cbpf.size import optmem_charge
from bpfq.program.classic import Program
from bpfq.program.given import GivenProgram
from bpfq.targets import target

if TYPE_CHECKING:
    from bpfq.program.ebpf import EbpfProgram

_LABEL = 10  # columns
_WIDTH = 80  # columns behind the label
# What the filter does with packets that some clause of it does not look into.
_FATES = (("Not seen", "not seen", ""), ("Let in", "let in", "unread: "),
          ("In part", "in part", "not by every clause: "))  # fmt: skip
_MOST_CLAUSES = 60  # lines shown of a long filter


def run(options: Namespace) -> int:
    text = given_text(options)
    program = compiled(options, text)
    if isinstance(program, GivenProgram):
        if not program.decompiled.proved:
            return _explain_in_part(options, program)
        text = program.decompiled.text
    found = explain(program.query, program.settings, text)
    if options.json:
        _print_json(options, program, text, found)
        return 0
    _print_sections(options, _sections(program, found))
    if not options.quiet:
        on = coloured(options.color, standard_output())
        for number, line in enumerate(_wrapped(_more(program, found))):
            head = "more: " if number == 0 else "      "
            print(paint(f"{'':<{_LABEL}}{head}{line}", DIM, on))
    return 0


def _explain_in_part(options: Namespace, program: GivenProgram) -> int:
    """What is known of a program that no filter is known to be; returns the exit code."""
    from bpfq.cli.disasm import EXIT_CODES, SAID, decompiled_fields, gap_lines

    found = program.decompiled
    if options.json:
        import json

        print(json.dumps({**description(program, None, options), **decompiled_fields(found)}))
        return EXIT_CODES[found.verdict]
    known = [found.text, f"({SAID[found.verdict]})", *gap_lines(found)]
    _print_sections(options, [("Filter", known), ("Program", _size(program))])
    return EXIT_CODES[found.verdict]


def _print_sections(options: Namespace, sections: list[tuple[str, list[str]]]) -> None:
    on = coloured(options.color, standard_output())
    for label, lines in sections:
        for number, line in enumerate(lines):
            head = paint(f"{label:<{_LABEL}}", BOLD, on) if number == 0 else " " * _LABEL
            print(f"{head}{line}")


def _sections(program: Program, found: Explanation) -> list[tuple[str, list[str]]]:
    shown = list(found.in_full[:_MOST_CLAUSES])
    if len(found.in_full) > _MOST_CLAUSES:
        shown.append(f"... and {len(found.in_full) - _MOST_CLAUSES} more lines; --json has all")
    sections = []
    if isinstance(program, GivenProgram):
        sections.append(("Filter", [f"{program.decompiled.text or 'every packet'}  (proved)"]))
    sections.append(("In full", shown))
    if found.english is not None and found.english != f"{found.in_full[0].capitalize()}.":
        sections.append(("English", wrap(found.english, _WIDTH)))
    for label, fate, head in _FATES:
        kinds = [gap.what for gap in found.gaps if gap.fate == fate]
        if kinds:
            sections.append((label, _wrapped([head + kinds[0], *kinds[1:]])))
    sections.append(("Program", _size(program)))
    return sections


def _wrapped(items: list[str]) -> list[str]:
    """The items with dots between them, on as many lines as they need."""
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + len(item) > _WIDTH:
            lines.append(item)
        else:
            lines[-1] += f" · {item}"
    return lines


def _size(program: Program) -> list[str]:
    where = f"DLT_{program.link}" if target(program.target).link is None else "its network header"
    many = "instruction" if len(program) == 1 else "instructions"
    given = " as given" if isinstance(program, GivenProgram) else ""
    lines = [f"{len(program)} {many}{given} for target '{program.target}', {where}"]
    hooked = for_hook(program)
    if hooked is not None:
        lines += _hooked(hooked)
    if takes_option_memory(program):
        lines.append(f"{optmem_charge(program.words)} bytes of a socket's option memory")
    return [*lines, *(line for note in program.notes for line in wrap(note, _WIDTH))]


def _hooked(program: EbpfProgram) -> list[str]:
    accept, reject = program.verdicts.signed
    action = f"action '{program.action}': returns {accept} for a match, {reject} for all else"
    names = ", ".join(f"{it.name} ({it.kind})" for it in program.module.maps)
    return [action, f"maps: {names}"] if names else [action]


def _more(program: Program, found: Explanation) -> list[str]:
    options = [gap.option for gap in found.gaps if gap.option]
    if isinstance(program, GivenProgram):
        options = ["--stats its cost"]
    files = ("-r FILE filter a file", "bpfq why -r FILE one packet")
    return ["-d listing", *options, *files, "--json"]


def _print_json(options: Namespace, program: Program, text: str | None, found: Explanation) -> None:
    import json

    result = description(program, text, options)
    result["in_full"] = list(found.in_full)
    result["english"] = found.english
    for _, fate, _ in _FATES:
        result[fate.replace(" ", "_")] = [
            {"what": gap.what, "option": gap.option or None}
            for gap in found.gaps
            if gap.fate == fate
        ]
    result["notes"] = list(program.notes)
    print(json.dumps(result))
