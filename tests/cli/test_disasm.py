"""``bpfq disasm``: any text form in, any out."""

from __future__ import annotations

from pathlib import Path

import pytest

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
