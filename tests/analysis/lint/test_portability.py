"""N, T, D: words that mean something else, or nothing, in another place."""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError
from bpfq.frontend.pcap.names import Addresses
from bpfq.record import record

from .linting import at, codes, findings, fixed, only, tries


@record
class Names:
    """One host with an address of each family, one network, one station."""

    def host(self, name: str) -> Addresses | None:
        return Addresses((0x0A000001,), (1,)) if name == "printer" else None

    def network(self, name: str) -> int | None:
        return 127 if name == "loopback" else None

    def ether(self, name: str) -> int | None:
        return 0x010203040506 if name == "printer" else None


@pytest.mark.parametrize(
    ("text", "name", "by_number"),
    [
        ("port http", "http", "tcp port 80"),
        ("tcp port http", "http", "tcp port 80"),
        ("port domain", "domain", "port 53"),
        ("udp dst port domain or 54", "domain", "udp dst port 53 or 54"),
        ("port http or 8080", "http", "tcp port 80 or port 8080"),
        ("port 8080 or http or 81", "http", "port 8080 or tcp port 80 or port 81"),
        ("portrange ftp-ssh", "ftp-ssh", "tcp portrange 21-22"),
        ("ip proto \\tcp", "\\tcp", "ip proto 6"),
        ("proto gre", "gre", "proto 47"),
        ("ip6 protochain \\tcp", "\\tcp", "ip6 protochain 6"),
    ],
)
def test_a_name_from_a_file_has_a_number(text: str, name: str, by_number: str) -> None:
    finding = only("N01", text)
    assert (finding.severity, at(text, finding)) == ("note", [name])
    assert fixed(text, finding) == by_number


@pytest.mark.parametrize(
    "text",
    [
        "port 80",
        "portrange 20-25",
        "ether proto \\arp",
        "iso proto \\clnp",
        "tcp[tcpflags] & tcp-syn != 0",
        "host 10.0.0.1",
        "host ::1",
    ],
)
def test_words_of_the_language_are_no_names(text: str) -> None:
    assert [code for code in codes(text) if code == "N01"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host example.com", "'example.com' is a name that only DNS can tell"),
        ("net campus", "'campus' is a name that only /etc/networks can tell"),
        ("ether host printer", "'printer' is a name that only /etc/ethers can tell"),
        ("gateway router", "'router' is a name that only DNS and /etc/ethers can tell"),
    ],
)
def test_a_name_that_nobody_looks_up_is_an_error(text: str, message: str) -> None:
    finding = only("N01", text)
    assert (finding.severity, finding.message) == (
        "error", f"{message}: no program without --resolve",
    )  # fmt: skip


def test_unknown_names_do_not_hide_what_else_is_wrong_with_the_text() -> None:
    assert codes("host a.example or host b.example and tcp") == ["P01", "N01", "N01"]


def test_nothing_is_said_about_packets_with_made_up_addresses() -> None:
    assert codes("src host a.example and src host b.example and tcp and udp") == ["N01", "N01"]


@pytest.mark.parametrize("text", ["host 10.0.0.", "host 1.2.3.4.5", "tcp prot 80", "host a.b and"])
def test_a_mistyped_filter_is_still_refused(text: str) -> None:
    with pytest.raises(FilterError):
        findings(text)


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("host printer", ["host 10.0.0.1 or host ::1"]),
        ("net loopback", ["net 127.0.0.0/8"]),
        ("ether src printer", ["ether src host 01:02:03:04:05:06"]),
    ],
)
def test_a_name_that_is_looked_up_is_a_warning(text: str, now: list[str]) -> None:
    finding = only("N01", text, resolver=Names())
    assert (finding.severity, finding.fix) == ("warning", None)
    assert [" ".join(x.split()) for x in tries(finding)] == now


# ---------------------------------------------------------------- T01, D01


@pytest.mark.parametrize(
    ("text", "target", "places"),
    [
        ("inbound and tcp", "file", ["inbound"]),
        ("ether host 1:2:3:4:5:6 or tcp or ether multicast", "raw4",
         ["ether host 1:2:3:4:5:6", "ether multicast"]),
    ],
)  # fmt: skip
def test_words_for_another_target(text: str, target: str, places: list[str]) -> None:
    found = [finding for finding in findings(text, target) if finding.code == "T01"]
    assert [at(text, finding)[0] for finding in found] == places
    assert {finding.severity for finding in found} == {"error"}


@pytest.mark.parametrize(
    ("text", "target"), [("inbound", "packet"), ("ether host 1:2:3:4:5:6", "file"), ("ip", "raw4")]
)
def test_words_that_the_target_can_see(text: str, target: str) -> None:
    assert [code for code in codes(text, target) if code == "T01"] == []


def test_what_is_wrong_on_every_target_is_refused() -> None:
    with pytest.raises(FilterError, match="needs the network's mask"):
        findings("ip broadcast")


def test_a_display_filter_is_translated() -> None:
    text = "tcp.port == 80 && ip.addr == 10.0.0.1"  # node_pcap #207
    (finding,) = findings(text)
    assert (finding.code, finding.severity) == ("D01", "error")
    assert (at("", finding), finding.span) == ([""], (0, 8))
    assert tries(finding) == ["tcp port 80 and host 10.0.0.1"]


@pytest.mark.parametrize("text", ["tcp port 80", "host tcp.port or tcp", "len == 80"])
def test_capture_filters_are_no_display_filters(text: str) -> None:
    assert [code for code in codes(text) if code == "D01"] == []
