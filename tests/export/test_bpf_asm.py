"""Exported assembly, read by an assembler of the same language.

The kernel's bpf_asm is in no Debian package; bpfc of netsniff-ng, by the same author, is its
model and reads all of it but the names of some of the kernel's words.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from objfile.tools import needs, output

import bpfq
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.instructions import (
    ANCILLARY,
    JumpIf,
    JumpIfX,
    LoadAbsolute,
    LoadImmediate,
    LoadLength,
    LoadXLength,
    Negate,
    Return,
    ReturnA,
    SockFilter,
    StoreX,
    Txa,
)
from bpfq.operators import Relation
from bpfq.record import replace

from .corpus import programs, source

KERNEL = shutil.which("bpf_asm")
needs_assembler = needs("bpf_asm" if KERNEL else "bpfc", "netsniff-ng")
NAMED = {**ANCILLARY, "vlan_avail": ANCILLARY["vlanp"], "rand": ANCILLARY["random"]}
NUMBERS = re.compile(r"\{ (0[0-9a-fx]+), +(\d+), +(\d+), (0[0-9a-fx]+) \},")


def assembled(text: str, directory: Path) -> list[SockFilter]:
    """The program that the assembler makes of the text."""
    if not KERNEL:
        words = rf"^( |\w+:)( *ld\w*) ({'|'.join(NAMED)})$"
        text = re.sub(words, lambda it: f"{it[1]}{it[2]} [{NAMED[it[3]]:#x}]", text, flags=re.M)
    path = directory / "filter.asm"
    path.write_text(text)
    shown = output(["bpf_asm", "-c", path] if KERNEL else ["bpfc", path])
    return [
        SockFilter(int(a, 16), int(b), int(c), int(k, 16)) for a, b, c, k in NUMBERS.findall(shown)
    ]


@pytest.mark.oracle
@needs_assembler
def test_the_corpus_is_assembled_to_the_same_programs(tmp_path: Path) -> None:
    different = [
        program.part().text
        for program in programs("packet", first=2)
        if assembled(source("bpf_asm", [program]), tmp_path) != list(program)
    ]
    assert different == []


@pytest.mark.oracle
@needs_assembler
@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize(("jt", "jf"), [(0, 0), (0, 1), (1, 0), (1, 2), (1, 1)])
def test_every_jump_has_its_words(tmp_path: Path, relation: Relation, jt: int, jf: int) -> None:
    rest = [LoadLength(), Txa(), StoreX(3), Negate(), LoadXLength(), Return(7), ReturnA()]
    for jump in (JumpIf(relation, 0x8000_0000, jt, jf), JumpIfX(relation, jt, jf)):
        words = assemble([LoadAbsolute(0xFFF0_0004, 4), jump, LoadImmediate(5), *rest])
        program = replace_words(words)
        assert assembled(source("bpf_asm", [program]), tmp_path) == list(words)


def replace_words(words: tuple[SockFilter, ...]) -> bpfq.Program:
    """A program with other instructions."""
    return replace(bpfq.compile("arp"), words=words)


def test_a_rejection_is_a_label_and_a_jump_where_the_test_fails() -> None:
    text = bpfq.compile("arp").export("bpf_asm")
    assert text.split("\n\n")[1] == (
        "        ldh [12]\n        jne #0x806, reject\n        ret #262144\nreject: ret #0\n"
    )


def test_words_of_the_kernel_have_their_names() -> None:
    text = bpfq.compile("vlan 7 or outbound", target="packet").export("bpf_asm")
    loads = {line.partition(":")[2] or line for line in text.split("\n") if " ld" in line}
    assert {"vlan_avail", "vlan_tci", "type"} <= {line.split()[-1] for line in loads}
