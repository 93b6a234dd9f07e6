"""Names of programs as identifiers of a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from bpfq.errors import BpfqError
from bpfq.export.job import Job, Part

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
USUAL: Final = "filter"  # of a single program without a name


def identifiers(
    job: Job, what: str, spelled: Callable[[str], str] = str, taken: Iterable[str] = ()
) -> list[tuple[str, Part]]:
    """The programs with their identifiers; raises BpfqError for a name that cannot be one.

    what: the language.  spelled: makes an identifier of a name.  taken: words of the language.
    """
    rows = [(_checked(part.name or USUAL, what, spelled, taken), part) for part in job.parts]
    names = [name for name, _ in rows]
    for name in names:
        if names.count(name) > 1:
            raise BpfqError(f"two programs would be called {name} in {what}")
    return rows


def _checked(name: str, what: str, spelled: Callable[[str], str], taken: Iterable[str]) -> str:
    if not _NAME.fullmatch(name):
        raise BpfqError(
            f"{name!r} cannot be a name in {what}: use letters, digits and _, not beginning with "
            "a digit"
        )
    made = spelled(name)
    if made in taken:
        raise BpfqError(f"{name!r} is a word of {what}: give the program another name")
    return made
