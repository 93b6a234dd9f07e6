"""Any text gives a query or a refusal that points into it, never another exception."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bpfq.errors import BpfqError
from bpfq.frontend.pcap.keywords import KEYWORDS
from bpfq.frontend.pcap.parse import parse
from bpfq.query.structure import Node

from .golden_text import MISTAKES, cases
from .test_trees import EVERY

FILTERS = [text for text in EVERY if text.strip()] + [
    text for text, _ in cases(MISTAKES.read_text(encoding="utf-8"))
]
PIECES = sorted(
    {piece for text in FILTERS for piece in re.findall(r"[\w.:\\$-]+|\S", text)} | set(KEYWORDS)
)


def answered(text: str) -> None:
    try:
        query = parse(text)
    except BpfqError as error:
        assert error.text == text
        assert error.span is not None
        assert 0 <= error.span.start <= error.span.end <= len(text)
        assert "\n" not in error.message
        error.render()
    else:
        assert isinstance(query, Node)
        assert parse(text) == query


@settings(max_examples=500, deadline=None)
@given(st.text())
def test_random_text_is_answered(text: str) -> None:
    answered(text)


@settings(max_examples=500, deadline=None)
@given(st.binary())
def test_random_bytes_are_answered(octets: bytes) -> None:
    answered(octets.decode("latin-1"))


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([" ", "", "\n"]))
def test_random_words_are_answered(pieces: list[str], blank: str) -> None:
    answered(blank.join(pieces))


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(FILTERS), st.data())
def test_damaged_filters_are_answered(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    put = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)))
    answered(text[:start] + put + text[end:])
