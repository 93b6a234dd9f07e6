"""What do long lists cost, and how does that grow?

Limits: 1000 random hosts in 2300 instructions (size), 2600 and 34 executed at most (balanced), 32
executed at most (speed), each compiled in 0.3 s and attached; other lists in a second, executed
steps logarithmic; a list of 1800 hosts on a socket; time by the length to the power 1.25 at most.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from math import log
from random import Random
from time import perf_counter
from typing import NamedTuple

import rival
from long_lists import LISTS, Make, address, hosts
from report import Missed, best_of, heading

import bpfq
from bpfq.backends.cbpf.cost import cost, longest_path
from bpfq.kernel.sockets import attach_filter
from bpfq.opt.profile import Profile, Sample
from bpfq.settings import OBJECTIVES
from bpfq.targets import CLASSIC_LIMIT

HITS = 0.43  # of the packets that the mean is over
LONGEST = 20_000
LENGTHS = (10, 100, 1000, 5000, LONGEST)
STEEPEST = 1.25  # exponent of the time by the length
DEEPER = 6  # executed instructions at most for each doubling of a list, both sides together
FITTING = 1800  # hosts
RIVAL_SECONDS = 5  # libpcap is not asked for longer lists than one that took so long


class Limit(NamedTuple):
    """Of 1000 hosts, for one objective."""

    instructions: int | None
    worst: int | None
    seconds: float = 0.3


HOSTS = {"size": Limit(2300, None), "balanced": Limit(2600, 34), "speed": Limit(None, 32)}


def attached(program: bpfq.Program) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            attach_filter(sock, program.words, drain=False)
        except bpfq.LoadError as error:
            return f"refused by a socket: {error}"
    return "attached"


def frames(text: str) -> Profile:
    """Packets between hosts, of which one is in the list in some."""
    draw, listed = Random(7), text.replace("host ", "").split(" or ")
    samples = []
    for _ in range(400):
        ends = [address(draw), address(draw)]
        if draw.random() < HITS:
            ends[draw.randrange(2)] = draw.choice(listed)
        ip = b"".join(bytes(map(int, end.split("."))) for end in ends)
        packet = bytes(12) + b"\x08\x00\x45" + bytes(11) + ip + bytes(20)
        samples.append(Sample(packet, len(packet)))
    return Profile(tuple(samples))


def objectives(missed: Missed) -> None:
    print("  1000 random hosts, on a packet socket")
    made = hosts(1000)
    sample = frames(made.text)
    for name in OBJECTIVES:
        limit = HOSTS.get(name, Limit(None, None))

        def compiled() -> bpfq.Program:
            return bpfq.compile(made.text, target="packet", link="EN10MB", optimise_for=name)

        program, seconds = compiled(), best_of(3, compiled)
        figures = cost(program.words, sample)
        count, worst, status = figures.instructions, figures.worst, attached(program)
        print(
            f"    {name:12} {count} instructions{missed.check(name, count, limit.instructions)}, "
            f"executed {figures.executed / figures.packets:.1f} in the mean, "
            f"{worst} at most{missed.check(name, worst, limit.worst)}, "
            f"{seconds:.2f} s{missed.check(name, seconds, limit.seconds)}, {status}"
        )
        if status != "attached":
            missed.limits.append(f"{name}: {status}")
    print(f"    a comparison for each value of each field is {made.comparisons}")


def kinds(missed: Missed) -> None:
    print("  lists of every kind, at the default objective, and an eighth of them")
    for name, make in LISTS.items():
        count = 1000 if name in ("host", "net /24", "port") else 500
        whole, part = make(count), make(count // 8)
        program, seconds = bpfq.compile(whole.text), best_of(2, lambda: bpfq.compile(whole.text))
        worst, before = (longest_path(one.words) for one in (program, bpfq.compile(part.text)))
        print(
            f"    {count:5} {name:14} {len(program):6} instructions "
            f"(lower bound {whole.comparisons}), executed at most {before} -> {worst}"
            f"{missed.check(name, worst - before, 3 * DEEPER).replace('limit ', 'limit + ')}, "
            f"{seconds:.2f} s{missed.check(name, seconds, 1)}"
        )


def fitting(missed: Missed) -> None:
    """The longest list of hosts that a packet socket takes."""

    def program(count: int) -> bpfq.Program | None:
        try:
            return bpfq.compile(hosts(count).text, target="packet", link="EN10MB")
        except bpfq.LimitError:
            return None

    low, high = 1, CLASSIC_LIMIT // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if program(middle) else (low, middle)
    found = program(low)
    assert found is not None
    print(f"  the longest list of hosts in {CLASSIC_LIMIT} instructions: {low} (limit {FITTING}), "
          f"{len(found)} instructions, {attached(found)}")  # fmt: skip
    if low < FITTING:
        missed.limits.append(f"hosts that fit: {low}, limit {FITTING}")


def growth(missed: Missed) -> None:
    print(f"  seconds for {', '.join(map(str, LENGTHS))} of a kind, and the exponent of the length")
    for name, make in LISTS.items():
        seconds = [timed(make, count) for count in LENGTHS]
        exponent, last = slope(LENGTHS, seconds), slope(LENGTHS[-2:], seconds[-2:])
        print(f"    {name:14} {'  '.join(f'{one:7.3f}' for one in seconds)}   "
              f"exponent {exponent:.2f}, {last:.2f} between the last two"
              f"{missed.check(name, max(exponent, last), STEEPEST)}")  # fmt: skip
        theirs = list(of_rival(make))
        if theirs:
            print(f"    {'libpcap -O':14} {'  '.join(f'{one:7.3f}' for one in theirs)}")


def timed(make: Make, count: int) -> float:
    text = make(count).text
    return best_of(3 if count <= 1000 else 1, lambda: bpfq.compile(text))


def of_rival(make: Make) -> Iterator[float]:
    """Its seconds for 10, 100 and 300 of a kind, as long as that does not take too long."""
    for count in (10, 100, 300):
        found = rival.compile_filter(make(count).text)
        if found is None:
            return
        yield found.seconds
        if found.seconds > RIVAL_SECONDS:
            return


def slope(lengths: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent with the least squares of logarithms."""
    xs, ys = [log(one) for one in lengths], [log(one) for one in seconds]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    return above / sum((a - x) ** 2 for a in xs)


def main() -> None:
    heading("long lists at the default level")
    start, missed = perf_counter(), Missed()
    objectives(missed)
    kinds(missed)
    fitting(missed)
    growth(missed)
    print(f"  measured in {perf_counter() - start:.0f} s")
    missed.report()


if __name__ == "__main__":
    main()
