"""``bpfq doctor``: rows on a terminal and as JSON, and its exit code."""

from __future__ import annotations

import json

import pytest

from bpfq.cli import doctor
from bpfq.kernel.features import Feature

from .running import Run, process

ROWS = (
    Feature("classic", True, "sockets take classic filters"),
    Feature("jit", None, "unknown"),
    Feature("bpffs", False, "not mounted", "pins have no place", "mount -t bpf bpf /sys/fs/bpf"),
)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "features", lambda: ROWS)


def test_every_row_has_a_sign_a_reason_and_what_would_help(bpfq: Run) -> None:
    assert bpfq("doctor") == (
        0,
        "✓ classic  sockets take classic filters\n"
        "· jit      unknown\n"
        "✗ bpffs    not mounted\n"
        "           pins have no place\n"
        "           try: mount -t bpf bpf /sys/fs/bpf\n",
        "",
    )


@pytest.mark.parametrize(
    "names, code", [(["classic"], 0), (["jit"], 0), (["bpffs"], 4), (["classic", "bpffs"], 4)]
)
def test_what_is_asked_for_and_does_not_work_is_the_exit_code(
    bpfq: Run, names: list[str], code: int
) -> None:
    ran = bpfq("doctor", *names)
    assert (ran.code, [row.name for row in ROWS if f" {row.name} " in ran.out]) == (code, names)


def test_without_classic_filters_nothing_is_well(
    bpfq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (Feature("classic", False, "refused", "the kernel refused the program", "sudo"),)
    monkeypatch.setattr(doctor, "features", lambda: refused)
    assert bpfq("doctor").code == 4


def test_json_has_every_field_of_every_row(bpfq: Run) -> None:
    ran = bpfq("doctor", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"features": [row._asdict() for row in ROWS]})


def test_an_unknown_name_gets_the_nearest(bpfq: Run) -> None:
    assert bpfq("doctor", "bpfs") == (
        2,
        "",
        "bpfq: nothing to check is called 'bpfs'; there are classic, jit, bpffs\n"
        "  try:  bpfq doctor bpffs\n",
    )


def test_the_command_itself_looks_at_this_machine() -> None:
    ran = process("doctor", "classic", "--json")
    (row,) = json.loads(ran.stdout)["features"]
    assert (ran.returncode, row["name"], row["ok"]) == (0, "classic", True)
