"""Classic bytecode in tc's bpf classifier: matching frames are mirrored to a second veth pair."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

import bpfq
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root

from .filters import FILTERS
from .frames import FRAMES
from .network import heard, packet_socket, quiet_pair, run
from .seen import received, sent

pytestmark = [
    pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip,
    pytest.mark.skipif(shutil.which("tc") is None, reason="needs the tc command: install iproute2"),
]  # fmt: skip

TEXTS = (
    "ip", "arp", "not ip and not ip6", "tcp", "udp port 53", "host 10.0.0.1", "vlan",
    "vlan 100", "not vlan",
    "vlan 100 and udp", "vlan 100 and vlan 200", "vlan and arp", "tcp[13] = 18", "broadcast",
    "ip6 protochain 6", "less 62", "mpls and ip", "vxlan and ip", "icmp[icmptype] = icmp-echo",
)  # fmt: skip


NAMES = {received(frame).data: name for name, frame in FRAMES.items()}


def mirrored(hook: str) -> dict[str, list[bytes]]:
    """What each filter at the hook, far's ingress or near's egress, sends on to the copies."""
    second_pair()
    device = "far" if hook == "ingress" else "near"
    run("tc", "qdisc", "add", "dev", device, "clsact")
    found = {}
    for text in TEXTS:
        mirror(device, hook, bpfq.compile(text, target="tc"))
        # mirrored frames arrive before the sentinel that follows them
        found[text] = heard({text: packet_socket("heard")}, FRAMES.values())[text]
        run("tc", "filter", "del", "dev", device, hook, "pref", "1")
    return found


def second_pair() -> None:
    """Interfaces copy and heard, besides near and far."""
    quiet_pair()
    ip("link", "add", "copy", "type", "veth", "peer", "name", "heard")
    for name in ("copy", "heard"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
        ip("link", "set", name, "up")


def mirror(device: str, hook: str, program: bpfq.Program) -> None:
    run(
        "tc", "filter", "add", "dev", device, hook, "pref", "1", "bpf", "bytecode",
        program.export("tc").strip(), "action", "mirred", "egress", "mirror", "dev", "copy",
    )  # fmt: skip


@pytest.fixture(scope="module", params=["ingress", "egress"])
def copies(request: pytest.FixtureRequest) -> tuple[str, dict[str, list[bytes]]]:
    return request.param, in_namespace(lambda: mirrored(request.param))


@pytest.mark.parametrize("text", TEXTS)
def test_mirrored_set_is_the_expected_set(
    copies: tuple[str, dict[str, list[bytes]]], text: str
) -> None:
    hook, found = copies
    see = received if hook == "ingress" else sent
    assert {NAMES.get(data, data.hex()) for data in found[text]} == {
        name for name, frame in FRAMES.items() if FILTERS[text](see(frame))
    }


def leaving_with_tags_beside() -> dict[str, list[bytes]]:
    """Copies of what arrives at far go out of the interface copy, their tags in metadata."""
    second_pair()
    run("tc", "qdisc", "add", "dev", "far", "clsact")
    mirror("far", "ingress", bpfq.compile("", target="tc"))
    sockets = {text: bpfq.open_packet_socket("copy", text) for text in LEAVING}
    return heard(sockets, FRAMES.values())


LEAVING = (*TEXTS, "outbound", "inbound", "outbound and vlan 100", "not inbound or arp")


@pytest.fixture(scope="module")
def leaving() -> dict[str, list[bytes]]:
    return in_namespace(leaving_with_tags_beside)


@pytest.mark.parametrize("text", LEAVING)
def test_outgoing_frame_may_have_its_tag_in_metadata(
    leaving: dict[str, list[bytes]], text: str
) -> None:
    found = {NAMES.get(data, data.hex()) for data in leaving[text]}
    assert found == {
        name
        for name, frame in FRAMES.items()
        if FILTERS[text](replace(received(frame), outgoing=True))
    }


def test_accept_is_the_class_given_to_tc() -> None:
    assert returned(bpfq.compile("ip", target="tc")) == {0, 0xFFFFFFFF}


def test_xt_bpf_accepts_with_one() -> None:
    assert returned(bpfq.compile("tcp port 80", target="xt_bpf")) == {0, 1}


@pytest.mark.parametrize(
    ("text", "family"), [("tcp port 443", 4), ("tcp port 443", 6), ("udp", 4), ("not icmp", 4)]
)
def test_one_family_needs_fewer_instructions(text: str, family: int) -> None:
    assert len(bpfq.compile(text, target="xt_bpf", family=family)) < len(
        bpfq.compile(text, target="xt_bpf")
    )


def test_xt_bpf_takes_64_instructions() -> None:
    largest, refused = None, None
    for count in range(1, 80):
        text = (
            "src host (" + " or ".join(f"10.0.{n * 7 % 251}.{n}" for n in range(1, count + 1)) + ")"
        )
        try:
            largest = len(bpfq.compile(text, target="xt_bpf", family=4))
        except bpfq.LimitError as error:
            refused, *_ = str(error).split("; ")
            break
    assert largest in (63, 64)
    assert refused == f"{largest + 1} instructions, {largest + 1 - 64} more than the 64 of 'xt_bpf'"


def returned(program: bpfq.Program) -> set[int]:
    return {k for code, _, _, k in program if code == 0x06}
