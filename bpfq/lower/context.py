"""What every lowering function takes: the headers, and the options that change a meaning."""

from __future__ import annotations

from bpfq.errors import UnsupportedError
from bpfq.graph.formula import Formula, both, either
from bpfq.headers.frames import frame
from bpfq.headers.places import Frame, Headers
from bpfq.query.nodes import Query
from bpfq.record import field, record
from bpfq.source import Span, Suggestion


@record
class Options:
    """netmask: of the capture network, None where unknown.  tcp6: ``tcp[...]`` reads IPv6 too.

    protochain: headers followed at most.  loops: the machine can walk over them in a loop.
    live_sets: named sets may change.
    """

    netmask: int | None = None
    tcp6: bool = False
    protochain: int = 8
    loops: bool = False
    live_sets: bool = False


@record(frozen=False)
class Context:
    """share: equal primitives of a query become the same formula, from level 1 on.

    join: long lists become tests of sets.
    """

    headers: Headers
    options: Options
    share: bool = False
    join: bool = False
    lowered: dict[Query, Formula] = field(default_factory=dict)
    opposites: dict[Formula, Formula] = field(default_factory=dict)
    _draws: int = field(default=0)

    def frame(self, under: tuple[str, ...]) -> Frame:
        return frame(self.headers, under)

    def next_draw(self) -> int:
        """A new identity: every occurrence of a random draw is its own."""
        self._draws += 1
        return self._draws

    def refuse(
        self, what: str, span: Span | None, suggestions: tuple[Suggestion, ...] = ()
    ) -> UnsupportedError:
        """The error for a primitive that the target or the link type cannot see."""
        target, link = self.headers.target, self.headers.link
        if target.layer == 3:
            where = f"target '{target.name}' ({target.summary})"
        else:
            where = f"DLT_{link.name}" + (f" ({link.description})" if link.description else "")
        return UnsupportedError(
            f"{what} cannot be seen on {where}", span=span, suggestions=suggestions
        )


def directed(direction: str, source: Formula, destination: Formula) -> Formula:
    """A test of a packet's two ends: "src", "dst", "src or dst", "src and dst"."""
    match direction:
        case "src":
            return source
        case "dst":
            return destination
        case "src and dst":
            return both(source, destination)
        case _:
            return either(source, destination)
