r"""The completion script for zsh: an array for each group of options, a case for each command.

local -a group_7=(
    '-r+[of this file, - is stdin]:FILE:_files'
    ...
why) options=($group_1 $group_7 $group_8); rest=_bpfq_values_1 ;;
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bpfq.cli.shell.outline import DEFAULT, Command, Group, Option
from bpfq.cli.shell.values import Values, expanded

_FRAME: Final = r"""#compdef bpfq
# zsh completion for bpfq, written by: bpfq completion zsh

_bpfq_expression() {  # a word of a filter, which may be in quotes
    local -a end=()
    compset -P '*[ (!]'
    [[ -z $compstate[quote] ]] || end=(-S '')  # the quote stays open
    compadd "${end[@]}" -- "$@"
}

_bpfq_interfaces() {  # those of this machine, with each of the words behind
    local -a found=(/sys/class/net/*(@N:t))
    (( $# )) && found=(${^found}${^@})
    compadd -- $found
}

_bpfq_asked() {
    compadd -- ${(f)"$(bpfq completion $1 2>/dev/null)"}
}

_bpfq_commands() {
    local -a commands=(
@COMMANDS@
    )
    _describe -t commands command commands
}

_bpfq_first() {
    _bpfq_commands
    _bpfq_own_
}
@FUNCTIONS@
_bpfq() {
    local command=
    if (( CURRENT > 2 )) && [[ ${words[2]} == (@NAMES@) ]]; then
        command=${words[2]}
        shift words
        (( CURRENT-- ))
    fi
@GROUPS@
    local -a options
    local rest
    case $command in
@CASES@
    esac
    [[ -n $command ]] || options+=('1:word:_bpfq_first')
    _arguments -S $options "*:word:$rest"
}

if [[ $funcstack[1] == _bpfq ]]; then
    _bpfq "$@"
else
    compdef _bpfq bpfq
fi
"""


def script(commands: Mapping[str, Command]) -> str:
    functions = _Functions()
    every = dict.fromkeys(group for each in commands.values() for group in each.groups)
    groups = {group: f"group_{number}" for number, group in enumerate(every, 1)}
    arrays = "\n".join(line for each in groups.items() for line in _array(*each, functions))
    cases = "\n".join(_case(each, groups, functions) for each in commands.values())
    own = functions.call(commands[DEFAULT].words)
    names = [command for command in commands.values() if command.name != DEFAULT]
    return (
        _FRAME.replace("@COMMANDS@", "\n".join(f"        {_described(each)}" for each in names))
        .replace("@NAMES@", "|".join(each.name for each in names))
        .replace("@GROUPS@", arrays)
        .replace("@CASES@", cases)
        .replace("@FUNCTIONS@", "\n".join(functions.lines()))
        .replace("_bpfq_own_", own)
    )


def _described(command: Command) -> str:
    return _quoted(f"{command.name}:{command.about}")


def _array(group: Group, name: str, functions: _Functions) -> Iterator[str]:
    yield f"    local -a {name}=("
    for option in group.options:
        for spec in _specs(option, functions):
            yield f"        {spec}"
    yield "    )"


def _case(command: Command, groups: Mapping[Group, str], functions: _Functions) -> str:
    used = " ".join(f"${groups[group]}" for group in command.groups)
    rest = functions.call(command.words)
    return f"        '{command.name}') options=({used}) rest={rest} ;;"


def _specs(option: Option, functions: _Functions) -> Iterator[str]:
    """As _arguments wants them: '(-y --link)'-y+'[what it does]:LINK:_bpfq_values_3'."""
    others = " ".join(option.names)
    for name in option.names:
        before = "*" if option.repeats else f"({others})" if len(option.names) > 1 else ""
        takes = option.metavar and ("=" if name.startswith("--") else "+")
        text = option.help.replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]")
        value = ""
        if option.metavar:
            shown = option.metavar.replace(":", r"\:")
            value = f":{shown}:{functions.call(option.values)}"
        yield _quoted(f"{before}{name}{takes}[{text}]{value}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


class _Functions:
    """A function for each kind of values, made when it is first called."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def call(self, values: Values) -> str:
        body = _body(values)
        if body == "_files":
            return body
        return self._names.setdefault(body, f"_bpfq_values_{len(self._names) + 1}")

    def lines(self) -> Iterator[str]:
        for body, name in self._names.items():
            yield f"\n{name}() {{\n    {body}\n}}"


def _body(values: Values) -> str:
    """What adds the matches; a blank message where anything may stand."""
    calls = []
    words = " ".join(map(_quoted, expanded(values)))
    if values.named:
        calls.append("compset -P '*='")
    match values.kind:
        case "interfaces":
            calls.append(" ".join(("_bpfq_interfaces", *map(_quoted, values.after))))
        case "attached" | "sets":
            calls.append(f"_bpfq_asked {values.kind}")
        case "files":
            calls.append("_files")
        case "directories":
            calls.append("_files -/")
    if values.expression:
        calls.append(f"_bpfq_expression {words}")
    elif values.listed:
        calls.append(f"_values -s , word {words}")
    elif words and values.kind != "interfaces":
        calls.append(f"compadd -- {words}")
    return "; ".join(calls) or "_message 'a value'"
