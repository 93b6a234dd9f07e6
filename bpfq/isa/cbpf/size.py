"""How large a classic program becomes inside the kernel, and what it costs the socket.

The kernel never runs classic code: it translates the program to eBPF and charges the socket for
the result.  eBPF instructions for each classic one, where they are not 1:

    start               3, and 4 more with any packet load; metadata is not packet
    ldb [k]             13: an inline load, and a call for what it misses
    ldh [k], ld [k]     14: one more to swap bytes
      k = 0             1 less
      k > 32767         2 more
      k >= 2**31        8: the call alone
    ld [x + k]          9, 8 when k = 0
    ldxb 4*([k]&0xf)    6 more than ldb [k]
    ld [metadata]       1 to 4 by name, see ANCILLARY_SIZES
    jeq jgt jge jset    1; 2 when neither skip is 0, or jset with skip_true = 0 < skip_false;
                        1 more for a constant of 2**31 or more
    div x, mod x        5
    ret #k              2

Source: bpf_convert_filter, convert_bpf_extensions, convert_bpf_ld_abs and sk_filter_charge in
net/core/filter.c.  Every row is measured on Linux 6.18, x86-64, by looking for the longest
program that a socket takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.operators import WORD_BITS, Relation

EBPF_INSTRUCTION_BYTES: Final = 8  # sizeof(struct bpf_insn)
PROGRAM_HEADER_BYTES: Final = 96  # offsetof(struct bpf_prog, insns); 72 before Linux 6.18

ANCILLARY_SIZES: Final[dict[str, int]] = {
    "proto": 2,
    "type": 2,
    "ifidx": 4,
    "nla": 4,
    "nlan": 4,
    "mark": 1,
    "queue": 1,
    "hatype": 4,
    "rxhash": 1,
    "cpu": 4,
    "xor_x": 1,
    "vlan_tci": 1,
    "vlanp": 3,
    "poff": 4,
    "random": 4,
    "vlan_tpid": 2,
}

_START: Final = 3  # A = 0, X = 0, keep the context
_START_PACKET: Final = 4  # where the packet is and how much of it is linear
_CALL: Final = 8  # load by a call, and leave when it fails
_INLINE: Final = 5  # load inline when the linear part has it
_HEADER_LENGTH: Final = 6  # around ldb: save A, mask, shift, X = A, restore A
_DIVISION_GUARD: Final = 4  # leave when X = 0
_MAX_DISPLACEMENT: Final = 0x7FFF  # the offset field of an eBPF load is 16 bits, signed
_NEGATIVE: Final = 1 << (WORD_BITS - 1)
_SIZE_BY_ANCILLARY: Final = {ANCILLARY[name]: size for name, size in ANCILLARY_SIZES.items()}
_SET_CODES: Final = frozenset(
    {opcodes.JUMP_IF[Relation.SET], opcodes.JUMP_IF[Relation.SET] | opcodes.OPERAND_X}
)


def converted_size(words: Sequence[SockFilter]) -> int:
    """The number of eBPF instructions the kernel makes of a program that it accepts."""
    start = _START + (_START_PACKET if any(map(_loads_packet, words)) else 0)
    return start + sum(map(_word_size, words))


def optmem_charge(words: Sequence[SockFilter]) -> int:
    """The bytes a socket is charged for the program.

    Attaching fails with ENOMEM unless the charge, with what the socket already holds, is less than
    net.core.optmem_max.  Where that is set above 256 KiB another limit shows: EINVAL for a jump
    over more than 32767 eBPF instructions.
    """
    return EBPF_INSTRUCTION_BYTES * converted_size(words) + PROGRAM_HEADER_BYTES


def _loads_packet(word: SockFilter) -> bool:
    if word.code in opcodes.ABSOLUTE_LOADS:
        return word.k not in _SIZE_BY_ANCILLARY
    return word.code in opcodes.INDIRECT_LOADS or word.code == opcodes.LOADX_HEADER_LENGTH


def _word_size(word: SockFilter) -> int:
    code, _, _, k = word
    if code in opcodes.ABSOLUTE_LOADS:
        return _SIZE_BY_ANCILLARY.get(k) or _absolute_size(k, swaps=code != opcodes.LOAD_BYTE)
    if code in opcodes.CONDITIONAL_JUMPS:
        return _jump_size(word)
    if code in opcodes.INDIRECT_LOADS:
        return _CALL + (k != 0)
    if code == opcodes.LOADX_HEADER_LENGTH:
        return _HEADER_LENGTH + _absolute_size(k, swaps=False)
    if code in opcodes.DIVISIONS_BY_X:
        return _DIVISION_GUARD + 1
    return 2 if code == opcodes.RETURN else 1


def _absolute_size(k: int, *, swaps: bool) -> int:
    if k >= _NEGATIVE:
        return _CALL
    displacement = 2 if k > _MAX_DISPLACEMENT else 0
    return _CALL + _INLINE + displacement + swaps - (k == 0)


def _jump_size(word: SockFilter) -> int:
    code, jt, jf, k = word
    inverts = jt == 0 and code not in _SET_CODES  # there is no "jump if no bit is set"
    constant = 1 if not code & opcodes.OPERAND_X and k >= _NEGATIVE else 0
    return constant + (1 if jf == 0 or inverts else 2)
