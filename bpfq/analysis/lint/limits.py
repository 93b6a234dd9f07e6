"""L: programs that are legal, and larger or slower than the place where they run takes.

L01  more instructions than a classic program may have
L02  more than iptables takes
L03  more socket option memory than a socket has
L04  a packet may run through too many instructions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bpfq.analysis.lint.findings import Finding
from bpfq.analysis.lint.subject import Subject
from bpfq.choice import cheapest
from bpfq.compiler import decided
from bpfq.errors import BpfqError, LimitError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import optmem_charge
from bpfq.query.nodes import Query
from bpfq.query.walk import operands
from bpfq.record import replace
from bpfq.settings import Settings, target_link
from bpfq.source import Suggestion
from bpfq.targets import CLASSIC_LIMIT, XT_BPF_LIMIT

SOCKET_TARGETS = ("packet", "packet-cooked", "raw4", "raw6", "udp")  # charged for their filter
DEEPEST_PATH = 1000
# instructions; at about 1 ns each a million packets a second that take it fill one processor
_MOST_PARTS = 64  # clauses that are compiled one by one to find the largest

# ---------------------------------------------------------------- L01, L02


def classic_size(subject: Subject) -> Iterator[Finding]:
    if isinstance(subject.refusal, LimitError):
        error = subject.refusal
        spans = () if error.span is None else (error.span,)
        yield Finding("L01", "error", error.message, spans, suggestions=error.suggestions)
    yield from _oversize(subject, "L01", CLASSIC_LIMIT)


def iptables_size(subject: Subject) -> Iterator[Finding]:
    yield from _oversize(subject, "L02", XT_BPF_LIMIT)


def _oversize(subject: Subject, code: str, limit: int) -> Iterator[Finding]:
    compiled = subject.compiled
    if compiled is None or subject.settings.target.limit != limit or len(compiled.words) <= limit:
        return
    size = program_size(subject.query, subject.settings)  # where little room is, less is taken
    if size is not None and size > limit:
        yield oversize(subject, size, code)


def oversize(subject: Subject, size: int, code: str = "L02") -> Finding:
    """What there is to say about a program of so many instructions, more than its target takes."""
    message = subject.settings.target.excess(size)
    largest = _largest_part(subject)
    if largest is not None:
        part, size = largest
        message += f"; the largest part is {subject.quoted(part)} with {size}"
    spans = () if largest is None else subject.spans(largest[0])
    return Finding(code, "error", message, spans, suggestions=tuple(_one_family(subject)))


def _largest_part(subject: Subject) -> tuple[Query, int] | None:
    parts = operands(subject.query)
    if not 1 < len(parts) <= _MOST_PARTS:
        return None
    sizes = [(part, program_size(part, subject.settings)) for part in parts]
    known = [(part, size) for part, size in sizes if size is not None]
    return max(known, key=lambda item: item[1], default=None)


def program_size(query: Query, settings: Settings) -> int | None:
    """Instructions of a query's program, however many; None where there is none."""
    try:
        _, ways = decided(query, settings)
    except BpfqError:
        return None
    return len(cheapest(ways, settings, lambda stage, value: None).words)


def _one_family(subject: Subject) -> Iterator[Suggestion]:
    """What the filter takes where only one family of IP arrives, if it matches anything there."""
    target = subject.settings.target
    if target.link != "RAW":
        return
    for family in (4, 6):
        link = target_link(target, "RAW", family)
        size = program_size(subject.query, replace(subject.settings, link=link, allow_empty=False))
        if size is not None and target.limit is not None and size <= target.limit:
            yield Suggestion(f"-{family}", f"{size} instructions, for IPv{family} alone")


# ---------------------------------------------------------------- L03


def option_memory(subject: Subject) -> Iterator[Finding]:
    compiled, limit = subject.compiled, subject.optmem
    if compiled is None or limit is None or subject.settings.target.name not in SOCKET_TARGETS:
        return
    charge = optmem_charge(compiled.words)
    if charge >= limit:  # sk_filter_charge, net/core/filter.c
        more = f"sysctl net.core.optmem_max={1 << charge.bit_length()}"
        yield Finding(
            "L03",
            "error",
            f"the program needs {charge} bytes of socket option memory, net.core.optmem_max is "
            f"{limit}: attaching it will fail with ENOMEM",
            suggestions=(Suggestion(more),),
        )


# ---------------------------------------------------------------- L04


def deep_path(subject: Subject) -> Iterator[Finding]:
    longest = longest_path(subject.compiled.words) if subject.compiled is not None else 0
    if longest > DEEPEST_PATH:
        yield Finding(
            "L04",
            "warning",
            f"a packet may run through {longest} instructions; more than {DEEPEST_PATH} are slow",
        )


def longest_path(words: Sequence[SockFilter]) -> int:
    """Instructions that a packet runs through at most; jumps only go forward."""
    depths = [0] * len(words)
    for pc in range(len(words) - 1, -1, -1):
        code, jt, jf, k = words[pc]
        if code in opcodes.RETURNS:
            depths[pc] = 1
        elif code in opcodes.CONDITIONAL_JUMPS:
            depths[pc] = 1 + max(depths[pc + 1 + jt], depths[pc + 1 + jf])
        else:
            depths[pc] = 1 + depths[pc + 1 + (k if code == opcodes.JUMP else 0)]
    return depths[0]
