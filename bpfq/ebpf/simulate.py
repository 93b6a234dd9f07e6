"""A module run on a packet by the interpreter, as its hook would run it.

verdict(module, packet, {"vlanp": 1, "vlan_tci": 100})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import getrandbits
from typing import Final

from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.backends.ebpf.hooks import HOOKS
from bpfq.isa.ebpf.dynptr import dynptr_functions
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.environment import SK_BUFF, XDP_MD, Environment, netfilter, skb, xdp
from bpfq.isa.ebpf.environment import Function as Callee
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.maps import Map
from bpfq.isa.ebpf.memory import Memory
from bpfq.isa.ebpf.program import MapSpec, Module
from bpfq.isa.ebpf.vm import run
from bpfq.operators import WORD_BITS, WORD_MASK
from bpfq.record import replace

_PACKETS: Final = 8  # bytes of a counter's first number


def verdict(
    module: Module,
    packet: bytes,
    metadata: Mapping[str, int],
    linear: int | None = None,
    byteorder: Endian = "little",
) -> int:
    """What the program returns, unsigned 32 bits.

    metadata: the kernel's words by ancillary name; what is missing is 0, a missing random is drawn.
    linear: bytes of the packet that lie in one piece, all of them unless given.  byteorder: of the
    machine that the program is for.
    """
    return _run(module, packet, metadata, linear, byteorder, _maps(module.maps))


def counted(
    module: Module, packet: bytes, metadata: Mapping[str, int], linear: int | None = None
) -> tuple[int, dict[int, int]]:
    """What the program returns, and how many packets it has counted in which counters."""
    counters = Map(next(each for each in module.maps if each.name == MATCHES))
    maps = [counters if each.name == MATCHES else each for each in _maps(module.maps)]
    returned = _run(module, packet, metadata, linear, "little", maps)
    packets = {
        int.from_bytes(key, "little"): int.from_bytes(value.read(0, _PACKETS), "little")
        for key, value in counters.entries.items()
    }
    return returned, packets


def _run(
    module: Module,
    packet: bytes,
    metadata: Mapping[str, int],
    linear: int | None,
    byteorder: Endian,
    found: Sequence[Map],
) -> int:
    symbols = {each.insn: each.symbol for each in module.function.references}
    names = list(dict.fromkeys(symbols.values()))
    words = [
        word._replace(imm=names.index(symbols[slot]) + 1) if slot in symbols else word
        for slot, word in enumerate(module.function.instructions)
    ]
    asked = (each for each in found if each.name in names)
    maps = {names.index(each.name) + 1: each for each in asked}
    environment = _environment(module.hook, packet, names, metadata, linear, byteorder)
    return run(words, replace(environment, maps=maps)) & WORD_MASK


@lru_cache(maxsize=8)
def _maps(specs: tuple[MapSpec, ...]) -> tuple[Map, ...]:
    """The maps with what they are made with; programs of filters change nothing."""
    return tuple(map(Map, specs))


def _environment(
    hook: str,
    packet: bytes,
    names: list[str],
    metadata: Mapping[str, int],
    linear: int | None,
    byteorder: Endian,
) -> Environment:
    def drawn(memory: Memory, *arguments: int) -> int:
        return metadata.get("random", getrandbits(WORD_BITS))

    def processor(memory: Memory, *arguments: int) -> int:
        return metadata.get("cpu", 0)

    helpers: dict[int, Callee] = {
        HELPERS["get_prandom_u32"]: drawn,
        HELPERS["get_smp_processor_id"]: processor,
    }
    known = dynptr_functions(packet, linear)
    kernel_functions = {n: known[each] for n, each in enumerate(names, 1) if each in known}
    if hook == "netfilter":
        return netfilter(
            packet, kernel_functions=kernel_functions, helpers=helpers, byteorder=byteorder
        )
    fields, call = _fields(hook, metadata, byteorder), xdp if hook == "xdp" else skb
    return call(packet, linear=linear, metadata=fields, helpers=helpers, byteorder=byteorder)


def _fields(hook: str, metadata: Mapping[str, int], byteorder: Endian) -> dict[str, int]:
    """The fields of the context that the words of the packet machine are."""
    context = XDP_MD if hook == "xdp" else SK_BUFF
    names = {offset: name for name, (offset, _) in context.items()}
    found: dict[str, int] = {}
    for name, word in HOOKS[hook].metadata.items():
        if word.helper is None and name in metadata:
            value = metadata[name]
            if word.packet_order:
                value = int.from_bytes(value.to_bytes(word.size, "big"), byteorder)
            found[names[word.offset]] = value
    return found
