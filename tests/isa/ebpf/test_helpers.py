"""The table of helper ids beside the running kernel's."""

from __future__ import annotations

import pytest

from bpfq.isa.ebpf.helpers import HELPERS
from isa.ebpf import vmlinux

PREFIX = "BPF_FUNC_"


@pytest.fixture(scope="module")
def running() -> dict[str, int]:
    return {
        name.removeprefix(PREFIX): value
        for name, value in vmlinux.enumeration("bpf_func_id").items()
        if name.startswith(PREFIX)
    }


@pytest.mark.oracle
def test_the_ids_are_those_of_the_running_kernel(running: dict[str, int]) -> None:
    shared = HELPERS.keys() & running.keys()
    assert {name: HELPERS[name] for name in shared} == {name: running[name] for name in shared}


@pytest.mark.oracle
def test_of_the_older_one_the_newer_one_knows_every_helper(running: dict[str, int]) -> None:
    fewer, more = sorted([HELPERS.keys(), running.keys()], key=len)
    assert fewer <= more


def test_ids_count_up_from_the_one_that_is_no_helper() -> None:
    assert list(HELPERS.values()) == list(range(len(HELPERS)))
    assert HELPERS["unspec"] == 0
