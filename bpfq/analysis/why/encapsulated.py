"""Tags, labels, sessions and tunnels that a clause does not look behind, or looks for in vain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.why.clauses import Outcome, Step, every, to_blame
from bpfq.analysis.why.fixes import Case, Guess, Trial, other_filter, pcap_text, through
from bpfq.analysis.why.layers import SHIMS, TUNNELS
from bpfq.query import build
from bpfq.query import nodes as q
from bpfq.query.walk import map_leaves, map_unders, operands, unders
from bpfq.tables import protocols as p

_WORDS: Final = {"vlan": "vlan", "mpls": "mpls", "pppoe": "pppoes"}  # kind -> pcap keyword
_KINDS: Final = {word: kind for kind, word in _WORDS.items()}
_SHIM_TYPES: Final = (*p.TAG_TYPES, p.ETHERTYPE_MPLS, p.ETHERTYPE_PPPOES)
_NAMES: Final = {"vlan": "VLAN tag", "mpls": "MPLS label", "pppoe": "PPPoE session"}
_TUNNEL_NAMES: Final = {"vxlan": "VXLAN", "geneve": "Geneve", "gre": "GRE", "ipip": "IP-in-IP"}
_COUNTS: Final = ("no", "one", "two", "three")


# ---------------------------------------------------------------- shims in the way


def hidden_by_shims(case: Case) -> Iterator[Guess]:
    """A clause asked a frame's type and met that of a tag, a label or a session."""
    shims = _shims(case)
    for step in to_blame(case.root):
        if step.outcome is Outcome.FALSE and _met_a_shim(step, case):
            passed = min(_passed(step, case), len(shims) - 1)
            kinds = shims[passed:]
            yield Guess(
                f"The frame {_description(shims)}; `{case.words(step)}` {_looks(kinds, passed)}",
                _behind_shims(case, shims, kinds),
                otherwise=f", and behind {_pronoun(kinds)} the filter does not match either",
            )


def _shims(case: Case) -> list[str]:
    """The kinds of shims before the network header, outermost first."""
    kinds = []
    for layer in case.outer:
        if layer.kind in SHIMS:
            kinds.append(layer.kind)
        elif layer.kind != "link":
            break
    return kinds


def _met_a_shim(step: Step, case: Case) -> bool:
    if not _shims(case):
        return False
    return any(
        not one.holds and case.facts.value(one.atom.term) in _SHIM_TYPES
        for one in step.decision.because
    )


def _passed(step: Step, case: Case) -> int:
    """Shims that the clause looks behind."""
    leaf = step.leaf
    words = next(iter(unders(leaf)), ()) if leaf is not None else ()
    tags = 2 if "qinq" in case.settings.through else int("vlan" in case.settings.through)
    return max(sum(word in _KINDS for word in words), min(tags, _shims(case).count("vlan")))


def _description(kinds: Sequence[str]) -> str:
    """Is VLAN-tagged, carries an MPLS label, ..."""
    tags, labels = kinds.count("vlan"), kinds.count("mpls")
    said = []
    if tags:
        said.append("is VLAN-tagged" if tags == 1 else f"has {_count(tags)} VLAN tags (QinQ)")
    if "pppoe" in kinds:
        said.append("is a PPPoE session")
    if labels:
        said.append("carries an MPLS label" if labels == 1 else f"carries {labels} MPLS labels")
    return " and ".join(said)


def _count(number: int) -> str:
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def _looks(kinds: Sequence[str], passed: int) -> str:
    if passed:
        return f"looks behind {_count(passed)} of them only"
    return "looks only at untagged frames" if set(kinds) == {"vlan"} else "does not look behind it"


def _pronoun(kinds: Sequence[str]) -> str:
    if len(kinds) > 1:
        return "them"
    return f"the {_NAMES[kinds[0]].split()[-1]}"


def _behind_shims(case: Case, shims: list[str], kinds: list[str]) -> tuple[Trial, ...]:
    only, also = ("tagged only", "tagged and untagged")
    if set(shims) != {"vlan"}:
        only, also = ("only behind these headers", "with and without these headers")
    if any(step.leaf is not None and _is_shim(step.leaf) for step in every(case.root)):
        also = ""  # the filter asks for them itself
    return (
        *other_filter(case, _reordered(case), only),
        *other_filter(case, _prefixed(case, [_WORDS[kind] for kind in kinds]), only),
        *through(case, _options(shims), also),
    )


def _options(shims: Sequence[str]) -> list[str]:
    """The words of ``through`` that look behind the shims."""
    tags = shims.count("vlan")
    words = ["vlan"] if tags == 1 else ["qinq"] if tags else []
    return [*words, *dict.fromkeys(kind for kind in shims if kind != "vlan")]


def _prefixed(case: Case, words: list[str]) -> str | None:
    """The filter behind more keywords, which move all that follows."""
    text = case.whole_text()
    if text is None:
        return None
    mixed = any(isinstance(step.node, q.Or | q.When) for step in every(case.root))
    return " and ".join([*words, f"({text})" if mixed else text])


def _reordered(case: Case) -> str | None:
    """A filter with ``vlan`` and its kind in front, where it comes too late.

    ip and vlan 7  ->  vlan 7 and ip
    """
    if not isinstance(case.query, q.And):
        return None
    parts = case.query.operands
    first = [part for part in parts if _is_shim(part)]
    if not first or _is_shim(parts[0]):
        return None
    words = tuple(part.kind for part in first if isinstance(part, q.Encapsulation))
    rest = [map_unders(part, lambda under: words) for part in parts if not _is_shim(part)]
    return pcap_text(build.all_of(*first, *rest))


def _is_shim(part: q.Query) -> bool:
    return isinstance(part, q.Encapsulation) and part.kind in _KINDS


# ---------------------------------------------------------------- shims that are not there


def missing_shim(case: Case) -> Iterator[Guess]:
    """``vlan`` and its kind on a frame that has none, or not as many, or another number."""
    for step in to_blame(case.root):
        leaf = step.leaf
        if step.outcome is not Outcome.FALSE or not isinstance(leaf, q.Encapsulation):
            continue
        kind = _KINDS.get(leaf.kind)
        if kind is None:
            continue
        words, name = case.words(step), _NAMES[kind]
        there = [layer.number for layer in case.outer if layer.kind == kind]
        before = leaf.under.count(leaf.kind)
        if not there:
            yield Guess(f"The frame has no {name}; `{words}` wants one", _without(case, leaf.kind))
        elif len(there) <= before:
            yield Guess(
                f"The frame has {_count(len(there))} {name}; `{words}` stands behind another "
                f"`{leaf.kind}` and wants one more",
                other_filter(case, _alternatives(case)),
            )


def _without(case: Case, kind: str) -> tuple[Trial, ...]:
    """The filter without the keyword and its effect on what follows."""

    def bare(leaf: q.Leaf) -> q.Query:
        if isinstance(leaf, q.Encapsulation) and leaf.kind == kind:
            return build.everything()
        return map_unders(leaf, lambda under: tuple(word for word in under if word != kind))

    rest = map_leaves(case.query, bare)
    if isinstance(rest, q.And):
        rest = build.all_of(*(part for part in rest.operands if part != build.everything()))
    if rest == build.everything():
        return ()
    return other_filter(case, pcap_text(rest), "untagged only" if kind == "vlan" else "")


def _alternatives(case: Case) -> str | None:
    """A choice of tags, of which only the first is the outermost.

    vlan 10 or vlan 20  ->  vlan and (ether[14:2] & 0xfff = 10 or ether[14:2] & 0xfff = 20)
    """
    if case.settings.link.name != "EN10MB" or not isinstance(case.query, q.Or):
        return None
    numbers = [
        part.identifier
        for part in operands(case.query)
        if isinstance(part, q.Encapsulation) and part.kind == "vlan"
    ]
    if None in numbers or len(numbers) != len(case.query.operands):
        return None
    tests = " or ".join(f"ether[14:2] & 0xfff = {number}" for number in numbers)
    return f"vlan and ({tests})"


# ---------------------------------------------------------------- tunnels


def in_a_tunnel(case: Case) -> Iterator[Guess]:
    """What the filter asks for is there, but inside."""
    tunnels = [layer.kind for layer in case.layers if layer.kind in TUNNELS]
    failed = [step for step in to_blame(case.root) if step.outcome is Outcome.FALSE]
    if not tunnels or not failed:
        return
    tunnel = tunnels[0]
    prefix = [tunnel] if tunnel in ("vxlan", "geneve") else []
    name = _TUNNEL_NAMES[tunnel]
    yield Guess(
        f"The packet is a tunnel ({name}); `{case.words(failed[0])}` looks only at the outer "
        "headers",
        (
            *(other_filter(case, _prefixed(case, prefix), "inside only") if prefix else ()),
            *through(case, [*_options(_shims(case)), tunnel], "outside and inside"),
        ),
        certain=False,
    )
