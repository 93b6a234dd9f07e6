"""``bpfq lint EXPRESSION`` or ``-F FILE``: what is legal and yet most likely a mistake."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from bpfq.analysis.lint.findings import Finding, applied
from bpfq.analysis.lint.repair import Repaired, repaired
from bpfq.cli.findings import FORMATS, Report, as_text, report
from bpfq.cli.request import (
    STANDARD_STREAM,
    Meaning,
    blank_comments,
    meaning,
    read_text,
    standard_input,
    unreadable,
)
from bpfq.cli.terminal import coloured, note, say, standard_output
from bpfq.errors import BpfqError, LoadError
from bpfq.questions.filters import lint
from bpfq.settings import target_link
from bpfq.targets import target

_FOUND: Final = 1  # exit code with findings
_BOM: Final = "\ufeff"  # a byte order mark, U+FEFF, as some editors put it before a text


def run(options: Namespace) -> int:
    meant = meaning(options)
    if options.fix:
        return _fix(options, meant)
    text = _text(options)
    findings = _lint(options, meant, blank_comments(text) if options.file else text)
    _print(options, _report(options, meant, text, findings))
    return _FOUND if findings else 0


def _text(options: Namespace) -> str:
    """The filter with its comments."""
    if options.file is None:
        return " ".join(options.words)
    if options.words:
        raise BpfqError("an expression and -F: give one of them")
    return read_text(options.file)


def _lint(options: Namespace, meant: Meaning, text: str) -> tuple[Finding, ...]:
    return lint(text, level=options.level, strict=options.strict, optmem=options.optmem, **meant)


def _report(options: Namespace, meant: Meaning, text: str, findings: tuple[Finding, ...]) -> Report:
    path = None if options.file in (None, STANDARD_STREAM) else options.file
    link = target_link(target(meant["target"]), meant["link"], meant["family"]).name
    return report(text, path, meant["target"], link, findings)


def _print(options: Namespace, found: Report) -> None:
    form = "json" if options.json else options.format
    if form == "text":
        if found.findings or not options.quiet:
            print(as_text(found, colour=coloured(options.color, standard_output())))
        return
    text = FORMATS[form](found)
    if text:
        print(text)


# ---------------------------------------------------------------- --fix


def _fix(options: Namespace, meant: Meaning) -> int:
    """Print the repaired filter, or write it back to its file; what is left is reported."""
    if options.file is None:
        done = repaired(_text(options), lambda text: _lint(options, meant, text))
        print(done.text)
    else:
        done = _fix_file(options, meant)
    left = _report(options, meant, done.text, done.left)
    if done.left:
        say(as_text(left))
    elif not options.quiet:
        note("fixed" if done.edits else "nothing to fix")
    return _FOUND if done.left else 0


def _fix_file(options: Namespace, meant: Meaning) -> Repaired:
    """The file's filter without its mistakes and with its comments."""
    raw = _octets(options.file)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BpfqError(f"{options.file} is not UTF-8 at byte {error.start}: not changed") from None
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    done = repaired(blank_comments(text), lambda blanked: _lint(options, meant, blanked))
    for edits in done.edits:  # made for the text without comments, of the same length
        text = applied(text, edits)
    _write(options.file, (mark + text).encode(), changed=bool(done.edits))
    return Repaired(text, done.edits, done.left)


def _octets(path: str) -> bytes:
    if path == STANDARD_STREAM:
        return standard_input().read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from None


def _write(path: str, octets: bytes, *, changed: bool) -> None:
    if path == STANDARD_STREAM:
        print(octets.decode(), end="")
    elif changed:
        try:
            with open(path, "wb") as file:
                file.write(octets)
        except OSError as error:
            raise LoadError(f"cannot write {path}: {error.strerror}", errno=error.errno) from None
