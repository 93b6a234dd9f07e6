"""What a program that is too long for its target says about what would fit."""

from __future__ import annotations

import re
from random import Random

import pytest

import bpfq

SIZE = r"\d+ instructions, \d+ more than the {1} of '{0}'"


def refusal(text: str, target: str) -> str:
    with pytest.raises(bpfq.LimitError) as caught:
        bpfq.compile(text, target=target)
    return str(caught.value)


def addresses(count: int) -> list[str]:
    draw = Random(count)
    return [".".join(map(str, draw.getrandbits(32).to_bytes(4, "big"))) for _ in range(count)]


def hosts(entries: list[str]) -> str:
    return " or ".join(f"host {one}" for one in entries)


@pytest.mark.parametrize("around", ["{}", "tcp and ({})", "not ({}) and ip"])
def test_as_many_entries_as_are_named_fit(around: str) -> None:
    listed = addresses(60)
    message = refusal(around.format(hosts(listed)), "xt_bpf")
    found = re.search(r"what would fit: (\d+) filters of (\d+) entries of the list each", message)
    assert found
    filters, entries = map(int, found.groups())
    assert filters * entries >= len(listed)
    assert bpfq.compile(around.format(hosts(listed[:entries])), target="xt_bpf")


def test_networks_hold_the_list_and_as_many_addresses_as_are_named() -> None:
    listed = [f"10.{n // 2}.0.{n % 2 * 3}" for n in range(64)]  # ends of /30, two addresses between
    message = refusal(hosts(listed), "xt_bpf")
    found = re.search(r"(\d+) networks that hold the list and (\d+) more addresses", message)
    assert found
    assert int(found[2]) >= 64


def test_lists_of_other_things_have_no_networks() -> None:
    message = refusal(" or ".join(f"port {n * 37 + 1}" for n in range(80)), "xt_bpf")
    assert "networks" not in message
    assert message.endswith("; an eBPF map")


def test_a_refused_list_is_split_as_well() -> None:
    text = " and ".join(f"not host {one}" for one in addresses(60))
    assert re.search(r"what would fit: \d filters .*; \d+ networks", refusal(text, "xt_bpf"))


def test_a_filter_without_a_list_says_its_size() -> None:
    text = " + ".join(f"ip[{n}]" for n in range(1, 50)) + " = 7"
    assert re.fullmatch(SIZE.format("xt_bpf", 64), refusal(text, "xt_bpf"))
