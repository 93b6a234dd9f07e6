"""Loads that a program makes without a need, said in the query.

    ldb [100]; ret #1         ether[100] >= 0

Every value is at least 0, but a packet that ends before the byte is rejected, as by the program.
"""

from __future__ import annotations

from collections.abc import Sequence

from bpfq.analysis.decompile.candidates import header
from bpfq.analysis.decompile.literals import Expression, Join, Literal, join, to_query
from bpfq.analysis.decompile.space import Space
from bpfq.analysis.prove import Counterexample
from bpfq.analysis.subject import traced
from bpfq.compiler import compile_query
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import decode
from bpfq.isa.cbpf.vm import Trace
from bpfq.query import build
from bpfq.record import replace
from bpfq.settings import Settings

_ADDED = 1 << 29  # the place of a read that no test of the program stands for


def with_read(
    expression: Expression,
    found: Counterexample,
    words: Sequence[i.SockFilter],
    space: Space,
) -> Expression | None:
    """The expression with the read that ends the program on a packet that the query accepts.

    None where it is no load at a fixed offset, or where text does not count from byte 0.
    """
    link = header(space, "link", ())
    if link is None or link.index is not None:
        return None
    last = _run(words, found, space.settings).steps[-1].pc
    match decode(words[last]):
        case i.LoadAbsolute(offset, size) if offset < i.LINK_BASE:
            end = offset + size
        case i.LoadXHeaderLength(offset):
            end = offset + 1
        case _:
            return None
    if end - 1 < link.offset or end <= len(found.octets):
        return None
    byte = build.index(link.name, build.number(end - 1 - link.offset), 1)
    read = build.compare(">=", byte, build.number(0))
    literal = Literal(read, space.all, 0, (_ADDED,), plain=False)
    return _attached(expression, literal, found, space.settings)


def _attached(
    expression: Expression, literal: Literal, found: Counterexample, settings: Settings
) -> Expression:
    """Behind the alternative that accepts the packet."""
    if not isinstance(expression, Join) or expression.conjunction:
        return _with(expression, literal)
    parts = list(expression.parts)
    for n, part in enumerate(parts):
        if _accepts(part, found, settings):
            parts[n] = _attached(part, literal, found, settings)
            return Join(False, tuple(parts))
    return _with(expression, literal)


def _with(expression: Expression, literal: Literal) -> Expression:
    """In the place of a read that was added before, which did not go as far."""
    parts = expression.parts if isinstance(expression, Join) else (expression,)
    if isinstance(expression, Join) and not expression.conjunction:
        parts = (expression,)
    kept = [part for part in parts if not isinstance(part, Literal) or part.place != _ADDED]
    return join(True, (*kept, literal))


def _accepts(part: Expression, found: Counterexample, settings: Settings) -> bool:
    plain = replace(settings, level=0, strict=True, allow_empty=True)
    compiled = compile_query(to_query(part), plain)
    return _run(compiled.words, found, settings).verdict != 0


def _run(words: Sequence[i.SockFilter], found: Counterexample, settings: Settings) -> Trace:
    return traced(
        words, settings, found.octets, wire_length=found.wire_length, metadata=found.metadata,
        network_header=found.network_header,
    )  # fmt: skip
