"""What a refused filter is told.

``PYTHONPATH=.:tests python -m frontend.pcap.test_mistakes`` rewrites golden/mistakes.txt.
"""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError
from bpfq.frontend.pcap.parse import parse

from .golden_text import MISTAKES, cases, rendered, written

CASES = cases(MISTAKES.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "error"), CASES, ids=[repr(text) for text, _ in CASES])
def test_refusal_says_what_where_and_what_instead(text: str, error: str) -> None:
    assert rendered(text) == error


@pytest.mark.parametrize("text", [text for text, _ in CASES], ids=repr)
def test_refusal_points_into_the_text(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.text == text
    assert caught.value.span is not None
    assert 0 <= caught.value.span.start <= caught.value.span.end <= len(text)


if __name__ == "__main__":
    MISTAKES.write_text(written([(text, rendered(text)) for text, _ in CASES]), encoding="utf-8")
