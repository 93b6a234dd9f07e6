"""Numbers read from the packet: fields, indexed bytes, the length, and arithmetic on them.

    tcp.flags & 0x12 == 0x02          ip[6:2] & 0x1fff == 0          length > 100

Comparisons that pcap text has a word for become its node: ``tcp.dport > 1000`` is the port range
1001 to 65535, ``ip.src == "10.0.0.1"`` an address, ``ip.proto == 6`` a protocol number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from bpfq.frontend import dsl_literals as literals
from bpfq.frontend.dsl_handles import (
    ADDRESS_READS,
    PORT_READS,
    TCP_FLAG_LETTERS,
    Cond,
    Field,
    address_test,
    encapsulations,
    misuse,
    shown,
)
from bpfq.operators import Operator
from bpfq.query import build, nodes, walk
from bpfq.query.nodes import Query, Under
from bpfq.query.text import to_python
from bpfq.record import record
from bpfq.source import nearest
from bpfq.tables.fields import FIELDS
from bpfq.tables.protocols import LARGEST_LENGTH


@record(eq=False, repr=False)
class Value(Field):
    """A number of 32 bits; arithmetic wraps, comparisons are unsigned and give a Cond."""

    value: nodes.Value

    # ------------------------------------------------------------ comparisons

    def _compare(self, relation: str, other: object) -> Query:
        if isinstance(self.value, nodes.FieldValue):
            found = _named_comparison(self.value, relation, other)
            if found is not None:
                return found
        return build.compare(relation, self.value, _operand(self, other))

    def _item(self, item: object) -> Query:
        if isinstance(item, str) or not isinstance(item, tuple | range):
            return self._compare("=", item)
        low, high = literals.bounds(item, repr(self))
        if isinstance(self.value, nodes.FieldValue) and self.value.name in PORT_READS:
            protocol, direction = PORT_READS[self.value.name]
            return build.port(protocol, direction, low, high, self.value.under)
        if low == high:
            return self._compare("=", low)
        return build.all_of(self._compare(">=", low), self._compare("<=", high))

    # ------------------------------------------------------------ arithmetic

    def _binary(self, operator: Operator, other: object, *, reflected: bool = False) -> Value:
        if isinstance(other, Cond):
            left, right = (other, self) if reflected else (self, other)
            raise misuse(left, operator.value, right)
        if not isinstance(other, int | Value):
            raise TypeError(
                f"{shown(self)} is a number, {operator.value} cannot join it with {shown(other)}"
            )
        pair = (self.value, _operand(self, other))
        return Value(build.arithmetic(operator, *(reversed(pair) if reflected else pair)))

    def __add__(self, other: int | Value) -> Value:
        return self._binary(Operator.ADD, other)

    def __radd__(self, other: int) -> Value:
        return self._binary(Operator.ADD, other, reflected=True)

    def __sub__(self, other: int | Value) -> Value:
        return self._binary(Operator.SUB, other)

    def __rsub__(self, other: int) -> Value:
        return self._binary(Operator.SUB, other, reflected=True)

    def __mul__(self, other: int | Value) -> Value:
        return self._binary(Operator.MUL, other)

    def __rmul__(self, other: int) -> Value:
        return self._binary(Operator.MUL, other, reflected=True)

    def __floordiv__(self, other: int | Value) -> Value:
        return self._binary(Operator.DIV, other)

    def __rfloordiv__(self, other: int) -> Value:
        return self._binary(Operator.DIV, other, reflected=True)

    def __truediv__(self, other: int | Value) -> Value:
        return self._binary(Operator.DIV, other)

    def __rtruediv__(self, other: int) -> Value:
        return self._binary(Operator.DIV, other, reflected=True)

    def __mod__(self, other: int | Value) -> Value:
        return self._binary(Operator.MOD, other)

    def __rmod__(self, other: int) -> Value:
        return self._binary(Operator.MOD, other, reflected=True)

    def __and__(self, other: int | Value) -> Value:
        return self._binary(Operator.AND, other)

    def __rand__(self, other: int) -> Value:
        return self._binary(Operator.AND, other, reflected=True)

    def __or__(self, other: int | Value) -> Value:
        return self._binary(Operator.OR, other)

    def __ror__(self, other: int) -> Value:
        return self._binary(Operator.OR, other, reflected=True)

    def __xor__(self, other: int | Value) -> Value:
        return self._binary(Operator.XOR, other)

    def __rxor__(self, other: int) -> Value:
        return self._binary(Operator.XOR, other, reflected=True)

    def __lshift__(self, other: int | Value) -> Value:
        return self._binary(Operator.LSH, other)

    def __rlshift__(self, other: int) -> Value:
        return self._binary(Operator.LSH, other, reflected=True)

    def __rshift__(self, other: int | Value) -> Value:
        return self._binary(Operator.RSH, other)

    def __rrshift__(self, other: int) -> Value:
        return self._binary(Operator.RSH, other, reflected=True)

    def __neg__(self) -> Value:
        return Value(build.negative(self.value))

    def __invert__(self) -> NoReturn:
        raise TypeError(f"~ negates filters; {shown(self)} is a number, write ~(... == ...)")

    # ------------------------------------------------------------ position and parts

    def under(self, *words: str) -> Value:
        """The same bytes behind these encapsulations, outermost first."""
        outer = encapsulations(words)
        return Value(walk.map_reads(self.value, lambda read: walk.moved(read, outer)))

    def __getattr__(self, name: str) -> Cond:
        """A single flag of a field of flags: ``tcp.flags.syn``."""
        if name.startswith("_") or name == "value":
            raise AttributeError(name)
        flags = _flags(self.value)
        if name not in flags:
            raise unknown_field(repr(self), name, flags)
        assert isinstance(self.value, nodes.FieldValue)
        flag = build.field_value(f"{self.value.name}.{name}", self.value.under)
        return Cond(build.compare("!=", flag, build.number(0)))

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *_flags(self.value)})

    def __repr__(self) -> str:
        return to_python(self.value)


def _flags(value: nodes.Value) -> list[str]:
    if not isinstance(value, nodes.FieldValue):
        return []
    start = f"{value.name}."
    return [name.removeprefix(start) for name in FIELDS if name.startswith(start)]


def unknown_field(owner: str, name: str, known: list[str]) -> AttributeError:
    """The error for a field that does not exist: the nearest one, and all of them."""
    if not known:
        return AttributeError(f"{owner} has no fields")
    longer = [field for field in known if name and field.startswith(name)]
    close = nearest(name, known) or (longer[0] if longer else None)
    hint = f"did you mean '{close}'? " if close else ""
    return AttributeError(f"{owner} has no field '{name}'; {hint}it has {', '.join(known)}")


def _operand(left: Value, other: object) -> nodes.Value:
    """The node of a right operand: a Value, or a number written out."""
    if isinstance(other, Value):
        return other.value
    if isinstance(other, int):
        return build.number(other)
    if isinstance(left.value, nodes.FieldValue) and isinstance(other, str):
        name = left.value.name
        if name in ADDRESS_READS:
            _, (address, mask) = literals.network(other)
            if mask == literals.FULL4 and address <= mask:
                return build.number(address)
        if name == "tcp.flags" and other and set(other) <= set(TCP_FLAG_LETTERS):
            return build.number(sum(TCP_FLAG_LETTERS[letter] for letter in set(other)))
    raise TypeError(f"{shown(left)} is a number, it cannot be compared with {shown(other)}")


def _named_comparison(field: nodes.FieldValue, relation: str, other: object) -> Query | None:
    """The node that pcap text has for a comparison, or None."""
    name, under = field.name, field.under
    if isinstance(other, Field | Cond):
        return None
    if name in PORT_READS:
        protocol, direction = PORT_READS[name]
        number, _ = literals.port_number(other, protocol)
        return literals.ports(protocol, direction, relation, number, under)
    if relation not in ("=", "!="):
        return None
    if name in ADDRESS_READS:
        return address_test(*ADDRESS_READS[name], relation, other, under)
    if name == "ip.proto" and isinstance(other, str):
        other = literals.protocol_value(other)
    if isinstance(other, int):
        return _numbered(name, relation, other, under)
    return None


def _numbered(name: str, relation: str, number: int, under: Under) -> Query | None:
    match name, relation:
        case "ip.proto", "=":
            return build.protocol_number("ip", number, under)
        case "link.type", "=" if number > LARGEST_LENGTH:
            return build.protocol_number("link", number, under)
        case "vlan.id", "=":
            return build.encapsulation("vlan", number, under)
        case "vlan.id", "!=":
            other = build.encapsulation("vlan", number, under)
            return build.all_of(build.encapsulation("vlan", None, under), build.negate(other))
        case _:
            return None


def read(protocol: str, key: object) -> Value:
    """``word[offset]`` or ``word[offset:size]``."""
    offset, size = key, 1
    if isinstance(key, slice):
        if key.step is not None or key.start is None or not isinstance(key.stop, int):
            raise TypeError("an index is [offset] or [offset:size], with a size of 1, 2 or 4")
        offset, size = key.start, key.stop
    if isinstance(offset, Value):
        at = offset.value
    elif isinstance(offset, int):
        at = build.number(offset) if offset >= 0 else build.negative(build.number(-offset))
    else:
        raise TypeError(f"an offset is a number, not {shown(offset)}")
    return Value(build.index(protocol, at, size))
