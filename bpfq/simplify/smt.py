"""z3's view of one symbolic packet: can something hold of it, and what does it look like then?

Answers are limited in z3's resource units, never in time, so that the same question has the same
answer on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from bpfq.record import field, record
from bpfq.simplify.smt_encode import NETWORK_HEADER, Bits, Bool, Encoder
from bpfq.symbolic.propositions import Condition, Packet, Proposition
from bpfq.symbolic.words import KEY_WORD, NETWORK, START

Answer: TypeAlias = Literal["sat", "unsat", "unknown"]

# What a sample looks like where the question leaves a choice; the first wish that can be had.
_SMALL, _LARGE, _HUGE = 512, 1 << 17, 1 << 24  # bytes captured
_NEAR = 1 << 16  # address of a byte that is read, captured or not


@record
class Sample:
    """A packet that satisfies what was asked.

    octets: the captured bytes.  beyond: bytes past them that the question depends on, by address.
    network_header: the bytes from the network header on, where the question reads it and it lies
    before byte 0.  held: the keys that are in sets whose entries are not known, by the set's name.
    What the question does not depend on is 0, and in no set.
    """

    octets: bytes
    wire_length: int
    beyond: Mapping[int, int] = field(default_factory=dict)
    metadata: Mapping[str, int] = field(default_factory=dict)
    draws: Mapping[int, int] = field(default_factory=dict)
    network_header: bytes = b""
    held: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


class TooLong(Exception):
    """A packet that there is no use in making."""


class Solver:
    """Questions about one packet.

    rlimit: resource units of one question, see z3's ``rlimit``.  wire_is_captured: a kernel's
    machine, to which a packet is as long as its captured bytes.
    """

    def __init__(self, packet: Packet, *, rlimit: int, wire_is_captured: bool) -> None:
        import z3

        self.packet = packet
        self._z3: Any = z3
        self._rlimit = rlimit
        self._encoder = Encoder(z3, wire_is_captured)
        self._shared: Any = None  # keeps what it learned; asked about literals only
        self._facts_shared = 0
        self._literals: dict[int, tuple[Bool, Bool]] = {}  # AST id of a literal: it and its meaning
        self._last: tuple[Bool, ...] = ()
        self._model: Any = None
        self._core: tuple[Bool, ...] = ()

    def holds(self, proposition: Proposition) -> Bool:
        return self._encoder.outcomes(proposition).holds

    def fails(self, proposition: Proposition) -> Bool:
        """FALSE; a fault is neither this nor ``holds``."""
        return self._encoder.outcomes(proposition).fails

    def condition(self, condition: Condition) -> Bool:
        return self._encoder.condition(condition)

    def literal(self, expression: Bool) -> Bool:
        """A literal that stands for an expression, to ask about it again and again."""
        z3 = self._z3
        name = z3.Bool(f"literal {len(self._literals)}")
        self._literals[name.get_id()] = name, expression
        self._shared_solver().add(name == expression)
        return name

    # ------------------------------------------------------------ questions

    def check(self, *constraints: Bool) -> Answer:
        """Whether some packet satisfies all constraints.

        Literals, or their negations, are asked of one solver that keeps what it learned and has a
        core of them; any other constraints are a question of their own.
        """
        self._last, self._model, self._core = constraints, None, ()
        if constraints and all(self._is_literal(one) for one in constraints):
            solver = self._shared_solver()
            answer = solver.check(*constraints)
        else:
            solver = self._fresh_solver()
            solver.add(*constraints)
            answer = solver.check()
        if answer == self._z3.sat:
            self._model = solver.model()
            return "sat"
        if answer == self._z3.unsat:
            self._core = tuple(solver.unsat_core())
            return "unsat"
        return "unknown"

    def core(self) -> tuple[Bool, ...]:
        """After "unsat": literals of the question that cannot hold together."""
        return self._core

    def _is_literal(self, constraint: Bool) -> bool:
        z3 = self._z3
        plain = constraint.arg(0) if z3.is_not(constraint) else constraint
        return plain.get_id() in self._literals

    def _fresh_solver(self) -> Any:
        solver = self._z3.Solver()
        solver.set("rlimit", self._rlimit)
        solver.add(*self._encoder.facts)
        return solver

    def _shared_solver(self) -> Any:
        if self._shared is None:
            self._shared = self._fresh_solver()
            self._facts_shared = len(self._encoder.facts)
        new = self._encoder.facts[self._facts_shared :]
        if new:
            self._shared.add(*new)
            self._facts_shared += len(new)
        return self._shared

    # ------------------------------------------------------------ samples

    def sample(self) -> Sample:
        """A packet for the last question, which was answered "sat"; a short one if there is one.

        Raises TooLong where only packets of more than 16 MiB were found.
        """
        assert self._model is not None, "the last answer was not sat"
        model = self._preferred()
        start = self._octets(model, START)
        captured = _number(model, self._encoder.captured(START))
        if captured > _HUGE:
            raise TooLong
        network = b""
        if NETWORK in self._encoder.bases:
            reach = _number(model, self._encoder.captured(NETWORK))
            before = self._octets(model, NETWORK)
            read = max(before, default=0) + 1
            network = _filled(before, max(NETWORK_HEADER, min(reach, read)))
        return Sample(
            _filled(start, captured),
            _number(model, self._encoder.wire),
            {at: value for at, value in start.items() if at >= captured},
            _values(model, self._encoder.metadata),
            _values(model, self._encoder.draws),
            network,
            self._held(model),
        )

    def _held(self, model: Any) -> dict[str, tuple[bytes, ...]]:
        """The keys that are in sets."""
        found: dict[str, dict[bytes, None]] = {}
        for word, expression in self._encoder.held.items():
            if _number(model, expression):
                numbers = [_number(model, self._encoder.word(part)) for part in word.key]
                left = word.size
                key = b""
                for number in numbers:
                    key += number.to_bytes(min(left, KEY_WORD), "big")
                    left -= KEY_WORD
                found.setdefault(word.members, {})[key] = None
        return {members: tuple(keys) for members, keys in found.items()}

    def _preferred(self) -> Any:
        """A model of the last question with few captured bytes, and nothing read far from them."""
        z3, encoder = self._z3, self._encoder
        captured = encoder.captured(START)
        near = [z3.ULT(address, _NEAR) for _, address in encoder.addresses]
        wishes = [
            (z3.ULE(captured, _SMALL), encoder.wire == captured, *near),
            (z3.ULE(captured, _SMALL), *near),
            (z3.ULE(captured, _SMALL), encoder.wire == captured),
            (z3.ULE(captured, _SMALL),),
            (z3.ULE(captured, _LARGE),),
            (z3.ULE(captured, _HUGE),),
        ]
        meanings = [self._meaning(one) for one in self._last]
        for wish in wishes:
            solver = self._fresh_solver()
            solver.add(*meanings, *wish)
            if solver.check() == z3.sat:
                return solver.model()
        return self._model

    def _meaning(self, constraint: Bool) -> Bool:
        """A literal's expression, a literal's negation, or the constraint itself."""
        z3 = self._z3
        negated = z3.is_not(constraint)
        plain = constraint.arg(0) if negated else constraint
        if plain.get_id() not in self._literals:
            return constraint
        meaning = self._literals[plain.get_id()][1]
        return z3.Not(meaning) if negated else meaning

    def _octets(self, model: Any, base: str) -> dict[int, int]:
        """The bytes that were read, by address from the base, in order."""
        if base not in self._encoder.bases:
            return {}
        octets, _ = self._encoder.bases[base]
        found: dict[int, int] = {}
        for read, address in self._encoder.addresses:
            if read == base:
                found[_number(model, address)] = _number(model, octets(address))
        return dict(sorted(found.items()))


def _filled(octets: Mapping[int, int], size: int) -> bytes:
    """size bytes from address 0 on, 0 where none is known."""
    made = bytearray(size)
    for at, value in octets.items():
        if at < size:
            made[at] = value
    return bytes(made)


def _number(model: Any, expression: Bits) -> int:
    value: int = model.eval(expression, model_completion=True).as_long()
    return value


def _values(model: Any, constants: Mapping[Any, Bits]) -> dict[Any, int]:
    return {name: _number(model, bits) for name, bits in constants.items()}
