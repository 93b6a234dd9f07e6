"""A socket of another process, for as long as it is looked at.

    with borrowed_socket(1234, 5) as sock:          # descriptor 5 of process 1234
        words = read_filter(sock)                   # both processes have the same socket

Source: pidfd_open(2), pidfd_getfd(2), ptrace(2) on who may, Linux 5.6 and later.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from bpfq.errors import LoadError
from bpfq.kernel.privileges import read_text, refusal
from bpfq.source import Suggestion

_PIDFD_GETFD: Final = 438  # the same number on every architecture that bpfq serves
_PTRACE_SCOPE: Final = "/proc/sys/kernel/yama/ptrace_scope"
_LARGEST: Final = 2**31 - 1  # of a process id or a descriptor, int


def borrowed_socket(pid: int, descriptor: int) -> socket.socket:
    """The socket behind another process's descriptor; the caller closes this copy of it.

    Options that are set on it change the other process's socket, which is the same one.  Raises
    LoadError: no such process, no such descriptor, no socket, not permitted.

    >>> import os, socket
    >>> own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    >>> bpfq.attach(own, "src port 53")
    >>> with borrowed_socket(os.getpid(), own.fileno()) as sock:
    ...     print(bpfq.Program.of(sock).decompiled.text)
    src port 53
    >>> own.close()
    """
    number = _descriptor(pid, descriptor)
    try:
        return socket.socket(fileno=number)
    except OSError as error:
        os.close(number)
        raise LoadError(
            f"descriptor {descriptor} of process {pid} is no socket", errno=error.errno
        ) from None


def _descriptor(pid: int, descriptor: int) -> int:
    """A copy of the other process's descriptor."""
    import ctypes

    if not 0 < pid <= _LARGEST or descriptor > _LARGEST:
        raise LoadError(f"no descriptor {descriptor} of a process {pid}", errno=errno.ESRCH)
    try:
        process = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EINVAL):  # EINVAL: a thread, but not the first one
            raise LoadError(f"no process {pid}", errno=error.errno) from None
        raise refusal(error.errno, f"a look at process {pid}", _REASONS) from None
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        copied: int = libc.syscall(_PIDFD_GETFD, process, descriptor, 0)
        number = ctypes.get_errno()
    finally:
        os.close(process)
    if copied < 0:
        raise _refused(pid, descriptor, number)
    return copied


_REASONS: Final = {errno.ENOSYS: "it has no pidfd_getfd(2), which came with Linux 5.6"}


def _refused(pid: int, descriptor: int, number: int) -> LoadError:
    match number:
        case errno.EBADF:
            return LoadError(f"process {pid} has no descriptor {descriptor}", errno=number)
        case errno.ESRCH:
            return LoadError(f"process {pid} has ended", errno=number)
        case errno.EPERM:
            return _not_permitted(pid)
        case _:
            what = f"descriptor {descriptor} of process {pid}"
            return refusal(number, what, _REASONS)


def _not_permitted(pid: int) -> LoadError:
    scope = read_text(_PTRACE_SCOPE)
    switch = "" if scope in (None, "0") else f" (kernel.yama.ptrace_scope is {scope})"
    return LoadError(
        f"not permitted to look at process {pid}: it takes CAP_SYS_PTRACE, or the same user "
        f"where ptrace(2) may{switch}",
        errno=errno.EPERM,
        suggestions=(Suggestion("sudo", "run the same command as root"),),
    )
