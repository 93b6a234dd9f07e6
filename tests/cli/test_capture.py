"""``bpfq capture`` on a veth pair in a network namespace of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root, sender, veth_pair
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from bpfq.capture.files import open_capture

from .running import BPFQ, Run, environment

pytestmark = [pytest.mark.root, needs_root, needs_ip]

ETHERNET = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
DNS = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5, dport=53) / ("x" * 40))
OTHER = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5, dport=54))
TAGGED = bytes(
    ETHERNET / Dot1Q(vlan=100, prio=3) / IP(src="10.0.0.3", dst="10.0.0.2") / UDP(dport=53)
)
REQUEST = bytes(ETHERNET / ARP(psrc="10.0.0.1", pdst="10.0.0.2"))


def captured(*words: str, frames: list[bytes], stop: bool = False) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error of a capture while the frames are sent."""
    veth_pair()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it
    child = subprocess.Popen(
        (*BPFQ, "capture", "-i", "far", *words),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert child.stderr is not None
    first = _wait_until_listening(child.stderr)
    with sender("near") as sock:
        for frame in frames:
            sock.send(frame)
    if stop:
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    return child.returncode, out, first + err


def _wait_until_listening(stderr: IO[bytes]) -> bytes:
    return stderr.readline()


def test_each_match_is_a_line_until_the_limit() -> None:
    code, out, err = in_namespace(
        lambda: captured("-c", "2", "udp", "port", "53", frames=[OTHER, DNS, REQUEST, TAGGED, DNS])
    )
    assert code == 0
    lines = [line.split(maxsplit=2)[1:] for line in out.decode().splitlines()]
    assert lines == [
        ["82", "UDP 10.0.0.1:5 > 10.0.0.2:53"],
        ["46", "vlan 100 UDP 10.0.0.3:53 > 10.0.0.2:53"],
    ]
    assert err.decode().splitlines() == [
        "listening on far, EN10MB (Ethernet); Ctrl-C stops",
        "2 packets captured, 3 received by the filter, 0 dropped by the kernel",
    ]


def test_a_link_type_that_the_interface_does_not_deliver_is_refused() -> None:
    def scenario() -> tuple[int, str]:
        veth_pair()
        done = subprocess.run(
            (*BPFQ, "capture", "-i", "far", "-y", "RAW", "-c", "1", "udp"),
            capture_output=True, text=True, env=environment(), timeout=20,
        )  # fmt: skip
        return done.returncode, done.stderr

    assert in_namespace(scenario) == (
        3, "bpfq: the filter is for DLT_RAW, interface 'far' delivers DLT_EN10MB\n"
    )  # fmt: skip


def test_file_holds_the_frames_with_their_tags(tmp_path: Path) -> None:
    file = tmp_path / "out.pcap"
    code, out, _ = in_namespace(
        lambda: captured("-w", str(file), "-c", "2", "udp", frames=[REQUEST, TAGGED, OTHER])
    )
    assert (code, out) == (0, b"")
    with open_capture(str(file)) as capture:
        packets = [block.packet.data for block in capture if block.packet is not None]
    assert packets == [TAGGED, OTHER]


def test_pipe_gets_each_packet_at_once() -> None:
    code, out, _ = in_namespace(
        lambda: captured("-w", "-", "-s", "60", "arp", frames=[OTHER, REQUEST, DNS], stop=True)
    )
    assert code == 130
    assert (len(out), out[-42:]) == (24 + 16 + 42, REQUEST)


def test_snaplen_cuts_and_keeps_the_length() -> None:
    _, out, _ = in_namespace(lambda: captured("-w", "-", "-s", "20", "-c", "1", frames=[DNS]))
    assert out[24 + 8 : 24 + 16] == (20).to_bytes(4, "little") + (82).to_bytes(4, "little")
    assert out[40:] == DNS[:20]


def test_interrupt_prints_totals() -> None:
    code, out, err = in_namespace(lambda: captured("arp", frames=[OTHER, REQUEST], stop=True))
    assert code == 130
    assert out.decode().endswith("ARP who-has 10.0.0.2 tell 10.0.0.1\n")
    assert err.decode().splitlines()[1:] == [
        "1 packet captured, 1 received by the filter, 0 dropped by the kernel"
    ]


def test_vlan_filter_sees_the_tag_that_the_kernel_took_out() -> None:
    code, out, _ = in_namespace(
        lambda: captured("-c", "1", "vlan 100 and udp", frames=[OTHER, TAGGED])
    )
    assert (code, b"vlan 100 UDP" in out) == (0, True)


def test_interface_that_is_down_is_the_systems_refusal() -> None:
    def scenario() -> tuple[int, str]:
        ran = subprocess.run(
            (*BPFQ, "capture", "-i", "lo", "ip"),
            capture_output=True, text=True, env=environment(), check=False,
        )  # fmt: skip
        return ran.returncode, ran.stderr

    assert in_namespace(scenario) == (
        4, "bpfq: interface 'lo' is down\n  try:  ip link set lo up\n"
    )  # fmt: skip


def test_no_privilege_says_which_is_needed() -> None:
    ran = subprocess.run(
        ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", *BPFQ, "capture",
         "-i", "lo", "ip"),
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert ran.returncode == 4
    assert ran.stderr.startswith(
        "bpfq: opening a packet socket needs the capability CAP_NET_RAW\n  try:  sudo"
    )


@pytest.mark.parametrize("words", [("-c", "0"), ("--target", "raw4")])
def test_what_capture_cannot_do_is_refused(bpfq: Run, words: tuple[str, ...]) -> None:
    assert bpfq("capture", "-i", "lo", *words, "ip").code == 2


def test_all_interfaces_are_named_and_have_a_way() -> None:
    """An untagged frame, as the interfaces have it: near sends it, far receives it."""

    def scenario() -> list[list[str]]:
        code, out, err = captured("-i", "any", "-c", "2", "udp port 53", frames=[OTHER, DNS])
        assert (code, err.splitlines()[0]) == (
            0, b"listening on any, LINUX_SLL2 (Linux cooked v2); Ctrl-C stops"
        )  # fmt: skip
        return sorted(line.split()[1:] for line in out.decode().splitlines())

    assert in_namespace(scenario) == [
        ["88", "far", "in", "UDP", "10.0.0.1:5", ">", "10.0.0.2:53"],
        ["88", "near", "out", "UDP", "10.0.0.1:5", ">", "10.0.0.2:53"],
    ]


def test_a_file_of_all_interfaces_is_read_back(tmp_path: Path) -> None:
    """A frame that is sent with a tag among its octets is no UDP for a filter without `vlan`."""
    file = str(tmp_path / "any.pcap")
    in_namespace(lambda: captured("-i", "any", "-w", file, "-c", "3", "udp", frames=[DNS, TAGGED]))
    with open_capture(file) as capture:
        assert capture.link_type == 276  # DLT_LINUX_SLL2
        packets = [block.packet.data for block in capture if block.packet is not None]
    assert sorted(packet[20:24].hex() for packet in packets) == [
        DNS[14:18].hex(), DNS[14:18].hex(), TAGGED[14:18].hex()
    ]  # fmt: skip


def test_json_of_all_interfaces_names_them() -> None:
    def scenario() -> list[dict[str, object]]:
        _, out, _ = captured("-i", "any", "--json", "-c", "2", "udp port 53", frames=[DNS])
        return [json.loads(line) for line in out.splitlines()]

    found = in_namespace(scenario)
    assert {(one["interface"], one["direction"]) for one in found} == {
        ("near", "out"),
        ("far", "in"),
    }


def test_the_program_for_all_interfaces_is_printed(bpfq: Run) -> None:
    wanted = bpfq("-d", "--target", "packet-cooked", "vlan 5 and udp")
    assert bpfq("-d", "-i", "any", "vlan 5 and udp") == wanted


@pytest.mark.parametrize("words, mode", [((), 1), (("-p",), 0)], ids=("as it is", "-p"))
def test_promiscuous_mode_can_be_switched_off(words: tuple[str, ...], mode: int) -> None:
    def scenario() -> int:
        veth_pair()
        child = subprocess.Popen(
            (*BPFQ, "capture", "-i", "far", *words, "arp"),
            stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert child.stderr is not None
        _wait_until_listening(child.stderr)
        shown = subprocess.run(
            ("ip", "-d", "link", "show", "far"), check=True, capture_output=True, text=True
        ).stdout
        child.kill()
        child.communicate()
        return int(shown.split("promiscuity ")[1].split()[0])

    assert in_namespace(scenario) == mode


def test_an_interface_that_goes_down_ends_it_with_totals() -> None:
    def scenario() -> tuple[int, str]:
        veth_pair()
        child = subprocess.Popen(
            (*BPFQ, "capture", "-i", "far", "-B", "100", "arp"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert child.stderr is not None
        _wait_until_listening(child.stderr)
        with sender("near") as sock:
            sock.send(REQUEST)
        time.sleep(0.3)
        ip("link", "set", "far", "down")
        _, err = child.communicate(timeout=20)
        return child.returncode, err.decode()

    assert in_namespace(scenario) == (
        4,
        "1 packet captured, 1 received by the filter, 0 dropped by the kernel\n"
        "bpfq: interface 'far' went down\n  try:  ip link set far up\n",
    )


def test_a_program_is_attached_as_it_is(tmp_path: Path) -> None:
    """It keeps 20 bytes, which no filter says."""
    file = tmp_path / "program"
    file.write_text("4,40 0 0 12,21 0 1 2054,6 0 0 20,6 0 0 0")
    _, out, _ = in_namespace(
        lambda: captured("--program", str(file), "-w", "-", "-c", "1", frames=[OTHER, REQUEST])
    )
    assert out[24 + 16 :] == REQUEST[:20]
