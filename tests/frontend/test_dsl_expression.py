"""Python expressions that are read and not run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from query.test_text import LEAVES, combined, evaluated

import bpfq
from bpfq.errors import FilterError
from bpfq.frontend.dsl_expression import read_python
from bpfq.frontend.dsl_handles import NO_TRUTH
from bpfq.query.nodes import Query
from bpfq.query.text import to_python

NAMES: dict[str, Any] = {name: getattr(bpfq, name) for name in bpfq.__all__}
EXPRESSIONS = (
    "tcp.dport == 443",
    "(tcp.dport == 443) & ~ip.src.in_('10.0.0.0/8', '192.0.2.1')",
    "tcp.flags.syn & ~tcp.flags.ack",
    "vlan(100) / (ip & udp)",
    "ether[12:2] == 0x800",
    "ip[length % 4] != -length",
    "tcp.dport.in_([80, (8000, 8010)])",
    "port(53).under('vlan') | broadcast",
    "when(tcp, tcp.dport == 80, udp)",
    "(length >> 2 << 1) + 5 * 2 - 1 >= ip.ttl | 3 ^ 1",
    "any_of(tcp,\n  udp)",
    "rand(0.5)",
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_is_what_python_makes_of_it(text: str) -> None:
    assert read_python(text) == eval(text, dict(NAMES)).query


@settings(max_examples=100, deadline=None)
@given(st.recursive(LEAVES, combined, max_leaves=8))
def test_what_is_written_as_python_is_read(query: Query) -> None:
    text = to_python(query)
    if "Cond(" not in text and "Value(" not in text:  # those name nodes
        assert read_python(text) == evaluated(text).query


# text, message, what the carets are below
WRONG = [
    ("tpc & ip", "unknown name 'tpc'", "tpc"),
    ("udpp", "unknown name 'udpp'; did you mean 'udp'?", "udpp"),
    ("ip & tcp.dprt == 8", "tcp has no field 'dprt'; did you mean 'dport'?", "tcp.dprt"),
    ("tcp and udp", NO_TRUTH, "tcp and udp"),
    ("not tcp", NO_TRUTH, "not tcp"),
    ("1 < tcp.dport < 5", NO_TRUTH, "1 < tcp.dport < 5"),
    ("tcp.dport in [80]", "a field is in a list by .in_(...)", "tcp.dport in [80]"),
    ("ip & tcp.dport", "ip & tcp.dport is not a filter", "ip & tcp.dport"),
    ("ip & host('10.0.0.300')", "'10.0.0.300' is not an IPv4", "host('10.0.0.300')"),
    ("tcp.dport", "tcp.dport is no filter: compare it with something", None),
    ("5", "5 is no filter", None),
    ("(tcp", "no Python expression: '(' was never closed", None),
    ("", "no Python expression: ", None),
    ("\0", "no Python expression: ", None),
    ("(" * 300 + "tcp" + ")" * 300, "no Python expression: too many nested", None),
    ("import os", "no Python expression: ", None),
]


@pytest.mark.parametrize(("text", "message", "below"), WRONG)
def test_a_mistake_has_its_place(text: str, message: str, below: str | None) -> None:
    with pytest.raises(FilterError) as caught:
        read_python(text)
    assert caught.value.message.startswith(message)
    span = caught.value.span
    assert (None if span is None else text[slice(*span)]) == below


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "tcp.__class__",
        "tcp.query.span",
        "'{0.__class__}'.format(tcp)",
        "(lambda: tcp)()",
        "[x for x in (tcp,)][0]",
        "tcp if 1 else udp",
        "host(*['10.0.0.1'])",
        "tcp.dport.between(low=1, high=2)",
        "2 ** 99999999 == length",
        "1 << 99999999999 == length",
        "'a' * 99999999999 == length",
        "(t := tcp)",
        "f'{tcp}'",
        "Cond(5)",
        "nodes",
    ],
)
def test_nothing_else_is_done(text: str) -> None:
    with pytest.raises(FilterError):
        read_python(text)


def test_columns_of_other_letters_are_right() -> None:
    with pytest.raises(FilterError) as caught:
        read_python("any_of(host('ü'),\n tpc)")
    assert caught.value.span is not None
    assert "any_of(host('ü'),\n tpc)"[slice(*caught.value.span)] == "host('ü')"


def test_a_long_expression_is_read() -> None:
    assert (
        read_python(" | ".join(["tcp"] * 500)) == eval("|".join(["tcp"] * 500), dict(NAMES)).query
    )
