"""A packet that trying made is what it was made for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from bpfq.graphs import lowering
from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.nodes import Builder
from bpfq.settings import Settings, link_type
from bpfq.simplify.example import Attempt, find
from bpfq.simplify.oracle import Oracle
from bpfq.simplify.smt import Sample
from bpfq.symbolic.diagram import Diagram
from bpfq.symbolic.propositions import TRUE
from bpfq.symbolic.words import Draw, Length, Metadata
from bpfq.targets import TARGETS

from .concrete import outcome
from .test_driver import tests


def oracle(target: str = "file") -> Oracle:
    settings = Settings(TARGETS[target], link_type("EN10MB"))
    return Oracle(lowering(settings, Builder(), share=True))


def sample(attempt: Attempt) -> Sample:
    """The attempt as a packet that ends before its first byte: all of it lies beyond."""
    octets = {
        place[1]: octet for place, octet in attempt.written.items() if isinstance(place, tuple)
    }
    words = {
        place: value for place, value in attempt.written.items() if not isinstance(place, tuple)
    }
    return Sample(
        b"",
        next((value for word, value in words.items() if isinstance(word, Length)), 0),
        octets,
        {word.name: value for word, value in words.items() if isinstance(word, Metadata)},
        {word.identity: value for word, value in words.items() if isinstance(word, Draw)},
    )


def is_example(known: Oracle, wanted: Diagram) -> bool:
    made = find(known.diagrams, wanted)
    assert made is not None
    return outcome(known.diagrams.proposition(wanted), sample(made)) is TRUE


@pytest.mark.parametrize(
    "texts",
    [
        ("ip", "tcp"), ("host 10.0.0.1", "not host 10.0.0.2"), ("tcp port 80", "ip[6] & 0x40 != 0"),
        ("len > 60", "len - 40 < 30"), ("ip[8] = ip[9]",), ("ip[8] = 6", "ip[8:2] > 0x0500"),
        ("ip[0] & 15 = 5", "tcp[0:2] = 80"), ("tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",),
        ("ip[2:2] - ((ip[0] & 15) << 2) != 0",), ("ip6", "ether[20] = 6"),
    ],
)  # fmt: skip
def test_an_example_is_found_without_a_solver(texts: tuple[str, ...]) -> None:
    known = oracle()
    wanted = known.diagrams.holds
    for text in texts:
        query = parse(text)
        negated = text.startswith("not ")
        leaf = known.leaf(parse(text.removeprefix("not ")) if negated else query)
        assert leaf is not None
        wanted = known.both(wanted, known.opposite(leaf) if negated else leaf)
    assert is_example(known, wanted)


def test_an_example_has_the_kernels_words() -> None:
    known = oracle("packet")
    leaf = known.leaf(parse("vlan 5"))
    assert leaf is not None and is_example(known, leaf)


def test_what_holds_of_no_packet_has_no_example() -> None:
    known = oracle()
    parts = [known.leaf(parse(text)) for text in ("ip[8] = 5", "ip[8:2] = 0x0600")]
    assert parts[0] is not None and parts[1] is not None
    assert find(known.diagrams, known.both(*parts)) is None


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(tests, tests)
def test_an_example_of_two_tests_is_one(first: str, second: str) -> None:
    known = oracle()
    try:
        parts = [known.leaf(parse(text)) for text in (first, second) if not text.startswith("not")]
    except BpfqError:
        return
    if len(parts) < 2 or parts[0] is None or parts[1] is None:
        return
    wanted = known.both(parts[0], known.opposite(parts[1]))
    if find(known.diagrams, wanted) is not None:
        assert is_example(known, wanted)
