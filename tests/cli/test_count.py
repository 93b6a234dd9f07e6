"""``bpfq count`` on a veth pair in a network namespace of its own, and on capture files."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kernel.ebpf.programs import TCX_DROP, in_the_end, needs_bpf, returns
from kernel.ebpf.traffic import datagram
from kernel.namespaces import T, in_namespace, ip, needs_ip, needs_root, sender, veth_pair
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils import PcapWriter

from bpfq.kernel.attach import attach_tc
from bpfq.kernel.links import link_with_id
from bpfq.kernel.programs import load

from .running import BPFQ, ROOT, Run, environment, process

DNS, NTP, OTHER = (datagram(port, bytes(port)) for port in (53, 123, 99))
FILTERS = ("dns=udp port 53", "ntp=udp port 123", "all=*")
WITHOUT_RICH = (
    *(sys.executable, "-c"),
    "import sys; sys.modules['rich'] = None; from bpfq.__main__ import main; main()",
)


def kernel(test: Callable[..., None]) -> Callable[..., None]:
    """A test with root, a namespace and eBPF."""
    for mark in (pytest.mark.root, needs_root, needs_ip, needs_bpf):
        test = mark(test)
    return test


@contextmanager
def counting(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command at work on the interface far; its standard output is read by the caller."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it
    child = subprocess.Popen(
        (*BPFQ, "count", "-i", "far", "--interval", "50ms", *words),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
    )  # fmt: skip
    assert child.stderr is not None
    try:
        said = child.stderr.readline()
        assert said.startswith("counting at "), said + child.stderr.read()
        yield child
    finally:
        child.kill()
        child.communicate()


def send(frames: list[bytes], interface: str = "near") -> None:
    with sender(interface) as sock:
        for frame in frames:
            sock.send(frame)


def read_until(child: subprocess.Popen[str], packets: int, name: str = "all") -> None:
    """Read reports until the filter has counted so many."""
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["filters"][name]["packets"] >= packets:
            return


def finish(child: subprocess.Popen[str], number: signal.Signals) -> tuple[int, dict[str, Any]]:
    """Exit code after the signal, and the last line."""
    child.send_signal(number)
    out, _ = child.communicate(timeout=20)
    return child.returncode, json.loads(out.splitlines()[-1])


def packets_and_bytes(line: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {name: (row["packets"], row["bytes"]) for name, row in line["filters"].items()}


def expected(dns: int, ntp: int, other: int) -> dict[str, tuple[int, int]]:
    sizes = dns * len(DNS), ntp * len(NTP), other * len(OTHER)
    return {"dns": (dns, sizes[0]), "ntp": (ntp, sizes[1]), "all": (dns + ntp + other, sum(sizes))}


def with_network(scenario: Callable[[], T]) -> T:
    def prepared() -> T:
        veth_pair()
        return scenario()

    return in_namespace(prepared)


def links_of(child: subprocess.Popen[str]) -> list[int]:
    """The ids of the links that a process holds."""
    found = []
    for name in os.listdir(f"/proc/{child.pid}/fdinfo"):
        told = Path(f"/proc/{child.pid}/fdinfo/{name}").read_text()
        found += [int(line.split()[1]) for line in told.splitlines() if line.startswith("link_id:")]
    return found


def are_gone(ids: list[int]) -> bool:
    """Whether the links come to be no more."""
    return in_the_end(lambda: not any(map(exists, ids)))


def exists(number: int) -> bool:
    link = link_with_id(number)
    if link is not None:
        link.close()
    return link is not None


@kernel
@pytest.mark.parametrize(
    ("words", "counted"),
    [
        ((), expected(30, 20, 10)),
        (("--direction", "ingress"), expected(30, 20, 10)),
        (("--direction", "egress"), expected(3, 2, 1)),
        (("--direction", "both"), expected(33, 22, 11)),
        (("--hook", "xdp"), expected(30, 20, 10)),
    ],
)
def test_every_packet_is_counted_once(
    words: tuple[str, ...], counted: dict[str, tuple[int, int]]
) -> None:
    def scenario() -> tuple[int, dict[str, Any]]:
        with counting(*words, *FILTERS) as child:
            send([DNS] * 3 + [NTP] * 2 + [OTHER], "far")
            send([DNS] * 30 + [NTP] * 20 + [OTHER] * 10, "near")
            read_until(child, counted["all"][0])
            return finish(child, signal.SIGINT)

    code, last = with_network(scenario)
    assert (code, last["type"], last["source"]) == (130, "total", "far")
    assert packets_and_bytes(last) == counted


@kernel
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_prints_totals_and_detaches(number: signal.Signals, code: int) -> None:
    def scenario() -> tuple[int, int, dict[str, Any], bool]:
        with counting("--direction", "both", *FILTERS) as child:
            links = links_of(child)
            send([DNS])
            read_until(child, 1)
            return len(links), *finish(child, number), are_gone(links)

    links, ended, last, gone = with_network(scenario)
    assert (links, ended, gone) == (2, code, True)
    assert packets_and_bytes(last)["dns"] == (1, len(DNS))


@kernel
def test_nothing_stays_of_a_process_that_is_killed() -> None:
    def scenario() -> tuple[int, bool]:
        with counting(*FILTERS) as child:
            links = links_of(child)
            child.kill()
            child.wait()
            return len(links), are_gone(links)

    assert with_network(scenario) == (1, True)


@kernel
def test_packets_that_another_program_drops_are_counted() -> None:
    def scenario() -> dict[str, Any]:
        with load(returns(TCX_DROP), "tc") as program, attach_tc(program, "far", "ingress"):
            with counting(*FILTERS) as child:
                send([DNS] * 5)
                read_until(child, 5)
                return finish(child, signal.SIGINT)[1]

    assert packets_and_bytes(with_network(scenario)) == expected(5, 0, 0)


@kernel
def test_it_ends_after_its_time_and_reports_each_interval() -> None:
    def scenario() -> tuple[int, list[dict[str, Any]]]:
        veth = ("--interval", "100ms", "--for", "300ms", "-q", "udp port 53")
        ran = subprocess.run(
            (*BPFQ, "count", "-i", "far", *veth),
            capture_output=True, text=True, env=environment(), check=False,
        )  # fmt: skip
        assert ran.stderr == ""
        return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]

    code, lines = with_network(scenario)
    assert code == 0
    assert [line["type"] for line in lines[-2:]] == ["interval", "total"]
    assert 0.3 <= lines[-1]["elapsed"] == lines[-1]["seconds"]
    assert list(lines[0]["filters"]) == ["udp port 53"]


@kernel
def test_an_interface_that_goes_ends_it_with_totals() -> None:
    def scenario() -> tuple[int, list[str], str]:
        with counting("--interval", "1h", *FILTERS) as child:
            send([DNS])
            ip("link", "delete", "far")  # long before the next report
            out, err = child.communicate(timeout=20)
            return child.returncode, out.splitlines(), err

    code, lines, err = with_network(scenario)
    assert (code, err) == (
        4, "bpfq: detached by another process, or interface 'far' is gone\n"
    )  # fmt: skip
    assert packets_and_bytes(json.loads(lines[-1]))["dns"] == (1, len(DNS))


# ---------------------------------------------------------------- terminals


def on_terminal(*command: str, keys: bytes, when: bytes, **variables: str) -> tuple[int, str, bool]:
    """Exit code, what a terminal shows, and whether its settings are as before.

    keys are typed when the terminal shows something, and again every few seconds.
    """
    near, far = pty.openpty()
    before = termios.tcgetattr(far)

    def take() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background ignores it
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # it becomes the terminal of the session

    child = subprocess.Popen(
        command, stdin=far, stdout=far, stderr=far, preexec_fn=take,
        env=environment(**{"TERM": "xterm", "LANG": "C.UTF-8", "PYTHONUTF8": "1", **variables}),
    )  # fmt: skip
    shown, typed = b"", 0.0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([near], [], [], 0.05)
        if ready:
            shown += os.read(near, 65536)
        elif child.poll() is not None:
            break
        if when in shown and time.monotonic() > typed + 5:
            os.write(near, keys)
            typed = time.monotonic()
    child.kill()
    code = child.wait()
    same = termios.tcgetattr(far) == before
    os.close(near)
    os.close(far)
    return code, shown.decode().replace("\r\n", "\n"), same


@kernel
@pytest.mark.parametrize(("keys", "code"), [(b"q", 0), (b"xQ", 0), (b"\x03", 130)])
def test_a_terminal_has_a_live_table_until_a_key(keys: bytes, code: int) -> None:
    pytest.importorskip("rich")
    words = ("count", "-i", "far", "--interval", "50ms", *FILTERS)
    ended, shown, same = with_network(
        lambda: on_terminal(*BPFQ, *words, keys=keys, when="▁▁".encode())
    )
    assert (ended, same) == (code, True)
    assert "tc ingress on far: 3 filters" in shown
    totals = shown.splitlines()[-4:]
    assert totals[0].endswith(" packets  bytes  packets/s  bits/s")
    assert [line.split()[:3] for line in totals[1:]] == [
        [n, "0", "0"] for n in ("dns", "ntp", "all")
    ]


@kernel
def test_the_documentation_shows_what_it_draws() -> None:
    pytest.importorskip("rich")
    page = (ROOT / "docs/hooks.md").read_text()
    block = re.search(r"```text\n\$ bpfq (count .*)\n((?:.*\n)*?)```", page)
    assert block is not None
    command, drawn = shlex.split(block[1]), block[2].splitlines()

    def scenario() -> str:
        ip("link", "set", "far", "down")
        ip("link", "set", "far", "name", "eth0", "up")
        send([DNS])
        words = (*command, "--interval", "50ms")
        return on_terminal(*BPFQ, *words, keys=b"q", when="▁▁".encode())[1]

    shown = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", with_network(scenario))
    number = re.compile("[0-9:]+")  # elapsed time, and instructions, which may become fewer
    assert number.sub("1", drawn[0]) in number.sub("1", shown)
    heads = {tuple(line.split()) for line in shown.splitlines()}
    assert tuple(drawn[1].split()) in heads
    assert [line.split()[0] for line in drawn[2:]] == ["dns", "syn", "all"]


@kernel
@pytest.mark.parametrize(
    ("command", "variables", "hint"),
    [(WITHOUT_RICH, {}, True), (BPFQ, {"TERM": "dumb"}, False)],
    ids=["without rich", "dumb"],
)
def test_other_terminals_have_a_line_an_interval(
    command: tuple[str, ...], variables: dict[str, str], hint: bool
) -> None:
    words = ("count", "-i", "far", "--interval", "50ms", *FILTERS)
    ended, shown, same = with_network(
        lambda: on_terminal(*command, *words, keys=b"q", when=b"pkt/s", **variables)
    )
    assert (ended, same) == (0, True)
    assert ("pip install 'bpfq[live]'" in shown) == hint
    lines = shown.splitlines()
    head = next(
        number for number, line in enumerate(lines) if line.split() == ["dns", "ntp", "all"]
    )
    assert lines[head + 1].split() == ["pkt/s", "bit/s"] * 3
    assert re.fullmatch("[0-9:]{8}" + " +0" * 6, lines[head + 2])
    assert lines[-1].split() == ["all", "0", "0", "0", "0"]


# ---------------------------------------------------------------- refusals


def test_a_wrong_filter_is_named(bpfq: Run) -> None:
    ran = bpfq("count", "-i", "lo", "web=tcp port 80", "dns=udp prot 53")
    assert ran == (
        2,
        "",
        "bpfq: filter 'dns': unknown word 'prot'; did you mean 'port'?\n"
        "  udp prot 53\n"
        "      ^^^^\n"
        "  try:  udp port 53\n",
    )


def test_words_without_a_name_beside_others(bpfq: Run) -> None:
    ran = bpfq("count", "-i", "lo", "dns=udp", "port", "53")
    assert ran == (
        2,
        "",
        "bpfq: 'port' has no name beside 'dns=udp'\n"
        "  try:  'dns=udp port 53'    one filter: quote its words\n"
        "        NAME=port    another filter\n",
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-i", "nothere", "udp"), 4, "no interface 'nothere'; there are "),
        (("-i", "lo", "a=udp", "a=tcp"), 2, "two filters are called 'a'"),
        (("udp",), 2, "no interface: give one with -i, or a capture file with -r"),
        (("-i", "lo", "--interval", "0", "udp"), 2, "--interval 0 is no time; write it as 500ms"),
        (("-i", "lo", "--interval", "1ms", "udp"), 2, "--interval 1ms is less than 0.01s"),
        (("-i", "lo", "-n", "x", "udp"), 2, "--for x is no time; write it as 500ms"),
        (("-i", "lo", "--hook", "cgroup", "udp"), 2, "--hook is one of tc, xdp, not 'cgroup'"),
        (("-i", "lo", "--direction", "in"), 2, "--direction is one of ingress, egress, both, not"),
        (("-i", "lo", "--hook", "xdp", "--direction", "both"), 2, "XDP sees only what comes in: "),
        (("-i", "lo", "--target", "packet"), 2, "--hook tc is target 'ebpf:tc', not 'packet'"),
        (("-i", "lo", "--action", "drop"), 2, "every packet passes: leave out --action drop"),
        (("-r", "x.pcap", "-i", "lo"), 2, "-r reads a file, which is a target of its own"),
        (("-r", "x.pcap", "--for", "1s"), 2, "--for is for live traffic: leave it out with -r"),
    ],
)
def test_what_it_refuses(bpfq: Run, words: tuple[str, ...], code: int, message: str) -> None:
    ran = bpfq("count", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"bpfq: {message}")


@kernel
def test_no_privilege_says_which_is_needed() -> None:
    ran = subprocess.run(
        ("setpriv", "--bounding-set=-all", "--inh-caps=-all", *BPFQ, "count", "-i", "lo", "udp"),
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.startswith("bpfq: the kernel refused ")
    assert "CAP_BPF" in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[1].startswith("  try:  sudo")


# ---------------------------------------------------------------- capture files


@pytest.fixture
def capture(tmp_path: Path) -> str:
    ethernet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    packets = [
        ethernet / IP() / UDP(dport=53) / b"query",
        ethernet / IP() / UDP(sport=53) / b"answer",
        ethernet / IP() / TCP(dport=443),
        ethernet / Dot1Q(vlan=7) / IP() / UDP(dport=53),
        ethernet / ARP(),
    ]
    path = tmp_path / "packets.pcap"
    with PcapWriter(str(path), linktype=1) as writer:
        for packet in packets:
            writer.write(packet)
    return str(path)


def test_a_capture_file_has_totals_only(bpfq: Run, capture: str) -> None:
    ran = bpfq("count", "-r", capture, "dns=udp port 53", "arp=arp", "none=icmp", "rest=*")
    nothing = {"packets_per_second": None, "bits_per_second": None}
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "type": "total",
        "source": capture,
        "elapsed": None,
        "seconds": None,
        "filters": {
            "dns": {"packets": 2, "bytes": 95, **nothing},
            "arp": {"packets": 1, "bytes": 42, **nothing},
            "none": {"packets": 0, "bytes": 0, **nothing},
            "rest": {"packets": 5, "bytes": 237, **nothing},
        },
    }


def test_options_of_filters_hold_for_all(bpfq: Run, capture: str) -> None:
    ran = bpfq("count", "-r", capture, "--through", "vlan", "dns=udp port 53", "all=")
    assert packets_and_bytes(json.loads(ran.out)) == {"dns": (3, 141), "all": (5, 237)}


def test_one_filter_is_called_what_it_says(bpfq: Run, capture: str) -> None:
    assert list(json.loads(bpfq("count", "-r", capture, "udp", "port", "53").out)["filters"]) == [
        "udp port 53"
    ]
    assert list(json.loads(bpfq("count", "-r", capture).out)["filters"]) == ["all"]


def test_a_terminal_has_a_table_of_a_file(capture: str) -> None:
    code, shown, same = on_terminal(
        *BPFQ, "count", "-r", capture, "dns=udp port 53", "all=*", keys=b"", when=b"all"
    )
    assert (code, same) == (0, True)
    assert shown == (
        "     packets  bytes\n"
        "dns        2     95\n"
        "all        5    237\n"
    )  # fmt: skip


def test_a_file_needs_no_privilege_and_not_the_kernel(capture: str) -> None:
    program = (
        "import sys; from bpfq.__main__ import main; "
        f"code = main(['count', '-r', {capture!r}, 'dns=udp port 53']); "
        "print(code, *sorted({'ctypes', 'rich', 'bpfq.ebpf', 'bpfq.kernel.bpf'} & {*sys.modules}))"
    )
    ran = subprocess.run(
        (*as_nobody(), sys.executable, "-c", program),
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert ran.stdout.splitlines()[1:] == ["0"], ran.stderr


def as_nobody() -> tuple[str, ...]:
    """What takes away the privileges of root, where the test has them."""
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def test_a_damaged_file_is_counted_up_to_there(capture: str) -> None:
    octets = Path(capture).read_bytes()[:-10]
    ran = process("count", "-r", "-", "dns=udp port 53", "all=*", stdin=octets)
    assert packets_and_bytes(json.loads(ran.stdout)) == {"dns": (2, 95), "all": (4, 195)}
    assert (ran.returncode, ran.stderr.startswith(b"bpfq: ")) == (2, True)


def test_a_wrong_filter_of_a_file_is_named(bpfq: Run, capture: str) -> None:
    ran = bpfq("count", "-r", capture, "a=arp", "b=udp prot 53")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("bpfq: filter 'b': unknown word 'prot'; did you mean 'port'?\n")


def test_help_has_the_schema(bpfq: Run) -> None:
    ran = bpfq("count", "--help")
    assert ran.code == 0
    for key in ("type", "source", "elapsed", "seconds", "filters", "packets_per_second"):
        assert f'"{key}":' in ran.out
