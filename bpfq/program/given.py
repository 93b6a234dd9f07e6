"""The handle for a classic program that came as instructions, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfq.compiler import compile_query
from bpfq.errors import BpfqError, UndecidedError, UnsupportedError
from bpfq.graph.nodes import Node
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.program.classic import Program
from bpfq.query.nodes import Query
from bpfq.settings import Settings
from bpfq.source import Suggestion

if TYPE_CHECKING:
    from bpfq.analysis.decompile.decompile import Decompiled
    from bpfq.backends.pyfunc import Matcher
    from bpfq.export.job import Part

_LOAD = 0x20  # ld [k], BPF_LD | BPF_W | BPF_ABS


class GivenProgram(Program):
    """A classic program that came as instructions, whoever made it.

    It is run, listed and attached as it is.  The filter behind it, ``query``, is found out when it
    is asked for; ``decompiled`` says what is known of it.
    """

    __slots__ = ("_decompiled", "_made")

    def __init__(
        self, words: tuple[SockFilter, ...], settings: Settings, found: Decompiled | None = None
    ) -> None:
        """words: as they are.  settings: where they run.  found: what is known of them already."""
        self.words = words
        self.settings = settings
        self.gain = None
        self._match = None
        self._matching = None
        self._decompiled = found
        self._made: Node | None = None

    @property
    def decompiled(self) -> Decompiled:
        """What is known of the filter; raises FilterError for a program that no machine takes."""
        if self._decompiled is None:
            from bpfq.analysis.decompile.decompile import decompile

            self._decompiled = decompile(self.words, self.settings)
        return self._decompiled

    @property
    def query(self) -> Query:  # type: ignore[override]  # found out, and never assigned
        """The filter that the program is proved to be.

        Raises UnsupportedError where no text can say what it does, UndecidedError where the budget
        was spent.
        """
        found = self.decompiled
        if found.proved and found.query is not None:
            return found.query
        kind: type[BpfqError] = UnsupportedError if found.verdict == "partial" else UndecidedError
        reason = f": {found.gaps[0]}" if found.gaps else ""
        raise kind(
            f"the program is not known to be a filter{reason}",
            suggestions=(Suggestion("bpfq disasm --decompile", "shows what is known"),),
        )

    @property
    def _graph(self) -> Node:  # type: ignore[override]  # as query
        if self._made is None:
            self._made = compile_query(self.query, self.settings).graph
        return self._made

    @property
    def notes(self) -> tuple[str, ...]:
        """What is remarkable: it asks for what its target does not have."""
        if self.settings.target.metadata:
            return ()
        names = [name for name, offset in ANCILLARY.items() if self._loads(offset)]
        if not names:
            return ()
        return (
            f"it asks the kernel for {', '.join(names)}, which target '{self.target}' does not "
            "have: it rejects there",
        )

    def _loads(self, offset: int) -> bool:
        return any((word.code, word.k) == (_LOAD, offset) for word in self.words)

    def part(self, name: str = "", text: str | None = None) -> Part:
        """As of Program; no command makes it again."""
        from bpfq.export.job import Part

        written = "a program that was given" if text is None else text
        return Part(name, written, self.words, self.settings, lambda: self.query, is_given=True)

    def __repr__(self) -> str:
        where = f"target={self.target!r}, link={self.link!r}"
        return f"Program.of({self.format('raw')!r}, {where})"

    def __reduce__(self) -> tuple[object, ...]:
        return GivenProgram, (self.words, self.settings, self._decompiled)

    def _matcher(self) -> Matcher:
        from bpfq.superopt.matcher import matcher as interpreter

        return interpreter(self.words, self.settings)
