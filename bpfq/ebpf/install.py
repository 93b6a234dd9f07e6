"""A whole module into the kernel: its types, its maps, its program, in that order.

    with install(module) as installed:
        attach_xdp(installed.program, "eth0")
        installed.maps["bad"].update(key, value)

A map that exists already, as one opened from its pin, takes the place of one to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from bpfq.closing import Closing
from bpfq.errors import LoadError
from bpfq.isa.ebpf.program import MapSpec, Module
from bpfq.kernel.hooks import hook_named
from bpfq.kernel.maps import Map, create_from
from bpfq.kernel.programs import Program, load, load_btf
from bpfq.objfile.loading import prepare, resolve

_NONE: Final[Mapping[str, Map]] = MappingProxyType({})


class Installed(Closing):
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


def install(
    module: Module,
    *,
    maps: Mapping[str, Map] = _NONE,
    kernel_function: Callable[[str], int | None] | None = None,
    frags: bool = False,
) -> Installed:
    """Load a module for the running kernel.

    ``maps`` are those that exist already, by name; ``kernel_function`` tells the number of a
    function of the kernel among its types, by default the running kernel does.  ``frags``: an XDP
    program that takes packets in several buffers.  Raises VerifierError, which names the clause of
    the filter, or LoadError; nothing is left then.
    """
    prepared = prepare(module)
    made: dict[str, Map] = {}
    with load_btf(prepared.btf, needs=hook_named(module.hook).capabilities) as btf:
        try:
            for spec in module.maps:
                if spec.name in maps:
                    _check(spec, maps[spec.name])
                    continue
                types = prepared.map_types[spec.name]
                made[spec.name] = create_from(
                    spec, btf=btf, key_type=types.key, value_type=types.value
                )
                _fill(made[spec.name], spec)
            every = {**maps, **made}
            program = load(
                resolve(prepared, {name: each.fd for name, each in every.items()}, kernel_function),
                module.hook, name=module.function.name, license=module.license, btf=btf,
                functions=prepared.function_records, line_records=prepared.line_records,
                lines=prepared.lines, frags=frags,
            )  # fmt: skip
        except BaseException:
            for each in made.values():
                each.close()
            raise
    return Installed(program, every, made.values())


def _fill(new: Map, spec: MapSpec) -> None:
    if spec.entries:
        new.update_all(spec.entries)
    if spec.frozen:
        new.freeze()


def _check(spec: MapSpec, found: Map) -> None:
    told = found.information
    wanted = (spec.kind, spec.key_size, spec.value_size)
    if (told.kind, told.key_size, told.value_size) != wanted:
        raise LoadError(
            f"map {spec.name!r} is a {told.kind} of {told.key_size} bytes to {told.value_size}, "
            f"the program needs a {spec.kind} of {spec.key_size} to {spec.value_size}"
        )
