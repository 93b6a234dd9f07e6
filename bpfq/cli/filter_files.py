"""Files of filters that are written back: the same bytes but for what was changed."""

from __future__ import annotations

from typing import Final

from bpfq.cli.request import read_octets
from bpfq.errors import BpfqError, LoadError
from bpfq.record import record

_BOM: Final = "\ufeff"  # a byte order mark, U+FEFF, as some editors put it before a text


@record
class FilterFile:
    """mark: what stands before the text."""

    path: str
    mark: str
    text: str

    def write(self, text: str) -> None:
        """Put another text in its place, where it is another one; raises LoadError."""
        if text == self.text:
            return
        try:
            with open(self.path, "wb") as file:
                file.write((self.mark + text).encode())
        except OSError as error:
            message = f"cannot write {self.path}: {error.strerror}"
            raise LoadError(message, errno=error.errno) from None


def read_filter_file(path: str) -> FilterFile:
    """- is standard input; raises BpfqError, also for bytes that writing would not give back."""
    octets = read_octets(path)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BpfqError(f"{path} is not UTF-8 at byte {error.start}: not changed") from None
    mark = _BOM if text.startswith(_BOM) else ""
    return FilterFile(path, mark, text.removeprefix(_BOM))
