"""What a with statement closes when it ends."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self


class Closing:
    """A class with a close(), in which the with statement ends."""

    __slots__ = ()

    if TYPE_CHECKING:

        def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
