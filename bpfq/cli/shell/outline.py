"""The command line as a value: commands, their options, and what may stand behind each.

outline()["why"].options -> (Option(names=("-n",), metavar="N", help="its number; ...", ...), ...)

It is read from the parsers themselves, so that completion and manual page know what the command
line knows.
"""

from __future__ import annotations

from argparse import Action, ArgumentParser
from typing import Final

from bpfq.cli.arguments import parsers
from bpfq.cli.shell.values import NOTHING, Values, behind, words_of
from bpfq.record import record

DEFAULT: Final = ""  # the command line without a command
ABOUT: Final = {
    DEFAULT: "tell what a filter tests, what it does not see and how large it is",
    "explain": "the same as no command",
    "dump": "print the program of a filter, as tcpdump -d does",
    "match": "filter a capture file, as -r does",
    "capture": "filter live traffic",
    "disasm": "read a program in any text form, print another form or the filter that it is",
    "why": "tell why a packet of a file matches, or does not",
    "lint": "find what is legal and yet most likely a mistake",
    "fmt": "print or rewrite filters in one layout, proved to mean the same",
    "witness": "find packets that match, or nearly do",
    "prove": "prove that a program does what a filter says, or find a packet that shows otherwise",
    "equiv": "tell whether two filters match the same packets",
    "diff": "the same as equiv",
    "graph": "draw the decisions of a filter",
    "doctor": "tell what works on this machine, and what would help",
    "export": "write a program for another tool",
    "attach": "put a filter to work on a hook of the kernel",
    "status": "list what is attached",
    "detach": "take away what is attached",
    "set": "list or change the sets that filters at work ask",
    "test": "run a program in the kernel over a capture file, beside the classic one",
    "count": "count what each of many filters matches, by the second",
    "completion": "print a completion script for bash, zsh or fish",
    "man": "print the manual page",
    "schema": "print the JSON Schema of what --json prints",
}


@record
class Option:
    """names: its spellings.  metavar: what it takes, '' for nothing.  repeats: may come again."""

    names: tuple[str, ...]
    metavar: str
    help: str
    values: Values = NOTHING
    repeats: bool = False


@record
class Group:
    """Options under one title of the help."""

    title: str
    options: tuple[Option, ...]


@record
class Command:
    """usage: lines without the program's name.  words: what its own words may be."""

    name: str
    about: str
    usage: str
    groups: tuple[Group, ...]
    words: Values

    @property
    def options(self) -> tuple[Option, ...]:
        return tuple(option for group in self.groups for option in group.options)


def outline() -> dict[str, Command]:
    """Every command by its name; the one without a command first."""
    return {name: _command(name, parser) for name, parser in parsers().items()}


def _command(name: str, parser: ArgumentParser) -> Command:
    # argparse has no public view of a parser's groups; these two names have been there since 3.2
    groups = tuple(
        Group(each.title or "options", tuple(map(_option, each._group_actions)))
        for each in parser._action_groups
        if each._group_actions
    )
    return Command(name, ABOUT.get(name, ""), parser.usage or "", groups, words_of(name))


def _option(action: Action) -> Option:
    takes = action.nargs != 0
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return Option(
        names=tuple(action.option_strings),
        metavar=metavar if takes else "",
        help=action.help or "",
        values=behind(action.dest, metavar, action.choices) if takes else NOTHING,
        repeats=type(action).__name__ in ("_AppendAction", "_CountAction"),
    )
