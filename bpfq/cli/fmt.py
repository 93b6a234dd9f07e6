"""``bpfq fmt EXPRESSION``, ``-F FILE`` or ``--files FILE ...``: the filter in one layout.

Of several files one that is no filter does not keep the others from being formatted.
"""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any, Final

from bpfq.analysis.formatting.formatted import Source, formatted, formatted_text
from bpfq.cli.filter_files import FilterFile, read_filter_file
from bpfq.cli.request import STANDARD_STREAM, Meaning, filter_text, meaning
from bpfq.cli.terminal import (
    GREEN,
    RED,
    coloured,
    complain,
    error_fields,
    note,
    paint,
    pasteable,
    standard_output,
)
from bpfq.errors import BpfqError, quoting
from bpfq.record import record
from bpfq.settings import Settings, settings_of
from bpfq.source import Suggestion
from bpfq.version import __version__

_CHANGED: Final = 1  # exit code of --check
_UNDECIDED: Final = 5
_FILE_WIDTH: Final = 100  # columns


@record
class _Done:
    """A filter before and after; file: None for an expression."""

    file: FilterFile | None
    before: str
    after: str
    proved: bool

    @property
    def path(self) -> str | None:
        return None if self.file is None else self.file.path

    @property
    def changed(self) -> bool:
        return self.before != self.after


def run(options: Namespace) -> int:
    paths = _paths(options)
    meant = meaning(options)
    ran = [_run(options, meant, path) for path in paths]
    if options.write and not options.quiet and not options.json:
        many = len(ran)
        changed = sum(each.changed for each in ran)
        note(f"{changed} of {many} file{'s' if many > 1 else ''} rewritten")
    return max(each.exit_code for each in ran)


def _paths(options: Namespace) -> list[str] | list[None]:
    """The files; raises BpfqError for options that do not go together."""
    if options.write and options.check:
        raise BpfqError("--write and --check: give one of them")
    if options.width is not None and options.width < 0:
        raise BpfqError(f"--width {options.width} is less than 0")
    if options.python:
        return _python_paths(options)
    if options.files:
        if options.file is not None:
            raise BpfqError("-F and --files: give one of them")
        if not options.words:
            raise BpfqError("no files: --files takes the words as their names")
        return list(options.words)
    if options.file is not None and options.words:
        raise BpfqError(
            "an expression and -F: give one of them",
            suggestions=(Suggestion("--files FILE ...", "for several files"),),
        )
    if options.write and options.file in (None, STANDARD_STREAM):
        raise BpfqError("--write needs a file", suggestions=(Suggestion("-F FILE --write"),))
    return [options.file]


@record
class _Ran:
    exit_code: int
    changed: bool = False


def _python_paths(options: Namespace) -> list[None]:
    """An expression: what is written in Python cannot be written back as pcap text."""
    others = {
        "-F": options.file, "--files": options.files, "--program": options.program,
        "--check": options.check, "--write": options.write,
    }  # fmt: skip
    for name, given in others.items():
        if given:
            raise BpfqError(f"--python is for an expression: leave out {name}")
    return [None]


def _run(options: Namespace, meant: Meaning, path: str | None) -> _Ran:
    """Format one filter; one of several files may have an error instead."""
    try:
        done = _formatted(options, meant, path)
    except BpfqError as error:
        if not options.files:
            raise
        _complain(options, path, error)
        return _Ran(error.exit_code)
    if done.file is not None and options.write:
        done.file.write(done.after)
    _print(options, done)
    if not done.proved:
        note("not proved to accept the same packets, and so in plain words")
        return _Ran(_UNDECIDED, done.changed)
    return _Ran(_CHANGED if options.check and done.changed else 0, done.changed)


def _complain(options: Namespace, path: str | None, error: BpfqError) -> None:
    """Tell of one of several files, as JSON among what the others print."""
    if options.json:
        found = {"bpfq": __version__, "file": path, "error": error_fields(pasteable(error))}
        print(json.dumps(found))
        return
    if error.span is not None:  # else it is the file that the message is about
        error.message = f"{path}: {error.message}"
    complain(error, [f"--color={options.color}"])


def _formatted(options: Namespace, meant: Meaning, path: str | None) -> _Done:
    if options.python:
        return _translated(options, meant)
    file = None if path is None else read_filter_file(path)
    before = filter_text(options) if file is None else file.text
    source = Source(before, meant["resolver"], is_file=file is not None)
    width = options.width
    if width is None:
        width = 0 if file is None else _FILE_WIDTH
    with quoting(source.blanked):
        found = formatted_text(
            source, _settings(meant), width=width, sets=options.write or options.check
        )
    end = "\n" if file is not None and found.text else ""
    return _Done(file, before, found.text + end, found.proved)


def _translated(options: Namespace, meant: Meaning) -> _Done:
    from bpfq.frontend.dsl_expression import read_python

    text = " ".join(options.words).strip()
    with quoting(text):
        query = read_python(text)
        found = formatted(query, Source(), _settings(meant), width=options.width or 0)
    return _Done(None, text, found.text, found.proved)


def _settings(meant: Meaning) -> Settings:
    given: dict[str, Any] = {key: value for key, value in meant.items() if key != "resolver"}
    return settings_of(**given, allow_empty=True)


# ---------------------------------------------------------------- what is printed


def _print(options: Namespace, done: _Done) -> None:
    if options.json:
        print(json.dumps(_fields(done)))
    elif options.check:
        for line in _difference(done, coloured(options.color, standard_output())):
            print(line)
    elif not options.write:
        print(done.after, end="" if done.after.endswith("\n") else "\n")


def _fields(done: _Done) -> dict[str, Any]:
    return {
        "bpfq": __version__,
        "filter": done.before,
        "file": done.path,
        "text": done.after,
        "changed": done.changed,
        "proved": done.proved,
    }


def _difference(done: _Done, colour: bool) -> list[str]:
    from difflib import unified_diff

    if not done.changed:
        return []
    before, after = done.before.splitlines(), done.after.splitlines()
    name = done.path or "expression"
    names = (name, f"{name} formatted")
    if before == after:
        return [f"--- {names[0]}", f"+++ {names[1]}", "only the ends of lines differ"]
    lines = unified_diff(before, after, *names, lineterm="")
    return [paint(line, _style(line), colour) for line in lines]


def _style(line: str) -> str:
    return {"+": GREEN, "-": RED}.get(line[:1], "")
