"""The arguments of every command, as argparse reads them.

The words of an expression may stand before, between and after the options, as in tcpdump; what
begins with a minus sign and a digit, a space or a parenthesis belongs to the expression.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import NoReturn

from bpfq.errors import BpfqError
from bpfq.source import Suggestion, nearest
from bpfq.version import __version__

VERBS = (
    "explain", "dump", "match", "capture", "disasm", "why", "lint", "witness", "prove", "equiv",
    "diff", "graph", "doctor", "export", "attach", "status", "detach", "set", "test",
    "count", "completion", "man", "schema", "fmt",
)  # fmt: skip
_NUMBERED = ("why", "witness", "count")  # verbs whose -n takes a number
_FAMILIES = ("-4", "-6")
_USAGE = """\
bpfq [options] EXPRESSION             explain the filter
       bpfq -d | -dd | -ddd EXPRESSION       its program, as tcpdump prints it
       bpfq dump --stages EXPRESSION         from the filter to its program, step by step
       bpfq dump --stats EXPRESSION          what the program costs, and libpcap's
       bpfq graph [-o FILE] EXPRESSION       its decisions, drawn; -r FILE counts packets
       bpfq -r FILE [-w FILE] EXPRESSION     filter a pcap or pcapng file
       bpfq why -r FILE [-n N] EXPRESSION    why a packet matches, or does not
       bpfq lint EXPRESSION | -F FILE        what is legal and yet most likely a mistake
       bpfq fmt EXPRESSION | -F FILE         the filter as every tool reads it, in one layout
       bpfq witness [-n N] [-w FILE] EXPRESSION   packets that match, or nearly do
       bpfq equiv A B                        do two filters match the same packets?
       bpfq prove EXPRESSION [--program FILE]     does a program do what the filter says?
       bpfq capture -i INTERFACE EXPRESSION  filter live traffic
       bpfq COMMAND --program FILE|PID:FD    bytecode in place of a filter, or a socket's
       bpfq disasm [--decompile] [FILE]      read a listing, print another form, or the filter
       bpfq attach --xdp IF --action drop EXPRESSION    a filter at work on a hook of the kernel
       bpfq status; bpfq detach NAME|PATH|LINK          what is attached; take it away
       bpfq set list|add|del NAME ENTRY ...   what @NAME is now, in filters at work
       bpfq count -i IF NAME=EXPRESSION ...   what each of many filters matches, by the second
       bpfq test -r FILE --target ebpf:HOOK EXPRESSION  the loaded program on a capture
       bpfq export FORMAT EXPRESSION         C, Go, Rust, Python, iptables, tc, a picture, ...
       bpfq export elf --target ebpf:HOOK -o FILE EXPRESSION   an object file for libbpf and tc
       bpfq doctor [NAME ...]                what works on this machine, and what would help
       bpfq completion SHELL; bpfq man       completion for bash, zsh, fish; the manual page
       bpfq schema [COMMAND]                 the JSON Schema of what --json prints
"""
_EXAMPLES = """\
examples:
  bpfq 'port 53 and not host 10.0.0.1'   what it tests, what it does not see, how large it is
  bpfq ip and udp --dump                 the listing that tcpdump -d prints
  bpfq -ddd -y RAW icmp | tr '\\n' ,      for iptables -m bpf --bytecode
  bpfq -d -i eth0 vlan 100               for a socket on that interface
  bpfq graph -o web.svg tcp port 80      a picture; -o web.mmd for Markdown, web.dot for Graphviz
  bpfq -r trunk.pcap --through vlan --count tcp port 443
  bpfq why -r trunk.pcap -n 17 udp port 53
  bpfq equiv 'port 80' 'tcp port 80'     a packet on which they differ; A or B may be @FILE
  zcat big.pcap.gz | bpfq -r - -w - udp | tcpdump -r -
  sudo bpfq capture -i eth0 -c 10 arp
  sudo bpfq attach --xdp eth0 --action drop --ttl 10m udp src port 123
  sudo bpfq attach --tc eth0:egress --action count --pin /sys/fs/bpf/dns udp port 53
  bpfq export elf --target ebpf:xdp --action drop udp port 123 -o ntp.o
  iptables -A INPUT -m bpf --bytecode "$(bpfq export iptables -4 tcp dst port 443)" -j DROP

exit codes: 0 found or done, 1 no packet matched or different, 2 filter or command line wrong,
3 the target cannot, 4 the system refused, 5 undecided, 130 Ctrl-C
"""


class _Help(RawDescriptionHelpFormatter):
    """Help as wide as the terminal, measured without what argparse would import for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=_columns())


class _Parser(ArgumentParser):
    """Errors are raised instead of printed."""

    def error(self, message: str) -> NoReturn:
        raise BpfqError(message, suggestions=(Suggestion("bpfq --help"),))


def read(words: list[str]) -> Namespace:
    """The options; ``command`` names what to run and ``words`` holds the expression.

    Raises BpfqError for a wrong command line, SystemExit when help or the version was printed.
    """
    verb = words[0] if words and words[0] in VERBS else ""
    parser = _parser(verb)
    if not words:
        parser.error("no expression: give a filter, '' for all packets")
    options = _parse(parser, words[1:] if verb else words)
    options.command = verb or _command(options)
    options.line = ("bpfq", *words)
    if options.command in ("explain", "match", "links") and options.prove:
        raise BpfqError("--prove is for a program: add -d", suggestions=(Suggestion("bpfq prove"),))
    return options


def _command(options: Namespace) -> str:
    if options.list_link_types:
        return "links"
    if options.read is not None:
        return "match"
    if options.write is not None or options.limit is not None or options.count:
        raise BpfqError(
            "-w, -c and --count need packets: name a file with -r",
            suggestions=(Suggestion("bpfq capture -i INTERFACE ...", "for live traffic"),),
        )
    shown = options.dump or options.raw or options.stages or options.stats
    return "dump" if shown else "explain"


def parsers() -> dict[str, ArgumentParser]:
    """The parser of every command by its name; "" is the one without a command."""
    return {verb: _parser(verb) for verb in ("", *VERBS)}


def _parser(verb: str) -> _Parser:
    match verb:
        case "capture":
            parser = _new("bpfq capture -i INTERFACE [options] EXPRESSION")
            _filter_options(parser)
            _packet_options(parser)
            _capture_options(parser)
            _proof_option(parser)
        case "prove":
            parser = _new("bpfq prove [options] EXPRESSION [--program FILE|PID:FD]")
            _filter_options(parser)
        case "equiv" | "diff":
            parser = _new(f"bpfq {verb} [options] A B")
            _filter_options(parser)
            _equiv_options(parser)
        case "lint":
            parser = _new("bpfq lint [options] EXPRESSION | -F FILE | --files FILE ...")
            _filter_options(parser)
            _lint_options(parser)
        case "fmt":
            parser = _new("bpfq fmt [--width N] [options] EXPRESSION | -F FILE | --files FILE ...")
            _filter_options(parser)
            _format_options(parser)
        case "disasm":
            parser = _new("bpfq disasm [FILE|-] [--to FORMAT | --decompile]")
            _disasm_options(parser)
        case "attach":
            from bpfq.cli.hook_arguments import attach_options

            parser = _new("bpfq attach PLACE --action ACTION [options] EXPRESSION")
            _filter_options(parser)
            attach_options(parser)
            _proof_option(parser)
        case "test":
            from bpfq.cli.hook_arguments import test_options

            parser = _new("bpfq test -r FILE --target ebpf:HOOK [options] EXPRESSION")
            _filter_options(parser)
            test_options(parser)
        case "status":
            parser = _new("bpfq status [--json]")
        case "detach":
            parser = _new("bpfq detach NAME|PATH|LINK")
        case "set":
            parser = _new(
                "bpfq set list [NAME|PATH] | add|del NAME|PATH [ENTRY ...] | pin NAME PATH"
            )
            parser.add_argument("-F", dest="file", metavar="FILE", help="entries, one a line")
        case "count":
            from bpfq.cli.count_arguments import count_options

            parser = _new("bpfq count -i INTERFACE [options] NAME=EXPRESSION ...")
            _filter_options(parser)
            count_options(parser)
        case "export":
            from bpfq.cli.export_arguments import export_options

            parser = _new("bpfq export FORMAT [options] [-o FILE] EXPRESSION | NAME=EXPRESSION ...")
            _filter_options(parser)
            export_options(parser)
            _proof_option(parser)
        case "doctor":
            parser = _new("bpfq doctor [--json] [NAME ...]")
        case "completion":
            parser = _new("bpfq completion bash | zsh | fish")
        case "man":
            parser = _new("bpfq man")
        case "schema":
            parser = _new("bpfq schema [COMMAND]")
        case "graph":
            parser = _new("bpfq graph [-o FILE] [-r FILE] [--stages] [options] EXPRESSION")
            _filter_options(parser)
            _graph_options(parser)
        case "why":
            parser = _new("bpfq why -r FILE [-n N] [options] EXPRESSION")
            _filter_options(parser)
            _why_options(parser)
        case "witness":
            parser = _new("bpfq witness [-n N] [-w FILE] [--not | --branches] EXPRESSION")
            _filter_options(parser)
            _witness_options(parser)
        case _:
            parser = _new(f"bpfq {verb} [options] EXPRESSION" if verb else _USAGE)
            _filter_options(parser)
            _listing_options(parser)
            _proof_option(parser)
            _file_options(parser)
            _packet_options(parser)
    _manners(parser, verb)
    return parser


def _new(usage: str) -> _Parser:
    return _Parser(
        prog="bpfq",
        usage=usage,
        epilog=_EXAMPLES,
        formatter_class=_Help,
        allow_abbrev=False,
    )


def _columns() -> int:
    try:
        return min(int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size().columns, 100) - 2
    except (OSError, ValueError):
        return 78


def _parse(parser: _Parser, words: list[str]) -> Namespace:
    end = words.index("--") if "--" in words else len(words)
    options, rest = parser.parse_known_args([_shielded(word) for word in words[:end]])
    options.words = [word.lstrip() if _is_shielded(word) else word for word in rest]
    for word, shown in zip(rest, options.words, strict=True):
        if shown.startswith("-") and shown != "-" and not _is_shielded(word):
            _unknown_option(parser, shown)
    options.words += words[end + 1 :]
    return options


def _shielded(word: str) -> str:
    """Words of an expression that argparse would take for options get a space before them."""
    arithmetic = word[:1] == "-" and len(word) > 1 and (word[1].isdigit() or word[1] in " (")
    return f" {word}" if arithmetic and word not in _FAMILIES else word


def _is_shielded(word: str) -> bool:
    return word.startswith(" -")


def _unknown_option(parser: _Parser, word: str) -> NoReturn:
    name = word.partition("=")[0]
    known = [option for action in parser._actions for option in action.option_strings]
    close = nearest(name, [option for option in known if option.startswith("--")])
    raise BpfqError(f"unknown option '{name}'", suggestions=(Suggestion(close or "bpfq --help"),))


# ---------------------------------------------------------------- groups of options


def _filter_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what the filter is compiled for")
    add = group.add_argument
    add("-F", dest="file", metavar="FILE", help="read the expression; # begins a comment")
    add("--program", metavar="FILE", help="bytecode, not a filter; PID:FD is a live socket's")
    add(
        "-y", "--linktype", dest="link", metavar="LINK",
        help="link type, EN10MB unless given; -L lists them",
    )  # fmt: skip
    add(
        "-i", "--interface", dest="interface", metavar="IF",
        help="for a socket on this live interface",
    )  # fmt: skip
    add("--target", metavar="TARGET", help="where it runs: file, packet, xt_bpf, ebpf:xdp, ...")
    add("--action", metavar="ACTION", help="of a match on a kernel hook: drop, pass or count")
    add(
        "-s", "--snapshot-length", dest="snaplen", type=int, default=0, metavar="N",
        help="bytes a match returns",
    )  # fmt: skip
    add("-4", dest="family", action="store_const", const=4, help="a layer-3 target has IPv4 only")
    add("-6", dest="family", action="store_const", const=6, help="a layer-3 target has IPv6 only")
    add("--netmask", metavar="MASK", help="of the capture network, for 'ip broadcast'")
    add("--through", default="", metavar="LIST", help="look below vlan, qinq, mpls, pppoe, ...")
    add("--tcp6", action="store_true", help="tcp[...] and its kind read IPv6, too")
    add("--protochain", type=int, default=8, metavar="N", help="headers that protochain follows")
    add("--set", dest="sets", action="append", metavar="NAME=FILE", help="what @NAME stands for")
    add("--resolve", action="store_true", help="look up host, network and station names")
    add("--strict", action="store_true", help="as libpcap on packets cut inside a tested field")
    add("--allow-empty", action="store_true", help="compile a filter that matches nothing")
    add(
        "-O", "--no-optimize", dest="level", action="store_const", const=0,
        help="no optimiser, same as --opt 0",
    )  # fmt: skip
    add("-O3", dest="level", action="store_const", const=3, help="search for less, as --opt 3")
    add("--opt", dest="level", type=int, metavar="N", help="optimiser level 0 to 3; 2 unless given")
    add(
        "--optimise-for", dest="objective", default="balanced", metavar="WHAT",
        help="balanced, size, speed or kernel-size",
    )  # fmt: skip
    add(
        "--search-budget", dest="budget", type=int, metavar="N",
        help="candidates that -O3 tries at most; 40000 unless given",
    )  # fmt: skip
    add("--profile", metavar="FILE", help="make it quick for the packets of this capture file")


def _listing_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("listings")
    add = group.add_argument
    add("-d", "--dump", action="count", default=0, help="listing; -dd C array; -ddd decimal")
    add("--raw", action="store_true", help="one line, as xt_bpf and tc take it")
    add("--stages", action="store_true", help="all stages from the filter to the listing")
    add("--stats", action="store_true", help="what it costs, beside other programs; libpcap's, too")
    add(
        "-L", "--list-data-link-types", dest="list_link_types", action="store_true",
        help="list the link types",
    )  # fmt: skip


def _graph_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the drawing").add_argument
    add("-o", dest="output", metavar="FILE", help="write it as its suffix says: .svg, .dot, .mmd")
    add("-r", dest="read", metavar="FILE", help="count the packets of this file that take each way")
    add("--stages", action="store_true", help="each graph on the way, with what each pass changed")


def _proof_option(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("proof")
    group.add_argument("--prove", action="store_true", help="only a program that is proved right")


def _equiv_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("two filters").add_argument
    add("--right-target", metavar="TARGET", help="where B runs, where that is not where A does")
    add("--right-link", metavar="LINK", help="link type for B")
    add("-w", dest="write", metavar="FILE", help="write the packets as pcap, - is stdout")


def _file_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("capture files")
    group.add_argument("-r", dest="read", metavar="FILE", help="filter this file, - is stdin")
    group.add_argument("--count", action="store_true", help="print only how many match")


def _why_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the packet").add_argument
    add("-r", dest="read", metavar="FILE", help="of this file, - is stdin")
    add("-n", dest="number", type=int, metavar="N", help="its number; else the first not matched")


def _witness_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("packets").add_argument
    add("-n", dest="number", type=int, default=1, metavar="N", help="up to N, each of another kind")
    add("-w", dest="write", metavar="FILE", help="write them as pcap, - is stdout")
    add("--not", dest="near_misses", action="store_true", help="near misses: fail one clause each")
    add("--branches", action="store_true", help="take each test of the filter both ways")
    add("--checksums", action="store_true", help="only packets whose checksums are right")


def _packet_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("packets")
    group.add_argument("-w", dest="write", metavar="FILE", help="write matches, - is stdout")
    group.add_argument("-c", dest="limit", type=int, metavar="N", help="stop after N matches")


def _capture_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("live traffic; -i any is all interfaces").add_argument
    add(
        "-p", "--no-promiscuous-mode", dest="modest", action="store_true",
        help="not what is for other stations",
    )  # fmt: skip
    add("-B", "--buffer-size", dest="buffer", type=int, metavar="KIB", help="of the kernel's queue")
    add(
        "-l", "-U", "--packet-buffered", "--immediate-mode", dest="at_once", action="store_true",
        help="accepted: every packet is shown or written as it comes",
    )  # fmt: skip


def _lint_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("findings")
    add = group.add_argument
    formats = ("text", "json", "sarif", "github")
    add("--format", choices=formats, default="text", help="how they are printed, text unless given")
    add("--files", action="store_true", help="the words are filter files, one report of all")
    add("--fix", action="store_true", help="print the filter repaired, or write it back to -F FILE")
    add("--optmem", type=int, metavar="N", help="net.core.optmem_max of the machine it is for")


def _format_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("layout").add_argument
    add("--width", type=int, metavar="N", help="columns a line may take, 0 any; 100 for a file")
    add("--python", action="store_true", help="the expression is Python, as tcp.dport == 443 is")
    add("--check", action="store_true", help="print what would change; exit code 1 if anything")
    add("--write", action="store_true", help="write the files back")
    add("--files", action="store_true", help="the words are filter files")


def _disasm_options(parser: ArgumentParser) -> None:
    formats = ("d", "dd", "ddd", "raw", "json")
    add = parser.add_argument
    add("--to", choices=formats, default="d", help="what to print, d unless given")
    add("--decompile", action="store_true", help="print the filter, proved equal to the program")
    add("-y", dest="link", metavar="LINK", help="its link type, EN10MB unless given")
    add("--target", metavar="TARGET", help="where it runs, file unless given")


def _manners(parser: ArgumentParser, verb: str) -> None:
    group = parser.add_argument_group("manners")
    add = group.add_argument
    add("--json", action="store_true", help="results and errors as JSON")
    add("--color", choices=("auto", "always", "never"), default="auto", help="auto: on a terminal")
    add("-q", dest="quiet", action="store_true", help="no counts and no notes")
    if verb not in _NUMBERED:
        add("-n", action="count", help="accepted: names are never looked up for printing")
    add("--version", action="version", version=f"bpfq {__version__}", help="print the version")
