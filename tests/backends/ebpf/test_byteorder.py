"""Programs for machines with the byte order of packets decide the same."""

from __future__ import annotations

import pytest

import bpfq

UDP = bytes.fromhex(
    "ffffffffffff00112233445508004500002a0001000040110000"
    "0a0000010a00000212340035001600000000000000000000"
)
TCP6 = bytes.fromhex(
    "ffffffffffff00112233445586dd60000000001406ff"
    "20010db8000000000000000000000001" "20010db8000000000000000000000002"
    "1234005000000000000000005002ffff00000000"
)  # fmt: skip
PACKETS = (UDP, TCP6, UDP[:30], UDP.replace(b"\x00\x35", b"\x00\x50"), bytes(60))
HOSTS = " or ".join(f"10.{n}.0.{n}" for n in range(256))
PORTS = " or ".join(str(n) for n in range(53, 9000, 91))
FILTERS = [
    "udp dst port 53",
    "tcp portrange 70-90 or udp portrange 50-60",
    "net 10.0.0.0/9 and ip[2:2] > 40",
    "ether[12:2] > 0x0800",
    "ip6 host 2001:db8::1",
    "vlan 100 and udp",
    "len < 60 and ip[26:4] & 0xff00 = 0",
    "ether[1:4] = 0xffffffff",
    "ip6 protochain 6",
]
ROWS = [
    *((text, target) for text in FILTERS for target in ("ebpf:xdp", "ebpf:tc", "ebpf:socket")),
    ("udp dst port 53", "ebpf:cgroup_skb"),
    ("ip[2:2] > 40 and ip[15:4] != 0", "ebpf:cgroup_skb"),
    (f"src host (10.0.0.1 or {HOSTS})", "ebpf:xdp"),
    (f"udp dst port ({PORTS})", "ebpf:xdp"),
]


@pytest.mark.parametrize(("text", "target"), ROWS, ids=lambda text: str(text)[:30])
def test_both_byte_orders_decide_the_same(text: str, target: str) -> None:
    start = 14 if target == "ebpf:cgroup_skb" else 0
    big = bpfq.compile(text, target=target, byteorder="big")
    little = bpfq.compile(text, target=target)
    for packet in PACKETS:
        for metadata in ({}, {"vlanp": 1, "vlan_tci": 100, "vlan_tpid": 0x8100}):
            found = [each.matches(packet[start:], metadata=metadata) for each in (big, little)]
            assert found[0] is found[1]


def test_a_program_that_counts_is_made_for_a_byte_order() -> None:
    filters = {"dns": "udp dst port 53", "web": "tcp port 80"}
    big = bpfq.count_program(filters, target="ebpf:xdp", byteorder="big")
    little = bpfq.count_program(filters, target="ebpf:xdp")
    assert len(big) == len(little) and list(big) != list(little)
    assert "0x35" in str(big) and "0x3500" in str(little)


def test_the_other_byte_order_needs_no_swap() -> None:
    big = bpfq.compile("tcp portrange 70-90", target="ebpf:xdp", byteorder="big")
    little = bpfq.compile("tcp portrange 70-90", target="ebpf:xdp")
    assert "be16" in str(little) and "be16" not in str(big)
    assert "0x800" in str(big) and "0x800 " not in str(little).split("->")[0]


def test_an_unknown_byte_order_is_refused() -> None:
    with pytest.raises(bpfq.FilterError, match="^byteorder 'middle' is not little or big$"):
        bpfq.compile("ip", target="ebpf:xdp", byteorder="middle")  # type: ignore[call-overload]
