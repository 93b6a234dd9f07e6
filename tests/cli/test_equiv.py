"""``bpfq equiv A B``: the relation in words, a packet for each side, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bpfq.analysis.decide import Questions, Undecided

from .running import Run

PORTS = """\
different
only the first:     71 B  UDP 192.0.2.1:1024 > 192.0.2.2:80
only the second: none: the second is a subset
both:               54 B  TCP 192.0.2.1:1024 > 192.0.2.2:80 S
"""
DISJOINT = """\
different
only the first:     54 B  TCP 192.0.2.1:1024 > 192.0.2.2:80 S
only the second:    71 B  UDP 192.0.2.1:1024 > 192.0.2.2:53
both:            none: they are disjoint
"""
EQUAL = """\
equal: the same packets, as far as their captured bytes tell
both:               71 B  UDP 192.0.2.1:1024 > 192.0.2.2:53
"""
TAGGED = """\
different
only the first:  none: the first is a subset
only the second:    58 B  vlan 100 TCP 192.0.2.1:1024 > 192.0.2.2:80 S
both:               54 B  TCP 192.0.2.1:1024 > 192.0.2.2:80 S
"""
PRODUCT = f"ip[4:2] * ip[6:2] = {7907 * 7919} and ip[4:2] < ip[6:2]"


def test_a_file_may_have_comments(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "sensor.bpf"
    path.write_text("# what the sensor sees\nip   # IPv4\nand udp\n")
    assert bpfq("equiv", f"@{path}", "ip and udp") == (0, EQUAL, "")


@pytest.mark.parametrize("verb", ["equiv", "diff"])
def test_different_filters_are_told_apart_by_packets(bpfq: Run, verb: str) -> None:
    ports = ("port 80 or port 443", "tcp port 80 or tcp port 443")
    assert bpfq(verb, *ports) == (1, PORTS, "")
    assert bpfq(verb, "tcp", "udp") == (1, DISJOINT, "")


def test_equal_filters_are_equal(bpfq: Run) -> None:
    assert bpfq("equiv", "ip and udp", "udp and ip") == (0, EQUAL, "")


def test_filters_for_two_targets_see_one_frame(bpfq: Run) -> None:
    assert bpfq("equiv", "ip", "ip", "--right-target", "packet") == (1, TAGGED, "")


def test_a_program_is_compared_as_text_or_from_a_file(bpfq: Run, tmp_path: Path) -> None:
    listing = bpfq("-ddd", "udp and ip").out
    path = tmp_path / "old.ddd"
    path.write_text(listing)
    assert bpfq("equiv", listing, "ip and udp") == (0, EQUAL, "")
    assert bpfq("equiv", f"@{path}", "ip and udp") == (0, EQUAL, "")


def test_filters_that_match_nothing_are_equal(bpfq: Run) -> None:
    found = bpfq("equiv", "ip and ip6", "tcp and udp")
    assert found.out.splitlines()[1] == "both:            none: neither matches any packet"


def test_json_has_the_packets(bpfq: Run) -> None:
    ran = bpfq("equiv", "--json", "tcp", "ip and tcp and not arp")
    found = json.loads(ran.out)
    assert (ran.code, found["relation"], found["only_left"]) == (1, "superset", found["only_left"])
    assert found["only_left"]["summary"].startswith("TCP [2001:db8::1]")
    assert bytes.fromhex(found["both"]["octets"])[23] == 6
    assert found["only_right"] is None


def test_w_writes_the_packets(bpfq: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "diff.pcap")
    bpfq("equiv", "tcp", "udp", "-w", path)
    assert [bpfq("-r", path, "-q", text, "--count").out for text in ("tcp", "udp", "")] == [
        "1\n", "1\n", "2\n",
    ]  # fmt: skip


def test_undecided_is_5_and_never_equal(bpfq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(self: Questions, *question: object) -> None:
        raise Undecided

    monkeypatch.setattr(Questions, "solve", spent)
    ran = bpfq("equiv", PRODUCT, "ip[4:2] = 7907 and ip[6:2] = 7919")
    assert (ran.code, ran.out.splitlines()[0]) == (5, "undecided: the budget was spent")


@pytest.mark.parametrize(
    "words, message",
    [
        (("ip",), "bpfq: equiv takes two filters, each in quotes, not 1 words\n"),
        (("ip", "or", "tcp"), "bpfq: equiv takes two filters, each in quotes, not 3 words\n"),
        (
            ("-F", "x", "ip"),
            "bpfq: equiv takes two filters: write @x for one of them, not -F\n",
        ),
        (("ip", "@/nowhere"), "bpfq: cannot open /nowhere: no such file or directory\n"),
    ],
)
def test_two_filters_are_needed(bpfq: Run, words: tuple[str, ...], message: str) -> None:
    assert bpfq("equiv", *words) == (2, "", message)


def test_a_mistake_is_shown_in_its_filter(bpfq: Run) -> None:
    ran = bpfq("equiv", "ip", "tcp prot 80")
    assert (ran.code, ran.err.splitlines()[1:3]) == (2, ["  tcp prot 80", "      ^^^^"])
