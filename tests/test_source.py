from __future__ import annotations

from bpfq.source import Span, Suggestion, join, nearest, render


def test_the_caret_stands_under_the_exact_span() -> None:
    assert render("no", "tcp prot 80", (Span(4, 8),)) == "no\n  tcp prot 80\n      ^^^^"


def test_two_spans_of_one_line_share_the_caret_line() -> None:
    assert render("no", "tcp and udp", (Span(0, 3), Span(8, 11))) == (
        "no\n  tcp and udp\n  ^^^     ^^^"
    )


def test_an_empty_span_at_the_end_still_gets_a_caret() -> None:
    assert render("no", "tcp and", (Span(7, 7),)) == "no\n  tcp and\n         ^"


def test_only_the_lines_with_a_span_are_shown() -> None:
    assert render("no", "tcp and\nudp or\nfoo", (Span(15, 18),)) == "no\n  foo\n  ^^^"


def test_a_long_line_is_cut_around_the_span() -> None:
    text = "x" * 200 + " here " + "y" * 200
    lines = render("no", text, (Span(201, 205),)).split("\n")
    assert len(lines[1]) == len("  ......") + 100
    column = lines[2].index("^")
    assert lines[1][column : column + 4] == "here"


def test_suggestions_follow_one_a_line() -> None:
    tried = (Suggestion("port 80"), Suggestion("proto 80", "a protocol number"))
    assert (
        render("no", None, (), tried)
        == "no\n  try:  port 80\n        proto 80    a protocol number"
    )


def test_nearest_is_none_when_nothing_is_near() -> None:
    assert nearest("prot", ["port", "proto"]) in ("port", "proto")
    assert nearest("zzz", ["port"]) is None


def test_join_covers_both() -> None:
    assert join(Span(3, 5), Span(1, 2)) == Span(1, 5)
    assert join(None, Span(1, 2)) == Span(1, 2)
