"""Filters that come back as they were written, from every compiler's shape of them."""

from __future__ import annotations

import pytest
from oracles import libpcap

import bpfq
from bpfq.settings import link_type

SAME = (  # the text that comes back is the text that went in
    "ip",
    "arp",
    "tcp",
    "icmp6",
    "ip proto 89",
    "not arp",
    "ether proto 0x88cc",
    "host 10.0.0.1",
    "src 10.0.0.1",
    "net 192.168.0.0/16",
    "net 10.0.0.0/8 or 172.16.0.0/12 or 192.168.0.0/16",
    "host 2001:db8::1",
    "ether host 00:11:22:33:44:55",
    "ether multicast",
    "port 53",
    "tcp port 80",
    "tcp port 80 or 443 or 8080",
    "tcp portrange 21-23",
    "src 10.0.0.1 and tcp dst port 80",
    "host 10.0.0.1 and not port 22",
    "udp port 67 or 68",
    "tcp[13] & 0x3f = 41",
    "icmp[0] = 3 and icmp[1] = 4",
    "ip[6:2] & 0x1fff != 0",
    "ip[12:4] = ip[16:4]",
    "len > 1500",
    "vlan 100 and ip",
    "tcp port 80 or (vlan and tcp port 80)",
    "arp and ether broadcast",
    "(tcp and port 80) or (udp and port 53)",
    "not (host 10.0.0.1 and port 514) and not (net 10.10.0.0/16 and port 445)",
)
SHORTER = {  # the same filter in fewer words
    "(tcp and port 80) or (udp and port 53)": "tcp port 80 or udp port 53",
    "ether multicast": "multicast",
    "arp and ether broadcast": "arp and broadcast",
}
OTHER_LINKS = (
    ("RAW", "tcp dst port 443"),
    ("LINUX_SLL", "inbound and tcp"),
    ("LINUX_SLL2", "tcp port 80 and ifindex 2"),
    ("NULL", "tcp port 80"),
    ("IEEE802_11", "subtype beacon"),
    ("IEEE802_11", "wlan addr1 00:11:22:33:44:55"),
)


def expected(text: str) -> str:
    return SHORTER.get(text, text)


@pytest.mark.parametrize("level", (0, 1))
@pytest.mark.parametrize("text", SAME)
def test_a_filter_compiled_by_bpfq_comes_back(text: str, level: int) -> None:
    found = bpfq.decompile(bpfq.compile(text, level=level))
    assert (found.text, found.proved) == (expected(text), True)


@pytest.mark.parametrize("text", SAME)
def test_a_filter_whose_tests_were_merged_comes_back_as_short(text: str) -> None:
    found = bpfq.decompile(bpfq.compile(text, level=2))
    assert (len(found.text) <= len(text) + 2, found.proved) == (True, True)  # 67-68 for 67 or 68


def test_neighbouring_ports_that_were_merged_are_a_range() -> None:
    found = bpfq.decompile(bpfq.compile("udp port 67 or 68", level=2))
    assert (found.text, found.proved) == ("udp portrange 67-68", True)


def test_a_long_list_comes_back_as_a_list() -> None:
    text = "host " + " or ".join(f"10.0.{n % 7}.{n}" for n in range(100))
    found = bpfq.decompile(bpfq.compile(text, level=1))
    assert (found.text, found.proved) == (text, True)


@pytest.mark.oracle
@pytest.mark.parametrize("optimise", (False, True), ids=("unoptimised", "optimised"))
@pytest.mark.parametrize("text", SAME)
def test_a_filter_compiled_by_libpcap_comes_back(text: str, optimise: bool) -> None:
    found = bpfq.decompile(theirs(text, "EN10MB", optimise))
    assert (found.text, found.proved) == (expected(text), True)


@pytest.mark.oracle
@pytest.mark.parametrize(("link", "text"), OTHER_LINKS)
def test_other_link_types_are_read_in_their_own_words(link: str, text: str) -> None:
    programs = [bpfq.compile(text, link=link).words, theirs(text, link, True)]
    found = [bpfq.decompile(words, link=link) for words in programs]
    assert [(one.text, one.proved) for one in found] == [(text, True)] * 2


def theirs(text: str, link: str, optimise: bool) -> tuple[tuple[int, int, int, int], ...]:
    try:
        return libpcap.compiled(text, link_type(link).number, optimise=optimise)
    except OSError as error:
        pytest.skip(f"libpcap: {error}")
