"""A packet that is written bit by bit: what was looked at stays as it is, the rest may change.

[14:1] & 15 becomes 6           byte 14 is 0x06, its low half is kept from now on
[14:1] >> 4 becomes 4           byte 14 is 0x46 and kept
at least 34 bytes captured      what is captured ends somewhere from 34 on
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.operators import WORD_MASK, DivisionByZero, Operator, calculate
from bpfq.record import field, record, replace
from bpfq.superopt.packets import undone
from bpfq.symbolic.overlap import placed
from bpfq.symbolic.propositions import MOST_CAPTURED
from bpfq.symbolic.words import Bytes, Either, Number, Operation, Word, operands
from bpfq.walk import bottom_up

Place = tuple[str, int] | Word  # a byte: its base and address; or a word of the kernel

_ANYWHERE = (0, MOST_CAPTURED)


@record
class Draft:
    """values: by place.  kept: the bits of it that may not change.

    room: by base, from how many captured bytes on, and below how many.  is_far: bytes behind a
    header of variable length lie away from those before it.  is_loose: what is computed from
    several loads may change once more.  fill: the bytes that were not written.
    """

    is_far: bool
    is_loose: bool = False
    fill: int = 0
    values: dict[Place, int] = field(default_factory=dict)
    kept: dict[Place, int] = field(default_factory=dict)
    room: dict[str, tuple[int, int]] = field(default_factory=dict)

    def value(self, word: Word) -> int | None:
        """The word now; None where it depends on a choice, or divides by zero."""
        known: dict[Word, int] = {}
        for part in bottom_up((word,), operands):
            made = self._one(part, known)
            if made is None:
                return None
            known[part] = made
        return known[word]

    def _one(self, word: Word, known: dict[Word, int]) -> int | None:
        match word:
            case Number(value):
                return value
            case Bytes(base, index, offset, size):
                first = offset if index is None else known[index] + offset
                octets = bytes(self.values.get((base, first + n), self.fill) for n in range(size))
                return int.from_bytes(octets, "big")
            case Operation(operator, left, right):
                try:
                    return calculate(operator, known[left], known[right])
                except DivisionByZero:
                    return None
            case Either():
                return None
            case _:
                return self.values.get(word, 0)

    # ------------------------------------------------------------ written

    def with_value(self, word: Word, wanted: int) -> Draft | None:
        """The packet with another value of a word; None where what is kept is in the way."""
        changed, value = word, wanted
        while isinstance(changed, Operation):
            left, right = self.value(changed.left), self.value(changed.right)
            if left is None or right is None:
                return None
            if isinstance(changed.left, Number):
                if changed.operator is Operator.SUB:
                    changed, value = changed.right, left - value & WORD_MASK
                    continue
                return None
            value = undone(changed.operator, right, value, left) & WORD_MASK
            changed = changed.left
        made = self._written(changed, value)
        return made if made is not None and made.value(word) == wanted else None

    def _written(self, word: Word, value: int) -> Draft | None:
        if isinstance(word, Number | Operation | Either) or not 0 <= value <= word.most:
            return None
        octets: list[int] = [value]
        if isinstance(word, Bytes):
            octets = list(value.to_bytes(word.size, "big"))
        new = dict(zip(self._places(word), octets, strict=True))
        if any((self._at(at) ^ new[at]) & self.kept.get(at, 0) for at in new):
            return None
        return replace(self, values=self.values | new)

    def _at(self, place: Place) -> int:
        return self.values.get(place, self.fill if isinstance(place, tuple) else 0)

    def _places(self, word: Word) -> list[Place]:
        """Where a load reads now, or a word of the kernel."""
        if not isinstance(word, Bytes):
            return [word]
        index = 0 if word.index is None else self.value(word.index) or 0
        return [(word.base, index + word.offset + n) for n in range(word.size)]

    # ------------------------------------------------------------ kept

    def settled(self, words: tuple[Word, ...]) -> Draft:
        """Where the loads of words read is decided."""
        draft = self
        for word in words:
            for load in loads(word):
                if isinstance(load, Bytes) and load.index is not None:
                    draft = draft.with_place(load.index)
        return draft

    def with_place(self, index: Word) -> Draft:
        """What is read behind an index is decided, and what reads it."""
        values = dict(self.values)
        for number, load in enumerate(loads(index) if self.is_far else ()):
            last = self._places(load)[-1]
            far = 0xFF - 5 * number & 0xFF  # bytes in another order lead elsewhere
            values[last] = self._at(last) | far & ~self.kept.get(last, 0)
        return replace(self, values=values)._keeping((index,))

    def keeping(self, words: tuple[Word, ...]) -> Draft:
        """These words have the values that they have now."""
        if self.is_loose:
            words = tuple(word for word in words if placed(word) is not None)
        return self._keeping(words)

    def _keeping(self, words: tuple[Word, ...]) -> Draft:
        kept = dict(self.kept)
        for word in words:
            for place, mask in self._masks(word):
                kept[place] = kept.get(place, 0) | mask
        return replace(self, kept=kept)

    def _masks(self, word: Word) -> Iterator[tuple[Place, int]]:
        """The bits that a word is made of, by place."""
        where = placed(word)
        if where is None:
            for load in loads(word):
                for place in self._places(load):
                    yield place, 0xFF if isinstance(load, Bytes) else WORD_MASK
            return
        (base, index), bits = where
        first = 0 if index is None else self.value(index) or 0
        for bit in bits:
            if bit is not None:
                yield (base, first + bit // 8), 0x80 >> bit % 8

    def within(self, base: str, index: Word | None, first: int, end: int) -> Draft | None:
        """So many bytes behind an index were captured, from first on and below end."""
        at = 0 if index is None else self.value(index) or 0
        low, high = self.room.get(base, _ANYWHERE)
        low, high = max(low, at + first), min(high, at + end)
        return replace(self, room={**self.room, base: (low, high)}) if low < high else None


def loads(word: Word) -> list[Word]:
    """What a word is computed from, those first that say where others read."""
    parts = bottom_up((word,), operands)
    return [part for part in parts if not isinstance(part, Number | Operation | Either)]
