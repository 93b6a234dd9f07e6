"""Questions about filters, packets and programs, as users ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard

from bpfq.api import Program, compile, query_of
from bpfq.errors import quoting
from bpfq.isa.cbpf.given import lists_program, program_words
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.read import parse_program
from bpfq.record import replace
from bpfq.settings import settings_of

if TYPE_CHECKING:
    from bpfq.analysis.compare import Comparison
    from bpfq.analysis.decompile.decompile import Decompiled
    from bpfq.analysis.lint.findings import Finding
    from bpfq.analysis.prove import Proof
    from bpfq.analysis.why.answer import Why
    from bpfq.analysis.witness.branches import Suite
    from bpfq.analysis.witness.found import Witness
    from bpfq.analysis.witness.nearmiss import NearMiss
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver

    Filter: TypeAlias = str | Cond | Program | Sequence[tuple[int, int, int, int]]


def why(
    filter: str | Cond,
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
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
) -> Why:
    """Why a filter matches one packet, or does not: ``print`` it, or look into its fields.

    packet, wire_length, metadata: as for ``Program.matches``.  The other options are those of
    ``compile``; a filter that can match nothing is explained like any other.

    Raises FilterError, UnsupportedError or LimitError, as ``compile`` does.
    """
    program = compile(
        filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
        resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
        allow_empty=True, protochain=protochain,
    )  # fmt: skip
    from bpfq.analysis.why.answer import why as answer

    return answer(
        program.query, program.settings, program.matcher(), packet,
        text=filter if isinstance(filter, str) else None,
        wire_length=wire_length, metadata=metadata,
    )  # fmt: skip


def lint(
    filter: str | Cond,
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
    ``compile``.

    Raises FilterError for what is no filter at all.
    """
    from bpfq.analysis.lint.limits import SOCKET_TARGETS
    from bpfq.analysis.lint.oracle import Engine
    from bpfq.analysis.lint.reading import Reading, read_text
    from bpfq.analysis.lint.rules import lint as look

    settings = settings_of(
        target, link, netmask=netmask, level=level, savefile=savefile, through=through, tcp6=tcp6,
        family=family, strict=strict, allow_empty=True, protochain=protochain,
    )  # fmt: skip
    if isinstance(filter, str):
        reading = read_text(filter, resolver)
    else:
        reading = Reading(query_of(filter, resolver))
    if optmem is None and target in SOCKET_TARGETS:
        from bpfq.kernel.limits import optmem_max

        optmem = optmem_max()
    with quoting(filter):
        return look(reading, settings, Engine(settings), optmem)


# ---------------------------------------------------------------- packets for a filter


def witness(
    filter: str | Cond | Program,
    n: int = 1,
    *,
    checksums: bool = False,
    target: str = "file",
    link: str | int = "EN10MB",
) -> tuple[Witness, ...]:
    """Up to n packets that a filter matches, each of another kind; they look like real ones.

    Lengths and checksums are right wherever the filter leaves them free; checksums: nowhere else
    either.  A Program is taken for the options that it was compiled with.

    Raises FilterError where no packet matches, and what ``compile`` raises.
    """
    from bpfq.analysis.witness.witness import witnesses

    program = _program(filter, target, link)
    return witnesses(program.query, program.words, program.settings, n, checksums=checksums)


def near_misses(
    filter: str | Cond | Program,
    *,
    text: str | None = None,
    target: str = "file",
    link: str | int = "EN10MB",
) -> tuple[NearMiss, ...]:
    """For each clause of a filter a packet that fails it and passes all others.

    text: what a Program was compiled from, to quote its clauses.  Raises FilterError where no
    packet matches, and what ``compile`` raises.
    """
    from bpfq.analysis.witness.nearmiss import near_misses as missed

    program = _program(filter, target, link)
    text = filter if isinstance(filter, str) else text
    return missed(program.query, program.words, program.settings, text)


def branches(
    filter: str | Cond | Program, *, target: str = "file", link: str | int = "EN10MB"
) -> Suite:
    """Packets that between them take each test of a filter both ways, with their verdicts.

    Raises what ``compile`` raises.
    """
    from bpfq.analysis.witness.branches import suite

    program = _program(filter, target, link)
    return suite(program.words, program._graph, program.settings)


def _program(filter: str | Cond | Program, target: str, link: str | int) -> Program:
    if isinstance(filter, Program):
        return filter
    return compile(filter, target=target, link=link)


# ---------------------------------------------------------------- proofs


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
    if isinstance(program, Program):
        return program.words
    if isinstance(program, str):
        return parse_program(program)
    if isinstance(program, list | tuple):
        return program_words(program)
    raise TypeError(
        "a program is a Program, (code, jt, jf, k) rows or their text, "
        f"not {type(program).__name__}"
    )


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
    """
    from bpfq.analysis.decompile.decompile import decompile as answer

    if isinstance(program, Program):
        return answer(program.words, program.settings)
    return answer(_words(program), settings_of(target, link, allow_empty=True))
