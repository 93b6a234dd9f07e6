"""Names of programs and maps.

renamed(module, "bpfq_dns")                     as the kernel shows it: 15 letters at most
renamed(module, "dns", own_maps=True)           its map "matches" becomes "matches_dns"

What bpfq attaches is known by the names of its programs, ``bpfq`` and ``bpfq_NAME``.
"""

from __future__ import annotations

import re
from typing import Final

from bpfq.errors import FilterError
from bpfq.isa.ebpf.program import Module
from bpfq.record import replace

_OWN: Final = "bpfq"
_PREFIX: Final = f"{_OWN}_"
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,10}")  # 15 letters with the prefix


def program_name(name: str) -> str:
    """What the kernel calls the program of that name; raises FilterError for a wrong one."""
    if not name:
        return _OWN
    if not _NAME.fullmatch(name):
        raise FilterError(f"{name!r} is no name: 1 to 10 of A-Z, a-z, 0-9 and _")
    return _PREFIX + name


def own_name(program: str) -> str | None:
    """The name that a program of bpfq was given, empty for none; None for those of others."""
    if program == _OWN:
        return ""
    return program.removeprefix(_PREFIX) if program.startswith(_PREFIX) else None


def renamed(module: Module, name: str, *, own_maps: bool = False) -> Module:
    """The module with its program called so; with own_maps its maps carry the name, too.

    A map that is pinned keeps its name: others look for it there.
    """
    maps = {
        each.name: f"{each.name}_{name}" for each in module.maps if own_maps and not each.pinned
    }
    functions = [
        replace(
            function,
            references=tuple(
                replace(each, symbol=maps.get(each.symbol, each.symbol))
                for each in function.references
            ),
        )
        for function in (module.function, *module.subprograms)
    ]
    return replace(
        module,
        function=replace(functions[0], name=name),
        subprograms=tuple(functions[1:]),
        maps=tuple(replace(each, name=maps.get(each.name, each.name)) for each in module.maps),
    )
