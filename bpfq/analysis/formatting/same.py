"""Do two queries test the same, in the same order?

not port 22 and not port 23   =   not port (22 or 23)     each test and what follows it agree

Such queries agree on every packet in every reading, also where it is cut short: the next test and
the verdict depend on the tests before in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from bpfq.query import nodes
from bpfq.query.nodes import Query


def same_tests(query: Query, other: Query) -> bool:
    return all(one == two for one, two in zip_longest(_read(query), _read(other)))


def _read(query: Query) -> Iterator[object]:
    """The tests with their signs and the words that join them, as if ``not`` stood at tests only.

    A join inside one of the same word is not told apart from its operands.
    """
    work: list[str | tuple[Query, bool, str]] = [(query, False, "")]  # negated; the word around
    while work:
        item = work.pop()
        if isinstance(item, str):
            yield item
            continue
        node, negated, around = item
        match node:
            case nodes.Not(operand):
                work.append((operand, not negated, around))
            case nodes.And(parts) | nodes.Or(parts):
                word = "and" if isinstance(node, nodes.And) != negated else "or"
                if word != around:
                    yield word
                    work.append(")")
                work.extend((part, negated, word) for part in reversed(parts))
            case _:
                yield negated
                yield node
