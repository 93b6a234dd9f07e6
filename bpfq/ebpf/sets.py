"""Named sets of programs that are at work, by whatever process: their entries, and changes of them.

    with sets_called("bad") as found:
        found.add(["192.0.2.0/24"])          for the next packet

A set is known by its name in every program of bpfq that has it, or by the pin of its map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bpfq.backends.ebpf.live import ADDRESS, entry_of, keys
from bpfq.closing import Closing
from bpfq.ebpf.naming import own_name
from bpfq.errors import FilterError, LoadError
from bpfq.frontend.pcap.sets import entry
from bpfq.kernel.maps import Map, map_with_id, pinned_map
from bpfq.kernel.programs import map_ids, programs
from bpfq.source import Suggestion, nearest

_FOUND: Final = b"\1"  # the value of every entry
_SHAPES: Final = {  # kind of map and bytes of a key, to kind of set
    ("lpm_trie", ADDRESS + 16): "address",
    ("hash", 2): "port",
    ("hash", 6): "mac",
}


def kind_of_set(found: Map) -> str | None:
    """What entries the map has; None for one that is no set."""
    told = found.information
    is_set = told.value_size == len(_FOUND)
    return _SHAPES.get((told.kind, told.key_size)) if is_set else None


class LiveSet(Closing):
    """One set, in one program or several; close() lets go of its maps."""

    def __init__(self, name: str, kind: str, maps: Sequence[Map], filters: Sequence[str]) -> None:
        self.name = name
        self.kind = kind  # "address", "port", "mac"
        self.filters = tuple(filters)  # what programs that have it are called
        self._maps = tuple(maps)

    def entries(self) -> tuple[tuple[int, ...], ...]:
        """As a NamedSet has them, in order: those that every program has or only some."""
        found = {key for each in self._maps for key in each.keys()}
        return tuple(sorted(entry_of(self.kind, key) for key in found))

    def add(self, texts: Iterable[str]) -> int:
        """Put entries in; how many were not there.  All of them are read before the first one.

        Raises FilterError for a wrong one, LoadError.
        """
        wanted = self._keys(texts)
        new = [key for key in wanted if any(key not in known for known in self._known())]
        for each in self._maps:
            each.update_all((key, _FOUND) for key in wanted)
        return len(new)

    def delete(self, texts: Iterable[str]) -> int:
        """Take entries out; how many were there.  Raises as ``add`` does."""
        wanted = self._keys(texts)
        there = [key for key in wanted if any(key in known for known in self._known())]
        for each in self._maps:
            each.delete_all(there)
        return len(there)

    def pin(self, path: str) -> None:
        """Keep it in a bpf file system when its filters have gone; raises LoadError."""
        if len(self._maps) > 1:
            raise LoadError(f"{len(self._maps)} filters have a set {self.name!r} of their own")
        self._maps[0].pin(path)

    def _known(self) -> list[set[bytes]]:
        return [set(each.keys()) for each in self._maps]

    def _keys(self, texts: Iterable[str]) -> list[bytes]:
        found: dict[bytes, None] = {}
        for text in texts:
            try:
                found.update(dict.fromkeys(keys(self.kind, entry(self.kind, text))))
            except ValueError as error:
                raise FilterError(f"set {self.name!r}: {error}") from None
        return list(found)

    def close(self) -> None:
        for each in self._maps:
            each.close()


def sets_called(word: str) -> LiveSet:
    """The set of that name, or whose map is pinned at that path; raises LoadError."""
    return _pinned(word) if "/" in word else _named(word)


def all_sets() -> tuple[LiveSet, ...]:
    """The sets of all programs of bpfq, by name; raises LoadError."""
    rows: dict[tuple[str, str], tuple[list[Map], list[str]]] = {}
    seen: set[int] = set()
    for filter_name, found in _maps():
        kind = kind_of_set(found)
        if kind is None:
            found.close()
            continue
        maps, names = rows.setdefault((found.information.name, kind), ([], []))
        names.append(filter_name)
        if found.information.id in seen:  # of two programs
            found.close()
        else:
            seen.add(found.information.id)
            maps.append(found)
    made = (LiveSet(name, kind, maps, names) for (name, kind), (maps, names) in rows.items())
    return tuple(sorted(made, key=lambda each: (each.name, each.kind)))


def _maps() -> Iterator[tuple[str, Map]]:
    """The maps of bpfq's programs, with what the program is called."""
    for program in programs():
        with program:
            name = own_name(program.information().name)
            if name is None:
                continue
            for number in map_ids(program):
                found = map_with_id(number)
                if found is not None:
                    yield name, found


def _named(name: str) -> LiveSet:
    every = all_sets()
    wanted = [each for each in every if each.name == name]
    for each in every:
        if each not in wanted or len(wanted) > 1:
            each.close()
    if not wanted:
        known = list(dict.fromkeys(each.name for each in every))
        close = nearest(name, known)
        raise LoadError(
            f"no filter at work has a set {name!r}; there is {', '.join(known) or 'none'}",
            suggestions=(Suggestion(f"bpfq set list {close}"),) if close else (),
        )
    if len(wanted) > 1:
        kinds = " and ".join(f"of {each.kind} entries" for each in wanted)
        raise LoadError(f"there are sets {name!r} {kinds}: pin the map, and give its path")
    return wanted[0]


def _pinned(path: str) -> LiveSet:
    found = pinned_map(path)
    kind = kind_of_set(found)
    if kind is None:
        found.close()
        raise LoadError(f"{path} is no set of bpfq")
    return LiveSet(found.information.name, kind, (found,), ())


def spelled(kind: str, entry: tuple[int, ...]) -> str:
    """An entry as a file of --set has it."""
    match kind:
        case "port":
            return str(entry[0])
        case "mac":
            return entry[0].to_bytes(6, "big").hex(":")
        case _:
            from ipaddress import IPv4Address, IPv6Address

            version, address, bits = entry
            text = str(IPv4Address(address) if version == 4 else IPv6Address(address))
            return text if bits == (32 if version == 4 else 128) else f"{text}/{bits}"
