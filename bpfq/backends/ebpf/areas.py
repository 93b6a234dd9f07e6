"""Where on the stack copies of packet bytes lie: one area for the packet's start, one for indices.

The stack is read at aligned addresses only: a copy begins where most of its numbers are aligned.
"""

from __future__ import annotations

from bpfq.backends.ebpf.frame import WORD
from bpfq.backends.ebpf.plan import Plan
from bpfq.backends.ebpf.reach import Base, Load, load, pieces
from bpfq.record import record


@record
class Areas:
    """start: the lowest offset from the frame pointer of the two areas, for the packet and for
    indices.  pads: by area and first byte, how far into the area its copy begins.
    """

    start: tuple[int, int]
    pads: dict[tuple[bool, int], int]

    @property
    def used(self) -> int:
        """Bytes of the stack."""
        return -self.start[1]

    def at(self, base: Base, first: int) -> int:
        """Where the copy that begins with that byte lies, from the frame pointer."""
        return self.start[base is not None] + self.pads[base is not None, first]


def areas(plan: Plan, above: int = 0) -> Areas:
    """Room for the copies of a plan, below what other things take of the stack."""
    read: dict[tuple[bool, int], list[Load]] = {}
    longest: dict[tuple[bool, int], int] = {}
    for number, asked in plan.asked.items():
        found = load(plan.flow.operations[number], plan.webs.read[number])
        assert found is not None
        key = (found.base is not None, asked.first)
        read.setdefault(key, []).append(found)
        if asked.request is not None:
            length = asked.request.end - asked.request.first
            longest[key] = max(longest.get(key, 0), length)
    pads = {key: _pad(loads, key[1]) for key, loads in read.items()}
    lengths = [0, 0]
    for key, length in longest.items():
        lengths[key[0]] = max(lengths[key[0]], pads[key] + length)
    rounded = [-(-length // WORD) * WORD for length in lengths]
    return Areas((-above - rounded[0], -above - sum(rounded)), pads)


def _pad(loads: list[Load], first: int) -> int:
    def cost(pad: int) -> int:
        return sum(
            len(parts(pad + piece.first - first, piece.end - piece.first)) - 1
            for each in loads
            for piece in pieces(each.extent)
        )

    return min(range(4), key=cost)


def parts(at: int, size: int) -> list[tuple[int, int]]:
    """Where the aligned parts of a number begin, and their bytes."""
    if at % size == 0:
        return [(at, size)]
    return parts(at, size // 2) + parts(at + size // 2, size // 2)
