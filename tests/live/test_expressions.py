"""Python expressions and through= on packet sockets: the modern meaning, at both ends of a veth."""

from __future__ import annotations

import pytest

import bpfq
from bpfq.frontend.dsl import Cond, arp, host, ip, ip6, port, src, tcp, udp, vlan
from kernel.namespaces import in_namespace, needs_ip, needs_root

from . import seen as w
from .filters import Wanted
from .frames import FRAMES, A, B, C
from .network import heard, opened, quiet_pair
from .seen import Seen
from .test_packet import ENDS, Heard, names

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

EXPRESSIONS: dict[str, tuple[Cond, Wanted]] = {
    "one host": (host(A), lambda s: A in w.ends(s.net())),
    "two ends": (ip & src(A) & host(B), lambda s: w.ip(s.net()) and w.ends(s.net()) == (A, B)),
    "port": (udp & port(53), lambda s: 53 in w.ports(s.net(), 17)),
    "behind a tag": (
        vlan(100) / (ip & udp),
        lambda s: s.vlan(0, 100) and w.ip(s.net(1)) and 17 in w.protocols(s.net(1)),
    ),
    "scope of a tag ends": (
        (vlan(100) / arp) | ip6,
        lambda s: (s.vlan(0, 100) and w.arp(s.net(1))) or w.ip6(s.net()),
    ),
    "syn without ack": (
        ip & tcp.flags.syn & ~tcp.flags.ack,
        lambda s: w.flags(s.net()) & 0x12 == 0x02,
    ),
    "not in a list": (
        ip & ~ip.src.in_("10.0.0.0/8", C),
        lambda s: w.ip(s.net()) and s.net().src == "0.0.0.0",
    ),
    "ports of both families": (
        tcp.dport == 80,
        lambda s: w.destination_port(s.net(), 6) == 80,
    ),
    "ttl": (ip.ttl < 5, lambda s: w.ip(s.net()) and s.net().ttl < 5),
}


def behind(*shims: str) -> dict[str, Wanted]:
    """Text filters, compiled with ``through`` these shims."""

    def nets(s: Seen) -> list[object]:
        """The layer that a test looks at: behind the tags that there are, as many as allowed."""
        allowed = 2 if "qinq" in shims else 1
        layer = s.net(min(len(s.vids()), allowed))
        if "mpls" in shims:
            layer = w.below_labels(layer)
        return [layer]

    return {
        "ip": lambda s: any(w.ip(n) for n in nets(s)),
        "udp": lambda s: any(17 in w.protocols(n) for n in nets(s)),
        "tcp port 80": lambda s: any(80 in w.ports(n, 6) for n in nets(s)),
        f"host {C}": lambda s: any(C in w.ends(n) for n in nets(s)),
        "ip6": lambda s: any(w.ip6(n) for n in nets(s)),
        "arp": lambda s: any(w.arp(n) for n in nets(s)),
        "not ip": lambda s: not any(w.ip(n) for n in nets(s)),
        "icmp[icmptype] = icmp-echo": lambda s: any(
            getattr(w.icmp4(n), "type", None) == 8 for n in nets(s)
        ),
    }


THROUGH = {
    shims: behind(*shims) for shims in (("vlan",), ("vlan", "qinq"), ("vlan", "qinq", "mpls"))
}
CASES: dict[str, Wanted] = {name: wanted for name, (_, wanted) in EXPRESSIONS.items()} | {
    f"{text} through {'+'.join(shims)}": wanted
    for shims, rows in THROUGH.items()
    for text, wanted in rows.items()
}
PROGRAMS: dict[str, bpfq.Program] = {
    name: bpfq.compile(node, target="packet") for name, (node, _) in EXPRESSIONS.items()
} | {
    f"{text} through {'+'.join(shims)}": bpfq.compile(text, target="packet", through=shims)
    for shims, rows in THROUGH.items()
    for text in rows
}


def listen() -> Heard:
    quiet_pair()
    keys = [(name, end) for name in CASES for end in ENDS]
    sockets, refusals = opened(keys, lambda key: bpfq.open_packet_socket(key[1], PROGRAMS[key[0]]))
    found = heard(sockets, FRAMES.values())
    return refusals | {key: names(key[1], packets) for key, packets in found.items()}


@pytest.fixture(scope="module")
def sets() -> Heard:
    return in_namespace(listen)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", CASES)
def test_received_set_is_the_expected_set(sets: Heard, name: str, end: str) -> None:
    wanted = CASES[name]
    assert sets[name, end] == {n for n, frame in FRAMES.items() if wanted(ENDS[end](frame))}
