"""Small eBPF programs written by hand, and what a test needs to run them."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import (
    R0,
    R1,
    R2,
    R3,
    R10,
    Atomic,
    AtomicOperation,
    BpfInsn,
    Call,
    Comparison,
    Exit,
    Immediate,
    JumpIf,
    JumpIfRegister,
    LoadImmediate64,
    LoadMemory,
    Move,
    MoveRegister,
    Operation,
    StoreImmediate,
)
from bpfq.kernel import bpf as system
from bpfq.kernel.bpf import Attr, Command
from bpfq.kernel.maps import Map, create
from bpfq.kernel.privileges import missing

NEEDED = ("CAP_BPF", "CAP_NET_ADMIN", "CAP_SYS_ADMIN")
LACKING = missing(NEEDED)
needs_bpf = pytest.mark.skipif(bool(LACKING), reason=f"needs {' and '.join(LACKING)}")

XDP_DROP, XDP_PASS = 1, 2
TCX_NEXT, TCX_PASS, TCX_DROP = -1, 0, 2
CLONE_NEWNS = 0x00020000  # linux/sched.h


def returns(value: int) -> tuple[BpfInsn, ...]:
    """r0 = value; exit"""
    return assemble([Move(R0, value), Exit()])


def byte_is(offset: int, value: int, hit: int, miss: int, *, xdp: bool) -> tuple[BpfInsn, ...]:
    """Return hit where the packet's byte at an offset has a value, else miss.

    xdp: the context is struct xdp_md, else __sk_buff; both have pointers to the packet.
    """
    data, end = (0, 4) if xdp else (76, 80)
    return assemble(
        [
            LoadMemory(R2, R1, data, 4),
            LoadMemory(R3, R1, end, 4),
            Move(R0, miss),
            MoveRegister(R1, R2),
            Operation.ADD.imm(R1, offset + 1),
            JumpIfRegister(Comparison.GT, R1, R3, 3),
            LoadMemory(R2, R2, offset, 1),
            JumpIf(Comparison.NE, R2, value, 1),
            Move(R0, hit),
            Exit(),
        ]
    )


def counts(counter: Map, verdict: int) -> tuple[BpfInsn, ...]:
    """Add one to the 64-bit number 0 of an array, then return the verdict."""
    return assemble(
        [
            StoreImmediate(R10, -4, 0, 4),
            MoveRegister(R2, R10),
            Operation.ADD.imm(R2, -4),
            LoadImmediate64(R1, counter.fd, Immediate.MAP_FD),
            Call(1),  # map_lookup_elem
            JumpIf(Comparison.EQ, R0, 0, 2),
            Move(R1, 1),
            Atomic(AtomicOperation.ADD, R0, 0, R1, 8),
            Move(R0, verdict),
            Exit(),
        ]
    )


def counted(counter: Map) -> int:
    """What counts() has come to."""
    return int.from_bytes(counter.get(bytes(4)) or b"", sys.byteorder)


def counting() -> Map:
    """A map for counts()."""
    return create("array", key_size=4, value_size=8, max_entries=1)


def without(command: Command, number: int, when: Callable[[Attr], bool]) -> system.Call:
    """The kernel as if it had no such thing: where the attr fits, a command fails with an errno."""

    def call(asked: Command, attr: Attr) -> int:
        if asked == command and when(attr):
            raise OSError(number, errno.errorcode[number])
        return system.bpf(asked, attr)

    return call


def refused(attempt: Callable[[], object]) -> tuple[str, int | None]:
    """The message and the errno of the LoadError that an attempt ends in."""
    with pytest.raises(LoadError) as found:
        attempt()
    return str(found.value), found.value.errno


def in_the_end(condition: Callable[[], bool]) -> bool:
    """Whether it comes to hold; the kernel lets go of what was pinned in its own time."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


def mount_bpffs(path: str) -> None:
    """A bpf file system of its own, in a mount namespace of its own; call it in a child."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(("mount", "--make-rprivate", "/"), check=True)
    os.makedirs(path, exist_ok=True)
    subprocess.run(("mount", "-t", "bpf", "bpf", path), check=True)
