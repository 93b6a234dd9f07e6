"""What a program costs: instructions, executed ones, time, size inside the kernel.

    (000) ldh  [12]                 executed   1000
    (001) jeq  #0x86dd  jt 3 jf 2              1000
    (002) ld   [x + 16]                         200      1000 + 1000 + 200 + 1000 executed,
    (003) ret  #0                              1000      1200 loads, 3600 ns for 1000

Prices are those of the kernel's translation, measured on Linux 6.18, x86-64: a load at a fixed
place is inline, a load behind X is a call, everything else is a machine instruction or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bpfq.backends.cbpf.visits import visits
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY_BASE, LINK_BASE, SockFilter
from bpfq.isa.cbpf.size import converted_size
from bpfq.opt.profile import Profile
from bpfq.record import record

# Tenths of a nanosecond.
_LOAD: Final = 10  # inline
_CALL: Final = 100  # a load behind X, or from a header before byte 0
_OTHER: Final = 3
_LOADS: Final = opcodes.ABSOLUTE_LOADS | opcodes.INDIRECT_LOADS | {opcodes.LOADX_HEADER_LENGTH}


@record
class Cost:
    """What a program costs.

    instructions: static.  worst: executed by one packet at most.  converted: eBPF instructions in
    the kernel.  Summed over the packets of a profile, each times its weight: executed
    instructions, loads of packet bytes, price in tenths of a nanosecond.  packets: those weights.
    """

    instructions: int
    worst: int
    converted: int
    executed: int
    loads: int
    price: int
    packets: int


def cost(words: Sequence[SockFilter], profile: Profile) -> Cost:
    """Every figure of a program that the kernel would accept."""
    counts = visits(words, profile)
    return Cost(
        instructions=len(words),
        worst=longest_path(words),
        converted=converted_size(words),
        executed=sum(counts),
        loads=sum(n for n, word in zip(counts, words, strict=True) if loads_packet(word)),
        price=sum(n * price(word) for n, word in zip(counts, words, strict=True)),
        packets=sum(profile.weights),
    )


def loads_packet(word: SockFilter) -> bool:
    """The instruction reads bytes of the packet; metadata is not packet."""
    if word.code in opcodes.ABSOLUTE_LOADS:
        return word.k < ANCILLARY_BASE
    return word.code in _LOADS


def price(word: SockFilter) -> int:
    """What one execution takes in tenths of a nanosecond."""
    if word.code in opcodes.INDIRECT_LOADS:
        return _CALL
    if word.code not in _LOADS or word.k >= ANCILLARY_BASE:
        return _OTHER
    return _CALL if word.k >= LINK_BASE else _LOAD


def longest_path(words: Sequence[SockFilter]) -> int:
    """The most instructions that one packet can execute; the program only jumps forward."""
    ahead = [0] * (len(words) + 1)
    for at in range(len(words) - 1, -1, -1):
        code, jt, jf, k = words[at]
        if code in opcodes.CONDITIONAL_JUMPS:
            ahead[at] = 1 + max(ahead[at + 1 + jt], ahead[at + 1 + jf])
        elif code == opcodes.JUMP:
            ahead[at] = 1 + ahead[at + 1 + k]
        else:
            ahead[at] = 1 if code in opcodes.RETURNS else 1 + ahead[at + 1]
    return ahead[0]
