"""What this kernel allows a classic filter."""

from __future__ import annotations

import socket

from bpfq.kernel.constants import SO_BPF_EXTENSIONS

_OPTMEM_MAX = "/proc/sys/net/core/optmem_max"


def optmem_max() -> int | None:
    """Bytes of option memory a socket may use, or None where the kernel does not tell.

    A filter is charged 8 bytes for each instruction of its converted (eBPF) form plus 72, and
    the charge must stay strictly below.  Source: net/core/filter.c, sk_filter_charge.
    """
    try:
        with open(_OPTMEM_MAX, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def extensions() -> int:
    """The first ancillary offset (SKF_AD_*) that this kernel does not know; 64 on Linux 6.

    0 on kernels before 3.14, which cannot be asked.  Source: socket(7), SO_BPF_EXTENSIONS.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            return sock.getsockopt(socket.SOL_SOCKET, SO_BPF_EXTENSIONS)
        except OSError:
            return 0
