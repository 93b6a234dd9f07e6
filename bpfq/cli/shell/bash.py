r"""The completion script for bash.

    case $1 in
        *:-y|*:--right-link) _bpfq_words 'NULL EN10MB ...' ;;
        why:-n) ;;

Bash breaks words at : and =, so the script looks at the line itself, and gives back only what is
behind the last break.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bpfq.cli.shell.outline import DEFAULT, Command
from bpfq.cli.shell.tables import meant
from bpfq.cli.shell.values import Values, expanded

_FRAME: Final = r"""# bash completion for bpfq, written by: bpfq completion bash

_bpfq_words() {  # the words that begin as what is typed, from the last colon on
    local before=${cur%"${cur##*:}"}
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
    [[ $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_bpfq_listed() {  # one more word behind a comma
    local before=${cur%"${cur##*,}"}
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
    compopt -o nospace 2>/dev/null
}

_bpfq_expression() {  # a word of a filter, which may be in quotes
    local typed=${COMP_WORDS[COMP_CWORD]} quoted= before
    [[ $typed != [\'\"]* ]] || quoted=yes typed=${typed:1}
    [[ $typed != [=:] ]] || typed=  # a break, which is a word of its own
    before=${typed%"${typed##*[ (!]}"}
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${typed##*[ (!]}")
    if [[ $quoted && ${#COMPREPLY[@]} == 1 ]]; then
        COMPREPLY+=("${COMPREPLY[0]} ")  # of two readline makes no end: the quote stays open
    fi
}

_bpfq_files() {
    local found=() typed=${cur#*=}
    mapfile -t found < <(compgen "$1" -- "$typed")
    COMPREPLY+=("${found[@]}")
    compopt -o filenames 2>/dev/null
}

_bpfq_interfaces() {  # those of this machine, with each of the words behind
    local each end
    for each in /sys/class/net/*; do
        for end in "${@:-}"; do
            [[ ! -L $each ]] || echo "${each##*/}$end"
        done
    done
}

_bpfq_values() {  # what may stand behind COMMAND:OPTION
    case $1 in
@VALUES@
        *) return 1 ;;
    esac
    return 0
}

_bpfq_options() {
    case $1 in
@OPTIONS@
    esac
}

_bpfq_own() {  # the words of a command
    case $1 in
@WORDS@
    esac
}

_bpfq() {
    local line=${COMP_LINE:0:COMP_POINT} command= cur prev
    local -a words
    read -ra words <<< "$line"
    [[ $line != *[[:blank:]] ]] || words+=('')
    cur=${words[-1]} prev=${words[-2]}
    if ((${#words[@]} > 2)) && [[ ' @COMMANDS@ ' == *" ${words[1]} "* ]]; then
        command=${words[1]}
    fi
    COMPREPLY=()
    if [[ $cur == --*=* ]]; then
        prev=${cur%%=*} cur=${cur#*=}
    fi
    if [[ $prev == -* ]] && _bpfq_values "$command:$prev"; then
        return
    elif [[ $cur == -* ]]; then
        _bpfq_words "$(_bpfq_options "$command")"
    elif ((${#words[@]} == 2)); then
        _bpfq_own "$command"
        [[ $cur == [\'\"]* ]] || COMPREPLY+=($(compgen -W '@COMMANDS@' -- "$cur"))
    else
        _bpfq_own "$command"
    fi
}

complete -F _bpfq bpfq
"""


def script(commands: Mapping[str, Command]) -> str:
    names = " ".join(name for name in commands if name != DEFAULT)
    return (
        _FRAME.replace("@VALUES@", "\n".join(_values(commands)))
        .replace("@OPTIONS@", "\n".join(_options(commands)))
        .replace("@WORDS@", "\n".join(_own(commands)))
        .replace("@COMMANDS@", names)
    )


def _values(commands: Mapping[str, Command]) -> Iterable[str]:
    patterns: dict[str, list[str]] = {}
    for each in meant(commands):
        where = ("*",) if each.commands is None else each.commands
        patterns.setdefault(_call(each.values), []).extend(f"{it}:{each.name}" for it in where)
    return [f"        {'|'.join(where)}) {call} ;;" for call, where in patterns.items()]


def _options(commands: Mapping[str, Command]) -> Iterable[str]:
    for command in commands.values():
        names = " ".join(name for option in command.options for name in option.names)
        yield f"        '{command.name}') echo '{names}' ;;"


def _own(commands: Mapping[str, Command]) -> Iterable[str]:
    patterns: dict[str, list[str]] = {}
    for command in commands.values():
        patterns.setdefault(_call(command.words), []).append(f"'{command.name}'")
    return [f"        {'|'.join(where)}) {call} ;;" for call, where in patterns.items()]


def _call(values: Values) -> str:
    """The commands that fill COMPREPLY; nothing where anything may stand."""
    calls = []
    words = " ".join(expanded(values))
    match values.kind:
        case "interfaces":
            calls.append(f'_bpfq_words "$(_bpfq_interfaces {" ".join(values.after)})"')
        case "attached" | "sets":
            found = f"$(bpfq completion {values.kind} 2>/dev/null)"
            calls.append(f'_bpfq_words "{words} {found}"')
        case _ if values.expression:
            calls.append(f"_bpfq_expression '{words}'")
        case _ if values.listed:
            calls.append(f"_bpfq_listed '{words}'")
        case _ if words:
            calls.append(f"_bpfq_words '{words}'")
    if values.kind in ("files", "directories"):
        calls.append(f"_bpfq_files {'-f' if values.kind == 'files' else '-d'}")
    return "; ".join(calls) or ":"
