r"""The completion script for fish: one ``complete`` for each option, for the commands that have it.

complete -c bpfq -n '__bpfq_in why' -o n -x -d 'its number; else the first not matched'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bpfq.cli.shell.outline import DEFAULT, Command, Option
from bpfq.cli.shell.tables import shared
from bpfq.cli.shell.values import Values, expanded

_NONE: Final = "-"  # what the script calls the command line without a command
_FRAME: Final = r"""# fish completion for bpfq, written by: bpfq completion fish

function __bpfq_in  # whether the command is one of these
    set -l words (commandline -opc)
    set -l command -
    if set -q words[2]; and contains -- $words[2] @NAMES@
        set command $words[2]
    end
    contains -- $command $argv
end

function __bpfq_first  # whether nothing stands before the word
    test (count (commandline -opc)) -eq 1
end

function __bpfq_expression  # a word of a filter, which may be in quotes
    set -l before (commandline -ct | string replace -ar "['\"]" '' | string replace -r '[^ =(!]*$' '')
    printf '%s\n' $before$argv
end

function __bpfq_interfaces  # those of this machine, with each of the words behind
    for each in /sys/class/net/*
        test -L $each; or continue
        set -l name (string replace -r '.*/' '' $each)
        test (count $argv) -eq 0; and echo $name; or printf '%s\n' $name$argv
    end
end

function __bpfq_named  # files behind NAME=
    set -l name (commandline -ct | string replace -r '=.*' '=')
    printf '%s\n' $name(__fish_complete_path (commandline -ct | string replace -r '^[^=]*=' ''))
end

complete -c bpfq -f
@COMMANDS@
@WORDS@
@OPTIONS@
"""


def script(commands: Mapping[str, Command]) -> str:
    names = [command for command in commands.values() if command.name != DEFAULT]
    return (
        _FRAME.replace("@NAMES@", " ".join(each.name for each in names))
        .replace("@COMMANDS@", "\n".join(_command(each) for each in names))
        .replace("@WORDS@", "\n".join(_words(commands)))
        .replace("@OPTIONS@", "\n".join(_options(commands)))
    )


def _command(command: Command) -> str:
    return f"complete -c bpfq -n __bpfq_first -a {command.name} -d {_quoted(command.about)}"


def _words(commands: Mapping[str, Command]) -> Iterator[str]:
    found: dict[Values, list[str]] = {}
    for command in commands.values():
        found.setdefault(command.words, []).append(command.name or _NONE)
    for values, where in found.items():
        listed = _listed(values)
        if values.kind in ("files", "directories"):
            yield f"complete -c bpfq -n '__bpfq_in {' '.join(where)}' -F"
        if listed:
            yield f"complete -c bpfq -n '__bpfq_in {' '.join(where)}' -a {_quoted(listed)}"


def _options(commands: Mapping[str, Command]) -> Iterator[str]:
    for option, where in shared(commands).items():
        everywhere = len(where) == len(commands)
        names = " ".join(name or _NONE for name in where)
        condition = "" if everywhere else f" -n '__bpfq_in {names}'"
        yield f"complete -c bpfq{condition}{_spelled(option)} -d {_quoted(option.help)}"


def _spelled(option: Option) -> str:
    """As -s y -l link, -o O3; and what it takes."""
    text = ""
    for name in option.names:
        kind = "-l" if name.startswith("--") else "-s" if len(name) == 2 else "-o"
        text += f" {kind} {name.lstrip('-')}"
    if not option.metavar:
        return text
    if option.values.kind in ("files", "directories") and not option.values.named:
        return f"{text} -r -F"
    listed = _listed(option.values)
    return f"{text} -x -a {_quoted(listed)}" if listed else f"{text} -x"


def _listed(values: Values) -> str:
    """What -a takes: words, or a command in parentheses that prints them."""
    words = " ".join(expanded(values))
    if values.named and values.kind == "files":
        return "(__bpfq_named)"
    if values.expression:
        return f"(__bpfq_expression {words})"
    match values.kind:
        case "interfaces":
            return f"({' '.join(('__bpfq_interfaces', *values.after))})"
        case "attached" | "sets":
            return f"{words} (bpfq completion {values.kind} 2>/dev/null)".strip()
    return f"(__fish_append , {words})" if values.listed else words


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
