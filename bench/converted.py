"""How many eBPF instructions the kernel makes of a classic program, asked of a socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from functools import cache

from bpfq.errors import LoadError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.size import EBPF_INSTRUCTION_BYTES, converted_size
from bpfq.kernel.sockets import attach_filter

SO_MEMINFO = 55  # <asm-generic/socket.h>
OPTMEM = 6  # SK_MEMINFO_OPTMEM of <linux/sock_diag.h>
COUNTERS = struct.Struct("9I")  # SK_MEMINFO_VARS of them

NOTHING = (SockFilter(0x06, 0, 0, 0),)  # ret #0


def in_kernel(words: Sequence[SockFilter]) -> int | None:
    """The converted length; None where a socket does not take the program."""
    charged = _charge(words)
    return None if charged is None else (charged - _header()) // EBPF_INSTRUCTION_BYTES


@cache
def _header() -> int:
    """Bytes that a program is charged besides its instructions."""
    return (_charge(NOTHING) or 0) - EBPF_INSTRUCTION_BYTES * converted_size(NOTHING)


def _charge(words: Sequence[SockFilter]) -> int | None:
    """Bytes of option memory that a socket with the program holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            attach_filter(sock, words, drain=False)
        except LoadError:
            return None
        found = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, COUNTERS.size)
    charged: int = COUNTERS.unpack(found)[OPTMEM]
    return charged
