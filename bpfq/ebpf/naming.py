"""Names of programs and maps.

renamed(module, "bpfq_dns")                     as the kernel shows it: 15 letters at most
renamed(module, "dns", own_maps=True)           its map "matches" becomes "matches_dns"
"""

from __future__ import annotations

from bpfq.isa.ebpf.program import Module
from bpfq.record import replace


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
