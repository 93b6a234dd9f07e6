"""``through``: let every layer-3 test also look below encapsulations, Query -> Query.

    ip          =>    ip under *                                     shims: tags, PPPoE, labels
    ip          =>    ip under * or (vxlan under * and ip under * vxlan *)     and a tunnel

The word ``*`` stands for whatever shims a frame has; ``headers.peel`` says how it is passed.  A
tunnel adds an alternative of its own to each test; one tunnel deep.
"""

from __future__ import annotations

from bpfq.errors import FilterError
from bpfq.query import nodes as q
from bpfq.record import replace
from bpfq.source import Suggestion, nearest

THROUGH = ("vlan", "qinq", "mpls", "pppoe", "vxlan", "geneve", "gre", "ipip")
_TUNNELS = ("vxlan", "geneve", "gre", "ipip")
_LAYER3 = (
    q.Protocol, q.ProtocolNumber, q.ProtocolChain, q.Address4, q.Address6, q.Port, q.InSet,
    q.Broadcast, q.Multicast, q.Compare,
)  # fmt: skip


def look_through(query: q.Query, through: tuple[str, ...]) -> q.Query:
    """The query with every layer-3 test widened; raises FilterError for an unknown word."""
    for word in through:
        if word not in THROUGH:
            close = nearest(word, THROUGH)
            raise FilterError(
                f"cannot look through '{word}'; known are {', '.join(THROUGH)}",
                suggestions=(Suggestion(f"--through {close}"),) if close else (),
            )
    if not through:
        return query
    return _rewrite(query, _stacks(through))


def _stacks(through: tuple[str, ...]) -> tuple[q.Under, ...]:
    """The places to look at: behind the shims, and behind each tunnel and the shims inside."""
    shims = ("*",) if any(word not in _TUNNELS for word in through) else ()
    tunnels = [(*shims, tunnel, *shims) for tunnel in _TUNNELS if tunnel in through]
    return (shims, *tunnels)


def _rewrite(query: q.Query, stacks: tuple[q.Under, ...]) -> q.Query:
    results: list[q.Query] = []
    work: list[tuple[q.Query, bool]] = [(query, False)]
    while work:
        node, ready = work.pop()
        match node:
            case q.And(operands) | q.Or(operands) if ready:
                parts = tuple(results[-len(operands) :])
                del results[-len(operands) :]
                results.append(replace(node, operands=parts))
            case q.And(operands) | q.Or(operands):
                work.append((node, True))
                work.extend((part, False) for part in reversed(operands))
            case q.Not() if ready:
                results.append(replace(node, operand=results.pop()))
            case q.Not(operand):
                work += [(node, True), (operand, False)]
            case q.When() if ready:
                then_and_else = results[-2:]
                condition = results[-3]
                del results[-3:]
                results.append(q.When(condition, *then_and_else, span=node.span))
            case q.When(condition, then, otherwise):
                work += [(node, True), (otherwise, False), (then, False), (condition, False)]
            case _:
                results.append(_widen(node, stacks) if _is_layer3(node) else node)
    return results[0]


def _is_layer3(node: q.Query) -> bool:
    match node:
        case q.Broadcast(layer="link") | q.Multicast(layer="link"):
            return False
        case q.InSet(members=q.NamedSet(kind="mac")):
            return False
        case q.Compare(left=left, right=right):
            return _reads_layer3(left) or _reads_layer3(right)
        case _:
            return isinstance(node, _LAYER3) and not node.under


def _reads_layer3(value: q.Value) -> bool:
    match value:
        case q.Index(protocol=word, under=under):
            return word not in ("link", "radio") and not under
        case q.FieldValue(name, under):
            return not name.startswith("ether.") and not under
        case q.Arithmetic(left=left, right=right):
            return _reads_layer3(left) or _reads_layer3(right)
        case q.Negative(operand):
            return _reads_layer3(operand)
        case _:
            return False


def _widen(node: q.Query, stacks: tuple[q.Under, ...]) -> q.Query:
    span = getattr(node, "span", None)
    alternatives = []
    for stack in stacks:
        moved = _under(node, stack)
        tunnels = [
            q.Encapsulation(word, None, stack[:depth])
            for depth, word in enumerate(stack)
            if word in _TUNNELS
        ]
        alternatives.append(q.And((*tunnels, moved), span=span) if tunnels else moved)
    return q.Or(tuple(alternatives), span=span) if len(alternatives) > 1 else alternatives[0]


def _under(node: q.Query, stack: q.Under) -> q.Query:
    if isinstance(node, q.Compare):
        left, right = _value_under(node.left, stack), _value_under(node.right, stack)
        return replace(node, left=left, right=right)
    return replace(node, under=stack)  # every leaf here has the field


def _value_under(value: q.Value, stack: q.Under) -> q.Value:
    match value:
        case q.Index(offset=offset):
            return replace(value, offset=_value_under(offset, stack), under=stack)
        case q.FieldValue():
            return replace(value, under=stack)
        case q.Arithmetic(left=left, right=right):
            return replace(value, left=_value_under(left, stack), right=_value_under(right, stack))
        case q.Negative(operand):
            return replace(value, operand=_value_under(operand, stack))
        case _:
            return value
