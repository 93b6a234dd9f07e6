"""Sets that change while a program runs: maps that decide as the entries of the moment would."""

from __future__ import annotations

import threading
from ipaddress import ip_address
from typing import Literal, cast

import pytest
from kernel.ebpf.programs import needs_bpf

import bpfq
from bpfq.backends.ebpf import live
from bpfq.ebpf.install import Installed, install
from bpfq.ebpf.simulate import verdict
from bpfq.frontend.pcap.sets import entry
from bpfq.kernel.testrun import run, shortest
from bpfq.meaning.evaluate import evaluate
from bpfq.program.ebpf import EbpfProgram

SETS = {
    "bad": ["192.0.2.0/25", "198.51.100.7", "2001:db8::/33", "2001:db8:ffff::1", "10.0.0.0/8"],
    "ports": [80, "8000-8010"],
    "macs": ["00:00:5e:00:53:01", "00:00:5e:00:53:ff"],
}  # fmt: skip
L2 = [
    "src net @bad", "host @bad", "src and dst net @bad", "ip6 dst net @bad", "arp net @bad",
    "not net @bad", "ip dst net @bad and not src net @bad", "port @ports",
    "udp src and dst port @ports", "src net @bad and dst port @ports",
    "ether src host @macs", "ether host @macs and not dst port @ports",
    "vlan and src net @bad or tcp port @ports", "src net @bad and ip[8] = ip[15] + 57",
    "len > 60 and (host @bad or port @ports or ether dst host @macs)",
]  # fmt: skip
L3 = [text for text in L2 if not any(word in text for word in ("ether", "arp", "vlan", "len"))]
Target = Literal["ebpf:xdp", "ebpf:tc", "ebpf:socket", "ebpf:cgroup_skb", "ebpf:netfilter"]
MACS = (0x5E00_5300, 0x5E00_5301, 0x5E00_53FF)
NEAR = (
    "192.0.2.0", "192.0.2.127", "192.0.2.128", "192.0.1.255", "198.51.100.6", "198.51.100.7",
    "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0",
)  # fmt: skip
NEAR6 = (
    "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::", "2001:db8:ffff::1",
    "2001:db8:ffff::2", "::ffff:198.51.100.7", "::c633:6407", "c633:6407::",
)  # fmt: skip


def frames() -> list[bytes]:
    found = []
    for number, text in enumerate(NEAR + NEAR6):
        near = int(ip_address(text))
        ports = ((79, 80), (8011, 8000), (8010, 7), (80, 81), (8005, 8001))[number % 5]
        mac = MACS[number % 3]
        make, far = (ip4, 0x0A00_0001) if number < len(NEAR) else (ip6, 1)
        for ends in ((near, far), (far, near), (near, near), (3, 4)):
            found.append(make(mac, MACS[number % 2], ends, ports))
        found.append(vlan(found[-4]))
        if number < len(NEAR):
            found.append(arp(mac, near, far))
    return found


def ethernet(source: int, destination: int, ethertype: int) -> bytes:
    return destination.to_bytes(6, "big") + source.to_bytes(6, "big") + ethertype.to_bytes(2, "big")


def ip4(source: int, destination: int, ends: tuple[int, int], ports: tuple[int, int]) -> bytes:
    header = b"\x45\0\0\x30\0\0\0\0\x40\x11\0\0" + b"".join(e.to_bytes(4, "big") for e in ends)
    return ethernet(source, destination, 0x0800) + header + octets(ports) + bytes(24)


def ip6(source: int, destination: int, ends: tuple[int, int], ports: tuple[int, int]) -> bytes:
    header = b"\x60\0\0\0\0\x1c\x06\x40" + b"".join(each.to_bytes(16, "big") for each in ends)
    return ethernet(source, destination, 0x86DD) + header + octets(ports) + bytes(24)


def arp(source: int, sender: int, target: int) -> bytes:
    body = bytes(14) + sender.to_bytes(4, "big") + bytes(6) + target.to_bytes(4, "big")
    return ethernet(source, 0, 0x0806) + body + bytes(18)


def vlan(frame: bytes) -> bytes:
    return frame[:12] + b"\x81\x00\x00\x05" + frame[12:]


def octets(ports: tuple[int, int]) -> bytes:
    return b"".join(port.to_bytes(2, "big") for port in ports)


def compiled(text: str, target: str, sets: object = SETS) -> EbpfProgram:
    action = None if target == "ebpf:socket" else "drop"
    link = "RAW" if target == "ebpf:socket" else "EN10MB"  # a test run begins at the IP header
    return bpfq.compile(
        text, target=cast(Target, target), link=link, sets=cast("dict[str, list[str]]", sets),
        action=action,
    )  # fmt: skip


def ends_in(frame: bytes) -> list[int]:
    """Where the headers, the addresses and the ports of a frame end."""
    start = 18 if frame[12] == 0x81 else 14
    ends = (0, 8, 24, 40, 42) if frame[start - 2] == 0x86 else (0, 12, 16, 20, 22)
    return [start + end for end in ends]


def packets_for(program: EbpfProgram) -> list[bytes]:
    """Those that a test run takes: a tag is in the packet at XDP only."""
    if program.hook == "xdp":
        return frames()
    whole = [each for each in frames() if each[12:14] in (b"\x08\x00", b"\x86\xdd", b"\x08\x06")]
    return [each for each in whole if len(each) >= shortest(program.hook, each)]


def agrees(program: EbpfProgram, plain: bpfq.Program, loaded: Installed, packet: bytes) -> bool:
    at_l3 = program.link in ("RAW", "IPV4", "IPV6")
    seen = packet[14:] if at_l3 else packet
    given = seen if program.hook == "netfilter" else packet
    returned = run(loaded.program, given).verdict & 0xFFFF_FFFF
    return (returned == program.verdicts.accept) == plain.matches(seen)


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize(
    "target, text",
    [("ebpf:xdp", text) for text in L2]
    + [("ebpf:tc", text) for text in L2 if "vlan" not in text]
    + [(f"ebpf:{hook}", text) for hook in ("socket", "cgroup_skb", "netfilter") for text in L3],
)
def test_a_map_decides_as_its_entries_would(target: str, text: str) -> None:
    program = compiled(text, target)
    assert {spec.name for spec in program.module.maps} == {
        name for name in SETS if f"@{name}" in text
    }
    plain = bpfq.compile(text, target="file", link=program.link, sets=SETS)
    packets = packets_for(program)
    assert {plain.matches(p if program.link == "EN10MB" else p[14:]) for p in packets} == {
        True, False
    }  # fmt: skip
    with install(program.module) as loaded:
        wrong = [packet for packet in packets if not agrees(program, plain, loaded, packet)]
    assert not wrong


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("text", L2)
def test_a_packet_that_is_cut_behind_an_address_or_a_port_keeps_the_contract(text: str) -> None:
    program, query = compiled(text, "ebpf:xdp"), bpfq.parse(text, sets=SETS).query
    packets = [frame[:size] for frame in frames() for size in ends_in(frame)]
    with install(program.module) as loaded:
        for packet in packets:
            found = run(loaded.program, packet).verdict == program.verdicts.accept
            least, most = (evaluate(query, packet, reading=r) for r in ("sequential", "total"))
            assert least <= found <= most


@pytest.mark.parametrize("text", L2)
def test_a_packet_that_is_cut_inside_an_ipv6_address_is_as_one_that_ends_in_front_of_it(
    text: str,
) -> None:
    """A trie does not tell that no longer entry begins with what is there of the address."""
    program, query = compiled(text, "ebpf:xdp"), bpfq.parse(text, sets=SETS).query
    for frame in frames()[-5 * len(NEAR6) :: 3]:
        _, source, destination, end, _ = ends_in(frame)
        for size in range(source, end):
            packet = frame[:size]
            least = evaluate(query, frame[: source if size < destination else destination])
            assert least <= program.matches(packet) <= evaluate(query, packet, reading="total")


@pytest.mark.parametrize("text", L2)
def test_the_interpreter_decides_as_the_entries_would(text: str) -> None:
    program, plain = compiled(text, "ebpf:xdp"), bpfq.compile(text, sets=SETS)
    packets = frames()
    assert [program.matches(p) for p in packets] == [plain.matches(p) for p in packets]


@pytest.mark.parametrize("linear", [0, 10, 20, 30])
@pytest.mark.parametrize("hook", ["tc", "cgroup_skb"])
@pytest.mark.parametrize("text", ["src net @bad and dst port @ports", "not dst port @ports"])
def test_bytes_that_lie_elsewhere_are_found(text: str, hook: str, linear: int) -> None:
    program = compiled(text, f"ebpf:{hook}")
    plain = bpfq.compile(text, link=program.link, sets=SETS)
    whole = [each for each in frames() if each[12] != 0x81]
    packets = [each if hook == "tc" else each[14:] for each in whole if each[12:14] != b"\x08\x06"]
    wanted = [plain.matches(packet) for packet in packets]
    assert {*wanted} == {True, False}
    assert wanted == [
        verdict(program.module, packet, {}, linear) == program.verdicts.accept
        for packet in packets
    ]  # fmt: skip


@pytest.mark.root
@needs_bpf
def test_entries_come_and_go() -> None:
    program = compiled("src net @bad", "ebpf:xdp", {"bad": ["10.0.0.0/8"]})
    outside = ip4(0, 0, (0xC000_0201, 1), (1, 2))
    (key,) = live.keys("address", entry("address", "192.0.2.0/24"))
    with install(program.module) as loaded:
        seen = [run(loaded.program, outside).verdict]
        loaded.maps["bad"].update(key, b"\1")
        seen.append(run(loaded.program, outside).verdict)
        loaded.maps["bad"].delete(key)
        seen.append(run(loaded.program, outside).verdict)
    assert seen == [2, 1, 2]  # XDP_PASS, XDP_DROP, XDP_PASS


@pytest.mark.root
@needs_bpf
def test_what_stays_is_found_while_others_come_and_go() -> None:
    program = compiled("src net @bad", "ebpf:xdp", {"bad": ["10.0.0.1"]})
    stays, never = (ip4(0, 0, (source, 1), (1, 2)) for source in (0x0A00_0001, 0x0A00_0002))
    others = [
        key for n in range(3, 200)
        for key in live.keys("address", entry("address", f"10.0.0.{n}"))
    ]  # fmt: skip
    done = threading.Event()
    verdicts: set[tuple[int, int]] = set()
    with install(program.module) as loaded:

        def flood() -> None:
            while not done.is_set():
                pair = (run(loaded.program, frame, repeat=500).verdict for frame in (stays, never))
                verdicts.add(cast("tuple[int, int]", tuple(pair)))

        thread = threading.Thread(target=flood)
        thread.start()
        for _ in range(20):
            loaded.maps["bad"].update_all((key, b"\1") for key in others)
            loaded.maps["bad"].delete_all(others)
        done.set()
        thread.join()
    assert verdicts == {(1, 2)}


def test_keys_and_entries_are_the_same() -> None:
    for kind, texts in (
        ("address", ["0.0.0.0/0", "10.0.0.1", "::/0", "2001:db8::/33", "::1"]),
        ("port", ["0", "65535"]), ("mac", ["00:00:5e:00:53:01"]),
    ):  # fmt: skip
        for text in texts:
            known = entry(kind, text)
            assert [live.entry_of(kind, key) for key in live.keys(kind, known)] == [known]


def test_an_object_file_has_the_entries_compiled_in() -> None:
    program = compiled("src net @bad", "ebpf:xdp")
    plain = program.without_maps
    assert plain.module.maps == ()
    assert [plain.matches(frame) for frame in frames()] == [
        program.matches(frame) for frame in frames()
    ]
