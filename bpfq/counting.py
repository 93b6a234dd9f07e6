"""Many filters with names in one eBPF program that counts what each of them matches.

    program = bpfq.count_program({"dns": "udp port 53", "syn": "tcp[13] = 2", "all": ""})
    with program.attach("eth0") as counters:
        counters.read()["dns"]              Counts(packets=17, bytes=1234)

A packet counts for every filter that it matches, and always passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from bpfq.analysis.annotate import Said, lines, said
from bpfq.api import query_of, with_profile, with_sets
from bpfq.backends.ebpf.blocks import Counter, Source
from bpfq.backends.ebpf.emit import counting
from bpfq.ebpf.actions import COUNT, verdicts
from bpfq.ebpf.choice import Emitted, Hooked
from bpfq.errors import FilterError, UnsupportedError, naming, quoting
from bpfq.hook_compiler import compile_emitted, with_live_sets
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.program.ebpf import function, listing
from bpfq.query.nodes import Query
from bpfq.query.sets import names_sets
from bpfq.record import field, record, replace
from bpfq.settings import Settings, settings_of

if TYPE_CHECKING:
    from bpfq.analysis.prove import Proof
    from bpfq.api import Objective
    from bpfq.capture.profile import Source as ProfileSource
    from bpfq.ebpf.counters import Counters
    from bpfq.frontend.dsl_handles import Cond
    from bpfq.frontend.pcap.names import Resolver
    from bpfq.program.classic import Program

_NAME = "bpfq_count"  # of the program, as the kernel shows it


@record
class CountProgram:
    """An eBPF program that counts matches and lets every packet pass.

    ``names`` of the filters, in the order of their counters in the map "matches"; ``len(program)``
    is the number of slots, ``list(program)`` the (opcode, dst, src, off, imm) tuples of struct
    bpf_insn.  ``module`` is the program with its maps and the text of the filters.  ``target`` and
    ``link``, a DLT name, are what it was compiled for.
    """

    names: tuple[str, ...]
    module: Module
    target: str
    link: str
    _filters: tuple[tuple[Query, Settings], ...] = field(repr=False, compare=False)

    def prove(self) -> dict[str, Proof]:
        """By name: whether the program counts exactly those packets that the filter matches.

        As ``Program.prove``: a filter's counter is looked up once where it matches, and never
        where it does not, and all packets pass.  Raises UnsupportedError.
        """
        from bpfq.analysis.prove_ebpf import prove_counts

        _, settings = self._filters[0]
        passes = verdicts(self.hook, COUNT, settings.snaplen).accept
        named = dict(zip(self.names, self._filters, strict=True))
        return prove_counts(named, self.module, passes)

    @property
    def hook(self) -> Hook:
        return self.module.hook

    def __len__(self) -> int:
        return len(self.module.function.instructions)

    def __iter__(self) -> Iterator[BpfInsn]:
        return iter(self.module.function.instructions)

    def __str__(self) -> str:
        return self.format("bpftool")

    def format(self, name: str) -> str:
        """The program as text: "bpftool", "llvm" (as llvm-objdump prints it), "json".

        Raises ValueError for another name.
        """
        return listing(self.module.function, name)

    def attach(self, place: str, *, direction: str = "", mode: str = "auto") -> Counters:
        """Load the program and put it at its hook, in front of others, until the counters close.

        place: an interface, a cgroup's directory, or family:hook of netfilter, as "inet:input".
        direction: "ingress", "egress" or "both" at tc and cgroups, what comes in unless given.
        mode: of XDP, "native", "generic" or "auto", which is native where the driver can.  The
        counters have ``read()`` and ``detach()``.

        Raises FilterError for wrong words, UnsupportedError for an interface with other frames,
        VerifierError or LoadError where the system refuses; nothing is left then.
        """
        from bpfq.ebpf.counters import attach_counters, places_of
        from bpfq.ebpf.places import check_link_type

        places = places_of(self.hook, place, direction, mode)
        for each in places:
            check_link_type(each, self.link)
        return attach_counters(self.names, self.module, places)


def count_program(
    filters: Mapping[str, str | Cond | Program],
    *,
    target: str = "ebpf:tc",
    link: str | int = "EN10MB",
    netmask: str | int | None = None,
    level: int | None = None,
    resolver: Resolver | None = None,
    through: tuple[str, ...] = (),
    tcp6: bool = False,
    family: Literal[4, 6] | None = None,
    strict: bool = False,
    allow_empty: bool = False,
    protochain: int = 8,
    optimise_for: Objective = "balanced",
    profile: ProfileSource | None = None,
    byteorder: Literal["little", "big"] = "little",
    sets: Mapping[str, Iterable[object]] | None = None,
) -> CountProgram:
    """One program that counts the packets and bytes that each filter matches; all packets pass.

    filters: by name; a packet counts for each filter that it matches.  target: a hook that lets
    packets pass, "ebpf:tc", "ebpf:xdp", "ebpf:cgroup_skb" or "ebpf:netfilter".  The other options
    are those of ``bpfq.compile``.

    Raises as ``bpfq.compile`` does; the message names the filter.

        >>> program = bpfq.count_program({"dns": "udp port 53", "all": ""})
        >>> program.names
        ('dns', 'all')
    """
    settings = settings_of(
        target, link, netmask=netmask, level=level, through=through, tcp6=tcp6, family=family,
        strict=strict, allow_empty=allow_empty, protochain=protochain, optimise_for=optimise_for,
        byteorder=byteorder,
    )  # fmt: skip
    hooked = _hooked(settings)
    settings = with_profile(settings, profile)
    if not filters:
        raise FilterError("no filter to count with")
    names = with_sets(resolver, sets)
    found: list[_Found] = []
    for name, each in filters.items():
        with naming(name, each), quoting(each):
            query = query_of(each, names)
            own = with_live_sets(settings) if names_sets(query) else settings
            found.append(_Found(compile_emitted(query, own, hooked), query, own))
    return _merged(tuple(filters), found, settings, hooked)


class _Found(NamedTuple):
    emitted: Emitted
    query: Query
    settings: Settings


def _hooked(settings: Settings) -> Hooked:
    hook = settings.target.hook
    if hook is None:
        raise UnsupportedError(
            f"target '{settings.target.name}' takes classic programs, which have no counters"
        )
    return Hooked(hook, verdicts(hook, COUNT, settings.snaplen), counted=True)


def _merged(
    names: tuple[str, ...],
    found: list[_Found],
    settings: Settings,
    hooked: Hooked,
) -> CountProgram:
    written = [each.emitted.written for each in found]
    laid = counting(written, hooked.hook, hooked.verdicts.accept, hooked.maps, settings.byteorder)
    known: dict[Source, Said] = {}
    below = 0  # lines of the filters before
    for number, (name, one) in enumerate(zip(names, found, strict=True)):
        own = said(one.emitted.graph, one.query, one.settings)
        for test, each in own.items():
            known[test] = replace(each, text=f"{name} -> {each.text}", line=below + each.line)
        below += max((each.line for each in own.values()), default=0) + 1
        known[Counter(number)] = Said(f"{name} -> count", below, 1)
    made = replace(function(laid), name=_NAME, lines=lines(laid, known))
    module = Module(cast(Hook, hooked.hook), made, laid.maps)
    filters = tuple((each.query, settings) for each in found)
    return CountProgram(names, module, settings.target.name, settings.link.name, filters)
