"""What programs return at each hook, by what is to be done with packets that match.

What does not match always passes; on tc the programs behind decide about it (TCX_NEXT).
Source: <linux/bpf.h>, <linux/pkt_cls.h>, <linux/netfilter.h>.
"""

from __future__ import annotations

from typing import Final

from bpfq.backends.ebpf.emit import Verdicts
from bpfq.errors import FilterError
from bpfq.operators import WORD_MASK
from bpfq.source import Suggestion, nearest

DROP, PASS, COUNT, KEEP = "drop", "pass", "count", "keep"

_NEXT: Final = WORD_MASK  # TCX_NEXT and TC_ACT_UNSPEC, -1
_ACTIONS: Final = {
    "xdp": {DROP: Verdicts(1, 2), PASS: Verdicts(2, 2), COUNT: Verdicts(2, 2)},
    "tc": {DROP: Verdicts(2, _NEXT), PASS: Verdicts(0, _NEXT), COUNT: Verdicts(_NEXT, _NEXT)},
    "cgroup_skb": {DROP: Verdicts(0, 1), PASS: Verdicts(1, 1), COUNT: Verdicts(1, 1)},
    "netfilter": {DROP: Verdicts(0, 1), PASS: Verdicts(1, 1), COUNT: Verdicts(1, 1)},
}


def default_action(hook: str) -> str:
    return KEEP if hook == "socket" else PASS


def verdicts(hook: str, action: str, snaplen: int) -> Verdicts:
    """The verdicts of an action; raises FilterError that lists those of the hook.

    snaplen: bytes of a matching packet that a socket keeps.
    """
    if hook == "socket":
        known = {KEEP: Verdicts(snaplen, 0), DROP: Verdicts(0, snaplen)}
    else:
        known = _ACTIONS[hook]
    if action not in known:
        close = nearest(str(action), known)
        raise FilterError(
            f"{action!r} is no action of 'ebpf:{hook}'; the actions are {', '.join(known)}",
            suggestions=(Suggestion(f"--action {close}"),) if close else (),
        )
    return known[action]
