"""``bpfq disasm --decompile``: the filter on standard output, what is missing on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .running import Run

MARKED = "4,32 0 0 4294963220,21 0 1 2054,6 0 0 262144,6 0 0 0\n"
LONG = "host 10.0.0.1 and not port 22"


@pytest.mark.parametrize("form", ("-d", "-dd", "-ddd", "--raw"))
def test_every_listing_comes_back_as_its_filter(bpfq: Run, tmp_path: Path, form: str) -> None:
    file = tmp_path / "program"
    file.write_text(bpfq(form, LONG).out)
    assert bpfq("disasm", "--decompile", str(file)) == (0, f"{LONG}\n", "")


def test_the_link_type_and_the_target_are_options(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text(bpfq("-ddd", "-y", "RAW", "udp port 53").out)
    assert bpfq("disasm", "--decompile", "-y", "RAW", str(file)).out == "udp port 53\n"
    file.write_text(bpfq("-ddd", "--target", "packet", "outbound").out)
    assert bpfq("disasm", str(file), "--decompile", "--target", "packet").out == "outbound\n"


def test_what_is_not_recovered_is_said_and_the_exit_code_is_1(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text(MARKED)
    ran = bpfq("disasm", "--decompile", "--target", "packet", str(file))
    assert ran == (
        1,
        "<0>\n",
        (
            "bpfq: not proved equal to the program, which was recovered in part\n"
            "  <0>: instructions 0-1: filter text has no word for the kernel's mark\n"
        ),
    )


def test_the_answer_as_json(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text(MARKED)
    ran = bpfq("disasm", "--decompile", "--target", "packet", "--json", str(file))
    assert (ran.code, json.loads(ran.out)) == (
        1,
        {
            "filter": "<0>",
            "verdict": "partial",
            "gaps": [
                {
                    "instructions": [0, 1],
                    "reason": "filter text has no word for the kernel's mark",
                }
            ],
        },
    )


def test_a_wrong_listing_is_an_error(bpfq: Run, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_text("1,255 0 0 0\n")
    ran = bpfq("disasm", "--decompile", str(file))
    assert (ran.code, ran.out) == (2, "")
    assert "instruction 0: unknown opcode 0xff" in ran.err
