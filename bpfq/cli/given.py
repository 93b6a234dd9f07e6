"""``--program FILE|-|PID:FD``: bytecode in place of a filter.

bpfq explain --program old.ddd            a file in any form that disasm reads
bpfq -d --program 1234:5                  what a live socket filters by
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from bpfq.errors import BpfqError, UnsupportedError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.program.given import GivenProgram
from bpfq.source import Suggestion

_BESIDE_A_FILTER: Final = ("prove", "equiv", "diff")  # commands that compare the two
_COMPILED_AGAIN: Final = ("graph", "lint", "export", "count", "test", "attach", "fmt")
_MEANING: Final = {  # options that say what a filter means, with their values for nothing
    "through": "",
    "tcp6": False,
    "netmask": None,
    "protochain": 8,
    "sets": None,
    "resolve": False,
}
_COMPILING: Final = {  # options that say how one is compiled
    "level": None,
    "objective": "balanced",
    "budget": None,
    "profile": None,
    "strict": False,
    "allow_empty": False,
    "snaplen": 0,
    "prove": False,
}
_SPELLED: Final = {
    "sets": "--set",
    "level": "--opt",
    "objective": "--optimise-for",
    "budget": "--search-budget",
    "snaplen": "-s",
}


class Given(NamedTuple):
    """A program and where it runs, as far as that is known: of a live socket it is.

    lasting: it is read from a file, which says the same another time.
    """

    words: tuple[SockFilter, ...]
    target: str | None = None
    link: str | None = None
    family: Literal[4] | None = None
    lasting: bool = False


def given(options: Namespace) -> Given | None:
    """The program of --program, read once; None without one.

    Raises BpfqError for what is no program, and for options that are about filters.
    """
    if getattr(options, "program", None) is None:
        return None
    if not isinstance(options.program, Given):
        _refuse(options)
        is_known = options.target is not None and not options.target.startswith("ebpf:")
        options.program = _read(options.program, is_known, is_listed=_is_listed(options))
    found: Given = options.program
    return found


def _is_listed(options: Namespace) -> bool:
    """Whether instructions are all that is asked for, wherever they run."""
    return options.command == "dump" and options.target is None and not options.stats


def _read(where: str, is_known: bool, *, is_listed: bool) -> Given:
    try:
        return read_program(where, known=is_known)
    except UnsupportedError:  # a socket that does not say what its byte 0 is
        if not is_listed:
            raise
        return read_program(where, known=True)


def read_program(where: str, *, known: bool = False) -> Given:
    """The program of a file, of - for standard input, or of PID:FD; raises BpfqError.

    known: the caller knows the target, so that a socket need not tell it.
    """
    live = live_socket(where)
    if live is not None:
        from bpfq.kernel.attached import program_of_process

        return Given(*program_of_process(*live, known=known))
    from bpfq.cli.request import STANDARD_STREAM, read_octets
    from bpfq.isa.cbpf.given import octet_words

    return Given(octet_words(read_octets(where)), lasting=where != STANDARD_STREAM)


def live_socket(where: str) -> tuple[int, int] | None:
    """Process and descriptor of PID:FD; None for what is a file."""
    process, _, descriptor = where.partition(":")
    if not (process + descriptor).isdecimal() or not process or not descriptor:
        return None
    return None if os.path.exists(where) else (int(process[:_DIGITS]), int(descriptor[:_DIGITS]))


_DIGITS: Final = 10  # of the largest process id and more


def _refuse(options: Namespace) -> None:
    """Options and words that go with filters only."""
    if options.command in _BESIDE_A_FILTER:
        return
    if options.words or options.file is not None or getattr(options, "expressions", None):
        raise BpfqError("an expression and --program: give one of them", suggestions=_COMPARE)
    hooked = (options.target or "").startswith("ebpf:")
    again = options.command in _COMPILED_AGAIN or hooked
    refused = _MEANING if again else {**_MEANING, **_COMPILING}
    for name, nothing in refused.items():
        if getattr(options, name, nothing) != nothing:
            raise BpfqError(
                f"{_SPELLED.get(name, f'--{name}')} is about a filter, --program gives a program "
                "as it is"
            )


_COMPARE: Final = (Suggestion("bpfq prove EXPRESSION --program FILE", "does it do the same?"),)


def known_filter(program: GivenProgram, options: Namespace) -> str:
    """The text that the program is proved to be, said on standard error; raises BpfqError."""
    program.query  # noqa: B018  # raises where none is known
    text = program.decompiled.text
    if not options.quiet:
        from bpfq.cli.terminal import note

        note(f"the program is proved to be: {text or 'every packet'}")
    return text


def refuse_program(options: Namespace, what: str, instead: Sequence[str] = ()) -> None:
    """Raise BpfqError where --program is given; what: cannot be had of a program, and why."""
    if getattr(options, "program", None) is not None:
        raise BpfqError(what, suggestions=tuple(Suggestion(each) for each in instead))
