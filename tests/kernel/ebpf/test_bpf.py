"""The system call itself: its number, its argument, when it is tried again; without the kernel."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

import pytest

from bpfq.errors import LoadError
from bpfq.kernel import bpf as system
from bpfq.kernel.bpf import Attr, Command, Descriptor, bpf, object_name


@pytest.mark.parametrize(
    "machine, pointer_size, number",
    [("x86_64", 8, 321), ("x86_64", 4, 357), ("aarch64", 8, 280), ("riscv64", 8, 280)],
)
def test_the_system_call_has_its_number_on_each_machine(
    machine: str, pointer_size: int, number: int
) -> None:
    assert system._number(machine, pointer_size) == number


def test_an_unknown_machine_is_told() -> None:
    with pytest.raises(LoadError) as unknown:
        system._number("vax", 4)
    assert str(unknown.value) == "the number of bpf(2) on vax with 32-bit programs is not known"


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What the system call answers, one after the other: an errno, or 0 for descriptor 1000."""
    answers: list[int] = []

    def syscall(*_: object) -> int:
        ctypes.set_errno(answers.pop(0))
        return -1 if ctypes.get_errno() else 1000

    monkeypatch.setattr(system, "_syscall", lambda: syscall)
    yield answers


def test_a_load_that_a_signal_stopped_is_tried_again(signals: list[int]) -> None:
    signals += [errno.EAGAIN, errno.EINTR, errno.EAGAIN, 0]
    assert bpf(Command.PROG_LOAD, Attr()) == 1000


def test_a_load_that_always_stops_is_given_up(signals: list[int]) -> None:
    signals += [errno.EAGAIN] * 9
    with pytest.raises(OSError) as stopped:
        bpf(Command.PROG_LOAD, Attr())
    assert (stopped.value.errno, len(signals)) == (errno.EAGAIN, 4)


def test_only_a_load_is_tried_again(signals: list[int]) -> None:
    signals += [errno.EAGAIN, 0]
    with pytest.raises(OSError):
        bpf(Command.MAP_CREATE, Attr())


def test_an_attr_holds_numbers_and_addresses() -> None:
    buffer = bytearray(b"abc")
    attr = Attr().u32(0, -1).u64(8, 2**63).octets(16, b"name").pointer(24, buffer)
    (address,) = struct.unpack_from("=Q", attr.raw, 24)
    assert attr.raw[:20] == b"\xff\xff\xff\xff" + bytes(4 + 7) + b"\x80name"
    assert ctypes.string_at(address, 3) == b"abc"
    assert Attr().pointer(0, b"").raw == bytes(168)


def test_a_descriptor_closes_once() -> None:
    first, second = os.pipe()
    owner = Descriptor(first)
    owner.close()
    reused = os.dup(second)  # the number that was closed
    owner.close()
    assert (reused, os.fstat(reused).st_ino) == (first, os.fstat(second).st_ino)
    os.close(reused)
    os.close(second)


@pytest.mark.parametrize(
    "text, name",
    [("drop dns", b"drop_dns"), ("ünï", b"_n_"), ("x" * 20, b"x" * 15), ("a-b.c", b"a_b_c")],
)
def test_names_are_made_of_what_the_kernel_takes(text: str, name: bytes) -> None:
    assert object_name(text) == name
