"""What a register holds already is not loaded again, and what nothing reads is not stored."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.isa.cbpf.text import dump_d


def mnemonics(text: str, link: str = "EN10MB") -> list[str]:
    program = bpfq.compile(text, link=link)
    assert program.prove().verdict == "proved"
    return [line.split()[1] for line in dump_d(program.words).splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "tcp port 80 and tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
        "tcp dst port 80 and tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
        "udp port 53 and udp[udp[4] + 1] = 7",
    ],
)
def test_the_header_length_stays_in_x_for_an_offset_that_adds_to_it(text: str) -> None:
    assert mnemonics(text).count("ldxb") == 1


def test_words_that_nothing_reads_are_not_stored() -> None:
    text = "type mgt subtype probe-req or type mgt subtype probe-resp"
    assert "st" not in mnemonics(text, "IEEE802_11_RADIO")


def test_words_that_are_read_again_are_stored() -> None:
    assert mnemonics("tcp port 80", "IEEE802_11_RADIO").count("st") > 0
