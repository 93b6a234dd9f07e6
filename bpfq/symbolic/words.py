"""Words: unsigned 32-bit values computed from one symbolic packet, shared by identity.

``most`` is an upper bound of the value, ``alternatives`` the number of ways through choices that
a test of the word can be brought down.  Words are made by ``Words`` only, which interns them and
brings equal computations to one shape, so that two programs that compute the same thing in two
ways mostly hold the same object.  Whether a byte was captured is not a word's business:
``propositions.Reaches`` says it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, assert_never

from bpfq.operators import WORD_BITS, WORD_MASK, Operator, calculate
from bpfq.record import field, record

if TYPE_CHECKING:
    from bpfq.symbolic.propositions import Proposition

# Where a load counts from: byte 0 of what the filter sees, or the network header where that lies
# before byte 0.
START, NETWORK = "start", "network"

KEY_WORD = 4  # bytes in a word of a key that is looked for in a set

MOST_ALTERNATIVES = 8  # what is computed from a choice is moved into its arms up to here
_COUNTED = 1 << 16  # alternatives; that many and more are the same
_COMMUTING = {Operator.ADD, Operator.MUL, Operator.AND, Operator.OR, Operator.XOR}
_RIGHT_IDENTITY = {
    Operator.ADD: 0, Operator.SUB: 0, Operator.OR: 0, Operator.XOR: 0, Operator.LSH: 0,
    Operator.RSH: 0, Operator.MUL: 1, Operator.DIV: 1,
}  # fmt: skip

# What the kernel's words can be at most; <linux/skbuff.h>, <linux/if_packet.h>.
_MOST_METADATA = {
    "type": 7, "vlanp": 1, "vlan_tci": 0xFFFF, "vlan_tpid": 0xFFFF, "proto": 0xFFFF,
    "hatype": 0xFFFF, "queue": 0xFFFF,
}  # fmt: skip


@record(eq=False)
class Number:
    value: int
    number: int = 0
    alternatives: int = 1

    @property
    def most(self) -> int:
        return self.value


@record(eq=False)
class Length:
    """The packet's length on the wire in bytes."""

    number: int
    most: int = WORD_MASK
    alternatives: int = 1


@record(eq=False)
class Metadata:
    """A word the kernel supplies, by its name in ``isa.cbpf`` ANCILLARY."""

    name: str
    number: int
    most: int = WORD_MASK
    alternatives: int = 1


@record(eq=False)
class Draw:
    """A random word; ``identity`` tells one from another."""

    identity: int
    number: int
    most: int = WORD_MASK
    alternatives: int = 1


@record(eq=False)
class Bytes:
    """``size`` bytes, big-endian, at ``index + offset`` from ``base``; the sum does not wrap."""

    base: str
    index: Word | None
    offset: int
    size: int
    number: int
    most: int
    alternatives: int = 1


@record(eq=False)
class Held:
    """1 where a set whose entries are not known has the key, else 0.

    key: the bytes of the key from the first on, four in each word but the last; size: how many.
    """

    members: str
    key: tuple[Word, ...]
    size: int
    number: int
    most: int = 1
    alternatives: int = 1


@record(eq=False)
class Operation:
    """A division by zero gives some value: that it ends the filter is said elsewhere."""

    operator: Operator
    left: Word
    right: Word
    number: int
    most: int
    alternatives: int


@record(eq=False)
class Either:
    """``then`` where the condition holds, else ``otherwise``."""

    condition: Proposition
    then: Word
    otherwise: Word
    number: int
    most: int
    alternatives: int


Word: TypeAlias = Number | Length | Metadata | Draw | Bytes | Held | Operation | Either


def operands(word: Word) -> tuple[Word, ...]:
    """The words that a word is made of; what decides a choice is no word."""
    match word:
        case Operation(left=left, right=right):
            return (left, right)
        case Bytes(index=index):
            return () if index is None else (index,)
        case Held(key=key):
            return key
        case Either(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Number() | Length() | Metadata() | Draw():
            return ()
        case _:
            assert_never(word)


@record(frozen=False)
class Words:
    """Makes words; equal ones of one maker are the same object, numbered in order of making."""

    _made: dict[tuple[object, ...], Word] = field(default_factory=dict)

    def number(self, value: int) -> Word:
        return self._intern(("number", value), lambda n: Number(value, n))

    def length(self) -> Word:
        return self._intern(("length",), Length)

    def metadata(self, name: str) -> Word:
        most = _MOST_METADATA.get(name, WORD_MASK)
        return self._intern(("metadata", name), lambda n: Metadata(name, n, most))

    def draw(self, identity: int) -> Word:
        return self._intern(("draw", identity), lambda n: Draw(identity, n))

    def bytes(self, base: str, index: Word | None, offset: int, size: int) -> Word:
        """size bytes at index + offset; constants in the index go to the offset."""
        if isinstance(index, Either) and index.alternatives <= MOST_ALTERNATIVES:
            return self.either(
                index.condition,
                self.bytes(base, index.then, offset, size),
                self.bytes(base, index.otherwise, offset, size),
            )
        index, offset = self.address(index, offset)
        key = ("bytes", base, index, offset, size)
        most = (1 << 8 * size) - 1
        return self._intern(key, lambda n: Bytes(base, index, offset, size, n, most))

    def held(self, members: str, key: tuple[Word, ...], size: int) -> Word:
        """Whether a set has a key; what its words choose alike is chosen around it."""
        for word in key:
            if isinstance(word, Either) and word.alternatives <= MOST_ALTERNATIVES:
                condition = word.condition
                arms = [
                    tuple(
                        (one.otherwise if other else one.then)
                        if isinstance(one, Either) and one.condition is condition
                        else one
                        for one in key
                    )
                    for other in (False, True)
                ]
                then, otherwise = (self.held(members, arm, size) for arm in arms)
                return self.either(condition, then, otherwise)
        return self._intern(("held", members, key, size), lambda n: Held(members, key, size, n))

    def address(self, index: Word | None, offset: int) -> tuple[Word | None, int]:
        """The same address with what is constant in the index moved to the offset."""
        match index:
            case Number(value=value):
                return None, value + offset
            case Operation(Operator.ADD, left, Number(value=value)) if (
                left.most + value <= WORD_MASK
            ):
                return left, offset + value
            case _:
                return index, offset

    def operation(self, operator: Operator, left: Word, right: Word) -> Word:
        if isinstance(left, Number) and isinstance(right, Number):
            if right.value or operator not in (Operator.DIV, Operator.MOD):
                return self.number(calculate(operator, left.value, right.value))
        elif isinstance(left, Number) and operator in _COMMUTING:
            left, right = right, left
        if left.alternatives * right.alternatives <= MOST_ALTERNATIVES:
            if isinstance(left, Either):
                return self.either(
                    left.condition,
                    self.operation(operator, left.then, right),
                    self.operation(operator, left.otherwise, right),
                )
            if isinstance(right, Either):
                return self.either(
                    right.condition,
                    self.operation(operator, left, right.then),
                    self.operation(operator, left, right.otherwise),
                )
        if isinstance(right, Number):
            return self._with_constant(operator, left, right.value)
        if operator is Operator.ADD:
            for this, that in ((left, right), (right, left)):
                if (inner := _constant(this, Operator.ADD)) is not None:  # (w + k) + v
                    total = self.operation(operator, _left(this), that)
                    return self.operation(operator, total, self.number(inner))
        if operator in _COMMUTING and right.number < left.number:
            left, right = right, left
        return self._operation(operator, left, right)

    def either(self, condition: Proposition, then: Word, otherwise: Word) -> Word:
        if then is otherwise:
            return then
        alternatives = min(then.alternatives + otherwise.alternatives, _COUNTED)
        most = max(then.most, otherwise.most)
        key = ("either", condition, then, otherwise)
        return self._intern(
            key, lambda n: Either(condition, then, otherwise, n, most, alternatives)
        )

    def sealed(self, word: Word, always: Proposition) -> Word:
        """The same word as a choice that nothing is moved into; ``always`` is TRUE."""
        return self._intern(
            ("sealed", word), lambda n: Either(always, word, word, n, word.most, _COUNTED)
        )

    def _with_constant(self, operator: Operator, left: Word, value: int) -> Word:
        """left operator value, in one of the shapes that equal computations share."""
        if _RIGHT_IDENTITY.get(operator) == value:
            return left
        power = value.bit_length() - 1 if value and not value & (value - 1) else None
        match operator:
            case Operator.MUL if power is not None:
                return self._with_constant(Operator.LSH, left, power)
            case Operator.DIV if power is not None:
                return self._with_constant(Operator.RSH, left, power)
            case Operator.MOD if power is not None:
                return self._with_constant(Operator.AND, left, value - 1)
            case Operator.SUB:
                return self._with_constant(Operator.ADD, left, -value & WORD_MASK)
            case Operator.AND:
                return self._and(left, value)
            case Operator.LSH | Operator.RSH if value >= WORD_BITS:
                return self.number(0)
            case Operator.LSH if (inner := _constant(left, Operator.RSH)) == value:
                kept = WORD_MASK << value & WORD_MASK  # w >> k << k: the low bits go
                return self._with_constant(Operator.AND, _left(left), kept)
            case Operator.ADD if (inner := _constant(left, Operator.ADD)) is not None:
                total = calculate(Operator.ADD, inner, value)
                return self._with_constant(operator, _left(left), total)
            case _:
                return self._operation(operator, left, self.number(value))

    def _and(self, left: Word, mask: int) -> Word:
        covered = (1 << left.most.bit_length()) - 1
        if mask & covered == covered:
            return left
        if not mask & covered:
            return self.number(0)
        if (inner := _constant(left, Operator.AND)) is not None:
            return self._and(_left(left), inner & mask)
        if (places := _constant(left, Operator.LSH)) is not None:
            kept = self._and(_left(left), mask >> places)
            return self._with_constant(Operator.LSH, kept, places)
        return self._operation(Operator.AND, left, self.number(mask & covered))

    def _operation(self, operator: Operator, left: Word, right: Word) -> Word:
        key = ("operation", operator, left, right)
        most = _most(operator, left, right)
        alternatives = left.alternatives if isinstance(right, Number) else 1
        return self._intern(key, lambda n: Operation(operator, left, right, n, most, alternatives))

    def _intern(self, key: tuple[object, ...], make: Callable[[int], Word]) -> Word:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make(len(self._made))
        return found


def _constant(word: Word, operator: Operator) -> int | None:
    """k where the word is ``w operator k``."""
    if isinstance(word, Operation) and word.operator is operator and isinstance(word.right, Number):
        return word.right.value
    return None


def _left(word: Word) -> Word:
    assert isinstance(word, Operation)
    return word.left


def _most(operator: Operator, left: Word, right: Word) -> int:
    """An upper bound of left operator right."""
    match operator:
        case Operator.ADD if left.most + right.most <= WORD_MASK:
            return left.most + right.most
        case Operator.MUL if left.most * right.most <= WORD_MASK:
            return left.most * right.most
        case Operator.AND:
            return min(left.most, right.most)
        case Operator.OR | Operator.XOR:
            return (1 << (left.most | right.most).bit_length()) - 1
        case Operator.LSH if isinstance(right, Number) and left.most << right.value <= WORD_MASK:
            return left.most << right.value
        case Operator.RSH if isinstance(right, Number):
            return left.most >> right.value
        case Operator.RSH:
            return left.most
        case Operator.DIV if isinstance(right, Number) and right.value:
            return left.most // right.value
        case Operator.MOD if isinstance(right, Number) and right.value:
            return min(left.most, right.value - 1)
        case _:
            return WORD_MASK
