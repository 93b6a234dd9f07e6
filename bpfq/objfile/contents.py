"""What goes into one object file: the modules' programs, maps and functions, each once.

    contents = gather([drop_udp, count_sizes])
    contents.rows["xdp"], contents.maps, contents.license

Modules may share maps and functions that are the same; what clashes is told by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.program import Function, MapSpec, Module
from bpfq.objfile.sections import LICENSE_SYMBOL, section_of
from bpfq.record import record

_T = TypeVar("_T")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@record
class Contents:
    """Everything that has a name, in the order in which it was met.

    ``programs`` are modules with the section of each; ``kernel_functions`` are called by any.
    """

    programs: tuple[tuple[str, Module], ...]
    functions: tuple[Function, ...]
    maps: tuple[MapSpec, ...]
    kernel_functions: tuple[str, ...]
    license: str


def gather(modules: Sequence[Module], sections: Sequence[str]) -> Contents:
    """The contents of the file for the modules; raises ObjectError for what clashes."""
    wanted = [*sections, *[""] * len(modules)]
    programs = [(section_of(it.hook, name), it) for it, name in zip(modules, wanted, strict=False)]
    contents = Contents(
        tuple(programs),
        _one_each("function", (each for it in modules for each in it.subprograms), _name),
        _one_each("map", (each for it in modules for each in it.maps), _name),
        _kernel_functions(modules),
        _license(modules),
    )
    _check_names(contents)
    return contents


def _name(named: Function | MapSpec) -> str:
    return named.name


def _one_each(what: str, found: Iterable[_T], name: Callable[[_T], str]) -> tuple[_T, ...]:
    """In order; the same thing may come again."""
    by_name: dict[str, _T] = {}
    for each in found:
        if by_name.setdefault(name(each), each) != each:
            raise ObjectError(f"two different {what}s are called {name(each)}: rename one")
    return tuple(by_name.values())


def _kernel_functions(modules: Sequence[Module]) -> tuple[str, ...]:
    """Those that the modules call."""
    called = (
        reference.symbol
        for it in modules
        for function in (*it.subprograms, it.function)
        for reference in function.references
        if reference.kind == "kfunc"
    )
    return tuple(dict.fromkeys(called))


def _license(modules: Sequence[Module]) -> str:
    licenses = list(dict.fromkeys(it.license for it in modules))
    if len(licenses) != 1:
        names = " and ".join(licenses) or "none"
        raise ObjectError(f"one object file has one license, not {names}")
    return licenses[0]


def _check_names(contents: Contents) -> None:
    programs = [it.function.name for _, it in contents.programs]
    functions = [it.name for it in contents.functions]
    maps = [it.name for it in contents.maps]
    names = [*programs, *functions, *maps, *contents.kernel_functions, LICENSE_SYMBOL]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ObjectError(
                f"{name!r} cannot be a name in an object file: "
                "use letters, digits and _, not beginning with a digit"
            )
        if names.count(name) > 1:
            raise ObjectError(f"two things in the object file are called {name}: rename one")
