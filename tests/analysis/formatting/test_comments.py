"""Comments stay with what they stand beside."""

from __future__ import annotations

from random import Random

import pytest
from differential.queries import query as random_text
from oracles.sweep import FULL

from bpfq.analysis.formatting.formatted import Source, formatted_text
from bpfq.analysis.formatting.same import same_tests
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.settings import settings_of
from bpfq.source import blank_comments

ETHERNET = settings_of("file", "EN10MB", allow_empty=True)
SEED = 5
RANDOM = 2000 if FULL else 150  # filters


def formatted(text: str, width: int = 100) -> str:
    return formatted_text(Source(text, is_file=True), ETHERNET, width=width).text


FILES = {
    "only comments": ("# all\n\n# of it\n", "# all\n\n# of it"),
    "one line": ("tcp # x\n", "tcp  # x"),
    "a header": ("# IDS\n\n# web\ntcp port 80", "# IDS\n\n# web\ntcp port 80"),
    "entries of a list": (
        """\
not host 10.0.0.1   # the scanner
and
# both backups
not host 10.0.0.2
""",
        """\
not host (
    10.0.0.1  # the scanner
    # both backups
    or 10.0.0.2
)""",
    ),
    "above a list": (
        "ip and\n# web\nport 80 or\n443 and # later\n udp",
        """\
(
    (
        ip
        # web
        and port 80
    )
    or port 443  # later
)
and udp""",
    ),
    "above parentheses": (
        "arp or\n# web\n(tcp and (port 80 or port 443))\n# the end\n",
        "arp\n# web\nor (tcp and port (80 or 443))\n# the end",
    ),
    "inside parentheses": (
        "arp or (\n# web\ntcp and port 80)",
        """\
arp
or (
    # web
    tcp
    and port 80
)""",
    ),
    "between parentheses": (
        "# all\nnot (\n# web\n(tcp and port 80)\nor (((# dns\nudp)) and port 53))",
        """\
# all
not (
    # web
    (tcp and port 80)
    or (
        # dns
        udp
        and port 53
    )
)""",
    ),
    "behind what is opened": (
        "host ( # a\n 1.1.1.1 or 2.2.2.2)",
        "host (\n    # a\n    1.1.1.1\n    or 2.2.2.2\n)",
    ),
    "behind parentheses": (
        "arp or not (tcp and ip) # x",
        "arp\nor not (\n    tcp\n    and ip  # x\n)",
    ),
    "between sections": (
        "port 80 or\n\n# names\nport 53 or port 5353",
        "port (\n    80\n\n    # names\n    or 53\n    or 5353\n)",
    ),
    "windows": ("# a\r\ntcp # b\r\nor udp\r\n", "# a\ntcp  # b\nor udp"),
}


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_comments_stay(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(f"{expected}\n") == expected


def commented(text: str, draw: Random) -> tuple[str, list[str]]:
    """The filter with comments between its words, and what they say."""
    words: list[str] = []
    comments: list[str] = []
    for word in text.split():
        words.append(word)
        kind = draw.randrange(5)
        if kind > 1:
            continue
        comments.append(f"# comment {len(comments)}.")
        gaps = "\n" * draw.randrange(3), "\n" * draw.randrange(3)
        words.append(f" {comments[-1]}\n" if kind else f"\n{gaps[0]}{comments[-1]}\n{gaps[1]}")
    return " ".join(words), comments


def test_comments_anywhere_stay_and_change_nothing() -> None:
    draw = Random(SEED)
    for _ in range(RANDOM):
        plain = random_text(draw)
        text, comments = commented(plain, draw)
        try:
            query = parse(plain)
        except BpfqError:
            continue
        done = formatted(text, width=60)
        assert [comment for comment in comments if done.count(comment) != 1] == []
        assert same_tests(parse(blank_comments(done)), query)
        assert formatted(f"{done}\n", width=60) == done
