"""How filters relate: known pairs, and every packet of two bytes for random ones."""

from __future__ import annotations

import random
from itertools import product

import pytest

import bpfq
from bpfq.analysis.compare import Comparison
from bpfq.analysis.decide import Questions, Undecided
from bpfq.analysis.examples import Examples
from bpfq.analysis.witness.found import Witness
from bpfq.symbolic.propositions import Proposition

from .two_bytes import both_ways

KNOWN = (
    ("ip and udp", "udp and ip", "equal"),
    ("tcp port 80 or udp port 80", "udp port 80 or tcp port 80", "equal"),
    ("net 10.0.0.0/8 or net 11.0.0.0/8", "net 10.0.0.0/7", "equal"),
    ("not (tcp or udp)", "not tcp and not udp", "equal"),
    ("tcp[13] & 3 = 2", "tcp[13] & 2 != 0 and tcp[13] & 1 = 0", "equal"),
    ("ip[2:2] - 20 != 0", "ip[2:2] != 20", "equal"),
    ("ether[0] / ether[1] = 3", "ether[1] != 0 and ether[0] / ether[1] = 3", "equal"),
    ("ip6 and arp", "udp and tcp", "equal"),
    ("ether[70] = 1 or ether[0] = 1", "ether[0] = 1 or ether[70] = 1", "equal"),
    ("tcp port 80", "port 80", "subset"),
    ("src host 10.0.0.1", "host 10.0.0.1", "subset"),
    ("vlan 5 and ip", "vlan 5", "subset"),
    ("ip and arp", "tcp", "subset"),
    ("len = 60", "len >= 60", "subset"),
    (
        "not ether[0] / ether[1] = 3",
        "not (ether[1] != 0 and ether[0] / ether[1] = 3)",
        "subset",
    ),
    ("port 80 or port 443", "tcp port 80 or tcp port 443", "superset"),
    ("ip", "ip[9] > 0", "superset"),
    ("portrange 1-100", "portrange 2-99", "superset"),
    ("tcp", "port 80", "overlapping"),
    ("src host 10.0.0.1", "dst host 10.0.0.2", "overlapping"),
    ("ip[ip[0] & 0xf * 4] = 3", "ip[(ip[0] & 0xf) << 2] = 3", "overlapping"),
    ("tcp", "udp", "disjoint"),
    ("ip", "ip6", "disjoint"),
    ("ip[4:2] > 7 and ip[4] = 1", "ip[5] + ip[4] < 1", "disjoint"),
)
WITNESSES: dict[str, tuple[bool, bool, bool | None]] = {  # only left, only right, both
    "equal": (False, False, None),
    "subset": (False, True, None),
    "superset": (True, False, None),
    "overlapping": (True, True, True),
    "disjoint": (True, True, False),
}
WANTED = [(True, False), (False, True), (True, True)]


def matches(text: str, packet: Witness) -> bool:
    program = bpfq.compile(text, level=0, strict=True, allow_empty=True)
    return program.matches(packet.octets, wire_length=packet.wire_length)


def replayed(found: Comparison, left: str, right: str) -> list[tuple[bool, bool] | None]:
    packets = (found.only_left, found.only_right, found.both)
    return [None if one is None else (matches(left, one), matches(right, one)) for one in packets]


@pytest.mark.parametrize("left, right, relation", KNOWN)
def test_known_pairs_relate_as_known(left: str, right: str, relation: str) -> None:
    found = bpfq.compare(left, right)
    one, other, both = WITNESSES[relation]
    verdicts = replayed(found, left, right)
    assert found.relation == relation
    assert verdicts[:2] == [(True, False) if one else None, (False, True) if other else None]
    assert both is None or (verdicts[2] == (True, True)) == both
    assert verdicts[2] in ((True, True), None)


@pytest.mark.parametrize("left, right, relation", KNOWN)
def test_the_other_way_round_the_relation_turns(left: str, right: str, relation: str) -> None:
    turned = {"subset": "superset", "superset": "subset"}.get(relation, relation)
    assert bpfq.compare(right, left).relation == turned


@pytest.mark.parametrize("left, right, relation", KNOWN)
def test_programs_relate_as_their_filters(left: str, right: str, relation: str) -> None:
    programs = [bpfq.compile(text, allow_empty=True, level=0) for text in (left, right)]
    assert bpfq.compare(*programs).relation == relation
    assert bpfq.compare(left, list(programs[1])).relation == relation
    assert bpfq.compare(programs[0].format("ddd"), right).relation == relation


# ---------------------------------------------------------------- all packets of two bytes


@pytest.mark.parametrize("seed", range(10))
def test_every_packet_of_two_bytes_agrees(seed: int) -> None:
    chance = random.Random(seed)
    for left, right in (both_ways(chance) for _ in range(4)):
        found = bpfq.compare(left.text, right.text)
        seen = set(zip(left.verdicts(), right.verdicts(), strict=True))
        packets = (found.only_left, found.only_right, found.both)
        assert [one is not None for one in packets] == [pair in seen for pair in WANTED]
        assert replayed(found, left.text, right.text) == [
            pair if pair in seen else None for pair in WANTED
        ]
        assert found.relation != "undecided"


def test_the_filters_of_two_bytes_relate_in_every_way() -> None:
    chance = random.Random(0)
    ways = set()
    for left, right in (both_ways(chance) for _ in range(80)):
        seen = set(zip(left.verdicts(), right.verdicts(), strict=True))
        ways.add(tuple(pair in seen for pair in WANTED))
    assert ways == set(product((False, True), repeat=3))


# ---------------------------------------------------------------- what was not decided


def test_undecided_is_never_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(self: Questions, wanted: Proposition, wishes: object = ()) -> None:
        raise Undecided

    monkeypatch.setattr(Questions, "solve", spent)
    product_of_primes = f"ip[4:2] * ip[6:2] = {7907 * 7919} and ip[4:2] < ip[6:2]"
    found = bpfq.compare(product_of_primes, "ip[4:2] = 7907 and ip[6:2] = 7919")
    assert found == Comparison("undecided", None, None, None)


def test_a_witness_that_does_not_replay_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Examples, "likely", lambda self, wanted: None)
    monkeypatch.setattr(Examples, "solved", lambda self, wanted, samples: None)
    found = bpfq.compare("ip", "ip6")
    assert (found.relation, found.only_left) == ("undecided", None)


def test_clauses_in_another_order_differ_only_where_bytes_are_missing() -> None:
    one, other = "host 10.0.0.1 or udp", "udp or host 10.0.0.1"
    assert bpfq.compare(one, other).relation == "equal"


# ---------------------------------------------------------------- foreign programs


LIBPCAP_TCP_443 = """\
(000) ldh      [12]
(001) jeq      #0x86dd          jt 2    jf 8
(002) ldb      [20]
(003) jeq      #0x6             jt 4    jf 19
(004) ldh      [54]
(005) jeq      #0x1bb           jt 18   jf 6
(006) ldh      [56]
(007) jeq      #0x1bb           jt 18   jf 19
(008) jeq      #0x800           jt 9    jf 19
(009) ldb      [23]
(010) jeq      #0x6             jt 11   jf 19
(011) ldh      [20]
(012) jset     #0x1fff          jt 19   jf 13
(013) ldxb     4*([14]&0xf)
(014) ldh      [x + 14]
(015) jeq      #0x1bb           jt 18   jf 16
(016) ldh      [x + 16]
(017) jeq      #0x1bb           jt 18   jf 19
(018) ret      #262144
(019) ret      #0
"""


def test_the_program_of_libpcap_is_the_filter() -> None:
    assert bpfq.compare(LIBPCAP_TCP_443, "tcp port 443").relation == "equal"
    assert bpfq.compare("tcp port 443 or arp", LIBPCAP_TCP_443).relation == "superset"


def test_a_wrong_foreign_program_is_told_by_a_packet() -> None:
    found = bpfq.compare(LIBPCAP_TCP_443.replace("#0x1fff", "#0x3fff"), "tcp port 443")
    assert found.relation == "subset"
    assert found.only_right is not None
    assert matches("tcp port 443 and ip[6:2] & 0x2000 != 0", found.only_right)


def test_what_a_load_past_every_packet_rejects_is_decided() -> None:
    never = [(32, 0, 0, 0xFFFFFFF0), (6, 0, 0, 1)]
    assert bpfq.compare(never, "ip").relation == "subset"
    assert bpfq.compare(never, [(6, 0, 0, 0)]).relation == "equal"


def test_a_division_by_zero_in_a_program_is_decided() -> None:
    """ldb [0]; tax; ldb [1]; div x; ret #1"""
    divides = [(48, 0, 0, 0), (7, 0, 0, 0), (48, 0, 0, 1), (60, 0, 0, 0), (6, 0, 0, 1)]
    assert bpfq.compare(divides, "ether[0] != 0").relation == "equal"
    assert bpfq.compare(divides, "ether[0] = ether[0]").relation == "subset"


@pytest.mark.parametrize(
    "rows, message",
    [
        ([(6, 0, 0)], "instruction 0: (6, 0, 0) is not four numbers, code, jt, jf, k"),
        ([(6, 0, 0, 1 << 32)], "instruction 0: k 4294967296 does not fit 32 bits unsigned"),
        ([(6, 256, 0, 0)], "instruction 0: jt 256 does not fit 8 bits unsigned"),
    ],
)
def test_rows_that_are_no_instructions_are_refused(
    rows: list[tuple[int, int, int, int]], message: str
) -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compare(rows, "ip")
    assert str(caught.value) == message


def test_other_things_are_no_filters() -> None:
    with pytest.raises(TypeError, match="a filter is pcap text or a bpfq expression, not int"):
        bpfq.compare(7, "ip")  # type: ignore[arg-type]


def test_nodes_are_compared_like_text() -> None:
    assert bpfq.compare(bpfq.tcp & bpfq.ip, "ip and tcp").relation == "equal"


def test_errors_show_the_side_that_is_wrong() -> None:
    with pytest.raises(bpfq.UnsupportedError) as caught:
        bpfq.compare("ip", "tcp and ether[0] = 1", target="raw4")
    assert caught.value.text == "tcp and ether[0] = 1"
    with pytest.raises(bpfq.FilterError) as wrong:
        bpfq.compare("ip", "tcp prot 80")
    assert wrong.value.text == "tcp prot 80"
