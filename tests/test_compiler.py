"""The pipeline as a whole: limits, levels, determinism, and filters that match nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from oracles.sweep import FULL

import bpfq
from bpfq.compiler import compile_query
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.formula import All
from bpfq.isa.cbpf.vm import run
from bpfq.opt.pipeline import Change, Start
from bpfq.settings import Settings, link_type
from bpfq.targets import TARGETS


def many_hosts(count: int) -> str:
    """Addresses that are no neighbours."""
    addresses = ((n * 2654435761 % 2**32).to_bytes(4, "big") for n in range(count))
    return " or ".join(f"host {'.'.join(map(str, address))}" for address in addresses)


def test_every_stage_is_shown_to_the_watcher_in_order() -> None:
    seen: list[str] = []
    settings = Settings(TARGETS["file"], link_type("EN10MB"))
    compile_query(parse("ip"), settings, lambda stage, value: seen.append(stage))
    assert seen == ["query", "simplified", "formula", "graph", "program"]


def test_the_watcher_sees_each_pass_that_changed_the_graph() -> None:
    seen: list[tuple[str, object]] = []
    settings = Settings(TARGETS["file"], link_type("EN10MB"), level=1)
    query = parse("ip and udp and ip[6] & 0x40 = 0")
    made = compile_query(query, settings, lambda stage, value: seen.append((stage, value)))
    graph = next(value.graph for _, value in seen if isinstance(value, Start))
    for change in (value for _, value in seen if isinstance(value, Change)):
        assert change.before is graph and change.after is not graph
        graph = change.after
    assert graph is made.graph
    assert [c.by.__name__ for _, c in seen if isinstance(c, Change)] == [
        "test_bits",
        "thread_jumps",
    ]


@pytest.mark.parametrize("level, tests", [(0, 4), (1, 2), (2, 2)])
def test_a_clause_that_stands_many_times_is_lowered_once(level: int, tests: int) -> None:
    seen: dict[str, object] = {}
    settings = Settings(TARGETS["file"], link_type("EN10MB"), level=level)
    compile_query(parse("ip and not tcp and not tcp and not tcp"), settings, seen.__setitem__)
    formula = seen["formula"]
    assert isinstance(formula, All) and len(formula.operands) == tests


def test_twenty_thousand_terms_compile() -> None:
    written = 20_000 if FULL else 4_000
    as_written = len(bpfq.compile(many_hosts(written), level=0))
    assert 18 * written < as_written < 18.1 * written  # tests, and few trampolines
    program = bpfq.compile(many_hosts(20_000))
    last = (19_999 * 2654435761 % 2**32).to_bytes(4, "big")
    assert program.matches(bytes(12) + b"\x08\x00\x45" + bytes(11) + last + bytes(4))


def test_a_program_longer_than_the_target_takes_is_refused_with_both_numbers() -> None:
    with pytest.raises(
        bpfq.LimitError, match=r"^\d+ instructions, \d+ more than the 4096 of 'packet';"
    ):
        bpfq.compile(many_hosts(3000), target="packet")


def test_xt_bpf_takes_64_instructions() -> None:
    with pytest.raises(
        bpfq.LimitError, match=r"^\d+ instructions, \d+ more than the 64 of 'xt_bpf';"
    ):
        bpfq.compile(many_hosts(40), target="xt_bpf")


def test_a_capture_file_has_no_limit() -> None:
    assert len(bpfq.compile(many_hosts(3000))) > 4096


@pytest.mark.parametrize(
    "target, accepted", [("file", 96), ("packet", 96), ("xt_bpf", 1), ("tc", 0xFFFFFFFF)]
)
def test_a_match_returns_what_the_target_expects(target: str, accepted: int) -> None:
    assert list(bpfq.compile("", target=target, snaplen=96)) == [(6, 0, 0, accepted)]


def test_the_same_filter_gives_the_same_bytes_in_every_process() -> None:
    text = (
        "(tcp port 80 or vlan and ip6 protochain 6) and not (host 10.0.0.1 or geneve and len > 9)"
    )
    code = f"import bpfq; print(bpfq.compile({text!r}).format('ddd'))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": s}
        ).stdout
        for s in ("0", "1", "2")
    }
    assert runs == {bpfq.compile(text).format("ddd").encode() + b"\n"}


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    "text, first, second",
    [
        ("tcp and udp", (0, 3), (8, 11)),
        ("udp port 53 and tcp", (0, 11), (16, 19)),
        ("ip and vlan", (0, 2), (7, 11)),
        ("len > 100 and less 50", (0, 9), (14, 21)),
        ("arp or len > 3 and ip and arp", (19, 21), (26, 29)),
        ("host 10.0.0.1 and ip6", (0, 13), (18, 21)),
    ],
)
def test_clauses_that_collide_are_both_underlined(
    text: str, first: tuple[int, int], second: tuple[int, int], level: int
) -> None:
    with pytest.raises(bpfq.FilterError, match="matches no packet") as caught:
        bpfq.compile(text, level=level)
    assert (caught.value.span, caught.value.other_spans) == (first, (second,))


def test_a_clause_that_can_never_match_is_blamed_alone() -> None:
    with pytest.raises(bpfq.FilterError, match="^matches no packet on DLT_RAW$") as caught:
        bpfq.compile("tcp and arp", link="RAW")
    assert (caught.value.span, caught.value.other_spans) == ((8, 11), ())


def test_ip6_with_a_tcp_index_says_that_the_index_reads_ipv4() -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compile("ip6 and tcp[tcpflags] & tcp-syn != 0")
    assert caught.value.render() == (
        "matches no packet: tcp[...] reads IPv4 only, but ip6 excludes IPv4\n"
        "  ip6 and tcp[tcpflags] & tcp-syn != 0\n"
        "  ^^^     ^^^^^^^^^^^^^\n"
        "  try:  --tcp6    let tcp[...] work on IPv6 too\n"
        "        ip6 and ip6[6] = 6 and ip6[53] & 2 != 0    plain pcap-filter, no extension headers"
    )


@pytest.mark.parametrize("level", [0, 1, 2])
def test_an_empty_filter_compiles_when_asked_for(level: int) -> None:
    program = bpfq.compile("tcp and udp", level=level, allow_empty=True)
    assert not program.matches(bytes(100))


def test_an_unknown_target_lists_the_known_ones() -> None:
    with pytest.raises(bpfq.FilterError, match="unknown target 'pcket'; the targets are file"):
        bpfq.compile("ip", target="pcket")


def test_an_unknown_link_type_suggests_the_nearest() -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compile("ip", link="EN10M")
    assert caught.value.suggestions[0].text == "-y EN10MB"


def test_a_link_type_without_a_name_is_known_by_what_it_is_called() -> None:
    program = bpfq.compile("len > 5", link=106)
    assert bpfq.compile("len > 5", link=program.link) == program


def test_a_link_type_can_be_given_by_number_or_with_its_prefix() -> None:
    assert bpfq.compile("ip", link=12) == bpfq.compile("ip", link="DLT_RAW")


@pytest.mark.parametrize("family, link", [(4, "IPV4"), (6, "IPV6"), (None, "RAW")])
def test_the_family_narrows_a_layer_3_target(family: int | None, link: str) -> None:
    assert bpfq.compile("tcp", target="xt_bpf", family=family).link == link  # type: ignore[arg-type]


def test_a_family_that_the_target_cannot_carry_is_refused() -> None:
    with pytest.raises(bpfq.UnsupportedError, match="target 'raw4' carries IPV4 only, not IPv6"):
        bpfq.compile("tcp", target="raw4", family=6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"level": 7}, "level 7 is not one of 0, 1, 2, 3"),
        ({"snaplen": 0}, "snaplen 0 is not in 1 to 4294967295"),
        ({"netmask": "255.0.0"}, "'255.0.0' is not a netmask; write it as in 255.255.255.0"),
        (
            {"netmask": "9" * 5000 + ".1.1.1"},
            f"'{'9' * 5000}.1.1.1' is not a netmask; write it as in 255.255.255.0",
        ),
        ({"snaplen": 1.5}, "snaplen is a whole number, not 1.5"),
        ({"through": "vlan"}, "through is a tuple of words such as ('vlan',), not 'vlan'"),
        ({"target": None}, "target is a name, not None"),
        ({"link": None}, "link is a name or number, not None"),
        ({"link": "9" * 5000}, f"unknown link type '{'9' * 5000}'; bpfq -L lists them"),
        ({"savefile": "big"}, "savefile 'big' is unknown"),
        ({"protochain": 0}, "protochain 0 is not in 1 to 64 headers"),
    ],
)
def test_an_argument_out_of_range_says_what_would_be_right(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compile("ip", **arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_filter_that_is_neither_text_nor_expression_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a filter is pcap text or a bpfq expression, not int"):
        bpfq.compile(5)  # type: ignore[arg-type]


SHORT = bytes(12) + b"\x08\x00\x45" + bytes(11) + bytes((10, 0, 0, 1))  # cut behind the source


def test_strict_rejects_what_libpcap_rejects_on_a_packet_cut_short() -> None:
    text = "ip src host 10.0.0.1 or ip[200] = 256"
    loose, strict = (bpfq.compile(f"not ({text})", strict=s) for s in (False, True))
    other = SHORT[:-1] + b"\x02"
    assert (loose.matches(other), strict.matches(other)) == (True, False)
    assert run(strict.words, other) == 0


def test_a_packet_cut_short_is_rejected_under_not_too() -> None:
    assert not bpfq.compile("not ip[8] = 3").matches(SHORT[:20])


def test_a_chain_passes_a_header_only_when_its_length_is_there() -> None:
    packet = b"\x60" + bytes(39) + b"\x3b"  # IPv6, hop-by-hop options of one byte, no next
    program = bpfq.compile("not ip6 protochain 17", link="IPV6", strict=True)
    assert not program.matches(packet)
    assert program.matches(packet + bytes(8))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", ["protochain 6", "ip[0] = 1", "ether[-1] = 0", "tcp port 80"])
def test_loads_that_can_only_fail_compile_for_a_file(text: str, level: int) -> None:
    program = bpfq.compile(text, link="JUNIPER_ES", level=level, allow_empty=True)
    assert not program.matches(b"MGC\x00" + bytes(60))


def test_variable_shifts_of_32_and_more_give_zero() -> None:
    program = bpfq.compile("ether[0] << ether[1] = 0")
    assert program.matches(bytes((1, 32)) + bytes(58))
    assert program.matches(bytes((1, 200)) + bytes(58))
    assert not program.matches(bytes((1, 31)) + bytes(58))


def test_both_operands_of_an_operator_keep_their_protocol_checks() -> None:
    program = bpfq.compile("1 + tcp[13] = 3")
    flags = bytes(27) + b"\x02" + bytes(12)  # flags 2 at byte 13 behind a 20-byte header
    assert program.matches(
        bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x06" + bytes(10) + flags[14:]
    )
    assert not program.matches(
        bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(10) + flags[14:]
    )
    assert not program.matches(bytes(47) + b"\x02" + bytes(12))
