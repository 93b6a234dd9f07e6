"""Filters of the corpus as exported programs, with packets and what each decides about them.

A toolchain's program is given the questions on its standard input and answers with a letter each:

    program 0, length 60, 60 bytes, ...   ->   y
"""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oracles.corpus import NETMASK, filters
from oracles.directed import bases, search
from oracles.sweep import FULL, sampled

import bpfq
from bpfq.errors import BpfqError
from bpfq.export.formats import exported
from bpfq.export.job import Job

EVERY = 12  # filters of the corpus in a sample
SEARCHED = 400 if FULL else 30  # packets of one filter


class Question(NamedTuple):
    """A program by its number, a packet, and whether the program accepts it."""

    number: int
    packet: bytes
    accepted: bool


def programs(target: str, first: int, **options: Any) -> list[bpfq.Program]:
    """Programs of the filters that are for the target, in the order of the corpus."""
    found = []
    for line in sampled(filters(), EVERY, first):
        if (
            line.savefile is not None or "ifindex" in line.text
        ):  # a pair of sockets has no interface
            continue
        try:
            found.append(
                bpfq.compile(
                    line.text,
                    target=target,
                    link=line.link,
                    netmask=NETMASK,
                    allow_empty=True,
                    **options,
                )  # fmt: skip
            )
        except BpfqError:
            continue
    return found


def name(number: int) -> str:
    return f"p{number}"


def source(format: str, found: Sequence[bpfq.Program]) -> str:
    """All programs in one file, p0 first."""
    job = Job(tuple(program.part(name(at)) for at, program in enumerate(found)), ("bpfq",))
    made = exported(format, job)
    assert isinstance(made, str)
    return made


def questions(found: Sequence[bpfq.Program]) -> list[Question]:
    """Packets that take each program's branches, whole ones."""
    return [
        Question(number, packet, program.matches(packet))
        for number, program in enumerate(found)
        for packet in packets(program)
    ]


def packets(program: bpfq.Program) -> Iterator[bytes]:
    seed = zlib.crc32(repr(program.words).encode())
    for sample in search(program.words, bases(seed), SEARCHED).samples:
        if sample.whole and sample.packet:
            yield sample.packet


def answers(command: Sequence[object], asked: Sequence[Question]) -> str:
    """What the program of a toolchain says, a letter for each question."""
    octets = b"".join(
        struct.pack("=II", each.number, len(each.packet)) + each.packet for each in asked
    )
    ran = subprocess.run([str(word) for word in command], input=octets, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")
    return ran.stdout.decode()


def wrong(found: Sequence[bpfq.Program], asked: Sequence[Question], said: str) -> list[str]:
    """The questions with another answer than ``program.matches`` gives."""
    assert len(said) == len(asked)
    return [
        f"{found[each.number].part().text}: {each.packet.hex()} {letter}"
        for each, letter in zip(asked, said, strict=True)
        if letter != "ny"[each.accepted]
    ]


def both_ways(asked: Sequence[Question]) -> bool:
    """Packets are accepted and rejected, each a tenth of the time at least."""
    accepted = sum(each.accepted for each in asked)
    return len(asked) // 10 < accepted < len(asked) - len(asked) // 10


def built(directory: Path, files: dict[str, str]) -> Path:
    """The directory with the files."""
    for each, text in files.items():
        (directory / each).write_text(text)
    return directory
