"""Random queries in any number, each proved in every way that it can be compiled.

    PYTHONPATH=.:tests python -m differential.sweep --count 100000

A query is a filter and a link type drawn from the seed and its number, so that a report is enough
to see it again: ``--seed 1 --first 4711 --count 1``.  It is compiled at every level, strict and
not, and for every objective; each program is proved to say what the filter means, and all are
compared with the executable meaning on directed packets, whole and cut short.  What is wrong is
printed as it is found, and the exit code is 1.  Two processors share the night by ``--count 50000``
and ``--first 50000 --count 50000``.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

import bpfq
from bpfq.settings import DEFAULT_LEVEL, LEVELS, OBJECTIVES, SEARCHING

from .queries import LINKS, query
from .verdicts import Case, Program, contract_broken, program_of, samples_for

SEED = 1
EVERY_TALK = 1000  # queries between two lines of progress
EVERY_SEARCH = 40  # queries of which one is searched, where not all ways are
EVERY_PACKETS = 8  # every how many queries directed packets are tried, where not all ways are

WAYS: dict[str, dict[str, Any]] = {
    **{f"level {level}": {"level": level} for level in LEVELS},
    **{f"level {level} strict": {"level": level, "strict": True} for level in LEVELS},
    **{
        f"level {level} for {objective}": {"level": level, "optimise_for": objective}
        for level in LEVELS[DEFAULT_LEVEL:]
        for objective in OBJECTIVES[1:]
    },
}


class Result(NamedTuple):
    """A query, its broken programs, those that no proof decides, and how many were asked."""

    name: str
    broken: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    proofs: int = 0


def case_of(seed: int, number: int) -> Case:
    draw = Random(f"{seed}:{number}")
    return Case(query(draw), draw.choice(LINKS))


def checked(seed: int, number: int, *, all_ways: bool = True) -> Result:
    """Everything about a query, or one way to compile it and packets for every eighth."""
    case = case_of(seed, number)
    name = f"--seed {seed} --first {number}: {case.label}"
    ways = tuple(WAYS) if all_ways else (one_way(number),)
    try:
        programs = {way: program_of(case, **WAYS[way]) for way in ways}
    except bpfq.BpfqError:
        return Result(name)
    verdicts = proved(programs)
    broken = [f"{way}: refuted" for way in ways if verdicts[way] == "refuted"]
    if all_ways or number % EVERY_PACKETS == 0:
        broken += on_packets(case, programs)
    undecided = tuple(way for way in ways if verdicts[way] == "undecided")
    return Result(name, tuple(broken), undecided, len(ways))


def one_way(number: int) -> str:
    """In turn; a search, which takes a hundred times as long, now and then."""
    searched = number % EVERY_SEARCH == 0
    names = [way for way in WAYS if way.startswith(f"level {SEARCHING}") is searched]
    return names[(number // EVERY_SEARCH if searched else number) % len(names)]


def proved(programs: dict[str, Program]) -> dict[str, str]:
    """The verdict on each; a program that several ways lead to is proved once."""
    known: dict[object, str] = {}
    found = {}
    for way, program in programs.items():
        key = program.words, program.settings.strict
        if key not in known:
            known[key] = program.prove().verdict
        found[way] = known[key]
    return found


def on_packets(case: Case, programs: dict[str, Program]) -> list[str]:
    """Where programs and meaning differ on packets that steer through some of the programs."""
    steered = [program.words for way, program in programs.items() if "for" not in way]
    samples, _ = samples_for(steered or [one.words for one in programs.values()],
                             zlib.crc32(case.label.encode()))  # fmt: skip
    return contract_broken(case, programs, samples)


def wrong(result: Result) -> list[str]:
    """A line for each broken program."""
    return [f"{result.name}: {line}" for line in result.broken]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(arguments)
    start = perf_counter()
    proofs, broken, undecided = 0, 0, 0
    for done, number in enumerate(range(asked.first, asked.first + asked.count), 1):
        result = checked(asked.seed, number)
        proofs += result.proofs
        broken += bool(result.broken)
        undecided += len(result.undecided)
        for line in (
            *wrong(result),
            *(f"{result.name}: {way}: undecided" for way in result.undecided),
        ):
            print(line, flush=True)
        if done % EVERY_TALK == 0 or done == asked.count:
            print(f"{done} queries, {proofs} programs, {broken} queries broken, {undecided} "
                  f"programs undecided, {perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
