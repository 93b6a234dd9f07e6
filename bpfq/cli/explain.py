"""``bpfq EXPRESSION``: what the filter tests, what it does not see, how large it is."""

from __future__ import annotations

from argparse import Namespace

from bpfq.analysis.explain import Explanation, Gap, Setting, explain
from bpfq.api import Program
from bpfq.cli.request import compiled, description, filter_text, is_live, through_words
from bpfq.cli.terminal import BOLD, DIM, coloured, paint, standard_output
from bpfq.isa.cbpf.size import optmem_charge
from bpfq.settings import target_link
from bpfq.targets import target

_LABEL = 10  # columns
_WIDTH = 80  # columns behind the label
_MOST_CLAUSES = 60  # lines shown of a long filter


def run(options: Namespace) -> int:
    text = filter_text(options)
    program = compiled(options, text)
    found = explain(program.query, _setting(options, program), text)
    if options.json:
        _print_json(options, program, text, found)
        return 0
    on = coloured(options.color, standard_output())
    for label, lines in _sections(program, found):
        for number, line in enumerate(lines):
            head = paint(f"{label:<{_LABEL}}", BOLD, on) if number == 0 else " " * _LABEL
            print(f"{head}{line}")
    if not options.quiet:
        for number, line in enumerate(_wrapped(_more(found))):
            head = "more: " if number == 0 else "      "
            print(paint(f"{'':<{_LABEL}}{head}{line}", DIM, on))
    return 0


def _setting(options: Namespace, program: Program) -> Setting:
    row = target(program.target)
    link = target_link(row, program.link, None)
    through = through_words(options)
    return Setting(row, link, through, options.tcp6, options.family, options.protochain)


def _sections(program: Program, found: Explanation) -> list[tuple[str, list[str]]]:
    shown = list(found.in_full[:_MOST_CLAUSES])
    if len(found.in_full) > _MOST_CLAUSES:
        shown.append(f"... and {len(found.in_full) - _MOST_CLAUSES} more lines; --json has all")
    sections = [("In full", shown)]
    if missed := _missed(found):
        sections.append(("Not seen", _wrapped([gap.what for gap in missed])))
    if let_in := _let_in(found):
        first, *others = (gap.what for gap in let_in)
        sections.append(("Let in", _wrapped([f"unread: {first}", *others])))
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


def _missed(found: Explanation) -> list[Gap]:
    return [gap for gap in found.gaps if not gap.let_in]


def _let_in(found: Explanation) -> list[Gap]:
    return [gap for gap in found.gaps if gap.let_in]


def _size(program: Program) -> list[str]:
    where = f"DLT_{program.link}" if target(program.target).link is None else "its network header"
    many = "instruction" if len(program) == 1 else "instructions"
    lines = [f"{len(program)} {many} for target '{program.target}', {where}"]
    if is_live(program):
        lines.append(f"{optmem_charge(program.words)} bytes of a socket's option memory")
    lines += _notes(program)
    return lines


def _notes(program: Program) -> list[str]:
    """A program of one instruction decides without looking at the packet."""
    if len(program) > 1:
        return []
    return ["it accepts every packet" if program.words[0].k else "it accepts no packet"]


def _more(found: Explanation) -> list[str]:
    options = [gap.option for gap in found.gaps if gap.option]
    return ["-d listing", *options, "-r FILE filter a file", "--json"]


def _print_json(options: Namespace, program: Program, text: str, found: Explanation) -> None:
    import json

    result = description(program, text, options)
    result["in_full"] = list(found.in_full)
    for key, gaps in (("not_seen", _missed(found)), ("let_in", _let_in(found))):
        result[key] = [{"what": gap.what, "option": gap.option or None} for gap in gaps]
    result["notes"] = _notes(program)
    print(json.dumps(result))
