"""Questions about single packets: why one matches, and which ones do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from bpfq.api import compile, query_of
from bpfq.errors import FilterError, UndecidedError, quoting
from bpfq.program.classic import Program
from bpfq.program.given import GivenProgram

if TYPE_CHECKING:
    from bpfq.analysis.why.answer import Why
    from bpfq.analysis.witness.branches import Suite
    from bpfq.analysis.witness.found import Witness
    from bpfq.analysis.witness.nearmiss import NearMiss
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver


def why(
    filter: str | Cond | Program,
    packet: bytes,
    *,
    wire_length: int | None = None,
    metadata: Mapping[str, int] | None = None,
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
) -> Why:
    """Why a filter matches one packet, or does not: ``print`` it, or look into its fields.

    packet, wire_length, metadata: as for ``Program.matches``.  The other options are those of
    ``compile``; a filter that can match nothing is explained like any other.  A Program is taken
    for the options that it was compiled with, one that came as instructions for the filter that it
    is proved to be.

    Raises FilterError, UnsupportedError or LimitError, as ``compile`` does.

        >>> packet, = bpfq.witness("vlan 100 and udp port 53")
        >>> answer = bpfq.why("udp port 53", packet.octets)
        >>> answer.matched
        False
        >>> print(answer)
        75 bytes  Ether / 802.1Q vlan 100 / IPv4 192.0.2.1 -> 192.0.2.2 / UDP 1024 -> 53
        ✗ udp port 53    ether[12:2] = 0x8100, wanted 0x0800 or 0x86dd     ← decided here
        The frame is VLAN-tagged; `udp port 53` looks only at untagged frames.
          fix   vlan and udp port 53    tagged only
                --through vlan          tagged and untagged
    """
    text = filter if isinstance(filter, str) else None
    if isinstance(filter, GivenProgram) and filter.decompiled.proved:
        text = filter.decompiled.text
    program = filter if isinstance(filter, Program) else compile(
        filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
        resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
        allow_empty=True, protochain=protochain,
    )  # fmt: skip
    from bpfq.analysis.why.answer import why as answer

    return answer(
        program.query, program.settings, program.matcher(), packet,
        text=text,
        wire_length=wire_length, metadata=metadata,
    )  # fmt: skip


def witness(
    filter: str | Cond | Program,
    n: int = 1,
    *,
    checksums: bool = False,
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
) -> tuple[Witness, ...]:
    """Up to n packets that a filter matches, each of another kind; they look like real ones.

    Lengths and checksums are right wherever the filter leaves them free; checksums: nowhere else
    either.  A Program is taken for the options that it was compiled with; of one that came as
    instructions, and is no filter that is known, there is one packet.

    Raises FilterError where no packet matches, and what ``compile`` raises.

        >>> for packet in bpfq.witness("tcp dst port 443", 2):
        ...     print(packet.summary)
        TCP 192.0.2.1:1024 > 192.0.2.2:443 S
        TCP [2001:db8::1]:1024 > [2001:db8::2]:443 S
        >>> bpfq.witness("arp")[0].octets.hex()
        '00005e00530200005e0053010806000108000604000100005e005301c0000201000000000000c0000202'
    """
    from bpfq.analysis.witness.witness import witnesses

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            protochain=protochain,
        )  # fmt: skip
        if isinstance(program, GivenProgram) and not program.decompiled.proved:
            return (_matched_by(program, checksums),)
        return witnesses(program.query, program.words, program.settings, n, checksums=checksums)


def _matched_by(program: GivenProgram, checksums: bool) -> Witness:
    """A packet that a program accepts which no filter is known to be."""
    from bpfq.analysis.compare import compare
    from bpfq.analysis.sides import Side

    everything = query_of("", None)
    found = compare(Side(program.words, program.settings), Side(everything, program.settings))
    if found.both is None:
        if found.relation == "undecided":
            raise UndecidedError("the budget was spent: neither a packet nor a proof of none")
        raise FilterError(f"matches no packet on {program.settings.where}")
    if checksums and found.both.faults:
        raise UndecidedError(f"no packet with right checksums was found: {found.both.faults[0]}")
    return found.both


def near_misses(
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
) -> tuple[NearMiss, ...]:
    """For each clause of a filter a packet that fails it and passes all others.

    text: what a Program was compiled from, to quote its clauses.  A Program is taken for the
    options that it was compiled with.

    Raises FilterError where no packet matches, and what ``compile`` raises.

        >>> for missed in bpfq.near_misses("udp and dst port 53"):
        ...     print(missed.witness.summary)
        TCP 192.0.2.1:1024 > 192.0.2.2:53 S
        UDP 192.0.2.1:1024 > 192.0.2.2:52
    """
    from bpfq.analysis.witness.nearmiss import near_misses as missed

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            protochain=protochain,
        )  # fmt: skip
        text = filter if isinstance(filter, str) else text
        return missed(program.query, program.words, program.settings, text)


def branches(
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
) -> Suite:
    """Packets that between them take each test of a filter both ways, with their verdicts.

    A Program is taken for the options that it was compiled with.  Raises what ``compile`` raises.

        >>> for case in bpfq.branches("arp").cases:
        ...     print(case.witness.summary, case.matches)
        TCP 192.0.2.1:1024 > 192.0.2.2:80 S False
        ARP who-has 192.0.2.2 tell 192.0.2.1 True
    """
    from bpfq.analysis.witness.branches import suite

    with quoting(filter):
        program = filter if isinstance(filter, Program) else compile(
            filter, target=target, link=link, netmask=netmask, level=level, savefile=savefile,
            resolver=resolver, through=through, tcp6=tcp6, family=family, strict=strict,
            protochain=protochain,
        )  # fmt: skip
        return suite(program.words, program._graph, program.settings)
