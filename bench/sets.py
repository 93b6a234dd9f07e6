"""From how many values on is a map better than comparisons? Both forms of the same sets on XDP.

Every run takes another address, a quarter of them members, so that processors cannot learn the
way; what a program costs that only writes the address is subtracted.  The threshold is MANY of
bpfq/backends/ebpf/sets.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import NamedTuple

from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf import sets
from bpfq.backends.ebpf.emit import Verdicts, programs
from bpfq.backends.ebpf.layout import Laid
from bpfq.ebpf.install import install
from bpfq.graphs import ways
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.program import Function, Module
from bpfq.kernel.testrun import run
from bpfq.settings import settings_of

SIZES = tuple(1 << bits for bits in range(5, 16))
BASE = 10 << 24
SOURCE, DESTINATION_PORT = 26, 36  # bytes from the start of the packet
FRAME = bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(40)
TURNS, REPEAT = 15, 20_000


class Measured(NamedTuple):
    slots: int
    load: float  # milliseconds
    jited: int  # bytes
    run: float  # nanoseconds


def hosts(count: int, draw: Random) -> tuple[str, int]:
    found = draw.sample(range(0, 4 * count, 2), count)
    return " or ".join(f"src host {dotted(BASE + each)}" for each in found), 4 * count - 1


def nets(count: int, draw: Random) -> tuple[str, int]:
    found = draw.sample(range(0, 4 * count, 2), count)
    lengths = (24, 25, 26, 27)
    texts = (f"src net {dotted(BASE + (n << 8))}/{lengths[n // 2 % 4]}" for n in found)
    return " or ".join(texts), (4 * count << 8) - 1


def ports(count: int, draw: Random) -> tuple[str, int] | None:
    if count > 1 << 14:
        return None
    found = draw.sample(range(0, 4 * count, 2), count)
    return " or ".join(f"udp dst port {each}" for each in found), 4 * count - 1


KINDS = {"hosts": hosts, "nets": nets, "ports": ports}


def dotted(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "big")))


def forms(text: str) -> Iterator[Laid]:
    """The program that compares and the one that looks up."""
    graph = ways(query_of(text, None), settings_of("file", "EN10MB"))[0].graph
    for maps in (False, True):
        made = [
            laid
            for each in selections(graph, 2)
            for laid in programs(each, "xdp", Verdicts(2, 1), maps=maps)
        ]
        yield min(made, key=lambda laid: len(laid.instructions))


def drawing(mask: int, at: int) -> list[e.Instruction]:
    """Write a random value below mask + 1 into the packet; leaves the context in R1."""
    size = 2 if at == DESTINATION_PORT else 4
    base = [] if size == 2 else [e.Operation.OR.imm(e.R0, BASE, 32)]
    return [
        e.MoveRegister(e.R6, e.R1), e.Call(HELPERS["get_prandom_u32"]),
        e.Operation.AND.imm(e.R0, mask, 32), *base,
        e.ByteSwap(e.R0, e.ByteOrder.BIG, 8 * size),
        e.LoadMemory(e.R2, e.R6, 0, 4), e.LoadMemory(e.R3, e.R6, 4, 4), e.MoveRegister(e.R4, e.R2),
        e.Operation.ADD.imm(e.R4, at + size), e.Comparison.GT.reg(e.R4, e.R3, 1),
        e.StoreMemory(e.R2, at, e.R0, size), e.MoveRegister(e.R1, e.R6),
    ]  # fmt: skip


def measured(laid: Laid, before: list[e.Instruction], nothing: float) -> Measured:
    shift = len(assemble(before))
    references = tuple(
        type(each)(each.insn + shift, each.symbol, each.kind) for each in laid.references
    )
    words = assemble([*before, *laid.instructions])
    module = Module("xdp", Function("sets", words, references=references), laid.maps)
    start = perf_counter()
    with install(module) as installed:
        took = perf_counter() - start
        least = min(run(installed.program, FRAME, repeat=REPEAT).duration_ns for _ in range(TURNS))
        jited = installed.program.information().jited_bytes
    return Measured(len(assemble(laid.instructions)), 1e3 * took, jited, least - nothing)


def main() -> None:
    sets.MANY = dict.fromkeys(sets.MANY, 1)  # type: ignore[misc]
    nothing = Laid((e.Move(e.R0, 1), e.Exit()), (None, None))
    for name, make in KINDS.items():
        print(f"{name}: slots, ms to load, bytes of machine code, ns a packet")
        for count in SIZES:
            found = make(count, Random(count))
            if found is None:
                continue
            text, mask = found
            before = drawing(mask, DESTINATION_PORT if name == "ports" else SOURCE)
            idle = measured(nothing, before, 0).run
            tree, looked_up = (measured(each, before, idle) for each in forms(text))

            print(f"  {count:6} tree {_row(tree)}   map {_row(looked_up)}", flush=True)


def _row(one: Measured) -> str:
    return f"{one.slots:6} {one.load:8.1f} {one.jited:8} {one.run:5.0f}"


if __name__ == "__main__":
    main()
