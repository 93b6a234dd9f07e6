"""Programs of every hook keep the contract: kernel, interpreter and meaning on directed packets.

All filters of the corpus for Ethernet and IP in a full sweep, else a sample; filters that are hard
on registers, offsets and guards; random queries, of which ``python -m differential.hook_sweep``
tries as many as wanted.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from isa.ebpf import bpf
from oracles.corpus import filters
from oracles.sweep import FULL, sampled

from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.meaning import meaning

from .hook_sweep import SEED, WAYS, text_of, wrong
from .hooks import PLACES, UNTAGGED, compiled, interpreted, kernel, programs_of
from .hooks import WAYS as ALL_WAYS

REASON = bpf.why_not()
needs_kernel = pytest.mark.skipif(REASON is not None, reason=str(REASON))
pytestmark = [pytest.mark.oracle, needs_kernel]

TEXTS = tuple(dict.fromkeys(
    line.text for line in filters() if line.link in ("EN10MB", "RAW") and not line.savefile
))  # fmt: skip
TRICKY = tuple(
    line for line in Path(__file__).with_name("tricky.txt").read_text().splitlines()
    if not line.startswith("#")
)  # fmt: skip
QUERIES = range(2000 if FULL else 10)
EVERY = 60  # filters of the corpus, of which one is compared at each hook
HOOKS = tuple(PLACES)


def at_hooks(texts: tuple[str, ...], every: int) -> list[tuple[str, str]]:
    """Other filters at each hook, all at all of them in a full sweep."""
    return [
        (hook, text)
        for number, hook in enumerate(HOOKS)
        for text in sampled(texts, every, number * every // len(HOOKS))
    ]


@pytest.mark.parametrize(("hook", "text"), at_hooks(TEXTS, EVERY))
def test_filters_of_the_corpus_keep_the_contract(hook: str, text: str) -> None:
    assert wrong(text, PLACES[hook], tuple(ALL_WAYS), most=60, most_cut=120) == []


@pytest.mark.parametrize(("hook", "text"), at_hooks(TRICKY, 5))
def test_hard_filters_keep_the_contract(hook: str, text: str) -> None:
    assert wrong(text, PLACES[hook], WAYS) == []


@pytest.mark.parametrize("number", QUERIES)
def test_random_queries_keep_the_contract(number: int) -> None:
    text = text_of(SEED, number)
    assert [line for place in PLACES.values() for line in wrong(text, place, WAYS)] == []


@pytest.mark.parametrize(("hook", "text"), at_hooks(TEXTS, 12))
def test_the_verifier_takes_what_is_chosen(hook: str, text: str) -> None:
    place = PLACES[hook]
    try:
        program = compiled(text, place)
    except BpfqError:
        return  # its words are refused at the hook
    with kernel(program.module, place) as run:
        assert run(bytes(100)) in (True, False, None)


FAR = (
    "{}[65534] = 1", "{}[65532:2] = 0x101", "{}[65531:4] = 0x1010101", "{}[32766:2] = 257",
    "{}[32767] = 1 and {}[32768] = 1", "{}[32765:4] = 0x1010101 or {}[32769:4] = 16843009",
    "{}[4] = 0xff or {}[65530] = 1 or {}[40000] = 1", "{}[{}[4:2]] = 1",
    "{}[{}[4:2] + 1:2] = 257", "{}[{}[4:4]:4] = 0x1010101", "{}[len - 4:4] = 0x1010101",
    "{}[{}[4:4] & 0xffff] = 1", "not {}[65533] = 1", "{}[{}[4:4] & 0x7fff:2] = 257",
)  # fmt: skip
SIZES = (100, 32766, 32767, 32768, 32770, 32773, 40001, 65531, 65532, 65533, 65534, 65535)
INDICES = (0, 60, 0x7FFE, 0x7FFF, 0x8000, 0xFFFB, 0xFFFC, 0xFFFE, 0xFFFF, 1 << 31, 0xFFFFFFFE)


def large_packets() -> list[bytes]:
    """Of ones behind the start of an IPv4 header, and with an index behind that."""
    start, ones = b"\x45\1\1\1", b"\1" * SIZES[-1]
    found = [start + ones[: size - 4] for size in SIZES]
    words = [index.to_bytes(4, "big") for index in INDICES]
    words += [(index & 0xFFFF).to_bytes(2, "big") for index in INDICES]
    found += [(start + word + ones)[:size] for size in SIZES for word in words]
    return found


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("shape", sampled(FAR, 2))
def test_bytes_are_read_as_far_as_packets_reach(shape: str, hook: str) -> None:
    place = PLACES[hook]
    text = shape.replace("{}", "ip" if place.link == "RAW" else "link")
    told = meaning(parse(text), place.setting)
    metadata = UNTAGGED if place.live else None
    for one in programs_of(text, place, ("level 0", "level 2")):
        for linear in (None,) if hook == "xdp" else (None, 60):
            run = interpreted(one.module, place, UNTAGGED, linear)
            for packet in large_packets()[:: 1 if FULL else 5]:
                wanted = told.accepts(packet, metadata=metadata)
                assert run(packet) is wanted, (one.name, linear, len(packet), packet[:8])
