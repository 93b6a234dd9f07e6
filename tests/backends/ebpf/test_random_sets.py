"""Random filters of sets that are maps, beside other tests: accepted by the verifier, and right."""

from __future__ import annotations

from random import Random

import pytest
from backends.ebpf.test_live_sets import SETS, agrees, compiled, packets_for
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.backends.ebpf import sets
from bpfq.ebpf.install import install

COUNT = 10  # filters for each hook
NETWORK = (
    "src net @bad", "dst net @bad", "host @bad", "ip6 host @bad", "port @ports",
    "udp src port @ports", "tcp dst port @ports", "ip", "tcp", "icmp6", "ip[8] > 3",
    "udp[4:2] > 10", "ip[2:2] = ip[4:2] + 48", "tcp[12] & 0xf0 > 0x40", "ip[ip[0] & 0xf] = 2",
    "greater 50", "src net 10.0.0.0/8", "ip6 protochain 6",
    f"dst port ({' or '.join(map(str, range(70, 110, 2)))})",
    f"src host ({' or '.join(f'10.0.{n}.1' for n in range(0, 60, 2))})",
)  # fmt: skip
LINK = (
    "arp dst host @bad", "ether src host @macs", "ether host @macs", "vlan", "vlan 5",
    "vlan and dst net @bad",
)  # fmt: skip


def texts(hook: str) -> list[str]:
    draw = Random(hook)
    primitives = NETWORK + (LINK if hook == "xdp" else ())
    found: list[str] = []
    while len(found) < COUNT:
        text = drawn(draw, primitives, draw.randrange(1, 4))
        if "@" in text and _matches_something(text, hook):
            found.append(text)
    return found


def drawn(draw: Random, primitives: tuple[str, ...], depth: int) -> str:
    if not depth or draw.random() < 0.25:
        return draw.choice(primitives)
    one = drawn(draw, primitives, depth - 1)
    if draw.random() < 0.2:
        return f"not ({one})"
    word = draw.choice(("and", "or"))
    return f"({one} {word} {drawn(draw, primitives, depth - 1)})"


def _matches_something(text: str, hook: str) -> bool:
    try:
        compiled(text, f"ebpf:{hook}")
    except bpfq.FilterError as error:
        assert "matches no packet" in str(error)
        return False
    return True


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("hook", ["xdp", "tc", "socket", "cgroup_skb", "netfilter"])
def test_random_filters_decide_as_their_entries_would(
    hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "MANY", dict.fromkeys(sets.MANY, 1))
    for text in texts(hook):
        program = compiled(text, f"ebpf:{hook}")
        plain = bpfq.compile(text, link=program.link, sets=SETS, allow_empty=True)
        with install(program.module) as loaded:
            wrong = [
                packet.hex() for packet in packets_for(program)
                if not agrees(program, plain, loaded, packet)
            ]  # fmt: skip
        assert not wrong, text
