"""The kernel as a foreign implementation of the eBPF machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from bpfq.isa.ebpf.encode import to_bytes
from bpfq.isa.ebpf.instructions import BpfInsn
from isa.ebpf import bpf


class Kernel:
    """Programs that are loaded and run on bytes; closed at the end of a test."""

    def __init__(self) -> None:
        self._opened: list[int] = []

    def load(self, kind: int, words: Sequence[BpfInsn]) -> int:
        program, _ = bpf.load(kind, to_bytes(words))
        self._opened.append(program)
        return program

    def log(self, kind: int, words: Sequence[BpfInsn]) -> str:
        """What the verifier says of a program, accepted or refused, line by line."""
        try:
            program, log = bpf.load(kind, to_bytes(words), level=2)
        except bpf.Refused as refused:
            return str(refused)
        self._opened.append(program)
        return log

    def run(self, kind: int, words: Sequence[BpfInsn], packet: bytes) -> tuple[int, bytes]:
        """The program's value, 32 bits, and the packet that it leaves."""
        return bpf.test_run(self.load(kind, words), packet)

    def map(self, kind: int, key_size: int, value_size: int, entries: int, flags: int = 0) -> int:
        table = bpf.create_map(kind, key_size, value_size, entries, flags)
        self._opened.append(table)
        return table

    def close(self) -> None:
        for each in self._opened:
            os.close(each)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    reason = bpf.why_not()
    if reason is not None:
        pytest.skip(reason)
    opened = Kernel()
    yield opened
    opened.close()
