"""Sockets of other processes, and the programs on them."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from bpfq.errors import BpfqError, LoadError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.kernel import borrowed
from bpfq.kernel.attached import AttachedProgram, attached_program, program_of_process
from bpfq.kernel.borrowed import borrowed_socket
from bpfq.kernel.sockets import attach_filter, open_packet_socket

from .holding import holding
from .namespaces import needs_root
from .programs import KEEP_ALL, KEEP_THREE, first_byte_is

NOBODY = 65534
NO_PROCESS = 2**22 + 1  # above the largest PID_MAX_LIMIT, <linux/threads.h>


def program(rows: tuple[tuple[int, int, int, int], ...]) -> tuple[SockFilter, ...]:
    return tuple(SockFilter(*row) for row in rows)


def udp_socket() -> int:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    attach_filter(sock, KEEP_THREE)
    return sock.detach()


def packet_socket() -> int:
    return open_packet_socket("lo", first_byte_is(7)).detach()


def stream_socket() -> int:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    attach_filter(sock, KEEP_ALL)
    return sock.detach()


def bare_socket() -> int:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()


def ebpf_socket() -> int:
    from bpfq import compile
    from bpfq.ebpf.install import install
    from bpfq.kernel.attach import attach_socket

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with install(compile("len > 60", target="ebpf:socket").module) as installed:
        attach_socket(installed.program, sock)
    return sock.detach()


def message(held: object, known: bool = False) -> tuple[type[BpfqError], str]:
    """What is said of a socket without a program to look at."""
    assert isinstance(held, tuple)
    with pytest.raises(BpfqError) as caught:
        program_of_process(*held, known=known)
    return type(caught.value), str(caught.value)


def test_the_program_of_another_process_and_what_its_byte_0_is() -> None:
    with holding(udp_socket) as held:
        assert program_of_process(*held) == AttachedProgram(program(KEEP_THREE), "udp", "RAW", 4)


@pytest.mark.root
@needs_root
def test_the_program_on_a_packet_socket() -> None:
    with holding(packet_socket) as held:
        found = program_of_process(*held)
    assert found == AttachedProgram(program(first_byte_is(7)), "packet", "EN10MB", None)


def test_the_copy_of_the_socket_is_the_same_socket() -> None:
    with holding(udp_socket) as held, borrowed_socket(*held) as sock:
        attach_filter(sock, KEEP_ALL)
        assert program_of_process(*held).words == KEEP_ALL


def test_a_socket_of_this_process() -> None:
    with socket.socket(fileno=udp_socket()) as sock:
        assert attached_program(sock).words == KEEP_THREE


def test_a_stream_socket_does_not_say_what_byte_0_is() -> None:
    with holding(stream_socket) as held:
        assert message(held)[1].startswith("cannot tell what a filter sees on a socket of AF_INET")
        assert program_of_process(*held, known=True).words == KEEP_ALL


def test_a_socket_without_a_filter() -> None:
    with holding(bare_socket) as held:
        assert message(held) == (
            LoadError,
            f"descriptor {held.descriptor} of process {held.pid}: "
            "no filter is attached to this socket",
        )


@pytest.mark.root
@needs_root
def test_an_ebpf_program_cannot_be_read_back() -> None:
    with holding(ebpf_socket) as held:
        assert message(held) == (
            LoadError,
            f"descriptor {held.descriptor} of process {held.pid}: "
            "an eBPF program is attached, it cannot be read back",
        )


def test_a_descriptor_that_is_no_socket() -> None:
    with holding(lambda: os.open(os.devnull, os.O_RDONLY)) as held:
        said = f"descriptor {held.descriptor} of process {held.pid} is no socket"
        assert message(held) == (LoadError, said)


def test_a_descriptor_that_is_not_open() -> None:
    with holding(bare_socket) as held:
        said = f"process {held.pid} has no descriptor 1234"
        assert message((held.pid, 1234)) == (LoadError, said)


@pytest.mark.parametrize("pid", (NO_PROCESS, 10**10), ids=("unused", "too large"))
def test_no_such_process(pid: int) -> None:
    kind, said = message((pid, 3))
    assert (kind, str(pid) in said, said[:3]) == (LoadError, True, "no ")


def test_an_ended_process_is_no_process() -> None:
    with holding(bare_socket) as held:
        pass
    assert message(held) == (LoadError, f"no process {held.pid}")


@pytest.mark.root
@needs_root
def test_it_takes_a_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's process, asked by one without capabilities."""
    monkeypatch.setattr(borrowed, "read_text", lambda path: "1")
    with holding(udp_socket) as held:
        child = os.fork()
        if child == 0:
            _as_nobody(held)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _as_nobody(held: tuple[int, int]) -> None:
    """Leaves with 0 when the refusal says what it should."""
    code = 1
    try:
        os.setresuid(NOBODY, NOBODY, NOBODY)
        program_of_process(*held)
    except LoadError as error:
        said = (
            f"not permitted to look at process {held[0]}: it takes CAP_SYS_PTRACE, or the same "
            "user where ptrace(2) may (kernel.yama.ptrace_scope is 1)"
        )
        code = 0 if (error.errno, str(error)) == (errno.EPERM, said) else 2
    finally:
        os._exit(code)
