"""Large and hostile filters: no recursion, no quadratic work, limits with their numbers."""

from __future__ import annotations

import time

import pytest

from bpfq.errors import BpfqError, LimitError
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build as b
from bpfq.query import nodes

DEEP = 10_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * DEEP + "ip" + ")" * DEEP,
        "not " * DEEP + "ip",
        "not (" * DEEP + "ip" + ")" * DEEP,
    ],
    ids=["parentheses", "not", "both"],
)
def test_deep_nesting_parses(text: str) -> None:
    assert parse(text) == b.protocol("ip")


def test_deeply_nested_list_parses() -> None:
    query = parse("port " + "(1 or " * DEEP + "1" + ")" * DEEP)
    assert query == b.any_of(*[b.port(None, "src or dst", 1, 1)] * (DEEP + 1))


def test_alternating_words_nest_without_recursion() -> None:
    query = parse(" and ".join(["ip or tcp"] * DEEP))
    assert isinstance(query, nodes.Or)


def test_twenty_thousand_terms_make_one_node() -> None:
    query = parse(" or ".join(f"port {n}" for n in range(20_000)))
    assert query == b.any_of(*(b.port(None, "src or dst", n, n) for n in range(20_000)))


@pytest.mark.parametrize(
    "text",
    [
        "len = " + "1 + " * 300 + "1",
        "len = " + "-" * 300 + "1",
        "ip[" * 300 + "0" + "]" * 300 + " = 1",
    ],
    ids=["sum", "signs", "indices"],
)
def test_deep_arithmetic_is_refused_with_the_limit(text: str) -> None:
    with pytest.raises(LimitError) as caught:
        parse(text)
    assert caught.value.message == "arithmetic is nested deeper than 150 levels"


PIECES = (
    *(":", "1:", "::", ":::1", "1::", "1:1::", "::0.", "1:2:3:4:5:6:7::", "f:", "ffff:", "1.", "."),
    *("a-", "a" + "-" * 99, "-", "_", "0x", "0", "9", "8" * 99 + " ", "\\", "\\a", "$", "$a", "1-"),
    *("(", ")", "[", "ip[", "tcp and ", "not ", "!", "host ", "port 1,", "len+", "1 + ", "=", "é"),
    *(
        "\0",
        " ",
        "\n",
        '"',
        "\u201c",
        "tcp.port == ",
        "ip.addr==1 and ",
        "prot ",
        "TCP ",
        "1.1.1.1 ",
    ),
    *("aa:bb:cc:dd:ee:ff:", "::ffff:1.1.1.", "a.b", "aB", "10.0.0.*", "port 80-90 or ", "icmp-"),
)


@pytest.mark.parametrize("piece", PIECES, ids=repr)
@pytest.mark.parametrize("frame", ["{}", "host {}", "ip {} = 1", "tcp and ({} or"])
def test_hostile_text_is_answered_at_once(piece: str, frame: str) -> None:
    text = frame.format(piece * (10_000 // len(piece)))
    started = time.process_time()
    try:
        parse(text)
    except BpfqError as error:
        error.render()
    assert time.process_time() - started < 0.5
