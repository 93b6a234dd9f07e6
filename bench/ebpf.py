"""Are programs for hooks as short and as quick as they should be?

XDP body        eBPF instructions for each instruction of the classic program of the same filter,
                limit 1.3 as a geometric mean over bench/filters.txt.  The body is everything but
                what every XDP program has: the two loads of the packet's bounds from the context,
                and the return of the verdicts (w0 = verdict, exit).
C               whole programs beside clang -O2 -mcpu=v3 on the hand-written twins in bench/c/: no
                more instructions on any filter, fewer together.
run time        nanoseconds above an empty program on tc: libpcap's optimised program with LD_ABS
                and LD_IND must take 5 times as long as ours, as a geometric mean, and as long on
                every filter that loads anything of the packet.  The kernel's own conversion of
                it, on a socket, is told beside it.
loading         a filter, from its module to the loaded program, type information included: 10 ms
                of our own time, without what the kernel takes.

``--sample 8`` takes every eighth filter.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple

import hook_time
import kernel_time
import rival
import twins
from corpus import NETMASK, Filter, compiler, filters
from report import Missed, best_of, heading, mean

import bpfq
from bpfq.ebpf.install import install
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import disassemble
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.kernel import bpf as system
from bpfq.objfile.btf_read import kernel_types
from bpfq.settings import link_type

LOADS = 5  # of one filter
HOOKS = {"socket": "keep", "xdp": "drop", "tc": "drop", "cgroup_skb": "drop", "netfilter": "drop"}
EVERY_SOCKET = 24  # filters, of which one is timed on a socket
_BOUNDS = (0, 4)  # of struct xdp_md: where the packet starts and ends
_LEAST = 0.05  # ns; no filter is taken for quicker


class Sized(NamedTuple):
    """A filter: instructions of its XDP program, of the body, and of the classic program."""

    text: str
    whole: int
    body: int
    classic: int


def on_hook(one: Filter, hook: str) -> bpfq.EbpfProgram:
    program = compiler(target=f"ebpf:{hook}", action=HOOKS[hook])(one)
    assert isinstance(program, bpfq.EbpfProgram)
    return program


def body(words: Sequence[BpfInsn]) -> int:
    """Instructions but for the loads of the bounds and the return of the verdicts."""
    count, bounds = 0, set(_BOUNDS)
    for each in disassemble(words):
        match each:
            case e.Exit() | e.Move(e.R0):
                continue
            case e.LoadMemory(_, e.R1, offset, 4) if offset in bounds:
                bounds.remove(offset)
            case _:
                count += 1
    return count


def sizes(corpus: Sequence[Filter], missed: Missed) -> None:
    found: list[Sized] = []
    refused = 0
    for one in corpus:
        try:
            words = tuple(on_hook(one, "xdp"))
        except BpfqError:
            refused += 1
            continue
        if own := body(words):
            found.append(Sized(one.text, len(words), own, len(compiler()(one))))
    ratio = mean(one.body / one.classic for one in found)
    whole = mean(one.whole / one.classic for one in found)
    limit = missed.check("XDP body", ratio, 1.3)
    print(f"  XDP, {len(found)} filters ({refused} are refused there): body {ratio:.3f} for each "
          f"classic instruction{limit}, whole program {whole:.3f}")  # fmt: skip
    for one in sorted(found, key=lambda one: -one.body / one.classic)[:3]:
        print(f"    body {one.body:4} classic {one.classic:4}  {one.text[:80]}")


def against_c(missed: Missed) -> None:
    command = twins.clang()
    if command is None:
        print("  C: clang is not installed (apt install clang-22)")
        return
    print(f"  C: {twins.version(command)}")
    rows = [
        (twin, len(on_hook(Filter("EN10MB", twin.text), "xdp"))) for twin in twins.twins(command)
    ]
    for twin, ours in rows:
        limit = missed.check(f"{twin.name} beside C", ours, len(twin.words))
        print(f"    {ours:4} clang {len(twin.words):4}  {twin.text}{limit and ''}")
    ours, theirs = sum(ours for _, ours in rows), sum(len(twin.words) for twin, _ in rows)
    print(f"    {ours:4} clang {theirs:4}  together"
          f"{missed.check('together beside C', ours, theirs - 1)}")  # fmt: skip


def run_times(corpus: Sequence[Filter], missed: Missed) -> None:
    timed: list[tuple[float, float, str]] = []
    sockets: list[tuple[float, float]] = []
    for number, one in enumerate(corpus):
        theirs = rival.compile_filter(one.text, link_type(one.link).number, netmask=NETMASK)
        if one.link != "EN10MB" or theirs is None or " vlan" in f" {one.text}":
            continue  # tc has the tag beside the packet, libpcap's program looks for it inside
        words = tuple(SockFilter(*word) for word in theirs.words)
        if not hook_time.loads(words):
            continue  # it asks for the length only: there is nothing to load in either way
        took = hook_time.nanoseconds(on_hook(one, "tc").module, words)
        if took is None:
            continue
        ours, legacy = (max(each, _LEAST) for each in took)
        timed.append((legacy / ours, ours, one.text))
        if number % EVERY_SOCKET == 0:
            (converted,) = kernel_time.nanoseconds([words])
            sockets.append((ours, max(converted, _LEAST)))
    ratio, least = mean(row[0] for row in timed), min(row[0] for row in timed)
    limit = missed.check("tc against LD_ABS", 1 / ratio, 1 / 5)
    every = missed.check("tc against LD_ABS, one filter", 1 / least, 1)
    print(f"  tc, {len(timed)} filters: {median(row[1] for row in timed):.2f} ns in the median, of "
          f"LD_ABS {1 / ratio:.3f}{limit}, at most {1 / least:.3f}{every}")  # fmt: skip
    for found, ours, text in sorted(timed)[:5]:
        print(f"    {found:6.1f} times, ours {ours:6.2f} ns  {text[:80]}")
    print(f"    converted by the kernel, on a socket, {len(sockets)} filters: "
          f"{mean(theirs / ours for ours, theirs in sockets):.1f} times as long")  # fmt: skip


def loading(corpus: Sequence[Filter], missed: Missed) -> None:
    for hook in HOOKS:
        rows: list[tuple[float, float, float]] = []
        for one in corpus[::16]:
            try:
                program = on_hook(one, hook)
            except BpfqError:
                continue
            in_kernel, all_in_all = min(
                (_loaded(program) for _ in range(LOADS)), key=lambda took: took[1] - took[0]
            )
            compiled = best_of(2, lambda one=one: on_hook(one, hook))
            rows.append((1e3 * (all_in_all - in_kernel), 1e3 * in_kernel, 1e3 * compiled))
        own, in_kernel, compiled = zip(*rows, strict=True)
        limit = missed.check(f"loading at {hook}", max(own), 10)
        print(f"  loaded at {hook} with {median(own):.2f} ms of our own time in the median, at most "
              f"{max(own):.2f}{limit}, and {median(in_kernel):.2f} ms of the kernel's; compiled in "
              f"{median(compiled):.2f} ms before that")  # fmt: skip


def _loaded(program: bpfq.EbpfProgram) -> tuple[float, float]:
    """Seconds in bpf(2), and in all, as the first program that a process loads."""
    kernel_types.cache_clear()
    plain, spent = system._syscall(), 0.0

    def timed(*arguments: object) -> int:
        nonlocal spent
        start = perf_counter()
        result: int = plain(*arguments)
        spent += perf_counter() - start
        return result

    system._syscall = lambda: timed  # type: ignore[assignment]
    start = perf_counter()
    try:
        loaded = install(program.module)
    finally:
        took = perf_counter() - start
        system._syscall = lambda: plain  # type: ignore[assignment]
    loaded.close()
    return spent, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every Nth filter")
    sample = parser.parse_args().sample
    heading("eBPF programs of bench/filters.txt, level 2")
    corpus, missed = filters()[::sample], Missed()
    sizes(corpus, missed)
    against_c(missed)
    run_times(corpus, missed)
    loading(corpus, missed)
    missed.report()


if __name__ == "__main__":
    main()
