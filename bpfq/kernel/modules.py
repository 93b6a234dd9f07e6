"""A whole module into the kernel: its types, its maps, its program, in that order.

    with install(module, prepare(module)) as installed:          objfile.loading.prepare
        attach_xdp(installed.program, "eth0")
        installed.maps["bad"].update(key, value)

A map that exists already, as one opened from its pin, takes the place of one to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Final, Protocol, Self, TypeAlias

from bpfq.errors import LoadError
from bpfq.isa.ebpf.instructions import BpfInsn, Immediate
from bpfq.isa.ebpf.program import Line, MapSpec, Module, Reference
from bpfq.kernel.bpf import Descriptor
from bpfq.kernel.maps import Map, create_from
from bpfq.kernel.programs import Program, load, load_btf
from bpfq.record import replace

KernelFunction: TypeAlias = Callable[[str], int | None]
"""The BTF id of a function of the kernel, or None; objfile.btf_read.kernel_types().function."""

_MAP_KINDS: Final = {"map": Immediate.MAP_FD, "map_value": Immediate.MAP_VALUE}
_NONE: Final[Mapping[str, Map]] = MappingProxyType({})


class Prepared(Protocol):
    """A module with its functions in one row, and its types: objfile.loading.Loadable."""

    @property
    def instructions(self) -> tuple[BpfInsn, ...]: ...
    @property
    def references(self) -> tuple[Reference, ...]: ...
    @property
    def btf(self) -> bytes: ...
    @property
    def function_records(self) -> bytes: ...
    @property
    def line_records(self) -> bytes: ...
    @property
    def map_types(self) -> Mapping[str, tuple[int, int]]: ...


class Installed:
    """A loaded program with its maps; close() lets go of all that install() made."""

    __slots__ = ("_made", "maps", "program")

    def __init__(self, program: Program, maps: Mapping[str, Map], made: Iterable[Map]) -> None:
        self.program = program
        self.maps = maps
        self._made = tuple(made)

    def close(self) -> None:
        """A link or a pin keeps what it needs."""
        self.program.close()
        for each in self._made:
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def install(
    module: Module,
    prepared: Prepared,
    *,
    maps: Mapping[str, Map] = _NONE,
    kernel_function: KernelFunction | None = None,
    frags: bool = False,
) -> Installed:
    """Load a module.

    ``maps`` are those that exist already, by name; ``kernel_function`` is asked for the
    functions of the kernel that it calls.  Raises LoadError; nothing is left then.
    """
    made: dict[str, Map] = {}
    with load_btf(prepared.btf) as btf:
        try:
            for spec in module.maps:
                if spec.name in maps:
                    _check(spec, maps[spec.name])
                else:
                    made[spec.name] = _make(spec, btf, prepared)
            every = {**maps, **made}
            program = load(
                linked(prepared.instructions, prepared.references, every, kernel_function),
                module.hook, name=module.function.name, license=module.license, btf=btf,
                functions=prepared.function_records, line_records=prepared.line_records,
                lines=lines_of(module), frags=frags,
            )  # fmt: skip
        except BaseException:
            for each in made.values():
                each.close()
            raise
    return Installed(program, every, made.values())


def linked(
    words: tuple[BpfInsn, ...],
    references: Iterable[Reference],
    maps: Mapping[str, Map],
    kernel_function: KernelFunction | None = None,
) -> tuple[BpfInsn, ...]:
    """The slots with the maps and the kernel's functions put in where they are referred to."""
    row = list(words)
    for each in references:
        slot = row[each.insn]
        if each.kind == "kfunc":
            number = None if kernel_function is None else kernel_function(each.symbol)
            if number is None:
                raise LoadError(f"the kernel has no function {each.symbol} for programs")
            row[each.insn] = slot._replace(imm=number)
        else:
            kind = _MAP_KINDS[each.kind]
            row[each.insn] = slot._replace(src=int(kind), imm=maps[each.symbol].fd)
    return tuple(row)


def lines_of(module: Module) -> tuple[Line, ...]:
    """The lines of all functions, at the slots they have in one row."""
    found: list[Line] = []
    start = 0
    for function in (module.function, *module.subprograms):
        found += (replace(line, insn=start + line.insn) for line in function.lines)
        start += len(function.instructions)
    return tuple(found)


def _make(spec: MapSpec, btf: Descriptor, prepared: Prepared) -> Map:
    key, value = prepared.map_types[spec.name]
    return create_from(spec, btf=btf, key_type=key, value_type=value)


def _check(spec: MapSpec, found: Map) -> None:
    told = found.information
    wanted = (spec.kind, spec.key_size, spec.value_size)
    if (told.kind, told.key_size, told.value_size) != wanted:
        raise LoadError(
            f"map {spec.name!r} is a {told.kind} of {told.key_size} bytes to {told.value_size}, "
            f"the program needs a {spec.kind} of {spec.key_size} to {spec.value_size}"
        )
