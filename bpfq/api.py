"""The public functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, Unpack, overload

from bpfq.compiler import compile_query
from bpfq.errors import FilterError, LimitError, UnsupportedError, quoting
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.program.classic import Program
from bpfq.query.nodes import Query
from bpfq.record import replace
from bpfq.settings import SEARCH_BUDGET, SEARCHING, SNAPLEN, Settings, settings_of
from bpfq.source import Suggestion

if TYPE_CHECKING:
    import socket

    from bpfq.program.ebpf import EbpfProgram
    from bpfq.capture.profile import Source as ProfileSource
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver

    class _Options(TypedDict, total=False):
        """The options of compile(), but for the target."""

        link: str | int
        snaplen: int
        netmask: str | int | None
        level: int | None
        savefile: Literal["unswapped", "swapped"] | None
        resolver: Resolver | None
        through: tuple[str, ...]
        tcp6: bool
        family: Literal[4, 6] | None
        strict: bool
        allow_empty: bool
        protochain: int
        optimise_for: Objective
        profile: ProfileSource | None
        search_budget: int
        action: str | None
        byteorder: Literal["little", "big"]
        sets: Mapping[str, Iterable[object]] | None


Objective: TypeAlias = Literal["balanced", "size", "speed", "kernel-size"]
EbpfTarget: TypeAlias = Literal[
    "ebpf:socket", "ebpf:xdp", "ebpf:tc", "ebpf:cgroup_skb", "ebpf:netfilter"
]


@overload
def compile(
    filter: str | Cond | Program, *, target: EbpfTarget, **options: Unpack[_Options]
) -> EbpfProgram: ...


@overload
def compile(
    filter: str | Cond | Program, *, target: str = "file", **options: Unpack[_Options]
) -> Program: ...


def compile(  # the name the whole field uses for it
    filter: str | Cond | Program,
    *,
    target: str = "file",
    link: str | int = "EN10MB",
    snaplen: int = SNAPLEN,
    netmask: str | int | None = None,
    level: int | None = None,
    savefile: Literal["unswapped", "swapped"] | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    allow_empty: bool = False,
    protochain: int = 8,
    optimise_for: Objective = "balanced",
    profile: ProfileSource | None = None,
    search_budget: int = SEARCH_BUDGET,
    action: str | None = None,
    byteorder: Literal["little", "big"] = "little",
    sets: Mapping[str, Iterable[object]] | None = None,
) -> Program:
    """The program of a filter, given as pcap-filter text, as a Python node, or as the Program of
    another target.

    target: where it will run, see ``bpfq.targets``.  link: DLT name or number, for targets whose
    byte 0 is the link header.  snaplen: bytes a match returns.  netmask: of the capture network,
    for ``ip broadcast``; None is unknown.  level: 0 as written, 1 shared and threaded, 2 without
    tests that others decide, lists as searches, code shared between branches, 3 the best that a
    search from there proves; None is the default, 2.  search_budget: candidates that level 3 tries
    at most, a proof counts as 500 of them; 40 000 take about a second, ``gain`` says what came of
    it.  savefile: byte order of the capture file the program will read, relative to a little-endian
    machine.  resolver: what looks up host, network and station names; none unless given.  through:
    encapsulations below which layer-3 tests look as well.  tcp6: ``tcp[...]`` and its kind read
    IPv6 too.  family: 4 or 6, all that a layer-3 target can carry.  strict: equal to libpcap on
    packets cut short inside a tested field, too.  allow_empty: compile a filter that can match
    nothing.  protochain: headers that ``protochain`` follows at most.  optimise_for, from level 2
    on: "balanced", the smallest program that is nearly as quick as the quickest; "size", the fewest
    instructions; "speed", the least time by the kernel's prices; "kernel-size", the least option
    memory of a socket.  profile: the traffic that programs are made quick for, a synthetic mix
    unless given: a capture file, or packets with the link type, each bytes or (captured bytes,
    length on the wire).  action, for eBPF targets: what is done with packets that match, "drop",
    "pass" or "count", on a socket "keep" or "drop"; all others pass.  byteorder, likewise: that of
    the machine that will run them.  sets: what ``@name`` stands for: addresses and networks, ports,
    or MAC addresses.

    Raises FilterError, UnsupportedError or LimitError; all know where in the text, where there is
    one; CaptureError for a profile that cannot be read.  Pure: the same arguments, and the same
    packets in the profile, give the same bytes, on any machine.

        >>> program = bpfq.compile("tcp dst port 443")
        >>> len(program), program.target, program.link
        (14, 'file', 'EN10MB')
        >>> print(bpfq.compile("udp", target="xt_bpf", family=4))
        (000) ldb      [9]
        (001) jeq      #0x11            jt 2	jf 3
        (002) ret      #1
        (003) ret      #0
        >>> bpfq.compile("tcp prot 80")
        Traceback (most recent call last):
        bpfq.errors.FilterError: unknown word 'prot'; did you mean 'port'?
    """
    settings = settings_of(
        target, link, snaplen=snaplen, netmask=netmask, level=level, savefile=savefile,
        through=through, tcp6=tcp6, family=family, strict=strict, allow_empty=allow_empty,
        protochain=protochain, optimise_for=optimise_for, search_budget=search_budget,
        byteorder=byteorder,
    )  # fmt: skip
    settings = with_profile(settings, profile)
    with quoting(filter):
        query = query_of(filter, with_sets(resolver, sets))
        if settings.target.hook is not None:
            from bpfq.program.ebpf import compile_ebpf

            return compile_ebpf(query, settings, action)
        _refuse_action(action, target)
        compiled = compile_query(query, settings)
        if settings.level < SEARCHING:
            return Program(compiled.words, query, settings, compiled.graph)
        from bpfq.superopt.search import search

        words, gain = search(query, compiled.words, settings)
        return Program(words, query, settings, compiled.graph, gain)


def with_profile(settings: Settings, profile: ProfileSource | None) -> Settings:
    """The settings, for the packets of a profile; raises as ``profile_of`` does."""
    if profile is None:
        return settings
    from bpfq.capture.profile import profile_of

    return replace(settings, profile=profile_of(profile, settings.target, settings.link))


def with_sets(
    resolver: Resolver | None, sets: Mapping[str, Iterable[object]] | None
) -> Resolver | None:
    """The resolver, which knows the sets as well; raises FilterError for a wrong name or list."""
    if not sets:
        return resolver
    from bpfq.frontend.pcap.names import WithSets
    from bpfq.frontend.pcap.sets import check_name, from_values

    for name in sets:
        check_name(name)
    return WithSets(resolver, {name: from_values(name, each) for name, each in sets.items()})


def _refuse_action(action: str | None, target: str) -> None:
    if action is not None:
        raise FilterError(
            f"target '{target}' takes classic programs, which return what they keep: no action"
        )


def query_of(filter: str | Cond | Program, resolver: Resolver | None) -> Query:
    """The tree of a filter in either form; raises FilterError, TypeError for anything else."""
    if isinstance(filter, str):
        from bpfq.frontend.pcap.parse import parse as parse_text

        return parse_text(filter, resolver=resolver)
    query: Query | None = getattr(filter, "query", None)
    if query is None:
        raise TypeError(f"a filter is pcap text or a bpfq expression, not {type(filter).__name__}")
    return query


def parse(
    text: str,
    *,
    resolver: Resolver | None = None,
    sets: Mapping[str, Iterable[object]] | None = None,
) -> Cond:
    """The Python node of a pcap-filter text; raises FilterError.  Options as of ``compile``.

    >>> print(bpfq.parse("tcp port 80") & ~bpfq.vlan)
    tcp port 80 and not vlan
    >>> bpfq.parse("ip src 10.0.0.1").query
    Address4(protocol='ip', direction='src', networks=((167772161, 4294967295),), under=())
    """
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.parse import parse as parse_text

    return Cond(parse_text(text, resolver=with_sets(resolver, sets)))


# ---------------------------------------------------------------- sockets


def attach(
    sock: socket.socket,
    filter: str | Cond | Program,
    *,
    lock: bool = False,
    drain: bool = True,
    prove: bool = False,
    optimise_for: Objective = "balanced",
    profile: ProfileSource | None = None,
) -> None:
    """Filter a socket in the kernel; the target is inferred from the socket.

    drain: packets that were queued before are dropped, so that only matching ones are ever
    received.  lock: the filter can then neither be changed nor removed.  prove: only a program
    that is proved to do what the filter says.  optimise_for, profile: as for ``compile``, where the
    filter is no program yet.  Raises LoadError where the system refuses,
    LimitError where the program needs more than net.core.optmem_max; RefutedError or
    UndecidedError where there is no proof.

        >>> import socket
        >>> sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        >>> bpfq.attach(sock, "src port 53")
        >>> bpfq.detach(sock)
        >>> sock.close()
    """
    from bpfq.kernel.interfaces import infer_target, only_family
    from bpfq.kernel.sockets import attach_filter

    if isinstance(filter, Program):
        program = filter
    else:
        target, link = infer_target(sock)
        program = compile(
            filter, target=target, link=link, family=only_family(sock),
            optimise_for=optimise_for, profile=profile,
        )  # fmt: skip
    if prove:
        program.require_proof()
    needed = check_memory(program, beside=_DROP_ALL if drain else ())
    attach_filter(sock, program.words, lock=lock, drain=drain, needed_bytes=needed)


def detach(sock: socket.socket) -> None:
    """Remove the socket's filter; raises LoadError where there is none or it is locked."""
    from bpfq.kernel.sockets import detach_filter

    detach_filter(sock)


def open_packet_socket(
    interface: str,
    filter: str | Cond | Program,
    *,
    prove: bool = False,
    optimise_for: Objective = "balanced",
    profile: ProfileSource | None = None,
) -> socket.socket:
    """A packet socket on an interface that has never received a packet the filter rejects.

    On "any", which is all interfaces, and for a program of target "packet-cooked", it is a cooked
    one, whose packets begin with the network header.  A program for files is compiled again, since
    a live tag is no bytes; one that was given is taken as it is.  prove: only with a program that
    is proved to do what the filter says.  optimise_for, profile: as for ``compile``, where the
    filter is no program yet.  Raises LoadError for an unknown interface
    or without CAP_NET_RAW, RefutedError or UndecidedError without a proof.
    """
    from bpfq.kernel.sockets import open_packet_socket as open_socket

    program = packet_program(interface, filter, optimise_for=optimise_for, profile=profile)
    if prove:
        program.require_proof()
    needed = check_memory(program)
    cooked = program.target == "packet-cooked"
    return open_socket(interface, program.words, cooked=cooked, needed_bytes=needed)


def packet_program(
    interface: str,
    filter: str | Cond | Program,
    *,
    snaplen: int = SNAPLEN,
    optimise_for: Objective,
    profile: ProfileSource | None,
) -> Program:
    """The program for a packet socket on an interface; on "any" the socket is a cooked one."""
    from bpfq.kernel.interfaces import interface as find_interface
    from bpfq.kernel.interfaces import link_type_of
    from bpfq.kernel.sockets import ANY_INTERFACE
    from bpfq.program.given import GivenProgram

    if isinstance(filter, Program):
        if interface == ANY_INTERFACE or filter.target not in _LINK_HEADER:
            return filter
        _check_link(filter, interface, link_type_of(find_interface(interface).arphrd))
        is_given = isinstance(filter, GivenProgram)
        return filter if is_given else filter.recompiled("packet", filter.link)
    if interface == ANY_INTERFACE:
        return compile(
            filter, target="packet-cooked", snaplen=snaplen, optimise_for=optimise_for,
            profile=profile,
        )  # fmt: skip
    found = find_interface(interface)
    return compile(
        filter, target="packet", link=link_type_of(found.arphrd), netmask=found.netmask,
        snaplen=snaplen, optimise_for=optimise_for, profile=profile,
    )  # fmt: skip


_LINK_HEADER = ("file", "packet")  # targets whose packets begin as those of a packet socket do


def _check_link(program: Program, interface: str, delivers: str) -> None:
    if program.link != delivers:
        raise UnsupportedError(
            f"the filter is for DLT_{program.link}, interface {interface!r} delivers DLT_{delivers}"
        )


_DROP_ALL = (SockFilter(6, 0, 0, 0),)  # what is attached while a queue is drained


def check_memory(program: Program, beside: tuple[SockFilter, ...] = ()) -> int:
    """The bytes the kernel charges for the converted program, ``beside`` another one.

    Raises LimitError where that is more than the socket's option memory.
    """
    from bpfq.isa.cbpf.size import optmem_charge
    from bpfq.kernel.limits import optmem_max

    limit = optmem_max()
    charge = optmem_charge(program.words)
    taken = charge + (optmem_charge(beside) if beside else 0)
    if limit is not None and taken >= limit:
        raise LimitError(
            f"the program needs {charge} bytes of socket option memory, "
            f"net.core.optmem_max is {limit}",
            suggestions=(Suggestion(f"sysctl net.core.optmem_max={1 << taken.bit_length()}"),),
        )
    return charge
