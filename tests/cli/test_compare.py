"""``bpfq test``: the program in the kernel beside the classic one, over a capture file."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from kernel.ebpf.programs import needs_bpf
from kernel.namespaces import in_namespace, needs_root
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils import wrpcap

import bpfq as library
from bpfq.__main__ import main
from bpfq.cli import compare
from bpfq.ebpf.comparing import Comparison
from bpfq.errors import UnsupportedError
from bpfq.program.ebpf import EbpfProgram
from bpfq.record import replace

from .running import Run

HOOKS = ("xdp", "tc", "socket", "cgroup_skb", "netfilter")
NOBODY = 65534
LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def ip(to: str, **fields: int) -> IP:
    return IP(src="192.0.2.1", dst=to, **fields)


FRAMES = [
    LINK / ip("10.0.0.1") / UDP(dport=53),
    LINK / ip("10.0.0.2") / UDP(dport=54) / bytes(400),
    LINK / IPv6(src="::1", dst="::2") / UDP(dport=53),
    LINK / ip("10.0.0.1") / TCP(dport=80, flags="S"),
    LINK / ip("10.0.0.3", frag=5) / bytes(20),
    LINK / ip("10.0.0.1") / ICMP(),
    LINK / ARP(psrc="192.0.2.1", hwsrc="02:00:00:00:00:01"),
    LINK / Dot1Q(vlan=100) / ip("10.0.0.1") / UDP(dport=53),
]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """The frames, one that is too short for most hooks and one that is too long for all."""
    path = str(tmp_path / "f.pcap")
    short = bytes(LINK / ip("10.0.0.1"))[:30]
    long = LINK / ip("10.0.0.1") / UDP(dport=53) / bytes(4000)
    wrpcap(path, [*FRAMES, Ether(short), long])
    return path


class TestInTheKernel:
    pytestmark = [pytest.mark.root, needs_bpf]

    @pytest.mark.parametrize("hook", HOOKS)
    @pytest.mark.parametrize(
        "text", ["udp dst port 53", "host 10.0.0.1", "not tcp", "ip6 or icmp", "len > 300", ""]
    )
    def test_every_packet_gets_the_same_verdict(
        self, bpfq: Run, capture: str, hook: str, text: str
    ) -> None:
        ran = bpfq("test", "--json", text, "-r", capture, "--target", f"ebpf:{hook}")
        found = json.loads(ran.out)
        layer3 = hook in ("cgroup_skb", "netfilter")
        assert (ran.code, found["different"], found["examples"]) == (0, 0, [])
        assert (found["packets"], found["not_at_this_hook"]) == (10, 2 if layer3 else 0)
        short = hook not in ("xdp", "socket")
        assert found["interpreted"] == 1 + short  # the long one, and the short one

    def test_the_result_is_a_sentence_and_notes(self, bpfq: Run, capture: str) -> None:
        ran = bpfq("test", "udp dst port 53", "-r", capture, "--target", "ebpf:cgroup_skb")
        assert ran == (
            0,
            "8 packets compared, 3 matched: the same verdict for all\n",
            "bpfq: note: 2 packets too short or too long for BPF_PROG_TEST_RUN: the interpreter "
            "ran them\n"
            "bpfq: note: 2 packets without an IP header behind the Ethernet one: they never come "
            "to this hook\n",
        )
        assert bpfq("test", "-q", "-c", "3", "arp", "-r", capture, "--target", "ebpf:xdp") == (
            0,
            "3 packets compared, 0 matched: the same verdict for all\n",
            "",
        )

    def test_packets_that_differ_are_shown(
        self, bpfq: Run, capture: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = compare.compiled

        def with_another(options: Namespace, text: str) -> EbpfProgram:
            program = whole(options, text)
            assert isinstance(program, EbpfProgram)
            other = library.compile("arp or icmp", target="ebpf:xdp")
            return replace(program, words=other.words)

        monkeypatch.setattr(compare, "compiled", with_another)
        ran = bpfq("test", "arp or tcp", "-r", capture, "--target", "ebpf:xdp")
        assert (ran.code, ran.out) == (
            1,
            "packet 4     54  TCP 192.0.2.1:20 > 10.0.0.1:80 S\n"
            "  ebpf:xdp accepts, returns 1; classic rejects\n"
            "packet 6     42  ICMP 192.0.2.1 > 10.0.0.1\n"
            "  ebpf:xdp rejects, returns 2; classic accepts\n"
            "10 packets compared, 2 matched: 2 differ\n",
        )
        ran = bpfq("test", "--json", "arp or tcp", "-r", capture, "--target", "ebpf:xdp")
        assert (ran.code, json.loads(ran.out)["examples"]) == (
            1,
            [
                {"packet": 4, "returned": 1, "expected": False},
                {"packet": 6, "returned": 2, "expected": True},
            ],
        )

    def test_raw_ip_is_offered_where_ip_begins(self, bpfq: Run, tmp_path: Path) -> None:
        path = str(tmp_path / "raw.pcap")
        wrpcap(path, [frame[1] for frame in FRAMES[:5]], linktype=101)
        for hook in ("cgroup_skb", "netfilter", "xdp"):
            ran = bpfq("test", "udp dst port 53", "-r", path, "--target", f"ebpf:{hook}")
            assert ran.out == "5 packets compared, 2 matched: the same verdict for all\n"

    def test_frames_that_do_not_say_where_ip_begins_are_refused(
        self, bpfq: Run, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "sll.pcap")
        wrpcap(path, [bytes(60)], linktype=113)
        ran = bpfq("test", "udp", "-r", path, "--target", "ebpf:netfilter")
        assert (ran.code, ran.err) == (
            3,
            "bpfq: packets of DLT_LINUX_SLL cannot be offered to netfilter, only those of "
            "Ethernet or raw IP\n",
        )

    def test_random_numbers_cannot_be_compared(self) -> None:
        program = library.compile(library.rand(0.5), target="ebpf:tc", action="drop")
        with pytest.raises(UnsupportedError) as error:
            Comparison(program.module, program.verdicts, program.words)
        assert str(error.value) == "the filter draws random numbers: no two runs need agree"

    @needs_root
    def test_an_ordinary_user_is_told_what_is_missing(self, capture: str) -> None:
        os.chmod(capture, 0o644)
        octets = Path(capture).read_bytes()

        def scenario() -> tuple[int, str]:
            path = f"/tmp/bpfq-{os.getpid()}.pcap"
            Path(path).write_bytes(octets)
            os.setuid(NOBODY)
            said = StringIO()
            with redirect_stderr(said):
                code = main(("test", "arp", "-r", path, "--target", "ebpf:xdp"))
            return code, said.getvalue()

        code, said = in_namespace(scenario)
        assert code == 4
        assert ": EPERM, it needs CAP_BPF and CAP_NET_ADMIN, this process lacks " in said


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("arp",), 2, "no file: give one with -r, - for standard input"),
        (("arp", "-r", "F"), 2, "test runs an eBPF program beside the classic one: give its hook"),
        (("arp", "-r", "F", "--target", "tc"), 2,
         "test runs an eBPF program beside the classic one: give its hook"),
        (("arp", "-r", "F", "-i", "lo", "--target", "ebpf:tc"), 2,
         "-r reads a file: leave out -i"),
        (("arp", "-r", "F", "-c", "0", "--target", "ebpf:tc"), 2, "-c 0 is not a number of packets"),
        (("arp", "-r", "/nonexistent", "--target", "ebpf:tc"), 2,
         "cannot open /nonexistent: no such file or directory"),
        (("arp", "-r", "F", "--target", "ebpf:tc", "--action", "count"), 2,
         "action 'count' returns the same for every packet: nothing to compare"),
        (("tcp prot 80", "-r", "F", "--target", "ebpf:tc"), 2,
         "unknown word 'prot'; did you mean 'port'?"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_says_what_is_wrong(
    bpfq: Run, capture: str, words: tuple[str, ...], code: int, message: str
) -> None:
    ran = bpfq("test", *(capture if word == "F" else word for word in words))
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.splitlines()[0] == f"bpfq: {message}"
