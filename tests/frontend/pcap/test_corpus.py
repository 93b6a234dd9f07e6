"""Filters that libpcap takes, and that it refuses on every link type."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfq.errors import FilterError
from bpfq.frontend.pcap.parse import parse

GOLDEN = Path(__file__).with_name("golden")
ACCEPTED = (GOLDEN / "accepted.txt").read_text(encoding="utf-8").splitlines()
REFUSED = (GOLDEN / "refused.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("text", ACCEPTED, ids=repr)
def test_accepted_filter_parses(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("text", REFUSED, ids=repr)
def test_refused_filter_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.span is not None
