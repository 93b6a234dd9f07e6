"""The handle for a classic program: compiled, or brought along as instructions.

Program.of("2,48 0 0 0,6 0 0 1").matches(packet)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, overload

from bpfq.compiler import compile_query
from bpfq.errors import UnsupportedError
from bpfq.graph.nodes import Node, Verdict
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.query.nodes import Query
from bpfq.record import field, record, replace
from bpfq.settings import DEFAULT_LEVEL, Settings, link_type, settings_of
from bpfq.targets import target as target_of

if TYPE_CHECKING:
    import socket

    from bpfq.analysis.prove import Proof
    from bpfq.backends.pyfunc import Matcher
    from bpfq.export.job import Part
    from bpfq.isa.cbpf.given import Given
    from bpfq.matching import Matching
    from bpfq.program.given import GivenProgram
    from bpfq.superopt.gain import Gain

P = TypeVar("P")
TextFormat: TypeAlias = Literal[
    "c",
    "go",
    "rust",
    "python",
    "iptables",
    "tc",
    "bpf_asm",
    "pcap",
    "json",
    "dot",
    "mermaid",
    "svg",
]

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

    @staticmethod
    def of(
        given: Given | Program | socket.socket,
        *,
        target: str | None = None,
        link: str | int | None = None,
        savefile: Literal["unswapped", "swapped"] | None = None,
        family: Literal[4, 6] | None = None,
    ) -> GivenProgram:
        """A classic program that exists already, whoever compiled it.

        given: its (code, jt, jf, k) rows; its text in any form that ``bpfq disasm`` reads; its
        bytes, as struct sock_filter; or a socket that it is attached to.  target, link, savefile,
        family: where it runs, as for ``compile``; of a socket they are found out.

        Raises FilterError for what is no program, LoadError for a socket without a classic one,
        UnsupportedError for a socket whose target is not known, or a target that takes eBPF.

            >>> program = bpfq.Program.of("4,40 0 0 12,21 0 1 2054,6 0 0 1,6 0 0 0")
            >>> program.decompiled.text
            'arp'
        """
        if hasattr(given, "getsockname"):
            from bpfq.kernel.attached import attached_program

            found = attached_program(given, known=target is not None)
            words, target, link = found.words, target or found.target, link or found.link
            family = family or found.family
        else:
            from bpfq.isa.cbpf.given import given_words

            words = given.words if isinstance(given, Program) else given_words(given)
        settings = settings_of(
            target or "file", "EN10MB" if link is None else link, savefile=savefile,
            family=family, allow_empty=True,
        )  # fmt: skip
        if settings.target.hook is not None:
            raise UnsupportedError(
                f"target '{target}' takes eBPF programs: bpfq.compile(program, target='{target}') "
                "makes one of a classic program"
            )
        from bpfq.program.given import GivenProgram

        return GivenProgram(words, settings)

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

            >>> print(bpfq.compile("arp").format("ddd"))
            4
            40 0 0 12
            21 0 1 2054
            6 0 0 262144
            6 0 0 0
            >>> bpfq.compile("arp").format("raw")
            '4,40 0 0 12,21 0 1 2054,6 0 0 262144,6 0 0 0'
        """
        from bpfq.output.formats import FORMATS

        if name not in FORMATS:
            raise ValueError(f"unknown format {name!r}; the formats are {', '.join(FORMATS)}")
        return FORMATS[name](self.words)

    @overload
    def export(self, format: Literal["elf"], *, name: str = ..., section: str = ...) -> bytes: ...

    @overload
    def export(self, format: TextFormat, *, name: str = ..., package: str = ...) -> str: ...

    @overload
    def export(
        self, format: str, *, name: str = ..., package: str = ..., section: str = ...
    ) -> str | bytes: ...

    def export(
        self, format: str, *, name: str = "", package: str = "main", section: str = ""
    ) -> str | bytes:
        """The program as other tools take it, as ``bpfq export`` writes it: text, or for "elf"
        the octets of an object file.

        name: of the program, in formats that have names.  package: of Go.  section: of an object
        file.  The text holds the command that makes it again, where it has comments and a command
        can say all options.

        Raises BpfqError for a name that cannot be, UnsupportedError for a target that the format
        is not for.

            >>> print(bpfq.compile("arp", target="tc").export("tc"), end="")
            4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0
        """
        from bpfq.export.whole import export

        return export(self.part(name), format, package=package, section=section)

    def part(self, name: str = "", text: str | None = None) -> Part:
        """The program as a part of what is exported.  text: the filter as it was written."""
        from bpfq.analysis.stages import filter_as_text
        from bpfq.export.job import Part

        written = filter_as_text(self.query) if text is None else text
        return Part(name, written, self.words, self.settings, lambda: self.query, source=text)

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

            >>> bpfq.compile("arp").matches(bytes(12) + bytes.fromhex("0806") + bytes(28))
            True
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
        """The packets that match, in their order.

        >>> packets = [each.witness.octets for each in bpfq.branches("arp").cases]
        >>> [len(each) for each in bpfq.compile("arp").filter(packets)]
        [42]
        """
        return self._packets().filter(packets)

    def _packets(self) -> Matching:
        if self._matching is None:
            from bpfq.matching import Matching

            self._matching = Matching(
                lambda link: (self if link is None else self.recompiled("file", link)).matcher()
            )
        return self._matching

    def recompiled(self, target: str, link: str | int, *, savefile: str | None = None) -> Program:
        """The same filter with the same options for another place; itself if it is for that one.

        savefile: as for ``compile``; None is whatever it is now.  Nothing is searched (level 3) or
        made quick for a profile again; a filter that can match nothing there is compiled.  Raises
        UnsupportedError or LimitError.
        """
        row, kind = target_of(target), link_type(link)
        order = savefile or self.settings.savefile
        now = (self.settings.target, self.settings.link, self.settings.savefile)
        if (row, kind, order) == now:
            return self
        settings = replace(
            self.settings, target=row, link=kind, savefile=order, profile=None, allow_empty=True,
            level=min(self.settings.level, DEFAULT_LEVEL),
            options=replace(self.settings.options, live_sets=False),
        )  # fmt: skip
        compiled = compile_query(self.query, settings)
        return Program(compiled.words, self.query, settings, compiled.graph)

    def prove(self) -> Proof:
        """Decide whether the program does what its filter says, on every packet.

        ``.verdict`` is "proved", "refuted" with ``.counterexample``, or "undecided" when the
        budget was spent.

            >>> bpfq.compile("tcp port 80").prove().verdict
            'proved'
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
