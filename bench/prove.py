"""How long does a proof take that a program says what its filter means?

Limits: median under 40 ms, 99 % under 0.5 s, none undecided, 1000 hosts in under 2 s.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from time import perf_counter

import corpus
from long_lists import hosts, nets, ports
from report import heading

import bpfq
from bpfq.analysis.prove import Proof, prove
from bpfq.program.classic import Program
from bpfq.settings import DEFAULT_LEVEL, LEVELS, link_type

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles import libpcap
from oracles.corpus import filters

NETMASK = 0xFFFF_FF00
ACTIONS = {"xdp": "drop", "tc": "drop", "cgroup_skb": "drop"}  # a socket keeps what matches
LENGTH = 1000  # entries of a long list


def timed(program: Program, words: Sequence[libpcap.SockFilter]) -> tuple[float, Proof]:
    """Seconds, and the verdict."""
    start = perf_counter()
    proof = prove(program.query, words, program.settings)
    return perf_counter() - start, proof


def timed_at_hook(program: Program) -> tuple[float, Proof]:
    """Seconds, and the verdict about an eBPF program."""
    start = perf_counter()
    proof = program.prove()
    return perf_counter() - start, proof


def table(name: str, proofs: Sequence[tuple[float, Proof]]) -> None:
    seconds = sorted(time for time, _ in proofs)
    verdicts = Counter(proof.verdict for _, proof in proofs)
    print(
        f"  {name:22} {len(proofs):5} proofs: median {1000 * seconds[len(seconds) // 2]:5.1f} ms, "
        f"99 % {seconds[len(seconds) * 99 // 100]:5.2f} s, longest {seconds[-1]:5.2f} s; "
        f"{sum(proof.solved > 0 for _, proof in proofs)} needed z3; "
        f"{', '.join(f'{count} {verdict}' for verdict, count in sorted(verdicts.items()))}"
    )


def of_corpus(level: int) -> Iterator[Program]:
    for line in filters():
        try:
            yield bpfq.compile(
                line.text, link=line.link, savefile=line.savefile, level=level, netmask=NETMASK,
                allow_empty=True, search_budget=1000,
            )  # fmt: skip
        except bpfq.BpfqError:  # no such word on this link type
            continue


def of_hook(hook: str) -> Iterator[tuple[float, Proof]]:
    """Proofs of eBPF programs; no loops of many rounds (protochain)."""
    for line in filters():
        link = {} if hook == "cgroup_skb" else {"link": line.link}
        try:
            program = bpfq.compile(
                line.text, target=f"ebpf:{hook}", netmask=NETMASK, allow_empty=True,
                action=ACTIONS.get(hook), **link,
            )  # fmt: skip
        except bpfq.BpfqError:  # what the hook cannot see
            continue
        if "protochain" not in line.text:
            yield timed_at_hook(program)


def foreign(optimise: bool) -> Iterator[tuple[Program, tuple[libpcap.SockFilter, ...]]]:
    """The filters in daily use with libpcap's code for them."""
    for link, text in corpus.filters():
        try:
            program = bpfq.compile(text, link=link, netmask=NETMASK)
            number = link_type(link).number
            words = libpcap.compiled(text, number, optimise=optimise, netmask=NETMASK)
        except (bpfq.BpfqError, libpcap.Refused):
            continue
        yield program, words


def looking_up() -> None:
    """Programs that look into maps: of long lists, and of sets that may change."""
    kinds = {
        "1000 hosts": hosts(1000).text, "1024 ports": ports(1024).text,
        "10000 prefixes": prefixes(10_000), "live sets": "src net @bad and not dst port @ports",
    }  # fmt: skip
    sets = {"bad": ["192.0.2.0/24", "2001:db8::/32"], "ports": [53, "8000-8010"]}
    for name, text in kinds.items():
        for hook in ("socket", "xdp", "tc"):
            program = bpfq.compile(
                text, target=f"ebpf:{hook}", sets=sets, action=ACTIONS.get(hook)
            )  # fmt: skip
            seconds, proof = timed_at_hook(program)
            maps = ", ".join(sorted({each.kind for each in program.module.maps}))
            print(f"  {name:14} {hook:6} {proof.verdict} in {seconds:5.2f} s, {maps}, "
                  f"{len(program)} slots")  # fmt: skip


def prefixes(count: int) -> str:
    draw = Random(count)
    found = {(draw.getrandbits(bits) << 32 - bits, bits)
             for bits in draw.choices(range(12, 31), k=count)}  # fmt: skip
    return " or ".join(f"src net {IPv4Address(first)}/{bits}" for first, bits in sorted(found))


def main() -> None:
    heading("proofs of programs")
    for level in LEVELS:
        table(f"corpus, level {level}", [timed(one, one.words) for one in of_corpus(level)])
    for hook in ("socket", *ACTIONS):
        table(f"corpus, ebpf:{hook}", list(of_hook(hook)))
    for name, optimise in (("libpcap", False), ("libpcap -O", True)):
        table(f"foreign, {name}", [timed(one, words) for one, words in foreign(optimise)])
    for name, make in (("host", hosts), ("port", ports), ("net", nets)):
        program = bpfq.compile(make(LENGTH).text, level=DEFAULT_LEVEL)
        seconds, proof = timed(program, program.words)
        limit = " (limit 2 s)" if name == "host" else ""
        print(f"  {LENGTH} {name}: {proof.verdict} in {seconds:.2f} s{limit}, "
              f"{len(program)} instructions")  # fmt: skip
    looking_up()


if __name__ == "__main__":
    main()
