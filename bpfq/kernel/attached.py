"""The classic program that is attached to a socket, and what its byte 0 is.

attached_program(sock)      AttachedProgram(words=..., target="packet", link="EN10MB")
"""

from __future__ import annotations

import errno
from typing import Any, Literal, NamedTuple

from bpfq.errors import LoadError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.kernel.borrowed import borrowed_socket
from bpfq.kernel.interfaces import infer_target, only_family
from bpfq.kernel.sockets import read_filter


class AttachedProgram(NamedTuple):
    """What a socket filters by; target and link as ``infer_target`` has them, None for unknown."""

    words: tuple[SockFilter, ...]
    target: str | None
    link: str | None
    family: Literal[4] | None  # of IP that alone arrives, None for either


def attached_program(sock: Any, *, known: bool = False) -> AttachedProgram:
    """The program of a socket.socket, and where it runs, unless that is known to the caller.

    Raises LoadError where none is attached or an eBPF program is, UnsupportedError where the
    socket does not say what its byte 0 is.
    """
    words = tuple(SockFilter(*row) for row in read_filter(sock))
    if not words:
        raise LoadError("no filter is attached to this socket", errno=errno.ENOENT)
    target, link = (None, None) if known else infer_target(sock)
    return AttachedProgram(words, target, link, only_family(sock))


def program_of_process(pid: int, descriptor: int, *, known: bool = False) -> AttachedProgram:
    """As ``attached_program``, of the socket behind another process's descriptor.

    Raises LoadError that names the two, too.
    """
    with borrowed_socket(pid, descriptor) as sock:
        try:
            return attached_program(sock, known=known)
        except LoadError as error:
            error.message = f"descriptor {descriptor} of process {pid}: {error.message}"
            raise
