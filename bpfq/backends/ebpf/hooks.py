"""What a program finds at each hook: its context, the packet behind it, and what it may return.

Offsets are bytes into struct xdp_md, struct __sk_buff and struct bpf_nf_ctx of <linux/bpf.h> and
<linux/netfilter.h>; the kernel turns them into its own when it loads the program.
"""

from __future__ import annotations

from typing import Final, Literal

from bpfq.isa.cbpf.instructions import ANCILLARY
from bpfq.record import record, replace


@record
class Word:
    """A metadata word: where the context has it, and its bytes; packet_order: big endian.

    helper: the kernel function that returns it, where the context does not have it.
    """

    offset: int = 0
    size: int = 4
    packet_order: bool = False
    helper: str | None = None


@record
class HookFacts:
    """packet, end: where the context has the packet's start and its end, None for neither.

    length: where it has the packet's length.  beyond: how bytes are reached that do not lie between
    the two, "pulled" there, "copied" to the stack or "sliced"; None where there are none.  legacy: LD_ABS and
    LD_IND work.  metadata: by the names of the packet machine's ancillary words.  big_endian: the
    machine has the byte order of packets.  alone: no packet interrupts another on the same CPU.
    """

    packet: int | None
    end: int | None
    length: int | None
    beyond: Literal["pulled", "copied", "sliced"] | None
    legacy: bool
    metadata: dict[str, Word]
    big_endian: bool = False
    alone: bool = False


_RANDOM: Final = {
    "random": Word(helper="get_prandom_u32"),
    "cpu": Word(helper="get_smp_processor_id"),
}
_SKB: Final = {
    "type": Word(4), "mark": Word(8), "queue": Word(12), "proto": Word(16, 2, True),
    "vlanp": Word(20), "vlan_tci": Word(24), "vlan_tpid": Word(28, 2, True), "ifidx": Word(40),
    "rxhash": Word(68), **_RANDOM,
}  # fmt: skip

HOOKS: Final = {
    "socket": HookFacts(None, None, 0, "copied", True, _SKB),
    "xdp": HookFacts(0, 4, None, None, False, {"ifidx": Word(12), **_RANDOM}, alone=True),
    "tc": HookFacts(76, 80, 0, "pulled", True, _SKB, alone=True),
    "cgroup_skb": HookFacts(76, 80, 0, "copied", False, _SKB),
    "netfilter": HookFacts(None, None, None, "sliced", False, _RANDOM),
}

NAMES: Final = {offset: name for name, offset in ANCILLARY.items()}


def hook_facts(hook: str, byteorder: str) -> HookFacts:
    """byteorder: "little" or "big", that of the machine that runs the program."""
    return replace(HOOKS[hook], big_endian=True) if byteorder == "big" else HOOKS[hook]
