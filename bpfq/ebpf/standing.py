"""What bpfq has attached on this machine, by whatever process, and how to take it away.

    for each in standing():
        print(each.name, each.place, each.id, each.counts)

Links are known by the names of their programs; a program on a socket has no link.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.ebpf.counts import Counts, counts_in
from bpfq.ebpf.naming import own_name
from bpfq.ebpf.places import Place, found
from bpfq.errors import LoadError
from bpfq.kernel.links import Link, link_with_id, links
from bpfq.kernel.maps import map_with_id
from bpfq.kernel.objects import kind_of, pins
from bpfq.kernel.programs import Program, map_ids, program_with_id, programs
from bpfq.record import record
from bpfq.source import Suggestion, nearest

_NANOSECONDS: Final = 1_000_000_000
_SOCKET: Final = "socket"


@record
class Standing:
    """One program of bpfq in the kernel.

    id: of its link, 0 on a socket.  place: as this network namespace names it, None where the
    kernel does not tell.  age: seconds since the program was loaded.  runs: counted only while
    kernel.bpf_stats_enabled is 1, 0 else.
    """

    name: str
    hook: str
    place: Place | None
    id: int
    program_id: int
    age: float
    pins: tuple[str, ...]
    runs: int
    run_time_ns: int
    counts: Counts | None

    @property
    def title(self) -> str:
        """What messages call it: its name, or its number where it has none."""
        return self.name or (f"link {self.id}" if self.id else f"program {self.program_id}")


def standing() -> tuple[Standing, ...]:
    """Everything that bpfq has attached, in the order of its ids; raises LoadError."""
    names = _pin_names()
    linked = tuple(_linked(names))
    known = {each.program_id for each in linked}
    return linked + tuple(_on_sockets(known))


def _pin_names() -> dict[int, tuple[str, ...]]:
    """The paths of pinned links by the link's id."""
    rows: dict[int, tuple[str, ...]] = {}
    for path, descriptor in pins():
        with descriptor:
            if kind_of(descriptor) == "link":
                with Link(os.dup(descriptor.fd)) as link:
                    number = link.information().id
                rows[number] = (*rows.get(number, ()), path)
    return rows


def _linked(names: dict[int, tuple[str, ...]]) -> Iterator[Standing]:
    for link in links():
        with link:
            told = link.information()
            program = program_with_id(told.program_id)
            if program is None:
                continue
            with program:
                place = found(told)
                row = _described(program, place, told.id, names.get(told.id, ()))
        if row is not None:
            yield row


def _on_sockets(known: set[int]) -> Iterator[Standing]:
    for program in programs():
        with program:
            if program.hook != _SOCKET:
                continue
            row = _described(program, None, 0, ())
        if row is not None and row.program_id not in known:
            yield row


def _described(
    program: Program, place: Place | None, link: int, pins: tuple[str, ...]
) -> Standing | None:
    """None for a program that is not of bpfq."""
    told = program.information()
    name = own_name(told.name)
    if name is None:
        return None
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Standing(
        name, program.hook, place, link, told.id, (now - told.loaded_ns) / _NANOSECONDS, pins,
        told.run_count, told.run_time_ns, _counts(program),
    )  # fmt: skip


def _counts(program: Program) -> Counts | None:
    for number in map_ids(program):
        counted = map_with_id(number)
        if counted is None:
            continue
        with counted:
            if counted.information.name == MATCHES:
                return counts_in(counted)
    return None


def detach(word: str) -> Standing:
    """Take away what has that name, link number or pin; returns what it was.

    Its pins go, too.  Raises LoadError: nothing of bpfq is called so, or several are.
    """
    rows = standing()
    wanted = [row for row in rows if _is_called(row, word)]
    if not wanted:
        raise _nothing(word, rows)
    if len(wanted) > 1:
        raise LoadError(
            f"{len(wanted)} of them are called {word!r}: give the number of a link",
            suggestions=tuple(
                Suggestion(f"bpfq detach {row.id}", str(row.place)) for row in wanted
            ),
        )
    (row,) = wanted
    link = link_with_id(row.id) if row.id else None
    if link is None:
        raise LoadError(f"{row.title} filters a socket: it goes with the process that has it")
    with link:
        link.detach()
    for path in row.pins:
        _remove(path)
    return row


def _is_called(row: Standing, word: str) -> bool:
    if "/" in word:
        return os.path.realpath(word) in map(os.path.realpath, row.pins)
    return word == row.name or (word.isdecimal() and int(word) == row.id and row.id > 0)


def _nothing(word: str, rows: tuple[Standing, ...]) -> LoadError:
    known = list(dict.fromkeys(row.name or str(row.id) for row in rows if row.id))
    if "/" in word:
        return LoadError(f"nothing that bpfq attached is pinned at {word}")
    close = nearest(word, known)
    return LoadError(
        f"nothing that bpfq attached is called {word!r}; there is {', '.join(known) or 'nothing'}",
        suggestions=(Suggestion(f"bpfq detach {close}"),) if close else (),
    )


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass  # its owner was quicker
    except OSError as error:
        why = (error.strerror or "").lower()
        raise LoadError(f"detached, but {path} stays: {why}", errno=error.errno) from None
