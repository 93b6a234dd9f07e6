"""Networks in fewer, larger ones, against a count of single addresses."""

from __future__ import annotations

from ipaddress import ip_network
from random import Random

import pytest

from bpfq.aggregation import Prefix, aggregated, extra


def prefix(text: str) -> Prefix:
    network = ip_network(text)
    return int(network.network_address), network.prefixlen


def texts(networks: list[Prefix]) -> list[str]:
    return [str(ip_network(network)) for network in networks]


@pytest.mark.parametrize(
    ("networks", "most", "wanted", "more"),
    [
        (["10.0.0.1", "10.0.0.2", "10.9.0.0/16"], 2, ["10.0.0.0/30", "10.9.0.0/16"], 2),
        (["10.0.0.0/9", "10.128.0.0/9"], 2, ["10.0.0.0/8"], 0),
        (["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"], 9, ["10.0.0.0/8"], 0),
        (["10.0.0.1", "10.0.0.1"], 1, ["10.0.0.1/32"], 0),
        (["0.0.0.0", "255.255.255.255"], 1, ["0.0.0.0/0"], 2**32 - 2),
        (["10.0.0.0/30", "10.0.0.5", "10.0.0.7"], 1, ["10.0.0.0/29"], 2),
    ],
)
def test_neighbours_that_add_least_are_joined(
    networks: list[str], most: int, wanted: list[str], more: int
) -> None:
    asked = [prefix(one) for one in networks]
    made = aggregated(asked, most)
    assert texts(made) == wanted
    assert extra(asked, made) == more


@pytest.mark.parametrize("seed", range(30))
def test_every_address_is_held_and_the_rest_is_counted(seed: int) -> None:
    draw = Random(seed)
    asked = []
    for _ in range(draw.randrange(1, 30)):
        bits = draw.randrange(24, 33)
        asked.append((0x0A000000 + (draw.getrandbits(8) >> 32 - bits << 32 - bits), bits))
    most = draw.randrange(1, 8)
    made = aggregated(asked, most)
    assert len(made) <= most
    listed, held = (
        {first + n for first, bits in some for n in range(1 << 32 - bits)} for some in (asked, made)
    )
    assert listed <= held
    assert extra(asked, made) == len(held - listed)
