"""Wait for the time to pass, for Ctrl-C and its kind, or for the key q.

    with Waiting() as waiting:
        while (end := waiting.for_(1.0)) is None:
            ...                                 nothing is ever broken off in its middle

Signals only wake the wait; on a terminal single keys are read and not shown.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from enum import Enum
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEYS: Final = b"qQ"
_BY_SIGNAL: Final = 128  # the exit code of a shell's child that a signal ended


class End(Enum):
    """What ended the wait: its value is the exit code."""

    KEY = 0
    SIGINT = _BY_SIGNAL + signal.SIGINT
    SIGTERM = _BY_SIGNAL + signal.SIGTERM
    SIGHUP = _BY_SIGNAL + signal.SIGHUP


class Waiting:
    """A context manager that puts signals and terminal back as they were."""

    def __init__(self) -> None:
        self._end: End | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._terminal: tuple[int, list[Any]] | None = None
        self._read = self._write = self._woken = -1

    @property
    def reads_keys(self) -> bool:
        return self._terminal is not None

    def for_(self, seconds: float) -> End | None:
        """Wait so long; what came first, None when it was the time."""
        until = time.monotonic() + seconds
        watched = [self._read, *([] if self._terminal is None else [self._terminal[0]])]
        while self._end is None:
            left = until - time.monotonic()
            ready, _, _ = select.select(watched, [], [], max(left, 0))
            if self._end is None and self._terminal is not None and self._terminal[0] in ready:
                self._key(self._terminal[0])
            if left <= 0:
                break
        return self._end

    def _key(self, terminal: int) -> None:
        pressed = os.read(terminal, 1)
        if not pressed:  # the terminal is gone
            self._end = End.SIGHUP
        elif pressed in _KEYS:
            self._end = End.KEY

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._woken = signal.set_wakeup_fd(self._write)
        for each in _SIGNALS:
            before = signal.getsignal(each)
            if before is not signal.SIG_IGN:  # as nohup and shells in the background want it
                self._before[each] = before
                signal.signal(each, self._take)
        self._terminal = _single_keys()
        return self

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._end = self._end or End[signal.Signals(number).name]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal is not None:
            descriptor, settings = self._terminal
            try:
                termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
            except termios.error:
                pass  # the terminal is gone
        for each, before in self._before.items():
            signal.signal(each, before)
        signal.set_wakeup_fd(self._woken)
        os.close(self._read)
        os.close(self._write)


def _single_keys() -> tuple[int, list[Any]] | None:
    """The terminal that keys come from, with its settings so far; None in the background."""
    try:
        descriptor = sys.stdin.fileno()
        if not os.isatty(descriptor) or os.tcgetpgrp(descriptor) != os.getpgrp():
            return None
        settings = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor, termios.TCSADRAIN)
    except (AttributeError, ValueError, OSError, termios.error):
        return None  # closed
    return descriptor, settings
