"""What is wrong with a capture file."""

from __future__ import annotations

from typing import ClassVar

from bpfq.errors import BpfqError


class CaptureError(BpfqError):
    """A capture file cannot be read, or not further.

    ``offset`` is the byte of the (decompressed) file where the trouble begins, or None.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


def cut_file(what: str, offset: int, have: int, needed: int) -> CaptureError:
    """The error for a file that ends inside something."""
    return CaptureError(
        f"the file is cut: {what} at byte {offset} has {have} of {needed} bytes", offset=offset
    )
