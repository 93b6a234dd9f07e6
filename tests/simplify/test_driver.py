"""What is left of a filter, what must stay, and that every packet is answered as before."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path
from random import Random

import pytest
from differential.verdicts import Case, contract_broken, program_of, samples_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bpfq
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build
from bpfq.query.text import to_pcap
from bpfq.simplify.driver import Removal

from .simplifying import CONTRADICTIONS, REDUNDANCIES, simplified

ROOT = Path(__file__).parents[2]
CORPUS = [
    line.split(": ", 1) if ": " in line and line.split(": ")[0].isupper() else ["EN10MB", line]
    for line in (ROOT / "bench" / "filters.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
COMPUTES = "tcp src port 443 and (tcp[((tcp[12] & 0xf0) >> 4) * 4] = 0x18)"  # and compares sums


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_contradiction_is_found(text: str) -> None:
    assert simplified(text).query == build.nothing()
    assert len(bpfq.compile(text, allow_empty=True)) == 1


@pytest.mark.parametrize("text, left", REDUNDANCIES.items(), ids=REDUNDANCIES)
def test_redundant_test_is_dropped(text: str, left: str) -> None:
    assert to_pcap(simplified(text).query) == left


@pytest.mark.parametrize("text", ["len > 5 or len < 9", "not (ip[6] & 64 != 0 and ip[6:2] < 9)"])
def test_filter_that_matches_every_packet_is_found(text: str) -> None:
    assert simplified(text).query == build.everything()
    assert bpfq.compile(text).notes == ("it accepts every packet",)


@pytest.mark.parametrize(
    "text",
    [
        "ip[8] > 3 or ip[9] > 5",
        "not (ip[8] > 3 and ip[9] = 6 and ip[9:2] = 0x0605)",  # S reads ip[9] alone where it is 7
        "(ip[8] > 3 and ip[8:2] > 0x0500) or tcp",
        "ip[8] / ip[9] = 1 and ip[8] / ip[9] = 2",  # a division by zero rejects below not, too
        "ip[8] > 3 and ip[0] / ip[9] = 1 and ip[8] > 5",
        "ip[0] / ip[9] = 1 and ip[8] > 300",
        "not (ip[0] / ip[9] = 1 and ip[8] > 3 and ip[8] < 2)",
    ],
)
def test_what_could_change_a_verdict_stays(text: str) -> None:
    assert simplified(text).query == parse(text)


def test_a_product_of_two_words_is_not_asked_about() -> None:
    text = "ip[0:4] * ip[4:4] = 0xfffffffb and ip[0:4] * ip[4:4] = 3 and ip[0:4] < ip[4:4]"
    found = simplified(text)
    assert (found.query, found.questions) == (build.nothing(), 0)  # one word, two values
    text = "ip[0:4] * ip[4:4] = 0xfffffffb and ip[0:2] = 0 and ip[4:2] = 0 and ip[2:2] = 0"
    found = simplified(text)
    assert (found.query, found.questions) == (parse(text), 0)


def test_a_query_that_looks_at_too_many_words_stays_as_it_is() -> None:
    text = " and ".join(f"ip[{n}] = 1" for n in range(110)) + " and ip[0:2] = 0"
    assert simplified(text).query == parse(text)


def test_random_draws_stay() -> None:
    query = build.all_of(build.sample(0.5), build.sample(0.5), parse("ip[8] > 3 and ip[8] > 5"))
    from bpfq import Cond

    program = bpfq.compile(Cond(query), target="packet")
    drawn = [word for word in program if word[0] == 0x20 and word[3] == 0xFFFFF038]
    assert len(drawn) == 2


def test_a_word_that_the_kernel_draws_at_each_load_is_not_equal_to_itself() -> None:
    text = "ether[-4040:4] > 5 and ether[-4040:4] < 3"
    assert simplified(text, target="packet").query == parse(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("broadcast or multicast", "multicast"),
        (
            "not (ip[8] > 3 and ip[9] = 6 and ip[8:2] = 0x0506)",
            "not (ip[8] > 3 and ip[8:2] = 0x0506)",
        ),
    ],
)
def test_an_operand_goes_where_the_next_one_decides_with_the_bytes_it_read(
    text: str, left: str
) -> None:
    assert simplified(text).query == parse(left)
    assert bpfq.prove(text).verdict == "proved"


def test_what_was_removed_is_told() -> None:
    query = parse("ip[8] > 5 and ip[8:2] > 0x0300 and ip[9] > 3 and ip[9:2] > 0x0800")
    assert isinstance(query, bpfq.query.nodes.And)
    _, second, third, _ = query.operands
    found = simplified("ip[8] > 5 and ip[8:2] > 0x0300 and ip[9] > 3 and ip[9:2] > 0x0800")
    assert found.removed == (Removal(second, True), Removal(third, True, later=True))


def test_strict_keeps_every_load() -> None:
    def loads(strict: bool) -> set[int]:
        program = bpfq.compile("ip[30] > 3 or ip", strict=strict)
        return {word.k for word in program.words if word.code in (0x28, 0x30)}

    assert (loads(strict=True), loads(strict=False)) == ({12, 44}, {12})


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "text, spans",
    [
        ("ip[6] & 0x40 != 0 and tcp and ip[6:2] & 0x4000 = 0", ((0, 17), (30, 50))),
        ("ip src host 10.0.0.1 and ip[12] = 11", ((0, 20), (25, 36))),
        ("tcp and ip[0] * 3 = 7", ((8, 21),)),
    ],
)
def test_clauses_that_share_bytes_and_collide_are_underlined(
    text: str, spans: tuple[tuple[int, int], ...], strict: bool
) -> None:
    with pytest.raises(bpfq.FilterError) as caught:
        bpfq.compile(text, strict=strict)
    message = "matches no packet: these clauses exclude each other"
    assert caught.value.message == (
        message if len(spans) > 1 else "matches no packet on DLT_EN10MB"
    )
    assert (caught.value.span, *caught.value.other_spans) == spans


def test_an_error_of_lowering_is_the_same_at_every_level() -> None:
    messages = set()
    for level in (0, 1, 2):
        with pytest.raises(bpfq.UnsupportedError) as caught:
            bpfq.compile("ip[8] > 5 and ip[8] < 3 and inbound", level=level)
        messages.add((caught.value.message, caught.value.span))
    assert len(messages) == 1


# ---------------------------------------------------------------- every packet, as before

LOADS = ("ip[0]", "ip[2:2]", "ip[6]", "ip[6:2]", "ip[8]", "ip[8:2]", "ip[9]", "ip[12:4]",
         "ip[12]", "ip[16:2]", "ether[12:2]", "ether[12]", "ether[14]", "ether[20:4]", "tcp[13]",
         "tcp[12:2]", "udp[0:2]", "udp[0:4]", "ip6[6]", "len")  # fmt: skip
NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 5, 6, 17, 0x40, 0x45, 0xFF, 0x800, 0x4000, 0xFFFF, 0xA000001]
)
values = st.one_of(
    st.sampled_from(LOADS),
    st.builds("{} & {}".format, st.sampled_from(LOADS),
              st.sampled_from([1, 2, 3, 6, 0xF0, 0x40, 0x60, 0x1FFF, 0x4000])),
    st.builds("({} {} {})".format, st.sampled_from(LOADS), st.sampled_from(list("+-*/%|^")),
              st.sampled_from([1, 2, 3, 4])),
    st.builds("({} {} {})".format, st.sampled_from(LOADS), st.sampled_from(list("+-/%")),
              st.sampled_from(LOADS)),
)  # fmt: skip
tests = st.one_of(
    st.builds("{} {} {}".format, values, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
              st.one_of(NUMBERS, NUMBERS, values)),
    st.sampled_from(["ip", "tcp", "udp", "not ip", "src host 10.0.0.1", "net 10.0.0.0/8",
                     "src net 10.0.0.0/24", "port 53", "tcp port 80", "multicast", "broadcast",
                     "ip multicast", "ether dst 1:2:3:4:5:6", "len > 60", "vlan"]),
)  # fmt: skip


def _combined(queries: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(queries, min_size=2, max_size=3).map(lambda parts: f"({' and '.join(parts)})"),
        st.lists(queries, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})"),
        queries.map(lambda part: f"not ({part})"),
    )


queries = st.recursive(tests, _combined, max_leaves=7)
PROFILE = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LINKS = st.sampled_from(["EN10MB", "EN10MB", "RAW", "NULL"])


@PROFILE
@given(queries, LINKS)
def test_a_simplified_filter_is_proved_and_never_longer(text: str, link: str) -> None:
    try:
        plain = program_of(Case(text, link), 1)
    except BpfqError:
        return
    program = program_of(Case(text, link), 2)
    assert program.prove().verdict == "proved"
    assert len(program) <= len(plain)


@pytest.mark.oracle
@settings(PROFILE, max_examples=60)
@given(queries, LINKS)
def test_a_simplified_filter_keeps_its_meaning_on_directed_packets(text: str, link: str) -> None:
    case = Case(text, link)
    try:
        programs = {"level 1": program_of(case, 1), "level 2": program_of(case, 2)}
    except BpfqError:
        return
    words = [program.words for program in programs.values()]
    samples, _ = samples_for(words, zlib.crc32(case.label.encode()), most=40)
    assert contract_broken(case, programs, samples) == []


@settings(PROFILE, max_examples=80)
@given(queries, queries, queries)
def test_a_choice_between_queries_is_proved(condition: str, then: str, otherwise: str) -> None:
    from bpfq import Cond

    try:
        query = build.when(parse(condition), parse(then), parse(otherwise))
        program = bpfq.compile(Cond(query), allow_empty=True)
    except BpfqError:
        return
    assert program.prove().verdict == "proved"


# ---------------------------------------------------------------- same input, same bytes


def test_bytes_do_not_depend_on_what_was_compiled_before() -> None:
    filters = [*CORPUS, *(["EN10MB", text] for text in (*CONTRADICTIONS, *REDUNDANCIES))]
    runs = []
    for seed in (1, 2):
        order = list(range(len(filters)))
        Random(seed).shuffle(order)
        runs.append({n: bpfq.compile(filters[n][1], link=filters[n][0], allow_empty=True).words
                     for n in order})  # fmt: skip
    assert runs[0] == runs[1]


def test_the_corpus_is_never_longer_than_at_level_1() -> None:
    longer = [
        text
        for link, text in CORPUS
        if len(bpfq.compile(text, link=link, level=2, allow_empty=True))
        > len(bpfq.compile(text, link=link, level=1, allow_empty=True))
    ]
    assert longer == []


def test_ordinary_filters_do_not_import_the_solver() -> None:
    program = (
        "import sys, bpfq\n"
        "for line in sys.stdin:\n"
        "    link, text = line.rstrip().split('|', 1)\n"
        "    bpfq.compile(text, link=link, allow_empty=True)\n"
        "    if 'z3' in sys.modules: print(text); sys.exit(1)\n"
    )
    ordinary = [f"{link}|{text}" for link, text in CORPUS if not text.startswith(COMPUTES)]
    assert len(ordinary) == len(CORPUS) - 1
    ran = subprocess.run(
        (sys.executable, "-c", program), check=False, input="\n".join(ordinary),
        capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
