"""Longest match, then keyword, MAC, number, IPv4, named number, name."""

from __future__ import annotations

import pytest

from bpfq.errors import FilterError, LimitError
from bpfq.frontend.pcap.keywords import KEYWORDS
from bpfq.frontend.pcap.parse import parse
from bpfq.frontend.pcap.tokens import MAX_TOKENS, scan
from bpfq.tables.constants import NAMED_NUMBERS

RESERVED = [
    "dst",
    "src",
    "link",
    "ether",
    "ppp",
    "slip",
    "fddi",
    "tr",
    "wlan",
    "arp",
    "rarp",
    "ip",
    "sctp",
    "tcp",
    "udp",
    "icmp",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "radio",
    "ip6",
    "icmp6",
    "ah",
    "esp",
    "atalk",
    "aarp",
    "decnet",
    "lat",
    "sca",
    "moprc",
    "mopdl",
    "iso",
    "esis",
    "es-is",
    "isis",
    "is-is",
    "l1",
    "l2",
    "iih",
    "lsp",
    "snp",
    "csnp",
    "psnp",
    "clnp",
    "stp",
    "ipx",
    "netbeui",
    "host",
    "net",
    "mask",
    "port",
    "portrange",
    "proto",
    "protochain",
    "gateway",
    "type",
    "subtype",
    "direction",
    "dir",
    "address1",
    "addr1",
    "address2",
    "addr2",
    "address3",
    "addr3",
    "address4",
    "addr4",
    "ra",
    "ta",
    "less",
    "greater",
    "byte",
    "broadcast",
    "multicast",
    "and",
    "or",
    "not",
    "len",
    "length",
    "inbound",
    "outbound",
    "ifindex",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "vxlan",
    "lane",
    "llc",
    "metac",
    "bcc",
    "oam",
    "oamf4",
    "oamf4ec",
    "oamf4sc",
    "sc",
    "ilmic",
    "vpi",
    "vci",
    "connectmsg",
    "metaconnect",
    "on",
    "ifname",
    "rset",
    "ruleset",
    "rnr",
    "rulenum",
    "srnr",
    "subrulenum",
    "reason",
    "action",
    "fisu",
    "lssu",
    "lsu",
    "msu",
    "hfisu",
    "hlssu",
    "hmsu",
    "sio",
    "opc",
    "dpc",
    "sls",
    "hsio",
    "hopc",
    "hdpc",
    "hsls",
]


def types(text: str) -> list[str]:
    return [token.type for token in scan(text)]


def test_reserved_words_are_exactly_those_of_the_language() -> None:
    assert sorted(KEYWORDS) == sorted(RESERVED)


def test_there_are_57_named_numbers() -> None:
    assert len(NAMED_NUMBERS) == 57
    assert all(types(word) == ["NUM"] for word in NAMED_NUMBERS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "&& || ! == = >= <= != << >>",
            ["AND", "OR", "NOT", "=", "=", "RELATION", "RELATION", "RELATION", "LSHIFT", "RSHIFT"],
        ),
        ("10 010 0x1F 0XfF", ["NUM"] * 4),
        ("1.2 1.2.3 1.2.3.4 0x1.2.3.4", ["HID"] * 4),
        ("1.2.3.4. 1.2.3.4.5", ["ID"] * 2),
        ("1:2:3:4:5:6 1-2-3-4-5-6 1.2.3.4.5.6 abcd.ef00.0001 abcdef000001", ["EID"] * 5),
        ("123456789012 010000000000 0010000000000", ["EID", "EID", "NUM"]),
        ("1-2-3-4-5-6-7 1.2.3.4.5.6.7", ["ID"] * 2),
        (":: ::1 1:: fe80::1 1:2:3:4:5:6:7:8 ::1.2.3.4 1:2:3:4:5:6:1.2.3.4", ["HID6"] * 7),
        ("1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1::3:4:5:6:7:8", ["HID6"] * 3),
        ("::12345", ["HID6", "NUM"]),
        ("1:2 10:4]", ["NUM", ":", "NUM", "NUM", ":", "NUM", "]"]),
        ("$a $a1 $abc", ["AID", "AID", "AID", "ID"]),
        ("len-5 1-1 a_b a.b. 80-90", ["ID"] * 5),
        ("a- a_ a--", ["ID", "-", "ID", "ERROR"]),
        (r"\tcp \ip6 \80 \a;b", ["ID"] * 4),
        (r"\tcp)", ["ID", ")"]),
        ("icmp-foo tcp-synx", ["ID"] * 2),
        ("iptcp ip tcp", ["ID", "PNAME", "PNAME"]),
        ("TCP Ip", ["ID"] * 2),
        ("vlan\t\r\n5", ["SHIM", "NUM"]),
    ],
)
def test_text_splits_into(text: str, expected: list[str]) -> None:
    assert types(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("08", "number 08 contains a digit that is not octal"),
        ("4294967296", "number 4294967296 does not fit in 32 bits"),
        ("0x100000000", "number 0x100000000 does not fit in 32 bits"),
        ("0040000000000", "number 0040000000000 does not fit in 32 bits"),
        ("1:2:3:", "a MAC address has six groups of one or two hexadecimal digits"),
        ("1:2:3:4:5:6:", "a MAC address has six groups of one or two hexadecimal digits"),
        ("_", "unexpected character '_'"),
        ("\0", r"unexpected character '\x00'"),
    ],
)
def test_scan_ends_at_what_is_no_token(text: str, message: str) -> None:
    error = scan(f"ip {text} tcp")[1].error
    assert error is not None
    assert error.message == message


def test_earlier_mistake_is_reported_before_a_later_stray_character() -> None:
    with pytest.raises(FilterError) as caught:
        parse("tcp prot 80 ; 08")
    assert caught.value.span == (4, 8)


def test_too_many_tokens_name_their_number() -> None:
    with pytest.raises(LimitError) as caught:
        parse("ip or " * MAX_TOKENS + "ip")
    assert caught.value.message == "the filter has 400001 tokens; the limit is 200000"
