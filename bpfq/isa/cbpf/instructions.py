"""One small type for each instruction shape of the classic packet machine.

The machine has an accumulator A, an index register X and sixteen scratch words M[0] to M[15], all
unsigned 32 bits and zero at the start.  Multi-byte loads are big endian.  Offsets and lengths are
bytes; skips are instructions, counted from the one that follows.  Source: McCanne and Jacobson,
"The BSD Packet Filter", USENIX 1993; <linux/filter.h>, <linux/bpf_common.h>.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from bpfq.operators import Operator, Relation
from bpfq.record import record

SCRATCH_WORDS: Final = 16  # BPF_MEMWORDS of <linux/filter.h>
ANCILLARY_BASE: Final = 0xFFFF_F000  # SKF_AD_OFF: absolute loads from here ask for metadata
NETWORK_BASE: Final = 0xFFF0_0000  # SKF_NET_OFF: offsets from here count from the network header
LINK_BASE: Final = 0xFFE0_0000  # SKF_LL_OFF: offsets from here count from the link header

# Metadata of the packet by absolute offset; SKF_AD_* of <linux/filter.h>, names as libpcap
# prints them.
ANCILLARY: Final[dict[str, int]] = {
    "proto": ANCILLARY_BASE + 0,
    "type": ANCILLARY_BASE + 4,
    "ifidx": ANCILLARY_BASE + 8,
    "nla": ANCILLARY_BASE + 12,
    "nlan": ANCILLARY_BASE + 16,
    "mark": ANCILLARY_BASE + 20,
    "queue": ANCILLARY_BASE + 24,
    "hatype": ANCILLARY_BASE + 28,
    "rxhash": ANCILLARY_BASE + 32,
    "cpu": ANCILLARY_BASE + 36,
    "xor_x": ANCILLARY_BASE + 40,
    "vlan_tci": ANCILLARY_BASE + 44,
    "vlanp": ANCILLARY_BASE + 48,
    "poff": ANCILLARY_BASE + 52,
    "random": ANCILLARY_BASE + 56,
    "vlan_tpid": ANCILLARY_BASE + 60,
}


class SockFilter(NamedTuple):
    """One instruction as the kernel takes it: struct sock_filter, 16, 8, 8 and 32 bits."""

    code: int
    jt: int
    jf: int
    k: int


@record
class LoadAbsolute:
    """A = the size bytes of the packet at offset; size is 1, 2 or 4."""

    offset: int
    size: int


@record
class LoadIndirect:
    """A = the size bytes of the packet at X + offset; size is 1, 2 or 4."""

    offset: int
    size: int


@record
class LoadImmediate:
    """A = value."""

    value: int


@record
class LoadLength:
    """A = the length of the packet."""


@record
class LoadScratch:
    """A = M[slot]."""

    slot: int


@record
class LoadXImmediate:
    """X = value."""

    value: int


@record
class LoadXLength:
    """X = the length of the packet."""


@record
class LoadXScratch:
    """X = M[slot]."""

    slot: int


@record
class LoadXHeaderLength:
    """X = 4 * (the low four bits of the byte at offset): the length of an IPv4 header."""

    offset: int


@record
class StoreA:
    """M[slot] = A."""

    slot: int


@record
class StoreX:
    """M[slot] = X."""

    slot: int


@record
class Alu:
    """A = A operator value."""

    operator: Operator
    value: int


@record
class AluX:
    """A = A operator X."""

    operator: Operator


@record
class Negate:
    """A = -A."""


@record
class Tax:
    """X = A."""


@record
class Txa:
    """A = X."""


@record
class Jump:
    """Skip the next skip instructions; a negative skip goes back, which only libpcap runs."""

    skip: int


@record
class JumpIf:
    """Skip skip_true instructions if A relation value holds, else skip_false."""

    relation: Relation
    value: int
    skip_true: int
    skip_false: int


@record
class JumpIfX:
    """Skip skip_true instructions if A relation X holds, else skip_false."""

    relation: Relation
    skip_true: int
    skip_false: int


@record
class Return:
    """End with value: the bytes of the packet to keep, 0 to reject it."""

    value: int


@record
class ReturnA:
    """End with A: the bytes of the packet to keep, 0 to reject it."""


@record
class Raw:
    """A word that no other shape stands for: an unknown opcode, or a value in an unused field."""

    code: int
    jt: int
    jf: int
    k: int


Load: TypeAlias = LoadAbsolute | LoadIndirect | LoadImmediate | LoadLength | LoadScratch
LoadX: TypeAlias = LoadXImmediate | LoadXLength | LoadXScratch | LoadXHeaderLength
Store: TypeAlias = StoreA | StoreX
Arithmetic: TypeAlias = Alu | AluX | Negate | Tax | Txa
Control: TypeAlias = Jump | JumpIf | JumpIfX | Return | ReturnA
Instruction: TypeAlias = Load | LoadX | Store | Arithmetic | Control | Raw
