"""Whether the kernel takes a classic program: the rules of its checker, with reasons.

The kernel answers EINVAL and nothing else.  Source: bpf_check_classic and check_load_and_stores of
net/core/filter.c, Linux 6.18.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.errors import FilterError, LimitError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY, ANCILLARY_BASE, SCRATCH_WORDS, SockFilter
from bpfq.operators import WORD_BITS

MAX_INSTRUCTIONS: Final = 4096  # BPF_MAXINSNS of <linux/bpf_common.h>

_ALL_STORED: Final = (1 << SCRATCH_WORDS) - 1
_ANCILLARY_OFFSETS: Final = frozenset(ANCILLARY.values())


def check(words: Sequence[SockFilter], *, limit: int = MAX_INSTRUCTIONS) -> None:
    """Accept exactly the programs that the kernel attaches, apart from memory limits.

    ``limit`` is the greatest number of instructions.  Raises LimitError for a longer program and
    FilterError for the first instruction that breaks a rule.
    """
    if not words:
        raise FilterError("the program is empty: it needs at least a ret")
    if len(words) > limit:
        raise LimitError(f"the program has {len(words)} instructions: at most {limit} are allowed")
    for pc, word in enumerate(words):
        fault = _fault(word, len(words) - pc - 1)
        if fault is not None:
            raise FilterError(f"instruction {pc}: {fault}")
    if words[-1].code not in opcodes.RETURNS:
        raise FilterError(f"instruction {len(words) - 1}: the last one must be a ret")
    _check_scratch(words)


def _fault(word: SockFilter, following: int) -> str | None:
    """What is wrong with one word that ``following`` words follow, or None."""
    code, k = word.code, word.k
    if code not in opcodes.KNOWN:
        return f"unknown opcode 0x{code:x}"
    if code in opcodes.DIVISIONS and k == 0:
        return "division by the constant 0: the divisor must be 1 or more"
    if code in opcodes.SHIFTS and k >= WORD_BITS:
        return f"shift by {k}: at most {WORD_BITS - 1} bits"
    if code in opcodes.SCRATCH_LOADS | opcodes.STORES and k >= SCRATCH_WORDS:
        return f"no scratch word M[{k}]: the last is M[{SCRATCH_WORDS - 1}]"
    if code == opcodes.JUMP and k >= following:
        return _far(k, following)
    if code in opcodes.CONDITIONAL_JUMPS and max(word.jt, word.jf) >= following:
        return _far(max(word.jt, word.jf), following)
    if code in opcodes.ABSOLUTE_LOADS and k >= ANCILLARY_BASE and k not in _ANCILLARY_OFFSETS:
        return f"no metadata at offset {k - ANCILLARY_BASE}: a multiple of 4 up to 60"
    return None


def _far(skip: int, following: int) -> str:
    if skip >= 1 << (WORD_BITS - 1):
        return "jump back: the kernel only jumps forward"
    return f"jump over {skip} instructions: at most {max(following - 1, 0)} stay in the program"


def _check_scratch(words: Sequence[SockFilter]) -> None:
    """Refuse a read of M[n] that may come before its store, as the kernel sees it.

    The kernel walks the words once, in order.  After a jump it believes every M[n] stored until
    the next jump target says less, but a ret changes nothing: the words behind it inherit
    what was stored in front of it, though they are only reached by jumps.
    """
    at_target = [_ALL_STORED] * len(words)
    stored = 0
    for pc, (code, jt, jf, k) in enumerate(words):
        stored &= at_target[pc]
        if code in opcodes.STORES:
            stored |= 1 << k
        elif code in opcodes.SCRATCH_LOADS and not stored >> k & 1:
            raise FilterError(
                f"instruction {pc}: M[{k}] is read but not stored on every way here, "
                "as the kernel counts: store it in front"
            )
        elif code == opcodes.JUMP or code in opcodes.CONDITIONAL_JUMPS:
            for skip in (k,) if code == opcodes.JUMP else (jt, jf):
                at_target[pc + 1 + skip] &= stored
            stored = _ALL_STORED
