"""V: tags, labels and tunnels.

vlan 10 or vlan 20     V01   the second one is looked for behind the tag of the first
ip and vlan            V02   the type of an untagged frame, then a tag: never both
ether[14:2] & 0xfff    V03   a live socket gets frames without the tag that this reads
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.analysis.lint.findings import Finding
from bpfq.analysis.lint.places import Place, places
from bpfq.analysis.lint.subject import Subject
from bpfq.compiler import compile_query
from bpfq.errors import BpfqError
from bpfq.operators import Operator
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.dsl_text import to_python
from bpfq.query.nodes import Leaf, Query, Under
from bpfq.query.text import to_pcap
from bpfq.query.walk import (
    SHIFTING,
    behind,
    leaves,
    map_leaves,
    map_unders,
    operands,
    reads,
    unders,
)
from bpfq.record import field, record, replace
from bpfq.source import Suggestion
from bpfq.tables.protocols import ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, TAG_TYPES

_TAG_BYTES = 4  # TPID and TCI, two bytes each, IEEE 802.1Q
_VLAN_ID = 0x0FFF  # of the TCI
_TCI_MASKS = (_VLAN_ID, 0xEFFF, 0xE000, 0x1000)  # also without DEI, priority, DEI
_INNER_TYPES = (ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_ARP, *TAG_TYPES)
_MOST_PLACES = 8  # clauses that one finding points at

# ---------------------------------------------------------------- V01


@record(frozen=False)
class _Walk:
    """Shims in text order, which of them are certain here, and who stands behind which others."""

    shims: list[q.Encapsulation] = field(default_factory=list)
    certain: tuple[int, ...] = ()
    behind: dict[int, list[Leaf]] = field(default_factory=dict)
    intended: dict[int, Under] = field(default_factory=dict)  # id of a leaf -> where it should be


def behind_alternative(subject: Subject) -> Iterator[Finding]:
    """A clause reads behind a shim that need not be there for the clause to be asked."""
    if subject.written is None:
        return  # only text says position by order
    walk = _walked(subject)
    meant = map_leaves(subject.query, lambda leaf: _moved(leaf, walk.intended))
    lost = build.all_of(meant, build.negate(subject.query))
    witness = subject.oracle.example(lost) if walk.behind else None
    for number, affected in walk.behind.items():
        shim, first = walk.shims[number], affected[0]
        yield Finding(
            "V01",
            "warning",
            f"{subject.quoted(first)} is looked for behind the {_NOUNS[shim.kind]} of "
            f"{subject.quoted_at(shim)}: every clause after '{shim.kind}' is",
            subject.spans(*affected, shim),
            suggestions=tuple(_apart(meant)),
            witness=witness,
            shows="does not match as written" if witness is not None else "",
        )


_NOUNS = {
    "vlan": "tag",
    "mpls": "label",
    "pppoes": "session header",
    "geneve": "tunnel header",
    "vxlan": "tunnel header",
}


def _walked(subject: Subject) -> _Walk:
    walk = _Walk()
    work: list[Query | tuple[int, ...]] = [subject.query]  # a node, or what is certain from here on
    while work:
        node = work.pop()
        match node:
            case tuple():
                walk.certain = node
            case q.And(parts):  # what an operand makes certain stays so behind it
                work += reversed(parts)
            case q.Not() | q.Or() | q.When():
                for part in reversed(operands(node)):
                    work += [walk.certain, part]
                    # each alternative starts from what was certain before all of them
            case _:
                _visit(subject, walk, node)
    return walk


def _visit(subject: Subject, walk: _Walk, leaf: Leaf) -> None:
    here = max(unders(leaf), key=len, default=())
    if len(here) == len(walk.shims) > len(walk.certain):
        sure = tuple(walk.shims[n].kind for n in walk.certain)
        blamed = next(n for n in range(len(walk.shims)) if n not in walk.certain)
        affected = walk.behind.get(blamed, [])
        if len(affected) >= _MOST_PLACES or _matters(subject, leaf, sure):
            walk.behind[blamed] = [*affected, leaf][:_MOST_PLACES]
            walk.intended[id(leaf)] = sure
    if isinstance(leaf, q.Encapsulation) and leaf.kind in SHIFTING:
        walk.certain = (*walk.certain, len(walk.shims))
        walk.shims.append(leaf)


def _matters(subject: Subject, leaf: Leaf, sure: Under) -> bool:
    """Whether the clause tests something else there than where it would be read without shims."""
    unlimited = replace(subject.settings.target, limit=None)
    settings = replace(subject.settings, target=unlimited, level=1)
    try:
        moved = map_unders(leaf, lambda _: sure)
        return compile_query(leaf, settings).words != compile_query(moved, settings).words
    except BpfqError:
        return True


def _moved(leaf: Leaf, intended: dict[int, Under]) -> Query:
    under = intended.get(id(leaf))
    return leaf if under is None else map_unders(leaf, lambda _: under)


def _apart(meant: Query) -> Iterator[Suggestion]:
    """The same with every clause on its own: alternatives without shims first, or Python."""
    try:
        yield Suggestion(to_pcap(_shims_last(meant)), "what holds without it first")
    except BpfqError:
        yield Suggestion(to_python(meant), "as a Python filter, where order says nothing")


def _shims_last(query: Query) -> Query:
    """vlan or ip -> ip or vlan; not vlan and ip -> ip and not vlan"""
    match query:
        case q.Or(parts):
            return q.Or(tuple(sorted(parts, key=_has_shim)))
        case q.And(parts):
            return q.And(tuple(sorted(parts, key=lambda p: isinstance(p, q.Not) and _has_shim(p))))
        case _:
            return query


def _has_shim(query: Query) -> bool:
    return any(isinstance(leaf, q.Encapsulation) for leaf in leaves(query))


# ---------------------------------------------------------------- V02


def shim_too_late(subject: Subject) -> Iterator[Finding]:
    """A test of the frame's type before the shim that it excludes."""
    for place in places(subject.query):
        shim = place.node
        if not isinstance(shim, q.Encapsulation) or shim.kind not in SHIFTING:
            continue
        before = place.before() if place.is_short() else []
        excludes = next(
            (
                other
                for other in before
                if not _has_shim(other) and subject.oracle.never(build.all_of(other, shim))
            ),
            None,
        )
        if excludes is not None:
            yield Finding(
                "V02",
                "error",
                f"can never match: {subject.quoted(excludes)} is tested before the "
                f"{_NOUNS.get(shim.kind, 'header')} of {subject.quoted_at(shim)}, and "
                "excludes it",
                subject.spans(excludes, shim),
                suggestions=tuple(_shim_first(place, shim)),
            )


def _shim_first(place: Place, shim: q.Encapsulation) -> Iterator[Suggestion]:
    """ip and vlan and udp -> vlan and ip and udp"""
    parent = place.parent
    if parent is None or not isinstance(parent.node, q.And):
        return
    parts = parent.node.operands
    earlier, later = parts[: place.number], parts[place.number + 1 :]
    if any(_has_shim(part) for part in earlier):
        return
    try:
        moved = (behind(part, (shim.kind,)) for part in earlier)
        yield Suggestion(to_pcap(build.all_of(shim, *moved, *later)), f"'{shim.kind}' first")
    except BpfqError:
        return


# ---------------------------------------------------------------- V03


def tag_in_metadata(subject: Subject) -> Iterator[Finding]:
    """Bytes of a tag, read where the kernel has taken the tag out of the frame."""
    layout = subject.settings.link.layout
    if subject.settings.target.vlan != "metadata" or layout is None or layout.type_at is None:
        return
    for leaf in leaves(subject.query):
        if not isinstance(leaf, q.Compare) or not layout.vlan:
            continue
        better = _tag_test(leaf, layout.type_at)
        if better is not None:
            yield Finding(
                "V03",
                "warning",
                f"{subject.quoted(leaf)} reads bytes of a tag, and a live socket gets "
                "its tag as metadata: the bytes there belong to what follows",
                subject.spans(leaf),
                suggestions=(Suggestion(better, "finds the tag wherever it is"),) if better else (),
            )


def _tag_test(leaf: q.Compare, type_at: int) -> str | None:
    """How to test the tag instead ("" if there is no short way), None if it reads no tag."""
    number = leaf.right.value if isinstance(leaf.right, q.Number) else None
    masked = isinstance(leaf.left, q.Arithmetic) and leaf.left.operator is Operator.AND
    for read in (*reads(leaf.left), *reads(leaf.right)):
        if not isinstance(read, q.Index) or read.protocol != "link":
            continue
        offset = read.offset.value if isinstance(read.offset, q.Number) else -1
        if (offset, read.size) == (type_at, 2) and number in TAG_TYPES:
            return "vlan"
        if (offset, read.size) == (type_at + 2, 2) and masked and _mask(leaf) in _TCI_MASKS:
            short = _mask(leaf) == _VLAN_ID and leaf.relation == "=" and number is not None
            return f"vlan {number}" if short else ""
        if (offset, read.size) == (type_at + _TAG_BYTES, 2) and number in _INNER_TYPES:
            return ""
        if "vlan" in read.under and offset >= type_at:
            return ""
    return None


def _mask(leaf: q.Compare) -> int | None:
    value = leaf.left
    if not isinstance(value, q.Arithmetic):
        return None
    side = next((x for x in (value.right, value.left) if isinstance(x, q.Number)), None)
    return side.value if side is not None else None
