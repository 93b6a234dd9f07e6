"""``bpfq lint EXPRESSION``, ``-F FILE`` or ``--files FILE ...``: what is legal and yet a mistake.

Of several files one that is no filter does not hide what the others have.
"""

from __future__ import annotations

import json
from argparse import Namespace

from bpfq.analysis.lint.findings import Finding, applied
from bpfq.analysis.lint.repair import Repaired, repaired
from bpfq.cli.filter_files import read_filter_file
from bpfq.cli.findings import FORMATS, Report, as_text, report, report_fields
from bpfq.cli.request import (
    STANDARD_STREAM,
    Meaning,
    filter_text,
    meaning,
    read_text,
)
from bpfq.cli.terminal import coloured, complain, note, pasteable, say, standard_output
from bpfq.errors import BpfqError
from bpfq.questions.filters import lint
from bpfq.record import record
from bpfq.settings import target_link
from bpfq.source import Suggestion, blank_comments
from bpfq.targets import target


def run(options: Namespace) -> int:
    meant = meaning(options)
    filters = _filters(options)
    if options.fix:
        return _fix(options, meant, filters)
    reports = [_looked_at(each, meant) for each in filters]
    _print(options, reports)
    return max(report.exit_code for report in reports)


def _filters(options: Namespace) -> list[Namespace]:
    """The options for each filter: with --files the words are names of files."""
    if not options.files:
        return [options]
    if options.file is not None:
        raise BpfqError("-F and --files: give one of them")
    if not options.words:
        raise BpfqError("no files: --files takes the words as their names")
    return [Namespace(**{**vars(options), "file": path, "words": []}) for path in options.words]


def _looked_at(options: Namespace, meant: Meaning) -> Report:
    """What is found; one of several files may have an error instead."""
    text = ""
    try:
        text = _text(options)
        findings = _lint(options, meant, blank_comments(text) if options.file else text)
    except BpfqError as error:
        if not options.files:
            raise
        return _report(options, meant, text, (), pasteable(error))
    return _report(options, meant, text, findings)


def _text(options: Namespace) -> str:
    """The filter with its comments, or the one that a program is."""
    if options.program is not None:
        return filter_text(options)
    if options.file is None:
        return " ".join(options.words)
    if options.words:
        raise BpfqError(
            "an expression and -F: give one of them",
            suggestions=(Suggestion("--files FILE ...", "for several files"),),
        )
    return read_text(options.file)


def _lint(options: Namespace, meant: Meaning, text: str) -> tuple[Finding, ...]:
    return lint(text, level=options.level, strict=options.strict, optmem=options.optmem, **meant)


def _report(
    options: Namespace,
    meant: Meaning,
    text: str,
    findings: tuple[Finding, ...],
    error: BpfqError | None = None,
) -> Report:
    path = None if options.file in (None, STANDARD_STREAM) else options.file
    link = target_link(target(meant["target"]), meant["link"], meant["family"]).name
    return report(text, path, meant["target"], link, findings, error)


def _print(options: Namespace, reports: list[Report]) -> None:
    form = "json" if options.json else options.format
    if form == "text":
        _print_text(options, reports)
        return
    text = FORMATS[form](reports)
    if text:
        print(text)


def _print_text(options: Namespace, reports: list[Report]) -> None:
    """Findings on standard output, what is no filter on standard error."""
    if any(report.findings for report in reports) or not options.quiet:
        on = coloured(options.color, standard_output())
        print(as_text(reports, colour=on, named=options.files), flush=True)
    _complain(options, reports)


def _complain(options: Namespace, reports: list[Report]) -> None:
    for each in reports:
        if each.error is None:
            continue
        if each.error.span is not None:  # else it is the file that the message is about
            each.error.message = f"{each.path}: {each.error.message}"
        complain(each.error, [f"--color={options.color}"])


# ---------------------------------------------------------------- --fix


@record
class _Repair:
    """What is left of a filter's findings, and what was done to it."""

    left: Report
    edits: int = 0


def _fix(options: Namespace, meant: Meaning, filters: list[Namespace]) -> int:
    """Print the repaired filter, or write it back to its file; what is left is reported."""
    repairs = [_repair(each, meant) for each in filters]
    left = [each.left for each in repairs]
    if options.json:
        for each in repairs:
            print(json.dumps({**report_fields(each.left), "edits": each.edits}))
        return max(report.exit_code for report in left)
    if any(report.findings for report in left):
        say(as_text(left, named=options.files))
    _complain(options, left)
    if not options.quiet and not any(report.exit_code for report in left):
        note("fixed" if any(each.edits for each in repairs) else "nothing to fix")
    return max(report.exit_code for report in left)


def _repair(options: Namespace, meant: Meaning) -> _Repair:
    """Of one filter; one of several files may have an error instead."""
    try:
        done = _repaired(options, meant)
    except BpfqError as error:
        if not options.files:
            raise
        return _Repair(_report(options, meant, error.text or "", (), pasteable(error)))
    left = _report(options, meant, done.text, done.left)
    return _Repair(left, sum(len(edits) for edits in done.edits))


def _repaired(options: Namespace, meant: Meaning) -> Repaired:
    if options.file is not None:
        return _repair_file(options, meant)
    done = repaired(_text(options), lambda text: _lint(options, meant, text))
    if not options.json:
        print(done.text)
    return done


def _repair_file(options: Namespace, meant: Meaning) -> Repaired:
    """The file's filter without its mistakes and with its comments."""
    file = read_filter_file(options.file)
    text = file.text
    done = repaired(blank_comments(text), lambda blanked: _lint(options, meant, blanked))
    for edits in done.edits:  # made for the text without comments, of the same length
        text = applied(text, edits)
    if options.file != STANDARD_STREAM:
        file.write(text)
    elif not options.json:
        print(file.mark + text, end="")
    return Repaired(text, done.edits, done.left)
