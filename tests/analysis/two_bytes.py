"""Random filters of the first two bytes and the length, as text and as Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^")
RELATIONS = ("=", "!=", "<", "<=", ">", ">=")
CONSTANTS = (0, 1, 2, 3, 7, 16, 127, 128, 255, 256, 0x0FF0, 0xFFFF)
PACKETS = (
    b"",
    *(bytes(one) for one in product(range(256))),
    *map(bytes, product(range(256), repeat=2)),
)
WORD = 0xFFFFFFFF


class Filter:
    """verdicts: of every packet of up to two bytes; None where a byte is missing."""

    def __init__(self, text: str, source: str) -> None:
        self.text = f"len <= 2 and ({text})"
        self._function: Callable[[bytes], bool] = eval(f"lambda p: {source}", {"W": WORD})

    def verdicts(self) -> list[bool | None]:
        return [self._verdict(packet) for packet in PACKETS]

    def _verdict(self, packet: bytes) -> bool | None:
        try:
            return self._function(packet)
        except IndexError:
            return None
        except ZeroDivisionError:
            return False


Node: TypeAlias = tuple[Any, ...]  # (kind, ...): what a filter is made from


def both_ways(chance: random.Random) -> tuple[Filter, Filter]:
    """Two filters that have something to do with each other."""
    left = _filter(chance, 2)
    pick = chance.random()
    if pick < 0.35:
        right = _same(chance, left)
    elif pick < 0.55:
        right = ("and", left, _filter(chance, 1))
    elif pick < 0.7:
        right = ("or", _filter(chance, 1), left)
    elif pick < 0.85:
        right = ("and", ("not", left), _filter(chance, 1))
    else:
        right = _filter(chance, 2)
    return _made(left), _made(right)


def _made(node: Node) -> Filter:
    return Filter(_text(node), _source(node))


def _filter(chance: random.Random, depth: int) -> Node:
    pick = chance.random()
    if depth == 0 or pick < 0.3:
        return (chance.choice(RELATIONS), _value(chance, 2), _value(chance, 1))
    if pick < 0.45:
        return ("not", _filter(chance, depth - 1))
    kind = "and" if pick < 0.75 else "or"
    return (kind, _filter(chance, depth - 1), _filter(chance, depth - 1))


def _value(chance: random.Random, depth: int) -> Node:
    pick = chance.random()
    if depth == 0 or pick < 0.45:
        return ("load", chance.choice(("ether[0]", "ether[1]", "ether[0:2]", "len")))
    if pick < 0.6:
        return ("constant", chance.choice(CONSTANTS))
    operator = chance.choice(OPERATORS)
    right = _value(chance, depth - 1)
    if operator in "/%" and right == ("constant", 0):
        right = ("constant", 5)
    return (operator, _value(chance, depth - 1), right)


def _same(chance: random.Random, node: Node) -> Node:
    """Another filter with the same meaning, where nothing is divided and no byte is missing."""
    match node:
        case ("and" | "or" as kind, left, right):
            left, right = _same(chance, left), _same(chance, right)
            if chance.random() < 0.5:
                left, right = right, left
            if chance.random() < 0.5:
                other = "or" if kind == "and" else "and"
                return ("not", (other, ("not", left), ("not", right)))
            return (kind, left, right)
        case ("not", inner):
            return ("not", _same(chance, inner))
        case ("=", left, right):
            return ("and", (">=", left, right), ("<=", left, right))
        case ("<", left, right):
            return (">", right, left)
        case _:
            return node


def _text(node: Node) -> str:
    match node:
        case ("load", text):
            return str(text)
        case ("constant", value):
            return str(value)
        case ("not", inner):
            return f"not ({_text(inner)})"
        case ("and" | "or" as kind, left, right):
            return f"({_text(left)}) {kind} ({_text(right)})"
        case (operator, left, right) if operator in OPERATORS:
            return f"({_text(left)} {operator} {_text(right)})"
        case (relation, left, right):
            return f"{_text(left)} {relation} {_text(right)}"
        case _:
            raise AssertionError(node)


def _source(node: Node) -> str:
    loads = {
        "ether[0]": "p[0]",
        "ether[1]": "p[1]",
        "ether[0:2]": "(p[0] * 256 + p[1])",
        "len": "len(p)",
    }
    match node:
        case ("load", text):
            return loads[text]
        case ("constant", value):
            return str(value)
        case ("not", inner):
            return f"(not {_source(inner)})"
        case ("and" | "or" as kind, left, right):
            return f"({_source(left)} {kind} {_source(right)})"
        case ("/", left, right):
            return f"({_source(left)} // {_source(right)})"
        case (operator, left, right) if operator in OPERATORS:
            return f"({_source(left)} {operator} {_source(right)} & W)"
        case ("=", left, right):
            return f"({_source(left)} == {_source(right)})"
        case (relation, left, right):
            return f"({_source(left)} {relation} {_source(right)})"
        case _:
            raise AssertionError(node)
