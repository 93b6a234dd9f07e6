"""Attaching classic programs to sockets, without privileges."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from bpfq.errors import EncodingError, LoadError
from bpfq.kernel.limits import extensions, optmem_max
from bpfq.kernel.sockets import (
    attach_filter,
    detach_filter,
    lock_filter,
    open_packet_socket,
    read_filter,
)

from .programs import KEEP_ALL, KEEP_THREE, first_byte_is

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A datagram socket to send on, and one to receive on that never waits."""
    sending, receiving = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiving.setblocking(False)
    with sending, receiving:
        yield sending, receiving


def queued(sock: socket.socket) -> list[bytes]:
    """Everything that waits in the socket."""
    found = []
    while True:
        try:
            found.append(sock.recv(65536))
        except BlockingIOError:
            return found


def test_only_matching_packets_arrive(pair: Pair) -> None:
    sending, receiving = pair
    attach_filter(receiving, first_byte_is(0x45))
    for datagram in (b"\x45a", b"\x60b", b"\x45c"):
        sending.send(datagram)
    assert queued(receiving) == [b"\x45a", b"\x45c"]


def test_return_value_cuts_the_packet(pair: Pair) -> None:
    sending, receiving = pair
    attach_filter(receiving, KEEP_THREE)
    sending.send(b"abcdef")
    assert queued(receiving) == [b"abc"]


def test_packets_queued_before_are_discarded(pair: Pair) -> None:
    sending, receiving = pair
    sending.send(b"\x60early")
    sending.send(b"\x45early")
    attach_filter(receiving, first_byte_is(0x45))
    sending.send(b"\x45late")
    assert queued(receiving) == [b"\x45late"]


def test_without_drain_queued_packets_stay(pair: Pair) -> None:
    sending, receiving = pair
    sending.send(b"\x60early")
    attach_filter(receiving, first_byte_is(0x45), drain=False)
    assert queued(receiving) == [b"\x60early"]


@pytest.mark.parametrize("timeout", [None, 0.0, 0.25], ids=["blocking", "nonblocking", "timeout"])
def test_draining_keeps_the_blocking_mode(pair: Pair, timeout: float | None) -> None:
    sending, receiving = pair
    receiving.settimeout(timeout)
    kernel_blocks = os.get_blocking(receiving.fileno())
    sending.send(b"early")
    attach_filter(receiving, first_byte_is(0x45))
    assert receiving.gettimeout() == timeout
    assert os.get_blocking(receiving.fileno()) == kernel_blocks
    receiving.settimeout(0)
    assert queued(receiving) == []


def test_draining_survives_an_error_report() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", 9))  # nobody listens: the answer is ECONNREFUSED
        sock.send(b"x")
        attach_filter(sock, KEEP_ALL)
        sock.setblocking(False)
        assert queued(sock) == []


def test_a_stream_loses_nothing() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with left, right:
        left.send(b"kept")
        attach_filter(right, KEEP_ALL)
        assert right.recv(10) == b"kept"


def test_read_filter_gives_back_what_was_attached(pair: Pair) -> None:
    program = first_byte_is(0xFE)
    attach_filter(pair[1], program)
    assert read_filter(pair[1]) == program


def test_the_largest_program_comes_back_whole(pair: Pair) -> None:
    program = ((0x00, 0, 0, 7),) * 4095 + KEEP_ALL  # ld #7
    attach_filter(pair[1], program)
    assert read_filter(pair[1]) == program


def test_without_filter_nothing_is_read_back(pair: Pair) -> None:
    assert read_filter(pair[1]) == ()


def test_an_iterator_will_do_for_a_program(pair: Pair) -> None:
    attach_filter(pair[1], iter(KEEP_THREE))
    assert read_filter(pair[1]) == KEEP_THREE


def test_detached_socket_receives_everything(pair: Pair) -> None:
    sending, receiving = pair
    attach_filter(receiving, first_byte_is(0x45))
    detach_filter(receiving)
    sending.send(b"\x60")
    assert queued(receiving) == [b"\x60"]


def test_refused_program_leaves_the_earlier_filter(pair: Pair) -> None:
    attach_filter(pair[1], first_byte_is(0x45))
    with pytest.raises(LoadError):
        attach_filter(pair[1], ((0x05, 0, 0, 7),))  # jumps out of the program
    assert read_filter(pair[1]) == first_byte_is(0x45)


def test_detach_without_filter(pair: Pair) -> None:
    with pytest.raises(LoadError) as caught:
        detach_filter(pair[1])
    assert str(caught.value) == "no filter is attached to this socket"
    assert caught.value.errno == errno.ENOENT


def test_locked_filter_stays(pair: Pair) -> None:
    attach_filter(pair[1], KEEP_THREE, lock=True)
    with pytest.raises(LoadError) as caught:
        detach_filter(pair[1])
    assert str(caught.value) == (
        "the kernel refused to detach the filter: EPERM, "
        "the filter of this socket is locked (SO_LOCK_FILTER)"
    )
    assert read_filter(pair[1]) == KEEP_THREE


def test_locked_filter_cannot_be_replaced(pair: Pair) -> None:
    attach_filter(pair[1], KEEP_THREE)
    lock_filter(pair[1])
    with pytest.raises(LoadError) as caught:
        attach_filter(pair[1], KEEP_ALL)
    assert str(caught.value) == (
        "the kernel refused the program: EPERM, "
        "the filter of this socket is locked (SO_LOCK_FILTER)"
    )


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ((), "the program is empty, it needs a return"),
        (KEEP_ALL * 4097, "the program has 4097 instructions, the kernel takes 4096"),
        (KEEP_ALL * 70000, "the program has 70000 instructions, the kernel takes 4096"),
        (
            ((0x00, 0, 0, 0),),
            "the kernel refused the program: EINVAL, it is not a valid classic program",
        ),
    ],
    ids=["empty", "one-too-many", "beyond-16-bits", "no-return"],
)
def test_invalid_program(
    pair: Pair, program: tuple[tuple[int, int, int, int], ...], message: str
) -> None:
    with pytest.raises(LoadError) as caught:
        attach_filter(pair[1], program)
    assert (str(caught.value), caught.value.errno) == (message, errno.EINVAL)


def test_number_that_does_not_fit(pair: Pair) -> None:
    with pytest.raises(EncodingError) as caught:
        attach_filter(pair[1], ((0x15, 256, 0, 0), *KEEP_ALL))
    assert str(caught.value).startswith("not a classic instruction (code, jt, jf, k): ")


def test_program_too_large_for_option_memory(pair: Pair) -> None:
    allowed = optmem_max()
    assert allowed is not None
    program = ((0x28, 0, 0, 12),) * 4095 + KEEP_ALL  # each load becomes some 14 instructions
    if allowed > 500_000:
        pytest.skip("net.core.optmem_max is too large to run into")
    with pytest.raises(LoadError) as caught:
        attach_filter(pair[1], program, needed_bytes=458_000)
    assert caught.value.render() == (
        f"the kernel refused the program: ENOMEM, needs 458000 bytes, "
        f"net.core.optmem_max is {allowed}\n"
        f"  try:  sysctl net.core.optmem_max=524288"
    )
    assert caught.value.errno == errno.ENOMEM


def test_packet_socket_without_permission() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        try:
            open_packet_socket("lo", KEEP_ALL)
            os.write(writing, b"opened")
        except LoadError as error:
            os.write(writing, error.render().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    os.waitpid(child, 0)
    assert lines[:2] == [
        "opening a packet socket needs the capability CAP_NET_RAW",
        "  try:  sudo    run the same command as root",
    ]
    assert lines[2].startswith("        sudo setcap cap_net_raw+ep /")


def test_kernel_tells_its_extensions() -> None:
    assert extensions() >= 60  # SKF_AD_VLAN_TPID, Linux 4.1
