"""Questions about filters and programs as a whole: what is likely wrong with one, does a program do
what a filter says, how do two relate, which filter is a program?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard

from bpfq.api import compile, query_of
from bpfq.errors import LimitError, quoting
from bpfq.isa.cbpf.given import given_words, lists_program
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.program.classic import Program
from bpfq.program.given import GivenProgram
from bpfq.record import replace
from bpfq.settings import Settings, settings_of

if TYPE_CHECKING:
    from bpfq.analysis.compare import Comparison
    from bpfq.analysis.decompile.decompile import Decompiled
    from bpfq.analysis.lint.findings import Finding
    from bpfq.analysis.prove import Proof
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver

    Filter: TypeAlias = str | Cond | Program | Sequence[tuple[int, int, int, int]]


def lint(
    filter: str | Cond | Program,
    *,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
    optmem: int | None = None,
) -> tuple[Finding, ...]:
    """What is legal in a filter and yet most likely a mistake, in the order of the text.

    Each finding has a stable ``code``, a ``severity`` ("error", "warning", "note"), a ``message``,
    the ``spans`` of the text that it is about, a ``fix`` that leaves the meaning as it is, where
    there is one, and ``suggestions`` that may not.  optmem: bytes of option memory that a socket
    has; net.core.optmem_max of this machine unless given.  The other options are those of
    ``compile``.  A Program is taken for the options that it was compiled with, one that came as
    instructions for the text that it is proved to be.

    Raises FilterError for what is no filter at all.

        >>> finding, = bpfq.lint("vlan 10 or vlan 20")
        >>> finding.code, finding.severity
        ('V01', 'warning')
        >>> print(finding.message)
        'vlan 20' is looked for behind the tag of 'vlan 10': every clause after 'vlan' is
    """
    from bpfq.analysis.lint.limits import SOCKET_TARGETS
    from bpfq.analysis.lint.oracle import Engine
    from bpfq.analysis.lint.reading import Reading, read_text
    from bpfq.analysis.lint.rules import lint as look

    settings = settings_of(
        target, link, netmask=netmask, level=level, savefile=savefile, through=through, tcp6=tcp6,
        family=family, strict=strict, allow_empty=True, protochain=protochain,
    )  # fmt: skip
    if isinstance(filter, Program):
        settings = replace(filter.settings, allow_empty=True)
        target = settings.target.name
        if isinstance(filter, GivenProgram) and filter.decompiled.proved:
            filter = filter.decompiled.text
    if isinstance(filter, str):
        reading = read_text(filter, resolver)
    else:
        reading = Reading(query_of(filter, resolver))
    if optmem is None and target in SOCKET_TARGETS:
        from bpfq.kernel.limits import optmem_max

        optmem = optmem_max()
    with quoting(filter):
        return look(reading, settings, Engine(settings), optmem)


def too_long(
    error: LimitError, text: str, settings: Settings, resolver: Resolver | None = None
) -> LimitError:
    """The error for a filter that needs more instructions than its target takes, with the largest
    part and its size, and the options that make it fit, with theirs.
    """
    from bpfq.analysis.lint.limits import oversize, program_size
    from bpfq.analysis.lint.oracle import Engine
    from bpfq.analysis.lint.reading import read_text
    from bpfq.analysis.lint.subject import Subject

    subject = Subject(read_text(text, resolver), settings, Engine(settings))
    size = program_size(subject.query, settings)
    if size is None or settings.target.limit is None or size <= settings.target.limit:
        return error
    found = oversize(subject, size)
    fitting = error.message.removeprefix(settings.target.excess(size))
    return LimitError(
        found.message + fitting,
        span=next(iter(found.spans), None),
        text=text,
        suggestions=found.suggestions,
    )


def prove(
    filter: str | Cond | Program,
    program: Filter | None = None,
    *,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
) -> Proof:
    """Decide whether a program does what a filter says, on every packet.

    program: a Program, its (code, jt, jf, k) rows or its text in any form that ``bpfq disasm``
    reads, whoever made it; None is what ``compile`` makes of the filter.  A filter that is given
    as a Program is the one it was compiled from, where it was compiled for.  The options are those
    of ``compile``.

    ``.verdict`` is "proved", "refuted" with a ``.counterexample``, or "undecided" when the budget
    was spent.  Raises what ``compile`` raises, and UnsupportedError for a program with a loop.

        >>> bpfq.prove("ip and udp").verdict
        'proved'
        >>> rows = [(40, 0, 0, 12), (21, 0, 1, 2054), (6, 0, 0, 1), (6, 0, 0, 0)]
        >>> bpfq.prove("arp", rows).verdict, bpfq.prove("rarp", rows).verdict
        ('proved', 'refuted')
    """
    if not isinstance(filter, Program) and program is None:
        filter = compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            allow_empty=True, protochain=protochain,
        )  # fmt: skip
    from bpfq.analysis.prove import prove as answer

    if isinstance(filter, Program):
        words = filter.words if program is None else _words(program)
        return answer(filter.query, words, filter.settings)
    assert program is not None
    settings = settings_of(
        target, link, netmask=netmask, level=level, savefile=savefile, through=through, tcp6=tcp6,
        family=family, strict=strict, allow_empty=True, protochain=protochain,
    )  # fmt: skip
    words = _words(program)
    with quoting(filter):
        return answer(query_of(filter, resolver), words, settings)


def compare(
    left: Filter,
    right: Filter,
    *,
    target: str | None = None,
    link: str | int | None = None,
    right_target: str | None = None,
    right_link: str | int | None = None,
    netmask: str | int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    protochain: int = 8,
) -> Comparison:
    """How the packets that two filters match relate: ``.relation`` is "equal", "subset",
    "superset", "overlapping", "disjoint", or "undecided" when the budget was spent.

    ``.only_left``, ``.only_right`` and ``.both`` are a packet of each kind, or None where there is
    none.  Only packets count that both filters decide from the captured bytes; the order of their
    clauses matters for others alone.

    Each side is a filter, a Program, the (code, jt, jf, k) rows of one, or its text in any form
    that ``bpfq disasm`` reads.  A Program is run where it was compiled for; ``target`` and
    ``link`` say where everything else runs, by default where the Program does, else "file" and
    EN10MB.  right_target, right_link: where the right side runs, if elsewhere; both then see the
    same Ethernet frame, each as its target shows it.  The other options are those of ``compile``.

    Raises what ``compile`` raises, and UnsupportedError for a program with a loop or two targets
    that never see the same frame.

        >>> found = bpfq.compare("port 80", "tcp port 80")
        >>> found.relation
        'superset'
        >>> print(found.only_left.summary)
        UDP 192.0.2.1:1024 > 192.0.2.2:80
        >>> bpfq.compare("net 10.0.0.0/8 or net 11.0.0.0/8", "net 10.0.0.0/7").relation
        'equal'
    """
    from bpfq.analysis.compare import compare as answer
    from bpfq.analysis.sides import Side

    brought = next((one.settings for one in (left, right) if isinstance(one, Program)), None)

    def side(given: Filter, target: str | None, link: str | int | None) -> Side:
        if isinstance(given, Program):
            return Side(given.words, given.settings)
        settings = settings_of(
            target or "file", "EN10MB" if link is None else link, netmask=netmask,
            savefile=savefile, through=through, tcp6=tcp6, family=family, allow_empty=True,
            protochain=protochain,
        )  # fmt: skip
        if brought is not None and target is None and link is None:
            settings = replace(settings, target=brought.target, link=brought.link)
        if not _is_filter(given):
            return Side(_words(given), settings)
        text = given if isinstance(given, str) else None
        return Side(query_of(given, resolver), settings, text)

    right_link = link if right_link is None else right_link
    return answer(side(left, target, link), side(right, right_target or target, right_link))


def _is_filter(given: Filter) -> TypeGuard[str | Cond]:
    """An expression, as text or as a node, and not a program."""
    if isinstance(given, str):
        return not lists_program(given)
    return not isinstance(given, Program | list | tuple)


def _words(program: Filter) -> tuple[SockFilter, ...]:
    """The instructions of a program in any form."""
    return program.words if isinstance(program, Program) else given_words(program)


def decompile(
    program: Program | str | Sequence[tuple[int, int, int, int]],
    *,
    link: str | int = "EN10MB",
    target: str = "file",
) -> Decompiled:
    """The filter text of a classic program, whoever compiled it.

    program: a Program, which is read as for where it was compiled for, its (code, jt, jf, k) rows,
    or its text in any form that ``bpfq disasm`` reads.

    ``.proved``: the text is proved to say what the program does.  Else ``.text`` has <0>, <1>, ...
    where something was not recovered, and ``.gaps`` say which instructions that is and why;
    ``.verdict`` is "partial", or "undecided" where the budget was spent.

    Raises FilterError for a program that no machine takes.

        >>> found = bpfq.decompile("4,40 0 0 12,21 0 1 2054,6 0 0 1,6 0 0 0")
        >>> found.text, found.proved
        ('arp', True)
    """
    from bpfq.analysis.decompile.decompile import decompile as answer

    if isinstance(program, Program):
        return answer(program.words, program.settings)
    return answer(_words(program), settings_of(target, link, allow_empty=True))
