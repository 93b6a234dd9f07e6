"""What a program learns when it looks into a map.

    r1 = map; r2 = r10; r2 += -8; call map_lookup_elem
    if r0 != 0 goto inside          [26:4] is one of the keys of a hash, or below a prefix of a trie

Of a set whose entries may change it is only known that it has a key or not: ``Held``.  The keys of
such sets are those that ``bpfq.backends.ebpf.live`` writes: families other than 4 and 6, and
prefixes without a family, are in none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from bpfq.errors import UnsupportedError
from bpfq.intervals import united
from bpfq.isa.ebpf.instructions import Register
from bpfq.isa.ebpf.program import MapSpec
from bpfq.record import field, record
from bpfq.symbolic.ebpf.code import stack
from bpfq.symbolic.ebpf.keys import Key, constant, key_of
from bpfq.symbolic.ebpf.lookups import Key as Slots
from bpfq.symbolic.ebpf.memory import State
from bpfq.symbolic.ebpf.values import Entry, Found, Frame, MapOf, Value
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition
from bpfq.symbolic.words import KEY_WORD, Number

NO_COUNTER: Final = -1  # none is asked about, but that none is looked up twice
COUNTER: Final = "matches"  # a map that changes nothing about a packet
_NUMBER: Final = 4  # bytes of the number of a counter
_LOST: Final = range(Register.R1, Register.R6)
_ADDRESS: Final = 24  # bytes of a key of a live set of addresses: bits, family, 16 bytes
_FAMILIES: Final = {4: 64, 6: 160}  # bits of a whole key behind the first word
_FAMILY_BITS: Final = 32


@record
class Symbols:
    """What slots ask for by a name.

    names: of kernel functions and maps, by slot.  maps: those of which it is known what they hold.
    live: sets whose entries may be any.  counter: what is asked is whether this one is looked up.
    """

    names: Mapping[int, str] = MappingProxyType({})
    maps: Mapping[str, MapSpec] = MappingProxyType({})
    live: frozenset[str] = frozenset()
    counter: int | None = None

    @property
    def key_sizes(self) -> dict[int, int]:
        """Bytes of a key of the map that a slot asks for."""
        sizes = {name: each.key_size for name, each in self.maps.items()} | {COUNTER: _NUMBER}
        return {slot: sizes[name] for slot, name in self.names.items() if name in sizes}


class _Prefix(NamedTuple):
    """Numbers of 32 bits, and how many of all bits count."""

    words: tuple[int, ...]
    bits: int


@record(frozen=False)
class Sets:
    """Look-ups in the maps of one program."""

    packet: Packet
    symbols: Symbols
    _prefixes: dict[str, tuple[_Prefix, ...]] = field(default_factory=dict)

    def look_up(self, state: State, key: Slots | None) -> tuple[State, Proposition]:
        """The state behind a call that looks for a key, and where it is certain."""
        match state[Register.R1], state[Register.R2]:
            case MapOf(name), _ if name == COUNTER:
                result: Value = Entry()
                known: Proposition = TRUE
            case MapOf(name), Frame(offset) if key is not None and offset == key.offset:
                result, known = self._found(name, [state[each] for each in stack(*key)])
            case _:
                raise UnsupportedError("what is looked for, and in which map, is not known")
        return (result, *(None for _ in _LOST), *state[Register.R6 :]), known

    def counter(self, state: State, key: Slots | None) -> int | None:
        """The counter that a call looks up; None: another map, or nobody asks for counters."""
        if self.symbols.counter is None or state[Register.R1] != MapOf(COUNTER):
            return None
        match state[Register.R2]:
            case Frame(offset) if key is not None and offset == key.offset:
                number = constant([state[each] for each in stack(*key)])
                if number is not None:
                    return number
        raise UnsupportedError("which counter this is is not known")

    def _found(self, name: str, cells: Sequence[Value]) -> tuple[Value, Proposition]:
        spec = self.symbols.maps.get(name)
        if spec is None or spec.kind not in ("hash", "lpm_trie") or spec.key_size != len(cells):
            raise UnsupportedError(f"what the map {name} holds is not analysed")
        bits = 8 * len(cells)
        if spec.kind == "lpm_trie":
            given = constant(cells[:KEY_WORD])
            if given is None:
                raise UnsupportedError("the bits of a prefix that is looked for are not known")
            bits, cells = given, cells[KEY_WORD:]
        key, known = key_of(self.packet, cells)
        if bits > 8 * len(cells):
            return Found(FALSE), known
        if name in self.symbols.live:
            return Found(self._held(spec, key, bits)), known
        prefixes = [each for each in self._entries(spec) if each.bits <= bits]
        return Found(_listed(self.packet, key, len(cells), prefixes)), known

    def _held(self, spec: MapSpec, key: Key, bits: int) -> Proposition:
        """Whether a set whose entries are not known has a key; bits: of it that count."""
        size = spec.key_size
        whole = 8 * size
        if spec.kind == "lpm_trie":
            if size != _ADDRESS or not isinstance(key[0], Number):
                raise UnsupportedError(f"the key of the set @{spec.name} is not analysed")
            whole = _FAMILIES.get(key[0].value, 0)
            if not whole or bits < _FAMILY_BITS:
                return FALSE
            size = whole // 8 - KEY_WORD
            key = key[1 : 1 + size // KEY_WORD]
        name = spec.name if bits >= whole else f"{spec.name} up to {bits}"
        word = self.packet.words.held(name, key, size)
        return self.packet.member(word, (1, 2))

    def _entries(self, spec: MapSpec) -> tuple[_Prefix, ...]:
        if spec.name not in self._prefixes:
            self._prefixes[spec.name] = tuple(_prefix(spec.kind, key) for key, _ in spec.entries)
        return self._prefixes[spec.name]


def _prefix(kind: str, key: bytes) -> _Prefix:
    bits = 8 * len(key)
    if kind == "lpm_trie":
        bits, key = int.from_bytes(key[:KEY_WORD], "little"), key[KEY_WORD:]
    groups = (key[at : at + KEY_WORD] for at in range(0, len(key), KEY_WORD))
    return _Prefix(tuple(int.from_bytes(each, "big") for each in groups), bits)


def _listed(packet: Packet, key: Key, size: int, prefixes: Sequence[_Prefix]) -> Proposition:
    """Whether a key of so many bytes begins with one of the prefixes.

    Recursion as deep as the key has words.
    """
    width = 8 * min(size, KEY_WORD)
    whole: list[tuple[int, int]] = []
    further: dict[int, list[_Prefix]] = {}
    for (first, *rest), bits in prefixes:
        if bits <= width:
            low = first >> width - bits << width - bits
            whole.append((low, low + (1 << width - bits)))
        else:
            further.setdefault(first, []).append(_Prefix(tuple(rest), bits - width))
    found: Proposition = FALSE
    for first, below in further.items():
        here = packet.member(key[0], (first, first + 1))
        found = packet.choose(here, _listed(packet, key[1:], size - KEY_WORD, below), found)
    return packet.choose(packet.member(key[0], united(whole)), TRUE, found)
