r"""The manual page bpfq(1), in the man(7) macros.

.TP
.BI \-r " FILE"
filter this file, \- is stdin
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Final

from bpfq.cli.shell.outline import DEFAULT, Command, Group, Option
from bpfq.version import __version__

_DATE: Final = "2026-11-21"  # of this text
_WIDTH: Final = 76  # characters of a line of the source, before some are escaped
_MOST_CHOICES: Final = 20  # that are listed
_ALIAS: Final = "the same as"  # begins what is said of another name for a command
_DESCRIPTION: Final = (
    "bpfq compiles packet filters, in the language of pcap-filter(7), to checked BPF programs: "
    "classic ones for sockets, capture files, iptables and tc, and eBPF programs for XDP, tc, "
    "cgroups, netfilter and sockets. It tells what a filter means, why a packet matches, whether "
    "two filters are the same, and what in a filter is most likely a mistake.",
    "Without a command it explains the EXPRESSION; with -d it prints the program, with -r it "
    "filters a capture file. The words of an expression are joined with blanks; in quotes they are "
    "safe from the shell. Options may stand before, between and behind them. Letters mean what "
    "they mean to tcpdump(8).",
    "Data goes to standard output, all talk to standard error. A filter needs no privileges, and "
    "no name is looked up without --resolve; what works on the live system says which capability "
    "it lacks.",
)
_STATUS: Final = {
    "0": "yes, found, done",
    "1": "no: different, findings, no packet matched",
    "2": "the filter or the command line is wrong",
    "3": "the filter is right, but the target cannot",
    "4": "the system refused",
    "5": "undecided: a budget was spent",
    "130": "ended by Ctrl-C, totals printed; 143 by SIGTERM, 129 when the terminal went away",
    "141": "the reader of standard output went away",
}
_ENVIRONMENT: Final = {
    "NO_COLOR": "no colours, whatever its value; --color goes before it",
    "CLICOLOR_FORCE": "colours where the output is no terminal, too, unless it is 0",
    "TERM": "dumb: no colours and no live table",
    "COLUMNS": "how wide the help is",
}
_EXAMPLES: Final = (
    ("bpfq 'port 53 and not host 10.0.0.1'", "What it tests, what it does not see, how large it is."),
    ("bpfq -d ip and udp", "The listing that tcpdump -d prints."),
    ("bpfq -r trunk.pcap --through vlan -w web.pcap tcp port 443", "Tagged packets, too."),
    ("bpfq why -r trunk.pcap -n 17 udp port 53", "Why packet 17 matches, or does not."),
    ("bpfq lint -F /etc/suricata/bpf.conf", "What is legal and yet most likely a mistake."),
    ("bpfq equiv 'port 80' 'tcp port 80'", "A packet on which two filters differ."),
    ("bpfq -ddd -y RAW icmp | tr '\\n' ,", "For iptables -m bpf --bytecode."),
    (
        "sudo bpfq attach --xdp eth0 --action drop --ttl 10m udp src port 123",
        "Drop packets before all else, for ten minutes.",
    ),
    (
        "sudo bpfq count -i eth0 dns='udp port 53' all='*'",
        "What each filter matches, by the second.",
    ),
    ("bpfq -d ip --json | jq .instructions", "Numbers for other programs."),
)  # fmt: skip
_SEE_ALSO: Final = (
    ("pcap-filter", 7), ("tcpdump", 8), ("tcpdump", 1), ("tc-bpf", 8), ("iptables-extensions", 8),
    ("bpftool", 8), ("bpf", 2), ("packet", 7),
)  # fmt: skip


def page(commands: Mapping[str, Command]) -> str:
    """The source of the page; the same bytes on every machine."""
    return "\n".join(_lines(commands)) + "\n"


def _lines(commands: Mapping[str, Command]) -> Iterator[str]:
    yield '.\\" written by: bpfq man'
    yield f'.TH BPFQ 1 {_DATE} "bpfq {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "bpfq \\- compile, explain, check and run packet filters"
    yield ".SH SYNOPSIS"
    yield from _synopsis(commands)
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(_DESCRIPTION):
        yield from (".PP",) if number else ()
        yield from _text(paragraph)
    general = commands[DEFAULT].groups
    yield ".SH COMMANDS"
    for command in commands.values():
        if command.name != DEFAULT:
            yield from _command(command, general)
    yield ".SH OPTIONS"
    yield from _text("What all commands have that take a filter, and the one without a command.")
    for group in general:
        yield from _group(group)
    yield from _tagged("EXIT STATUS", _STATUS)
    yield from _tagged("ENVIRONMENT", _ENVIRONMENT)
    yield ".SH EXAMPLES"
    for line, about in _EXAMPLES:
        yield ".TP"
        yield f".B {_quoted(line)}"
        yield from _text(about)
    yield ".SH SEE ALSO"
    yield from _see_also()


def _synopsis(commands: Mapping[str, Command]) -> Iterator[str]:
    """A line for each command, as its own help has it."""
    for number, command in enumerate(commands.values()):
        usage = "[options] EXPRESSION" if command.name == DEFAULT else _own_usage(command)
        yield from (".br",) if number else ()
        yield f".B {_quoted(f'bpfq {command.name}'.strip())}"
        if usage:
            yield _escaped(usage)


def _own_usage(command: Command) -> str:
    return command.usage.removeprefix(f"bpfq {command.name}").strip()


def _command(command: Command, general: Iterable[Group]) -> Iterator[str]:
    """What it does, and the options that are its own."""
    known = {option for group in general for option in group.options}
    yield f".SS {_quoted(command.name)}"
    yield from _text(f"{command.about[:1].upper()}{command.about[1:]}.")
    for option in () if command.about.startswith(_ALIAS) else command.options:
        if option not in known:
            yield from _option(option)
    if command.name == "export":
        yield from _formats()


def _formats() -> Iterator[str]:
    """What ``bpfq export`` writes."""
    from bpfq.export.formats import FORMATS

    yield ".PP"
    yield "Formats:"
    for name, row in FORMATS.items():
        yield ".TP"
        yield f".B {_escaped(name)}"
        yield from _text(f"{row.summary}; target {row.target}" if row.target else row.summary)


def _group(group: Group) -> Iterator[str]:
    yield f".SS {_quoted(group.title)}"
    for option in group.options:
        yield from _option(option)


def _option(option: Option) -> Iterator[str]:
    yield ".TP"
    names = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in option.names)
    value = f" \\fI{_escaped(option.metavar)}\\fR" if option.metavar else ""
    yield names + value
    choices = () if option.values.expression else option.values.choices
    told = len(choices) > _MOST_CHOICES or all(choice in option.help for choice in choices)
    yield from _text(option.help if told else f"{option.help}; one of {', '.join(choices)}")


def _tagged(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    yield f".SH {_quoted(title)}"
    for name, about in rows.items():
        yield ".TP"
        yield f".B {_escaped(name)}"
        yield from _text(about)


def _see_also() -> Iterator[str]:
    for number, (name, section) in enumerate(_SEE_ALSO, 1):
        end = "," if number < len(_SEE_ALSO) else ""
        yield f".BR {_escaped(name)} ({section}){end}"


def _text(paragraph: str) -> Iterator[str]:
    """Each sentence on lines of its own, none of which begins as a macro does."""
    for sentence in paragraph.replace(". ", ".\n").split("\n"):
        for line in wrap(sentence, _WIDTH, break_on_hyphens=False, break_long_words=False):
            yield f"\\&{_escaped(line)}" if line.startswith(".") else _escaped(line)


def _escaped(text: str) -> str:
    """Hyphens, quotes and circumflexes that stay what they are in any font."""
    for sign, spelled in (
        ("\\", "\\e"),
        ("-", "\\-"),
        ("'", "\\(aq"),
        ("^", "\\(ha"),
        ("~", "\\(ti"),
    ):
        text = text.replace(sign, spelled)
    return text.replace("`", "\\(ga")


def _quoted(text: str) -> str:
    """One argument of a macro."""
    return '"' + _escaped(text).replace('"', "\\(dq") + '"'
