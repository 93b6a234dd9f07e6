"""Random queries: every level, every machine and the meaning agree on directed packets."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpfq.errors import BpfqError

from .verdicts import (
    FULL,
    Case,
    contract_broken,
    kernel_broken,
    machines_broken,
    program_of,
    readings_broken,
    samples_for,
)

PROFILE = settings(
    max_examples=3000 if FULL else 120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

LINKS = (
    "EN10MB", "EN10MB", "EN10MB", "RAW", "NULL", "PPP", "LINUX_SLL", "FDDI", "C_HDLC", "SUNATM",
    "IEEE802_11", "IEEE802_11_RADIO", "PFLOG", "DSA_TAG_DSA", "ARCNET",
)  # fmt: skip

PROTOCOLS = (
    "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "ah", "esp",
    "ip proto 17", "ip6 proto 6", "proto 132", "ether proto 0x800", "ether proto 0x88cc", "iso",
    "atalk", "ipx", "stp", "decnet", "isis", "l1", "ip multicast", "ip6 multicast",
    "ip broadcast", "ip6 protochain 6",
)  # fmt: skip
ADDRESSES = (
    "host 10.0.0.1", "src host 10.0.0.1", "dst host 10.0.0.2", "src net 10.0.0.0/8",
    "net 192.0.2.0/24", "net 10.0.0.0/9", "dst net 10.0.0.0 mask 255.0.0.255",
    "host 2001:db8::1", "src host ::1", "net 2001:db8::/32", "dst net fe80::/10",
    "arp host 10.0.0.1", "ip src and dst host 10.0.0.1", "decnet host 1.2",
)  # fmt: skip
PORTS = (
    "port 53", "port 80", "src port 53", "dst port 80", "tcp port 80", "udp src port 53",
    "portrange 50-60", "tcp dst portrange 80-90", "src and dst port 53", "sctp port 53",
)  # fmt: skip
SIZES = ("less 64", "greater 60", "len > 80", "len = 64", "byte 0 = 69", "byte 9 & 1")
ETHERNET = (
    "ether host 1:2:3:4:5:6", "ether src 1:2:3:4:5:6", "ether dst ff:ff:ff:ff:ff:ff", "broadcast",
    "multicast", "llc", "llc s", "vlan", "vlan 5", "mpls", "mpls 7", "pppoes", "pppoes 9",
    "geneve", "geneve 3", "vxlan", "pppoed",
)  # fmt: skip

BASES = ("ether", "ip", "ip6", "tcp", "udp", "icmp", "icmp6", "arp")
OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")
RELATIONS = ("=", "!=", "<", "<=", ">", ">=")
CONSTANTS = (0, 1, 2, 3, 4, 5, 6, 8, 15, 17, 20, 64, 80, 255, 256, 0x800, 0xFFFF, 0xFFFFFFFF)

constants = st.sampled_from(CONSTANTS).map(str)
loads = st.builds(
    lambda base, at, size: f"{base}[{at}{size}]",
    st.sampled_from(BASES),
    st.sampled_from([0, 1, 2, 6, 9, 12, 13, 16, 30]),
    st.sampled_from(["", ":2", ":4"]),
)


def _longer(arithmetic: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", arithmetic, st.sampled_from(OPERATORS),
                  arithmetic),
        st.builds(lambda a, op, b: f"({a}) {op} {b}", arithmetic, st.sampled_from(OPERATORS),
                  constants),
        st.builds(lambda base, a, size: f"{base}[({a}) & 31{size}]", st.sampled_from(BASES),
                  arithmetic, st.sampled_from(["", ":2", ":4"])),
        arithmetic.map(lambda a: f"- ({a})"),
    )  # fmt: skip


arithmetic = st.recursive(st.one_of(constants, loads, loads, st.just("len")), _longer,
                          max_leaves=5)  # fmt: skip
relations = st.one_of(
    st.builds(
        lambda left, relation, right: f"{left} {relation} {right}",
        arithmetic,
        st.sampled_from(RELATIONS),
        st.one_of(constants, constants, arithmetic),
    ),
    st.builds(  # the same value again: what registers hold from test to test
        lambda a, b, first, second, k: f"{a} {first} {b} and {b} + {k} {second} {b}",
        arithmetic,
        arithmetic,
        st.sampled_from(RELATIONS),
        st.sampled_from(RELATIONS),
        constants,
    ),
)
primitives = st.one_of(
    *[st.sampled_from(group) for group in (PROTOCOLS, ADDRESSES, PORTS, SIZES, ETHERNET)],
    relations,
    relations,
)


def _combined(queries: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, b: f"({a}) and ({b})", queries, queries),
        st.builds(lambda a, b: f"({a}) or ({b})", queries, queries),
        st.builds(lambda a, word, b: f"{a} {word} {b}", primitives, st.sampled_from(["and", "or"]),
                  queries),
        queries.map(lambda a: f"not ({a})"),
    )  # fmt: skip


queries = st.recursive(primitives, _combined, max_leaves=6)


@pytest.mark.oracle
@PROFILE
@given(queries, st.sampled_from(LINKS))
def test_random_queries_mean_the_same_everywhere(text: str, link: str) -> None:
    case = Case(text, link)
    try:
        program_of(case, 0)
    except BpfqError:
        return
    programs = {
        f"level {level}{' strict' * strict}": program_of(case, level, strict)
        for level in (0, 1, 2)
        for strict in (False, True)
    }
    searched = [programs["level 0"].words, programs["level 1"].words, programs["level 2"].words]
    samples, _ = samples_for(searched, zlib.crc32(case.label.encode()))
    assert contract_broken(case, programs, samples) == []
    assert readings_broken(case, samples) == []
    for program in programs.values():
        assert machines_broken(program, samples) == []
        assert kernel_broken(program.words, samples) == []
