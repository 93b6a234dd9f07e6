"""The kernel functions that give a program the packet through a dynptr, for runs in ``vm``.

    functions = dynptr_functions(packet, linear=54)
    netfilter(packet, kernel_functions={4711: functions["bpf_dynptr_slice"], ...})

A dynptr is 16 bytes on the program's stack.  Source: kernel/bpf/helpers.c of Linux 6.18.
"""

from __future__ import annotations

from typing import Final

from bpfq.isa.ebpf.environment import Function
from bpfq.isa.ebpf.memory import Memory, MemoryFault, Octets

_SIZE: Final = 16  # sizeof(struct bpf_dynptr)
_MARK: Final = b"dynptr of packet"  # what makes 16 bytes a dynptr here
_EINVAL: Final = 22


def dynptr_functions(packet: bytes, linear: int | None = None) -> dict[str, Function]:
    """bpf_dynptr_from_skb, bpf_dynptr_from_xdp, bpf_dynptr_slice and bpf_dynptr_size by name.

    A slice of the packet's first linear bytes, all unless said, is where they lie; another one is
    copied to the program's buffer.  Raises MemoryFault for a dynptr that was never made.
    """
    direct = Octets("packet", bytearray(packet[:linear]), writable=False)

    def made(memory: Memory, context: int, flags: int, dynptr: int, _4: int, _5: int) -> int:
        memory.write(dynptr, bytes(_SIZE) if flags else _MARK)
        return -_EINVAL if flags else 0

    def sliced(memory: Memory, dynptr: int, offset: int, buffer: int, size: int, _5: int) -> int:
        _check(memory, dynptr)
        start, end = offset & 0xFFFF_FFFF, (offset & 0xFFFF_FFFF) + (size & 0xFFFF_FFFF)
        if end > len(packet):
            return 0
        if end <= len(direct.octets):
            return memory.place(direct) + start
        if buffer:
            memory.write(buffer, packet[start:end])
        return buffer

    def size(memory: Memory, dynptr: int, _2: int, _3: int, _4: int, _5: int) -> int:
        _check(memory, dynptr)
        return len(packet)

    return {
        "bpf_dynptr_from_skb": made,
        "bpf_dynptr_from_xdp": made,
        "bpf_dynptr_slice": sliced,
        "bpf_dynptr_size": size,
    }


def _check(memory: Memory, dynptr: int) -> None:
    if memory.read(dynptr, _SIZE) != _MARK:
        raise MemoryFault("what is given for a dynptr was not made one")
