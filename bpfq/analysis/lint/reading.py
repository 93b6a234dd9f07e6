"""From a filter to what the rules look at, also where a plain compile would stop.

A name that nothing looks up, and a display filter, are findings and not the end: the rest of the
filter is looked at all the same, or its translation is offered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bpfq.errors import FilterError
from bpfq.frontend.pcap import display
from bpfq.frontend.pcap.names import NO_SETS, Addresses, Listing, WithSets
from bpfq.frontend.pcap.written import Written, read
from bpfq.query import build
from bpfq.query.nodes import Query
from bpfq.record import field, record

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver


@record
class Reading:
    """written: None for a filter that was not read from text.

    unresolved: names that nothing looked up; the addresses in the query are then made up.
    mistaken: the refusal of a display filter; the query then says nothing.
    """

    query: Query
    written: Written | None = None
    resolver: Resolver | None = None
    unresolved: frozenset[str] = frozenset()
    mistaken: FilterError | None = None


def read_text(text: str, resolver: Resolver | None) -> Reading:
    """Raises FilterError for what is no filter at all."""
    try:
        written = read(text, resolver=resolver)
    except FilterError as error:
        refusal = display.refusal(text)
        if refusal is not None and refusal.message == error.message:
            return Reading(build.everything(), mistaken=error)
        sets = resolver.sets if isinstance(resolver, WithSets) else NO_SETS
        if (resolver.resolver if isinstance(resolver, WithSets) else resolver) is not None:
            raise
        return _with_placeholders(text, error, sets)
    return Reading(written.query, written, resolver)


def _with_placeholders(text: str, error: FilterError, sets: Mapping[str, Listing]) -> Reading:
    placeholders = _Placeholders()
    resolver = WithSets(placeholders, sets)
    try:
        written = read(text, resolver=resolver)
    except FilterError:
        raise error from None  # it is not about names, or not only
    return Reading(written.query, written, resolver, frozenset(placeholders.asked))


@record(frozen=False)
class _Placeholders:
    """An address of its own for every name, from the ranges for documentation."""

    asked: dict[str, int] = field(default_factory=dict)

    def host(self, name: str) -> Addresses | None:
        if re.fullmatch("[0-9.]+", name):
            return None  # a mistyped address, not a name
        number = self._number(name)
        return Addresses((_TEST_NET | number,), (_TEST_PREFIX | number,))

    def network(self, name: str) -> int | None:
        return None if re.fullmatch("[0-9.]+", name) else _TEST_NET | self._number(name)

    def ether(self, name: str) -> int | None:
        return _LOCAL_MAC | self._number(name)

    def _number(self, name: str) -> int:
        return self.asked.setdefault(name, len(self.asked))


_TEST_NET = 0xC000_0200  # 192.0.2.0, RFC 5737
_TEST_PREFIX = 0x2001_0DB8 << 96  # 2001:db8::, RFC 3849
_LOCAL_MAC = 0x0200 << 32  # locally administered, IEEE 802
