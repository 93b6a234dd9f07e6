"""The handle for a compiled eBPF program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from bpfq.analysis.annotate import annotated
from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.backends.ebpf.emit import Verdicts
from bpfq.backends.ebpf.layout import Laid
from bpfq.backends.ebpf.sliced import KERNEL_FUNCTIONS
from bpfq.ebpf.actions import COUNT, default_action, verdicts
from bpfq.ebpf.choice import Hooked
from bpfq.hook_compiler import compile_hooked, with_live_sets
from bpfq.isa.ebpf.encode import Endian, assemble
from bpfq.isa.ebpf.instructions import BpfInsn, CallKernel, slots
from bpfq.isa.ebpf.program import Function, Hook, Module, Reference
from bpfq.isa.ebpf.text import dump_bpftool, dump_llvm
from bpfq.program.classic import Program
from bpfq.query.nodes import Query
from bpfq.query.sets import names_sets
from bpfq.record import field, record, replace
from bpfq.settings import Settings

if TYPE_CHECKING:
    from bpfq.graph.nodes import Node
    from bpfq.isa.cbpf.instructions import SockFilter
    from bpfq.analysis.prove import Proof
    from bpfq.ebpf.attachment import Attachment
    from bpfq.export.job import Part

_NAME: Final = "bpfq"
_NO_METADATA: Final[Mapping[str, int]] = {}
_TOLD_APART: Final = Verdicts(1, 0)


@record(frozen=False, eq=False)
class EbpfProgram(Program):
    """A compiled eBPF program.

    ``len(program)`` is the number of slots, ``list(program)`` the (opcode, dst, src, off, imm)
    tuples of struct bpf_insn.  ``module`` is the program with its maps and the filter's text, as
    objects and the kernel take it.  ``action``: what is done with packets that match; ``verdicts``:
    what the program returns for them and for others.  ``words`` is the classic program that decides
    the same, for questions about the filter.
    """

    module: Module = field(kw_only=True)
    action: str = field(kw_only=True)
    verdicts: Verdicts = field(kw_only=True)
    _told: EbpfProgram | None = field(default=None, kw_only=True, repr=False)

    @property
    def hook(self) -> Hook:
        return self.module.hook

    @property
    def without_maps(self) -> EbpfProgram:
        """The program with large sets written out, as an object file needs it."""
        if not self.module.maps:
            return self
        return compile_ebpf(self.query, self.settings, self.action, self.verdicts, maps=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is remarkable about the filter, and about this hook."""
        from bpfq.analysis.hook_notes import hook_notes

        return (*Program.notes.__get__(self), *hook_notes(self.query, self.hook))

    def __len__(self) -> int:
        return len(self.module.function.instructions)

    def __iter__(self) -> Iterator[BpfInsn]:  # type: ignore[override]  # slots of its machine
        return iter(self.module.function.instructions)

    def __str__(self) -> str:
        return self.format("bpftool")

    def format(self, name: str) -> str:
        """The program as text: "bpftool", "llvm" (as llvm-objdump prints it), "json".

        Raises ValueError for another name.
        """
        return listing(self.module.function, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EbpfProgram):
            return NotImplemented
        return (self.module, self.target, self.link) == (other.module, other.target, other.link)

    def __hash__(self) -> int:
        return hash((self.module, self.target, self.link))

    def __reduce__(self) -> tuple[object, ...]:
        classic = (self.words, self.query, self.settings, self._graph)
        return _restored, (*classic, self.module, self.action, self.verdicts)

    def counting(self) -> EbpfProgram:
        """The same program, counting packets that match and their bytes in the map "matches"."""
        if any(each.name == MATCHES for each in self.module.maps):
            return self
        return compile_ebpf(self.query, self.settings, self.action, counted=True)

    def part(self, name: str = "", text: str | None = None) -> Part:
        """As of Program, with sets written out where an object file cannot hold their entries."""
        filled = any(each.entries for each in self.module.maps)
        module = (self.without_maps if filled else self).module
        return replace(Program.part(self, name, text), module=module)

    def attach(
        self,
        place: str,
        *,
        direction: str = "",
        mode: str = "auto",
        priority: int = 0,
        name: str = "",
    ) -> Attachment:
        """Load the program and put it at its hook, until the attachment closes or its owner ends.

        place: an interface, a cgroup's directory, or family:hook of netfilter, as "inet:input".
        direction: "ingress" or "egress" at tc and cgroups.  mode: of XDP, "native", "generic" or
        "auto", which is native where the driver can.  priority: at netfilter, the lower the
        earlier.  name: what ``bpfq status`` calls it.  The attachment has ``counts()``, ``pin()``,
        ``replace()`` and ``detach()``.

        Raises FilterError for wrong words, UnsupportedError for an interface with other frames,
        VerifierError or LoadError where the system refuses; nothing is left then.
        """
        from bpfq.ebpf.attachment import attach
        from bpfq.ebpf.places import check_link_type, place_of

        where = place_of(self.hook, place, direction=direction, mode=mode, priority=priority)
        check_link_type(where, self.link)
        return attach(self.module, where, name=name)

    def matches(
        self,
        packet: bytes,
        *,
        wire_length: int | None = None,
        metadata: Mapping[str, int] | None = None,
    ) -> bool:
        """Whether the filter accepts the packet, by running the program.

        packet: all of it, from the hook's byte 0; wire_length is not asked.  metadata: the kernel's
        words by ancillary name (vlan_tci, vlanp, type, ifidx, random, ...); what is missing is 0, a
        missing random is drawn.
        """
        from bpfq.ebpf.simulate import verdict

        if self.verdicts.accept == self.verdicts.reject:
            if self._told is None:
                self._told = compile_ebpf(
                    self.query, self.settings, self.action, _TOLD_APART, counted=False
                )
            return self._told.matches(packet, metadata=metadata)
        order = cast(Endian, self.settings.byteorder)
        returned = verdict(self.module, packet, metadata or _NO_METADATA, byteorder=order)
        return returned == self.verdicts.accept

    def prove(self) -> Proof:
        """Decide whether the program does what its filter says, on every packet.

        As of Program; where packets may lie in pieces, however they lie, and whatever comes into
        named sets.
        """
        from bpfq.analysis.prove_ebpf import prove

        return prove(self.query, self.module, self.verdicts, self.settings)

    def require_proof(self) -> None:
        """Raise RefutedError or UndecidedError unless the program does what its filter says."""
        from bpfq.analysis.prove_ebpf import require_proof

        require_proof(self.query, self.module, self.verdicts, self.settings)


def _restored(
    words: tuple[SockFilter, ...],
    query: Query,
    settings: Settings,
    graph: Node,
    module: Module,
    action: str,
    verdicts: Verdicts,
) -> EbpfProgram:
    """The program that was copied or pickled."""
    return EbpfProgram(
        words, query, settings, graph, module=module, action=action, verdicts=verdicts
    )


def listing(function: Function, name: str) -> str:
    """A program as text: "bpftool", "llvm", "json"; raises ValueError for another name."""
    match name:
        case "bpftool":
            return dump_bpftool(function.instructions, function.lines)
        case "llvm":
            return dump_llvm(function.instructions, function.lines)
        case "json":
            import json

            return json.dumps([list(each) for each in function.instructions])
        case _:
            raise ValueError(f"unknown format {name!r}; the formats are bpftool, llvm, json")


def function(laid: Laid) -> Function:
    """The slots, with names where the loader puts the numbers of kernel functions and maps."""
    words = list(assemble(laid.instructions))
    references = list(laid.references)
    for each in references:
        words[each.insn] = words[each.insn]._replace(imm=0)
    slot = 0
    for instruction in laid.instructions:
        if isinstance(instruction, CallKernel):
            symbol = KERNEL_FUNCTIONS[instruction.btf_id]
            references.append(Reference(slot, symbol, "kfunc"))
            words[slot] = words[slot]._replace(imm=0)
        slot += slots(instruction)
    references.sort(key=lambda each: each.insn)
    return Function(_NAME, tuple(words), references=tuple(references))


def compile_ebpf(
    query: Query,
    settings: Settings,
    action: str | None,
    returned: Verdicts | None = None,
    *,
    maps: bool = True,
    counted: bool | None = None,
) -> EbpfProgram:
    """The program of a query for the hook of its target; raises as ``bpfq.compile`` does.

    returned: verdicts in place of those of the action.  maps: large sets may be maps.  counted:
    matches are counted in the map "matches", by default for the action "count".
    """
    hook = settings.target.hook
    assert hook is not None
    chosen = default_action(hook) if action is None else action
    wanted = returned or verdicts(hook, chosen, settings.snaplen)
    counts = chosen == COUNT if counted is None else counted
    hooked = Hooked(hook, wanted, maps, counts)
    compiled, emitted = compile_hooked(query, settings, hooked)
    lives = maps and names_sets(query)
    lines = annotated(emitted, query, with_live_sets(settings) if lives else settings)
    made = replace(function(emitted.laid), lines=lines)
    module = Module(cast(Hook, hook), made, emitted.laid.maps)
    return EbpfProgram(
        compiled.words, query, settings, compiled.graph,
        module=module, action=chosen, verdicts=wanted,
    )  # fmt: skip
