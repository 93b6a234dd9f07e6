"""Tests on a packet, combined by and, or and not.

What a link type decides on its own is a plain bool.  Combining drops it at once, and with it
every test that cannot matter any more: ``x or true`` is true without reading anything for x.
The order of the remaining tests is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from bpfq.meaning.packet import Packet, Place, Reader

Test: TypeAlias = "bool | Leaf | Every | Some | Opposite | Choice"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    holds: Callable[[Packet], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Every:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Some:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opposite:
    test: Test


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    condition: Test
    then: Test
    otherwise: Test


def every(*tests: Test) -> Test:
    """x and true -> x; x and false -> false"""
    if any(test is False for test in tests):
        return False
    open_tests = tuple(test for test in tests if test is not True)
    if not open_tests:
        return True
    return open_tests[0] if len(open_tests) == 1 else Every(open_tests)


def some(*tests: Test) -> Test:
    """x or false -> x; x or true -> true"""
    if any(test is True for test in tests):
        return True
    open_tests = tuple(test for test in tests if test is not False)
    if not open_tests:
        return False
    return open_tests[0] if len(open_tests) == 1 else Some(open_tests)


def opposite(test: Test) -> Test:
    return not test if isinstance(test, bool) else Opposite(test)


def choice(condition: Test, then: Test, otherwise: Test) -> Test:
    if isinstance(condition, bool):
        return then if condition else otherwise
    return Choice(condition, then, otherwise)


def equals(place: Place, size: int, value: int, mask: int | None = None) -> Test:
    """The size bytes at place, masked, are value."""
    return reads(lambda packet: place.load(packet, size), value, mask)


def reads(reader: Reader, value: int, mask: int | None = None) -> Test:
    """What the reader gives, masked, is value."""
    if mask is None:
        return Leaf(lambda packet: reader(packet) == value)
    return Leaf(lambda packet: reader(packet) & mask == value)


def has_bits(place: Place, mask: int) -> Test:
    """Some bit of the mask is set in the byte at place."""
    return Leaf(lambda packet: place.load(packet, 1) & mask != 0)


def bytes_equal(place: Place, wanted: bytes) -> Test:
    """The bytes at place are wanted: four at a time from the end, then two, then one."""
    tests: list[Test] = []
    end = len(wanted)
    for size in (4, 2, 1):
        while end >= size:
            value = int.from_bytes(wanted[end - size : end], "big")
            tests.append(equals(place.at(end - size), size, value))
            end -= size
    return every(*tests)


def directed(direction: str, source: Test, destination: Test) -> Test:
    match direction:
        case "src":
            return source
        case "dst":
            return destination
        case "src and dst":
            return every(source, destination)
        case _:
            return some(source, destination)


def holds(test: Test, packet: Packet) -> bool:
    """The verdict of a test, from left to right with short circuit; never recursive."""
    waiting: list[tuple[Every | Some | Opposite | Choice, int]] = []
    node: Test | None = test
    verdict = False
    while True:
        while node is not None:
            match node:
                case bool():
                    verdict, node = node, None
                case Leaf(inner):
                    verdict, node = inner(packet), None
                case Every(tests) | Some(tests):
                    waiting.append((node, 1))
                    node = tests[0]
                case Opposite(operand) | Choice(condition=operand):
                    waiting.append((node, 1))
                    node = operand
                case _:
                    assert_never(node)
        if not waiting:
            return verdict
        verdict, node = _resume(*waiting.pop(), verdict, waiting)


def _resume(
    node: Every | Some | Opposite | Choice,
    at: int,
    verdict: bool,
    waiting: list[tuple[Every | Some | Opposite | Choice, int]],
) -> tuple[bool, Test | None]:
    """What follows on an operand's verdict: the node's own, or the next operand."""
    match node:
        case Opposite():
            return not verdict, None
        case Choice(_, then, otherwise):
            return verdict, then if verdict else otherwise
        case Every(tests):
            done = not verdict
        case Some(tests):
            done = verdict
        case _:
            assert_never(node)
    if done or at == len(tests):
        return verdict, None
    waiting.append((node, at + 1))
    return verdict, tests[at]
