"""``bpfq disasm``: any text form in, any out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from objfile.modules import COUNT_SIZES, DROP_UDP, NETFILTER_UDP

from bpfq.objfile.object import object_file

from .running import Run, process

RAW = "4,40 0 0 12,21 0 1 2054,6 0 0 262144,6 0 0 0\n"
FORMS = ("d", "dd", "ddd", "raw")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("to", FORMS)
def test_every_form_becomes_every_other(bpfq: Run, tmp_path: Path, form: str, to: str) -> None:
    file = tmp_path / "program"
    file.write_text(RAW)
    file.write_text(bpfq("disasm", str(file), "--to", form).out)
    wanted = "--raw" if to == "raw" else f"-{to}"
    assert bpfq("disasm", "--to", to, str(file)) == (0, bpfq(wanted, "arp").out, "")


def test_standard_input_is_read_without_a_file() -> None:
    for words in (("disasm", "--to", "raw"), ("disasm", "-", "--to", "raw")):
        assert process(*words, stdin=RAW.encode()).stdout.decode() == RAW


def test_wrong_listing_gets_a_caret(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text("(000) ldh      [12]\n(001) jew      #0x800  jt 2 jf 3\n")
    ran = bpfq("disasm", str(file))
    assert (ran.code, ran.err.splitlines()[2]) == (2, "        ^^^")


def test_bytes_that_are_no_text_are_refused() -> None:
    ran = process("disasm", stdin=bytes(range(256)))
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"bpfq: ")


def test_an_object_file_is_listed_with_the_text_of_its_filters(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "f.o"
    file.write_bytes(object_file([DROP_UDP, NETFILTER_UDP]))
    ran = bpfq("disasm", str(file))
    lines = ran.out.splitlines()
    assert (ran.code, ran.err, len(lines)) == (0, "", (1 + 3 + 12) + 1 + (1 + 2 + 20))
    assert lines[:3] == [
        "xdp: drop_udp",
        "; ip and udp -> 34 bytes are there",
        "   0: (61) r2 = *(u32 *)(r1 +0)",
    ]
    assert lines[16:19] == ["", "netfilter: netfilter_udp", "; udp"]
    calls = [line.partition("  # ")[2] for line in lines if ": (85) call" in line]
    assert calls == ["the kernel's bpf_dynptr_from_skb", "the kernel's bpf_dynptr_slice"]


@pytest.mark.parametrize("words", [("--json",), ("--to", "json")])
def test_an_object_file_is_written_as_json(
    bpfq: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "f.o"
    file.write_bytes(object_file([COUNT_SIZES], byteorder="big"))
    function = COUNT_SIZES.function
    slots = [list(slot) for slot in function.instructions]
    slots[2][2] = 0  # the loader says that it is a map
    assert json.loads(bpfq("disasm", *words, str(file)).out) == {
        "byteorder": "big",
        "license": "GPL",
        "functions": [
            {
                "section": "tc",
                "name": "count_sizes",
                "instructions": slots,
                "lines": [[it.insn, it.text, it.line, it.column] for it in function.lines],
                "references": [[2, "map", "sizes"]],
            }
        ],
    }


@pytest.mark.parametrize("words", [("--to", "raw"), ("--decompile",)])
def test_an_object_file_has_no_classic_form(
    bpfq: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "f.o"
    file.write_bytes(object_file([DROP_UDP]))
    ran = bpfq("disasm", str(file), *words)
    assert ran == (
        2, "",
        f"bpfq: {' '.join(words)} is for classic programs: an object file is listed, or --json\n",
    )  # fmt: skip


def test_an_elf_file_for_another_machine_is_refused(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"\x7fELF\2\1\1" + bytes(11) + b"\x3e" + bytes(45))
    ran = bpfq("disasm", str(file))
    assert ran == (
        2, "", "bpfq: not a BPF object: the ELF file is for x86-64, BPF is 247\n"
    )  # fmt: skip
