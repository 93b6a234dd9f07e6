"""Whatever a user types becomes a program or an error that bpfq raises on purpose."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bpfq
from bpfq.query.checks import MAX_DEPTH
from bpfq.tables.linktypes import link_types
from bpfq.targets import TARGETS

WORDS = (
    "ip ip6 tcp udp arp vlan mpls pppoes geneve vxlan lane llc and or not ( ) [ ] : + - * / % & | ^"
    " << >> = != < > host net port portrange src dst proto protochain gateway broadcast multicast"
    " 10.0.0.1 10/8 ::1 2001:db8::/32 1:2:3:4:5:6 $3 80 0x800 len less greater byte inbound ifindex"
    " type mgt subtype beacon dir tods ra addr1 vci oam fisu opc ifname x reason 5 icmp6[0] tcp[13]"
    " ether[-1] iso isis decnet 1.2 radio[0] l1 snp stp atalk 1 2 tcpflags tcp-syn \\tcp http"
).split()
LINKS = tuple(name for name, row in link_types().items() if row.layout is not None)

TEXTS = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda octets: octets.decode("latin-1")),
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
)


def answer(text: str, **options: object) -> str:
    """How bpfq answers; anything but a program or a BpfqError is a failure of the test."""
    try:
        bpfq.compile(text, **options)  # type: ignore[arg-type]
    except bpfq.BpfqError as error:
        assert error.render()
        return type(error).__name__
    return "Program"


@settings(max_examples=400, deadline=None)
@given(
    TEXTS,
    st.sampled_from(LINKS),
    st.sampled_from(tuple(TARGETS)),
    st.sampled_from((0, 1, 2)),
    st.booleans(),
    st.sampled_from(((), ("vlan",), ("qinq", "mpls", "pppoe", "vxlan"))),
)
def test_any_text_is_answered_on_any_target(
    text: str, link: str, target: str, level: int, flag: bool, through: tuple[str, ...]
) -> None:
    answer(
        text, link=link, target=target, level=level, strict=flag, tcp6=flag, through=through,
        allow_empty=not flag, netmask=0xFFFFFF00,
    )  # fmt: skip


def ten_kilobytes(unit: str, between: str) -> str:
    return between.join([unit] * (10_000 // (len(unit) + len(between))))


@pytest.mark.parametrize("between", [" or ", " and ", " and not "])
@pytest.mark.parametrize(
    "unit",
    ["l2", "ipx", "ip6 protochain 6", "protochain 6", "vlan", "vlan 5", "mpls", "geneve", "vxlan",
     "pppoes", "lane", "decnet host 1.1", "ip[ip[0]] = 1", "tcp[ip[0] << ip[1]] = 2", "not ip"],
)  # fmt: skip
@pytest.mark.parametrize("link", ["EN10MB", "IEEE802_11_RADIO"])
def test_ten_kilobytes_of_one_word_are_answered(unit: str, between: str, link: str) -> None:
    answer(ten_kilobytes(unit, between), link=link)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_ten_thousand_parentheses_compile(level: int) -> None:
    nested = "(" * 10_000 + "ip" + ")" * 10_000
    assert bpfq.compile(nested, level=level) == bpfq.compile("ip", level=level)


def test_ten_thousand_alternations_deep_compiles() -> None:
    text = "ip"
    for number in range(5_000):
        text = f"({text}) and len > {number % 7}" if number % 2 else f"({text}) or len = 9"
    assert answer(text) == "Program"


def test_a_hundred_kilobytes_of_random_text_are_answered() -> None:
    draw = Random(11)
    text = " ".join(draw.choice(WORDS) for _ in range(25_000))
    assert len(text) > 90_000
    assert answer(text) == "FilterError"


def test_more_than_two_hundred_thousand_tokens_are_a_limit_error_with_the_number() -> None:
    with pytest.raises(bpfq.LimitError, match="the limit is 200000$"):
        bpfq.compile("not " * 200_001 + "ip")


@pytest.mark.parametrize(
    "text, message",
    [
        ("geneve and " * 9 + "ip", "behind 8 tunnels no other can be tested"),
        ("vlan and " * 65 + "ip", "behind 64 encapsulations no other can be tested"),
    ],
)
def test_encapsulations_too_deep_are_a_limit_error(text: str, message: str) -> None:
    with pytest.raises(bpfq.LimitError) as caught:
        bpfq.compile(text)
    assert str(caught.value) == message
    assert caught.value.span is not None


def test_eight_tunnels_deep_compiles() -> None:
    assert len(bpfq.compile("geneve and " * 8 + "ip")) > 100


@pytest.mark.parametrize("level", (0, 1, 2))
def test_the_deepest_arithmetic_compiles(level: int) -> None:
    text = " + ".join(["len * len"] * MAX_DEPTH) + " = 5"
    assert len(bpfq.compile(text, level=level)) > MAX_DEPTH
    with pytest.raises(bpfq.LimitError, match=f"deeper than {MAX_DEPTH} levels"):
        bpfq.compile(f"len * len + {text}", level=level)
