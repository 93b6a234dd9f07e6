"""What scapy does in a process without libpcap and tcpdump; every scenario returns plain values.

Some run in a network namespace with the interfaces near and far.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import scapy.all as s
from live.frames import FRAMES
from live.network import deliver, is_sentinel, packet_socket
from scapy.arch import linux
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6

import bpfq
import bpfq.scapy
from bpfq.kernel.sockets import read_filter

from .filters import KINDS, SENTINEL_TYPE

PATIENCE = 20  # seconds; only what is broken waits that long
ENDS = ("near", "far")
EXCEPTED = "greater 100"  # for conf.except_filter; means the same wherever it stands


def refusals(path: str) -> list[str]:
    """What scapy says by itself here, with no bpfq."""
    return [
        _message(lambda: s.sniff(iface="lo", filter="udp", timeout=1)),
        _message(lambda: s.sniff(offline=path, filter="udp", quiet=True)),
    ]


def _message(action: Callable[[], object]) -> str:
    try:
        action()
    except Exception as error:  # noqa: BLE001 (whatever it is, the test compares it)
        return str(error)
    return "nothing"


# ---------------------------------------------------------------- sniffing


def _with_sentinel(filter: Any) -> Any:
    """The filter, or the sentinel; in text it stands first, where no word shifts it."""
    if isinstance(filter, str):
        return f"ether proto {SENTINEL_TYPE} or ({filter})"
    if isinstance(filter, bpfq.Program):
        sentinel = bpfq.proto(SENTINEL_TYPE, "link")
        return bpfq.compile(
            sentinel | bpfq.Cond(filter.query), target=filter.target, link=filter.link
        )
    return bpfq.proto(SENTINEL_TYPE, "link") | filter


class Sniffer:
    """An AsyncSniffer that has started when it is made, and ends with the sentinel."""

    def __init__(self, **options: Any) -> None:
        started = threading.Event()
        self.sniffer = s.AsyncSniffer(
            started_callback=started.set,
            stop_filter=lambda packet: is_sentinel(packet.original),
            **options,
        )
        self.sniffer.start()
        assert started.wait(PATIENCE)

    def names(self) -> list[str]:
        self.sniffer.join(PATIENCE)
        packets = [each.original for each in self.sniffer.results]
        known = {frame: name for name, frame in FRAMES.items()}
        return sorted(known.get(p, p.hex()) for p in packets if not is_sentinel(p))


def received() -> list[tuple[str, str, str, list[str]]]:
    """(kind, filter, end, frames that were heard) of every filter at both ends."""
    with bpfq.scapy.use():
        sniffers = {
            (kind, text, end): Sniffer(iface=end, filter=_with_sentinel(filter))
            for kind, filters in KINDS.items()
            for text, filter in filters.items()
            for end in ENDS
        }
        deliver(FRAMES.values())
        return [(*key, sniffer.names()) for key, sniffer in sniffers.items()]


def other_ways() -> dict[str, list[str]]:
    """Frames heard of "vlan 100 and udp" by every other way to say it."""
    text = _with_sentinel("vlan 100 and udp")
    own = {"iface": "far", "filter": text, "L2socket": bpfq.scapy.L2ListenSocket}
    with bpfq.scapy.use(patch=True):
        sniffers = {
            "L2socket=, bpfq": Sniffer(**own),
            "L2socket=, scapy": Sniffer(**own | {"L2socket": linux.L2ListenSocket}),
            "several interfaces": Sniffer(iface=["far"], filter=text),
            "opened": Sniffer(opened_socket=s.conf.L2listen(iface="far", filter=text)),
        }
        s.conf.except_filter = EXCEPTED
        sniffers["except_filter"] = Sniffer(iface="far", filter=text)
        sniffers["except_filter, node"] = Sniffer(
            iface="far", filter=_with_sentinel(bpfq.vlan(100) / bpfq.udp)
        )
        sniffers["except_filter alone"] = Sniffer(iface="far")
        s.conf.except_filter = ""
    sniffers["L2socket= without use()"] = Sniffer(**own)
    with bpfq.scapy.use():
        sniffers["lfilter"] = Sniffer(iface="far", lfilter=bpfq.parse(text))
    sniffers["lfilter without use()"] = Sniffer(iface="far", lfilter=bpfq.parse(text).matches)
    sniffers["program as lfilter"] = Sniffer(iface="far", lfilter=bpfq.compile(text))
    deliver(FRAMES.values())
    return {name: sniffer.names() for name, sniffer in sniffers.items()}


# ---------------------------------------------------------------- sending and receiving

HERE, THERE = "10.9.0.1", "10.9.0.2"


@contextmanager
def _answering() -> Iterator[None]:
    """Somebody at far, who answers a ping with something else first."""

    def answer() -> None:
        with packet_socket("far") as sock:
            sock.settimeout(PATIENCE)
            while True:
                heard = s.Ether(sock.recv(65536))
                if heard.type == 0x9000:
                    return
                if s.ICMP in heard and heard[s.ICMP].type == 8:
                    _answer(heard, sock)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        with packet_socket("near") as sock:
            sock.send(b"\xff" * 12 + b"\x90\x00" + bytes(46))
        thread.join()


def _answer(asked: Any, sock: socket.socket) -> None:
    back = s.Ether(src=asked.dst, dst=asked.src) / s.IP(src=asked[s.IP].dst, dst=asked[s.IP].src)
    ping = asked[s.ICMP]
    for answer in (
        s.ICMP(type=3, code=3) / bytes(asked[s.IP]),
        s.ICMP(type=0, id=ping.id, seq=ping.seq),
    ):
        sock.send(bytes(back / answer))


def answers() -> dict[str, str]:
    """What sr1, srp1 and their kind receive behind filters; the first answer is an error."""
    s.conf.ifaces.reload()
    s.conf.route.resync()
    s.conf.netcache.arp_cache[THERE] = "02:00:00:00:00:02"
    ping = s.IP(dst=THERE) / s.ICMP(id=7, seq=1)
    framed = s.Ether(dst="02:00:00:00:00:02") / ping
    wait: dict[str, Any] = {"timeout": PATIENCE, "verbose": 0}
    short: dict[str, Any] = {"timeout": 0.3, "verbose": 0}
    reply = "icmp[icmptype] = icmp-echoreply"
    made = {}
    with bpfq.scapy.use(), _answering():
        made["sr1"] = s.sr1(ping, filter=reply, **wait)
        made["sr1, node"] = s.sr1(ping, filter=bpfq.icmp[0] == 0, **wait)
        made["sr1, no filter"] = s.sr1(ping, **wait)
        made["sr1, other"] = s.sr1(ping, filter="udp", **short)
        made["srp1"] = s.srp1(framed, iface="near", filter=reply, **wait)
        made["srp1, other"] = s.srp1(framed, iface="near", filter="arp", **short)
        made["srp"] = s.srp([framed] * 2, iface="near", filter=reply, **wait)[0][1][1]
    return {name: "nothing" if p is None else p.summary() for name, p in made.items()}


def routed_elsewhere() -> dict[str, list[list[int]]]:
    """The program of the socket that a socket opens for packets that leave by another interface."""
    s.conf.ifaces.reload()
    s.conf.route.resync()
    options: dict[str, dict[str, Any]] = {
        "text": {"filter": "udp port 53"},
        "node": {"filter": bpfq.parse("udp port 53")},
        "nofilter": {"filter": "udp port 53", "nofilter": 1},
    }
    programs = {}
    with bpfq.scapy.use():
        for name, chosen in options.items():
            with s.conf.L3socket(iface="near", **chosen) as sock:
                sock.send(s.IP(dst="127.0.0.1") / s.UDP(dport=9))
                other = sock.send_socks["lo"]
                programs[name] = [list(word) for word in read_filter(other.ins)]
            assert isinstance(other, bpfq.scapy.L3Socket) and other.closed
    return programs


def loopback() -> dict[str, Any]:
    """What raw sockets hear on lo, where scapy ignores their filter."""
    s.conf.ifaces.reload()
    s.conf.route.resync()
    s.conf.route6.resync()
    found: dict[str, Any] = {"stock": _ports(s.L3RawSocket)}
    wait: dict[str, Any] = {"timeout": PATIENCE, "verbose": 0}
    short: dict[str, Any] = {"timeout": 0.3, "verbose": 0}
    ping, ping6 = s.IP(dst="127.0.0.1") / s.ICMP(), IPv6(dst="::1") / ICMPv6EchoRequest()
    with bpfq.scapy.use():
        found["bpfq"] = _ports(bpfq.scapy.L3RawSocket)
        found["everywhere"] = _ports(bpfq.scapy.L3RawSocket, iface=None)
        found["nofilter"] = _ports(bpfq.scapy.L3RawSocket, nofilter=1)
        answer = s.sr1(ping, filter="icmp[icmptype] = icmp-echoreply", **wait)
        found["sr1"] = answer.summary()
        found["sr1, other"] = s.sr1(ping, filter="udp", **short)
        answer = s.sr1(ping6, filter="icmp6", **wait)
        found["sr1, IPv6"] = ICMPv6EchoReply in answer
        found["sr1, IPv6, other"] = s.sr1(ping6, filter="udp", **short)
    with bpfq.scapy.use(patch=True):
        found["patched"] = _ports(s.L3RawSocket)
    found["undone"] = _ports(s.L3RawSocket)
    return found


def _ports(kind: Any, **options: Any) -> list[int]:
    """The UDP ports that a socket for port 4242 hears."""
    with kind(**{"iface": "lo", "filter": "udp port 4242"} | options) as sock:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for port in (9, 4242, 10, 4242, 11):
                out.sendto(b"x", ("127.0.0.1", port))
        heard = set()
        while sock.select([sock], 0):
            packet = sock.recv()
            if packet is not None and s.UDP in packet and s.ICMP not in packet:
                heard.add(packet[s.UDP].dport)
        return sorted(heard)


# ---------------------------------------------------------------- files


def offline(directory: str) -> dict[str, list[str]]:
    """The packets of capture files that match, by every way to name a file."""
    one, other = os.path.join(directory, "one.pcap"), os.path.join(directory, "other.pcapng")
    packed = os.path.join(directory, "one.pcap.gz")
    text, node = "vlan 100 and udp", bpfq.vlan(100) / bpfq.udp
    with bpfq.scapy.use(patch=True):
        made: dict[str, Iterable[Any]] = {
            "text": s.sniff(offline=one, filter=text),
            "node": s.sniff(offline=one, filter=node),
            "program": s.sniff(offline=one, filter=bpfq.compile(node, target="packet")),
            "pcapng": s.sniff(offline=other, filter=text),
            "gzip": s.sniff(offline=packed, filter=text),
            "list": s.sniff(offline=[one, other], filter=text),
            "dictionary": s.sniff(offline={one: "label"}, filter=text),
            "packets": s.sniff(offline=s.rdpcap(one), filter=text),
            "count": s.sniff(offline=one, filter=text, count=1),
            "asynchronous": _joined(s.AsyncSniffer(offline=one, filter=text)),
        }
        with open(one, "rb") as file:
            made["file"] = s.sniff(offline=file, filter=text)
    made["opened"] = s.sniff(offline=bpfq.pcap.open(one, text))
    known = {frame: name for name, frame in FRAMES.items()}
    return {way: [known[each.original] for each in packets] for way, packets in made.items()}


def _joined(sniffer: Any) -> Any:
    sniffer.start()
    sniffer.join()
    return sniffer.results
