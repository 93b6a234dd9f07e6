"""What is exported: programs with their names, and the command that writes the same again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.program import Module
from bpfq.query.nodes import Query
from bpfq.record import record
from bpfq.settings import Settings

SHOWN: Final = 90  # characters of a filter that a comment repeats


@record
class Part:
    """One program.

    name: empty for the usual one of the format.  text: the filter.  words: the classic program.
    query: finds the filter, and raises where none is known.  source: the text that it was read from,
    None where there is none.  is_given: the program was not compiled
    here.  module: the eBPF program that is exported in its place, without entries in its maps.
    """

    name: str
    text: str
    words: tuple[SockFilter, ...]
    settings: Settings
    query: Callable[[], Query]
    is_given: bool = False
    module: Module | None = None
    source: str | None = None

    @property
    def summary(self) -> str:
        """The filter on one line, cut where it is long."""
        words = " ".join(self.text.split())
        return f"{words[: SHOWN - 3]}..." if len(words) > SHOWN else words or "every packet"

    @property
    def place(self) -> str:
        """What the program was compiled for."""
        target = self.settings.target
        return f"target {target.name}: {target.summary}; link type {self.settings.link.name}"


@record
class Job:
    """command: the words that make the output again, from "bpfq" on; empty where none do.

    package: of Go.  byteorder, sections: of an object file; a section for each part, empty for the
    usual one.
    """

    parts: tuple[Part, ...]
    command: tuple[str, ...] = ()
    package: str = "main"
    byteorder: Endian = "little"
    sections: tuple[str, ...] = ()

    @property
    def only(self) -> Part:
        """The one program of formats that hold one."""
        return self.parts[0]
