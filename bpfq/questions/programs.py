"""Questions about how a filter becomes its program: through which stages, as which decisions, at
which cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from bpfq.api import compile
from bpfq.errors import quoting
from bpfq.program.classic import Program
from bpfq.program.given import GivenProgram
from bpfq.record import replace

if TYPE_CHECKING:
    from bpfq.analysis.decisions.counts import Counter
    from bpfq.analysis.drawing.drawing import Drawing
    from bpfq.analysis.stages import Stages
    from bpfq.analysis.stats import Stats
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver


def stages(
    filter: str | Cond | Program,
    *,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
) -> Stages:
    """Every stage between a filter and its program that changed something: ``print`` it, or look
    at ``.query``, ``.simplified``, ``.graph``, ``.steps`` (one for each pass) and ``.program``.

    A filter that can match nothing has stages like any other.  A Program is taken for the options
    that it was compiled with.  Raises what ``compile`` raises.

        >>> made = bpfq.stages("ip src net 10.0.0.0/8 and ip src host 10.1.2.3")
        >>> made.simplified
        'ip src host 10.1.2.3'
    """
    from bpfq.analysis.stages import stages as answer

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            allow_empty=True, protochain=protochain,
        )  # fmt: skip
        found = answer(program.query, program.settings)
        if program.gain is None:
            return found
        return replace(found, program=program.words, searched=str(program.gain))


def draw(
    filter: str | Cond | Program,
    *,
    every: bool = False,
    packets: Iterable[bytes] | None = None,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
) -> Drawing:
    """The decision graph of a filter: ``print`` it, look at ``.tests``, or take ``.svg()``,
    ``.dot()`` or ``.mermaid()``.

    every: the graphs of all stages, with what each pass changed.  packets: captured bytes; how
    many took which exit is shown and stands in ``.counts``.  The other options are those of
    ``stages``.

        >>> print(bpfq.draw("ip and udp"))
         0  [12:2] = 0x800  ip   ✓ ↓       ✗ reject
         1  [23] = 0x11     udp  ✓ accept  ✗ reject
    """
    from bpfq.analysis.drawing.drawing import drawing

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            allow_empty=True, protochain=protochain,
        )  # fmt: skip
    made = stages(program)
    title = filter if isinstance(filter, str) else made.query
    if packets is None:
        return drawing(title, made, every=every)
    counter = packet_counter(program)
    for packet in packets:
        counter.count(packet, len(packet))
    return drawing(title, made, every=every, counts=counter.counts())


def stats(
    filter: str | Cond | Program,
    *,
    text: str | None = None,
    target: str = "file",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    protochain: int = 8,
) -> Stats:
    """What a filter's program costs: ``.result``, beside the programs of other objectives in
    ``.models``, the one ``.written`` without the optimiser, and ``.libpcap``'s where libpcap is
    installed and has one that does the same; ``print`` it for a table.

    text: what a Program was compiled from, for libpcap to read.  The other options are those of
    ``stages``.

        >>> cost = bpfq.stats("ip and udp")
        >>> cost.result.instructions, cost.written.instructions
        (6, 16)
    """
    from bpfq.analysis.stages import filter_as_text
    from bpfq.analysis.stats import stats as answer

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            allow_empty=True, protochain=protochain,
        )  # fmt: skip
        if text is None:
            text = filter if isinstance(filter, str) else filter_as_text(program.query)
        if not isinstance(program, GivenProgram):
            return answer(program.query, program.words, program.settings, text)
        from bpfq.analysis.stats import figures
        from bpfq.compiler import compile_query
        from bpfq.isa.cbpf.check import check

        check(program.words, limit=max(len(program), 1))
        ours = compile_query(program.query, program.settings).words
        found = answer(program.query, ours, program.settings, text)
        return replace(found, result=figures(program.words, program.settings.traffic), given=True)


def packet_counter(program: Program) -> Counter:
    """What counts the packets that take each exit of a program's tests."""
    from bpfq.analysis.decisions.counts import Counter

    return Counter(program._graph)
