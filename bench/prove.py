"""How long does a proof take that a program says what its filter means?

Limits: median under 40 ms, 99 % under 0.5 s, none undecided, 1000 hosts in under 2 s.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import corpus
from long_lists import hosts, nets, ports
from report import heading

import bpfq
from bpfq.analysis.prove import Proof, prove
from bpfq.program import Program
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
    """Proofs of eBPF programs, large sets written out; no loops of many rounds (protochain)."""
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
            one = program.without_maps
            start = perf_counter()
            proof = one.prove()
            yield perf_counter() - start, proof


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


if __name__ == "__main__":
    main()
