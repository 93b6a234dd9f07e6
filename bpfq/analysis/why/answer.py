"""Why a filter matches one packet or does not: plain data, and its drawing.

✗ and
├─ ✗ ip                ether[12:2] = 0x8100, wanted 0x0800     ← decided here
└─ · udp port 53       not evaluated
"""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits

from bpfq.analysis.why.causes import cause_and_fixes
from bpfq.analysis.why.clauses import Clause, Outcome, clause_tree, evaluated, every
from bpfq.analysis.why.drawing import draw_tree
from bpfq.analysis.why.fixes import Case, Fix
from bpfq.analysis.why.layers import layers_of, packet_line
from bpfq.analysis.why.trace import Facts
from bpfq.backends.pyfunc import Matcher
from bpfq.graph.nodes import Builder
from bpfq.headers.places import Headers
from bpfq.lower.context import Context
from bpfq.query import nodes as q
from bpfq.record import record
from bpfq.settings import Settings


@record
class Why:
    """What a filter makes of one packet.

    matched: the verdict of the compiled program.  tree: the clauses in the order of the text and
    what became of each.  packet: its headers in one line.  cause: the likely reason of a verdict
    that surprises, in one sentence, or None.  fixes: what would have matched this packet, tried
    out.  wire_length, captured: bytes.
    """

    matched: bool
    tree: Clause
    packet: str
    wire_length: int
    captured: int
    cause: str | None = None
    fixes: tuple[Fix, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.size}  {self.packet}", *draw_tree(self.tree)]
        if self.cause is not None:
            lines.append(self.cause)
        return "\n".join([*lines, *fix_lines(self.fixes)])

    @property
    def size(self) -> str:
        if self.captured == self.wire_length:
            return f"{self.captured} bytes"
        return f"{self.captured} of {self.wire_length} bytes"


def fix_lines(fixes: tuple[Fix, ...]) -> list[str]:
    """What would have matched, a line each, with what else it takes in."""
    width = max((len(fix.text) for fix in fixes), default=0)
    heads = ("  fix   ", "        ")
    return [
        f"{heads[number > 0]}{fix.text:<{width}}{f'    {fix.why}' if fix.why else ''}".rstrip()
        for number, fix in enumerate(fixes)
    ]


def why(
    query: q.Query,
    settings: Settings,
    matches: Matcher,
    packet: bytes,
    *,
    text: str | None = None,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
) -> Why:
    """What the query makes of the packet.

    matches: the compiled query.  text: the filter that the query's spans refer to.
    """
    length = len(packet) if wire_length is None else wire_length
    words = dict(metadata or {})
    given = frozenset(words)
    words.setdefault("random", getrandbits(32))  # one draw, for the tree and for the program
    matched = matches(packet, length, words)
    facts = Facts(packet, length, words)
    headers = Headers(
        Builder(), settings.target, settings.link, settings.savefile, frozenset(settings.through)
    )
    context = Context(headers, settings.options)
    root = evaluated(query, context, facts, settings.through)
    layers = layers_of(headers, facts)
    case = Case(query, settings, text, facts, layers, root, context, given)
    cause, fixes = (None, ()) if matched else cause_and_fixes(case)
    if matched and root.outcome is not Outcome.TRUE:
        cause = _certain_anyway(case)
    tree = clause_tree(root, text, facts, layers, case.where)
    return Why(matched, tree, packet_line(layers), length, len(packet), cause, fixes)


def _certain_anyway(case: Case) -> str:
    ended = next(step for step in every(case.root) if step.outcome is Outcome.ENDED)
    return (
        f"The packet is cut inside `{case.words(ended)}`, but it would match whatever was cut "
        "off, so the program takes it; without the optimiser (-O) it is rejected."
    )
