"""How bytes of the packet are read: in place, by a copy on the stack, or by the legacy loads.

direct      r1 += 24; if r1 > r2 goto short         asked for
            r3 = *(u16 *)(r1 -12)                   loaded
copied      r1 = r6; r2 = 12; r3 = r10; r3 += -24; r4 = 12; call skb_load_bytes
            if r0 != 0 goto short
            r1 = *(u16 *)(r10 -24)
legacy      r0 = *(u16 *)skb[12]                    ends the program with 0 where it is short
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from bpfq.backends.ebpf.reach import Load
from bpfq.graph.chains import Chain
from bpfq.isa.ebpf.instructions import Register

LARGEST_OFFSET: Final = 0x7FFF_FFFF  # of what the kernel reads for a program


class Access(Protocol):
    """Reads into registers, in the byte order of memory unless in_machine_order."""

    in_machine_order: bool

    def enter(self) -> None:
        """What stands in front of the first operation."""

    def load(self, number: int, load: Load, dst: Register, asks: bool = True) -> None:
        """load may be a part of what the operation loads; asks: it is the first that is loaded."""

    def length(self, number: int, dst: Register) -> None: ...

    def chain(self, number: int, chain: Chain, dst: Register) -> None:
        """Walk over headers; see ``backends.loops``."""

    def is_pointer(self, web: int) -> bool:
        """The web holds where its index leads, not the index."""

    def moved(self, number: int, web: int, dst: Register, before: int) -> None:
        """dst is the pointer ``before`` moved on; make it that of the web."""

    def point(self, number: int, web: int, dst: Register, index: Register | int) -> None:
        """Make a pointer of an index; dst may be the same register."""


class NoPointers:
    """What accesses have in common that read at offsets and never through a pointer."""

    __slots__ = ()

    def chain(self, number: int, chain: Chain, dst: Register) -> None:
        raise AssertionError("walks are written out")

    def is_pointer(self, web: int) -> bool:
        return False

    def moved(self, number: int, web: int, dst: Register, before: int) -> None:
        raise AssertionError("indices are numbers")

    def point(self, number: int, web: int, dst: Register, index: Register | int) -> None:
        raise AssertionError("indices are numbers")


# The register of a web, the temporary one given if it lies on the stack.
Read: TypeAlias = Callable[[int, Register], Register]
