"""Decision graph -> blocks: the code of every test, and where each edge enters the next one.

Walks the tests in topological order with what A, X and M[] hold at the end of each.  An edge whose
registers already hold what a test would load enters behind the load; code that no edge reaches is
cut off.
"""

from __future__ import annotations

from bpfq.backends.cbpf.expression import Emitter, Entry
from bpfq.backends.cbpf.scratch import plan
from bpfq.graph.nodes import Node, Test
from bpfq.graph.terms import Constant, Term
from bpfq.graph.walk import topological
from bpfq.isa.cbpf.instructions import Instruction
from bpfq.record import record


@record
class Block:
    """The code of a test without its final jump, and its successors with their entry points."""

    test: Test
    code: tuple[Instruction, ...]
    by_x: bool  # the final jump compares A with X
    yes: Label
    no: Label


@record
class Label:
    node: Node
    entry: int  # instructions of its code that are skipped


@record(frozen=False)
class _State:
    a: Term | None
    x: Term | None
    memory: dict[int, Term]


def select(root: Node, late_entries: bool) -> dict[Node, Block]:
    """The block of every test, in topological order; the root is entered at its start."""
    order = topological(root)
    slots = plan(order)
    arriving: dict[Node, list[tuple[Test | None, _State]]] = {
        root: [(None, _State(None, None, {}))]
    }
    emitters: dict[Node, Emitter] = {}
    by_x: dict[Node, bool] = {}
    entered: dict[tuple[Test | None, Node], int] = {}
    for test in order:
        edges = arriving.pop(test)
        emitter = Emitter(slots, _common_memory(edges), late_entries)
        by_x[test] = emitter.comparison(test.term, test.operand)
        emitters[test] = emitter
        x_after = _enter(test, edges, emitter, entered)
        state = _State(emitter.a if late_entries else None, x_after, emitter.memory)
        for successor in {test.yes: None, test.no: None}:
            arriving.setdefault(successor, []).append((test, state))
    return _blocks(order, emitters, by_x, entered)


def _common_memory(edges: list[tuple[Test | None, _State]]) -> dict[int, Term]:
    common = dict(edges[0][1].memory)
    for _, state in edges[1:]:
        if state.memory is not edges[0][1].memory:
            common = {s: term for s, term in common.items() if state.memory.get(s) is term}
    return common


def _enter(
    test: Test,
    edges: list[tuple[Test | None, _State]],
    emitter: Emitter,
    entered: dict[tuple[Test | None, Node], int],
) -> Term | None:
    """Choose the entry of every edge; returns what X holds behind the test."""
    last_write = emitter.x_set_at
    held: list[Term | None] = []
    for source, state in edges:
        position = _latest(emitter.entries, state) if emitter.late_entries else 0
        entered[source, test] = position
        passes = last_write is None or position >= last_write
        held.append(state.x if passes else emitter.x)
    same = all(term is held[0] for term in held)
    return held[0] if same and emitter.late_entries else None


def _latest(entries: list[Entry], state: _State) -> int:
    return max(entry.position for entry in entries if _holds(state, entry))


def _holds(state: _State, entry: Entry) -> bool:
    return (
        (entry.a is None or entry.a is state.a)
        and (entry.x is None or entry.x is state.x)
        and all(state.memory.get(slot) is term for slot, term in entry.memory.items())
    )


def _blocks(
    order: list[Test],
    emitters: dict[Node, Emitter],
    by_x: dict[Node, bool],
    entered: dict[tuple[Test | None, Node], int],
) -> dict[Node, Block]:
    first: dict[Node, int] = {}
    for (_, node), position in entered.items():
        first[node] = min(position, first.get(node, position))

    def label(source: Test, node: Node) -> Label:
        return Label(node, entered[source, node] - first[node] if node in first else 0)

    return {
        test: Block(
            test,
            tuple(emitters[test].code[first[test] :]),
            by_x[test],
            label(test, test.yes),
            label(test, test.no),
        )
        for test in order
    }


def jump_value(test: Test) -> int:
    """The constant that a test's final jump compares with."""
    return test.operand.value if isinstance(test.operand, Constant) else 0
