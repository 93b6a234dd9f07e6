"""The handle for a compiled classic program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from bpfq.compiler import compile_query
from bpfq.graph.nodes import Node, Verdict
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.matching import Matching
from bpfq.query.nodes import Query
from bpfq.record import field, record, replace
from bpfq.settings import DEFAULT_LEVEL, Settings, link_type
from bpfq.targets import target as target_of

if TYPE_CHECKING:
    from bpfq.analysis.prove import Proof
    from bpfq.backends.pyfunc import Matcher
    from bpfq.superopt.gain import Gain

P = TypeVar("P")

_NO_METADATA: Mapping[str, int] = {}


@record(frozen=False)
class Program:
    """A compiled classic BPF program.

    ``len(program)`` is the number of instructions, ``list(program)`` the (code, jt, jf, k) tuples
    of struct sock_filter.  ``target`` and ``link`` name what it was compiled for.  ``gain``: what
    the search of level 3 came to, None at other levels.
    """

    words: tuple[SockFilter, ...]
    query: Query
    settings: Settings = field(repr=False)
    _graph: Node = field(repr=False)
    gain: Gain | None = field(default=None, repr=False)
    _match: Matcher | None = field(default=None, repr=False)
    _matching: Matching | None = field(default=None, repr=False)

    @property
    def target(self) -> str:
        return self.settings.target.name

    @property
    def link(self) -> str:
        return self.settings.link.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What is remarkable: it decides without looking at the packet; what level 3 gained."""
        if not isinstance(self._graph, Verdict):
            return () if self.gain is None else (str(self.gain),)
        return ("it accepts every packet" if self._graph.accept else "it accepts no packet",)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[SockFilter]:
        return iter(self.words)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return (self.words, self.target, self.link) == (other.words, other.target, other.link)

    def __hash__(self) -> int:
        return hash((self.words, self.target, self.link))

    def __reduce__(self) -> tuple[object, ...]:
        return Program, (self.words, self.query, self.settings, self._graph, self.gain)

    def __str__(self) -> str:
        return self.format("d")

    def format(self, name: str) -> str:
        """The program as text: "d" listing, "dd" C array, "ddd" decimal, "raw", "json".

        Raises ValueError for another name.
        """
        from bpfq.output.formats import FORMATS

        if name not in FORMATS:
            raise ValueError(f"unknown format {name!r}; the formats are {', '.join(FORMATS)}")
        return FORMATS[name](self.words)

    def matches(
        self,
        packet: bytes,
        *,
        wire_length: int | None = None,
        metadata: Mapping[str, int] | None = None,
    ) -> bool:
        """Whether the filter accepts the packet.

        packet: the captured bytes from the target's byte 0.  wire_length: bytes on the wire, the
        captured length unless given.  metadata: the kernel's words by ancillary name (vlan_tci,
        vlanp, type, ifidx, random, ...); what is missing is 0, a missing random is drawn.
        """
        length = len(packet) if wire_length is None else wire_length
        return self.matcher()(packet, length, metadata or _NO_METADATA)

    def __call__(self, packet: object) -> bool:
        """Whether a packet matches: bytes as for ``matches``, or a scapy packet.

        A scapy packet is decided as its own link type has it, tags inline, whatever this program
        was compiled for.  Raises UnsupportedError for what the filter cannot see there, TypeError
        for what is no packet.
        """
        return self._packets()(packet)

    def filter(self, packets: Iterable[P]) -> list[P]:
        """The packets that match, in their order."""
        return self._packets().filter(packets)

    def _packets(self) -> Matching:
        if self._matching is None:
            self._matching = Matching(
                lambda link: (self if link is None else self.recompiled("file", link)).matcher()
            )
        return self._matching

    def recompiled(self, target: str, link: str) -> Program:
        """The same filter with the same options for another place; itself if it is for that one.

        Nothing is searched (level 3) or made quick for a profile again; a filter that can match
        nothing there is compiled.  Raises UnsupportedError or LimitError.
        """
        row, kind = target_of(target), link_type(link)
        if (row, kind) == (self.settings.target, self.settings.link):
            return self
        settings = replace(
            self.settings, target=row, link=kind, profile=None, allow_empty=True,
            level=min(self.settings.level, DEFAULT_LEVEL),
            options=replace(self.settings.options, live_sets=False),
        )  # fmt: skip
        compiled = compile_query(self.query, settings)
        return Program(compiled.words, self.query, settings, compiled.graph)

    def prove(self) -> Proof:
        """Decide whether the program does what its filter says, on every packet.

        ``.verdict`` is "proved", "refuted" with ``.counterexample``, or "undecided" when the
        budget was spent.
        """
        from bpfq.analysis.prove import prove

        return prove(self.query, self.words, self.settings)

    def require_proof(self) -> None:
        """Raise RefutedError or UndecidedError unless the program does what its filter says."""
        from bpfq.analysis.prove import require_proof

        require_proof(self.query, self.words, self.settings)

    def matcher(self) -> Matcher:
        """The function behind ``matches``: (packet, wire length, metadata) -> bool."""
        if self._match is None:
            self._match = self._matcher()
        return self._match

    def _matcher(self) -> Matcher:
        if self.gain is not None and self.gain.after < self.gain.before:
            from bpfq.superopt.matcher import matcher as interpreter

            return interpreter(self.words, self.settings)
        from bpfq.backends.pyfunc import matcher

        return matcher(self._graph)
