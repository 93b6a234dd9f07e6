"""From options to a filter text or a program, and from a text to its program."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TextIO, TypedDict

from bpfq.api import compile
from bpfq.cli.given import Given, given, known_filter
from bpfq.errors import BpfqError, LoadError
from bpfq.program.classic import Program
from bpfq.program.given import GivenProgram
from bpfq.settings import SEARCH_BUDGET, SNAPLEN
from bpfq.source import Suggestion, blank_comments
from bpfq.targets import target

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Listing, Resolver
    from bpfq.kernel.interfaces import Interface
    from bpfq.program.ebpf import EbpfProgram

STANDARD_STREAM = "-"
_SET = Suggestion("--set NAME=FILE", "with an entry a line")
_COOKED = "packet-cooked"  # the target of sockets on all interfaces
_ETHERNET = "EN10MB"  # the link type unless another one is given


def given_text(options: Namespace) -> str | None:
    """The expression; None where a program was given that can be used as it is."""
    if given(options) is None or (options.target or "").startswith("ebpf:"):
        return filter_text(options)
    return None


def filter_text(options: Namespace) -> str:
    """The expression: its words joined, a file without its comments, or what a program is."""
    if given(options) is not None:
        return known_filter(given_program(options), options)
    return written_text(options)


def written_text(options: Namespace) -> str:
    """The expression as words or a file have it, whether there is a program beside it or not."""
    if options.file is None:
        return " ".join(options.words)
    if options.words:
        raise BpfqError("an expression and -F: give one of them")
    return blank_comments(read_text(options.file))


def read_text(path: str) -> str:
    """The text of a file, - for standard input; raises BpfqError."""
    return as_text(read_octets(path))


def as_text(octets: bytes) -> str:
    """What a file of text says, whatever bytes it has."""
    return octets.decode("utf-8-sig", "replace")


def read_octets(path: str) -> bytes:
    """The bytes of a file, - for standard input; raises BpfqError."""
    try:
        if path == STANDARD_STREAM:
            return standard_input().read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from None


def file_to_read(options: Namespace) -> str:
    """The capture file of -r; raises BpfqError without one, or where -i or --target stand by it."""
    if options.read is None:
        raise BpfqError("no file: give one with -r, - for standard input")
    if options.read == STANDARD_STREAM:
        standard_input()  # raises when it is closed
    if options.interface is not None or options.target not in (None, "file"):
        raise BpfqError("-r reads a file, which is a target of its own: leave out -i and --target")
    path: str = options.read
    return path


def standard_input() -> BinaryIO:
    stream: TextIO | None = sys.stdin
    if stream is None:
        raise LoadError("standard input is closed")
    return stream.buffer


def unreadable(path: str, error: OSError) -> BpfqError:
    """A missing file is a wrong command line; anything else is the system's refusal."""
    message = f"cannot open {path}: {(error.strerror or str(error)).lower()}"
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return BpfqError(message)
    return LoadError(message, errno=error.errno)


class Meaning(TypedDict):
    """The options of ``compile`` that say what a filter means: every command passes them on."""

    target: str
    link: str | int
    netmask: str | int | None
    savefile: Literal["unswapped", "swapped"] | None
    resolver: Resolver | None
    through: tuple[str, ...]
    tcp6: bool
    family: Literal[4, 6] | None
    protochain: int


def meaning(options: Namespace) -> Meaning:
    """For the target, the live interface or the link type that the options name."""
    brought = given(options) or Given(())
    if options.interface is None:
        link = options.link or brought.link or _ETHERNET
        named = options.target or brought.target or "file"
        return _meaning(options, named, link, options.netmask, brought.family)
    from bpfq.kernel.interfaces import interface
    from bpfq.kernel.sockets import ANY_INTERFACE

    if options.interface == ANY_INTERFACE:
        return _meaning(options, options.target or _COOKED, _ETHERNET, options.netmask)
    found = interface(options.interface)
    named = options.target or "packet"
    netmask = found.netmask if options.netmask is None else options.netmask
    return _meaning(options, named, options.link or _link(found, named) or _ETHERNET, netmask)


def meaning_in_file(options: Namespace, link: int, swapped: bool) -> Meaning:
    """For the packets of a capture file that share link type and byte order."""
    number = link if options.link is None else options.link
    return {
        **_meaning(options, "file", number, options.netmask),
        "savefile": "swapped" if swapped else "unswapped",
    }


def _meaning(
    options: Namespace,
    target: str,
    link: str | int,
    netmask: str | int | None,
    family: Literal[4] | None = None,
) -> Meaning:
    return {
        "target": target,
        "link": link,
        "netmask": netmask,
        "savefile": None,
        "resolver": _resolver(options),
        "through": tuple(word.strip() for word in options.through.split(",") if word.strip()),
        "tcp6": options.tcp6,
        "family": options.family or family,
        "protochain": options.protochain,
    }


def _resolver(options: Namespace) -> Resolver | None:
    """What looks up names and sets, where that was asked for."""
    if not options.resolve and not options.sets:
        return None
    from bpfq.frontend.pcap.names import SystemResolver, WithSets

    resolver = SystemResolver() if options.resolve else None
    return WithSets(resolver, _sets(options.sets)) if options.sets else resolver


def _sets(named: list[str]) -> dict[str, Listing]:
    """The lists of --set NAME=FILE; raises BpfqError."""
    from bpfq.frontend.pcap.sets import check_name, from_text

    found: dict[str, Listing] = {}
    for each in named:
        name, sign, path = each.partition("=")
        if not sign or not path:
            raise BpfqError(f"--set {each} names no file", suggestions=(_SET,))
        check_name(name)
        if name in found:
            raise BpfqError(f"--set {name} is given twice")
        found[name] = from_text(read_text(path), path)
    return found


def _link(found: Interface, named: str) -> str | None:
    if target(named).link is not None:
        return None  # the target has its own
    from bpfq.kernel.interfaces import link_type_of

    return link_type_of(found.arphrd)


def compiled(options: Namespace, text: str | None) -> Program:
    """The program for the target, the interface or the link type that the options name.

    text: None for the program that was given.
    """
    return _compile(options, text, meaning(options))


def compiled_for_file(options: Namespace, text: str | None, link: int, swapped: bool) -> Program:
    """The program for the packets of a capture file that share link type and byte order."""
    return _compile(options, text, meaning_in_file(options, link, swapped))


_CLASSIC: Final = {  # what classic programs are read for that shall run on a hook
    "ebpf:socket": "packet",
    "ebpf:xdp": "file",
    "ebpf:tc": "tc",
    "ebpf:cgroup_skb": "xt_bpf",
    "ebpf:netfilter": "xt_bpf",
}


def given_program(options: Namespace) -> GivenProgram:
    """The program of --program, where the options say that it runs."""
    brought, meant = given(options) or Given(()), meaning(options)
    if brought.target is not None and meant["target"] in _CLASSIC:
        target, link = brought.target, brought.link or _ETHERNET
        return _as_given(options, {**meant, "target": target, "link": link})
    return _as_given(options, {**meant, "target": _CLASSIC.get(meant["target"], meant["target"])})


def _as_given(options: Namespace, meant: Meaning) -> GivenProgram:
    brought = given(options)
    assert brought is not None
    return Program.of(
        brought.words, target=meant["target"], link=meant["link"], savefile=meant["savefile"],
        family=meant["family"],
    )  # fmt: skip


def _compile(options: Namespace, text: str | None, meant: Meaning) -> Program:
    if text is None:
        return _as_given(options, meant)
    return compile(
        text,
        snaplen=options.snaplen or SNAPLEN,
        level=options.level,
        strict=options.strict,
        allow_empty=options.allow_empty,
        optimise_for=options.objective,
        profile=options.profile,
        search_budget=SEARCH_BUDGET if options.budget is None else options.budget,
        action=options.action,
        **meant,
    )


def description(program: Program, text: str | None, options: Namespace) -> dict[str, Any]:
    """The program and what it is for, as ``--json`` prints it; keys are only ever added.

    text: None for a program that was given, not compiled.
    """
    from bpfq.isa.cbpf.size import optmem_charge
    from bpfq.version import __version__

    fields = {
        "bpfq": __version__,
        "filter": text,
        "target": program.target,
        "link": program.link,
        "snaplen": options.snaplen or SNAPLEN,
        "instructions": len(program),
        "option_memory": optmem_charge(program.words) if takes_option_memory(program) else None,
        "program": [list(word) for word in program],
    }
    hooked = for_hook(program)
    if hooked is not None:
        fields["action"] = hooked.action
        fields["verdicts"] = list(hooked.verdicts.signed)
    return fields


def takes_option_memory(program: Program) -> bool:
    """Whether a kernel turns it into its own words and charges a socket for them."""
    return program.settings.target.metadata and program.settings.target.hook is None


def for_hook(program: Program) -> EbpfProgram | None:
    """The program as one for a hook of the kernel; None for a classic one."""
    if program.settings.target.hook is None:
        return None
    from bpfq.program.ebpf import EbpfProgram

    assert isinstance(program, EbpfProgram)
    return program
