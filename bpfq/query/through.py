"""``through``: let every layer-3 test also look below encapsulations, Query -> Query.

    ip          =>    ip or (vlan and ip under vlan) or ...

Each test is rewritten by itself into an ``or`` over the encapsulations asked for, in any
combination and order that can occur, up to two tags, three labels and one tunnel.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import cast

from bpfq.errors import FilterError
from bpfq.query import nodes as q
from bpfq.source import Suggestion, nearest

THROUGH = ("vlan", "qinq", "mpls", "pppoe", "vxlan", "geneve", "gre", "ipip")
_TUNNELS = ("vxlan", "geneve", "gre", "ipip")
_LABELS_AT_MOST = 3
_LAYER3 = (
    q.Protocol, q.ProtocolNumber, q.ProtocolChain, q.Address4, q.Address6, q.Port, q.Broadcast,
    q.Multicast, q.Compare,
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
    return _rewrite(query, _stacks(frozenset(through)))


def _stacks(through: frozenset[str]) -> tuple[q.Under, ...]:
    """Every sequence of encapsulations to look below, the shallowest first."""
    links = _link_stacks(through)
    stacks = list(links)
    for tunnel in (word for word in _TUNNELS if word in through):
        inner = [()] if tunnel == "ipip" else links
        stacks += [(*outer, tunnel, *below) for outer, below in product(links, inner)]
    return tuple(sorted(set(stacks) - {()}, key=lambda stack: (len(stack), stack)))


def _link_stacks(through: frozenset[str]) -> list[q.Under]:
    tags: list[q.Under] = [()]
    if through & {"vlan", "qinq"}:
        tags.append(("vlan",))
    if "qinq" in through:
        tags.append(("vlan", "vlan"))
    shims: list[q.Under] = [()]
    if "pppoe" in through:
        shims.append(("pppoes",))
    labels: list[q.Under] = [()]
    if "mpls" in through:
        labels += [("mpls",) * depth for depth in range(1, _LABELS_AT_MOST + 1)]
    return [tag + shim + label for tag, shim, label in product(tags, shims, labels)]


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
    alternatives = [node]
    for stack in stacks:
        moved = _under(node, stack)
        if moved is not None:
            shims = [q.Encapsulation(word, None, stack[:depth]) for depth, word in enumerate(stack)]
            alternatives.append(q.And((*shims, moved), span=getattr(node, "span", None)))
    return q.Or(tuple(alternatives), span=getattr(node, "span", None))


def _under(node: q.Query, stack: q.Under) -> q.Query | None:
    """The test behind a stack, or None where nothing can be told there."""
    if "mpls" in stack[-1:] and not _tells_behind_labels(node):
        return None
    if isinstance(node, q.Compare):
        return replace(
            node, left=_value_under(node.left, stack), right=_value_under(node.right, stack)
        )
    return cast(q.Query, replace(node, under=stack))  # type: ignore[arg-type]  # every leaf here has it


def _tells_behind_labels(node: q.Query) -> bool:
    """Only IP can be recognised behind an MPLS label."""
    match node:
        case q.Protocol(name):
            return name not in (
                "arp", "rarp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso",
                "stp", "ipx", "netbeui", "esis", "isis", "clnp", "l1", "l2", "iih", "lsp", "snp",
                "csnp", "psnp",
            )  # fmt: skip
        case q.ProtocolNumber(layer=layer):
            return layer in ("ip", "ip6", "inet")
        case q.Address4(protocol=protocol):
            return protocol in (None, "ip")
        case _:
            return True


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
