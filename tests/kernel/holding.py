"""A process that holds a descriptor, for tests that look at it from outside."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Held(NamedTuple):
    """Descriptor ``descriptor`` of process ``pid``, written PID:FD."""

    pid: int
    descriptor: int

    def __str__(self) -> str:
        return f"{self.pid}:{self.descriptor}"


@contextmanager
def holding(opened: Callable[[], int]) -> Iterator[Held]:
    """A child process in which ``opened`` opens a descriptor and returns it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _hold(opened, writing)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield Held(child, int(pipe.readline()))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _hold(opened: Callable[[], int], writing: int) -> None:
    try:
        os.write(writing, b"%d\n" % opened())
        while True:
            signal.pause()
    finally:
        os._exit(1)
