"""How fast is sniff(offline=..., filter=...) with bpfq, against scapy by itself?

A file of 100 000 packets, of which 1 % match.  scapy by itself has two ways: it dissects every
packet and asks a Python function (``lfilter=``), which works everywhere; or, where libpcap and
tcpdump are installed, it lets tcpdump filter in C and dissects what is left.  All must find the
same packets.  Limit: 5 times as fast as dissecting.

Dissecting what matches costs the same in all ways, and about half of it all: "at most" is how much
faster than tcpdump it could be if the rest took no time.  The same packets in many files are the
other end, where each file has a tcpdump of its own.  CPU seconds, of this process and of tcpdump,
since both may run at once; of the quickest of three runs, the first of which compiles the filter.
"""

from __future__ import annotations

import resource
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from report import heading
from scapy.all import sniff
from scapy.config import conf
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

import bpfq
import bpfq.scapy

PACKETS = 100_000
ONE_IN = 100  # matches
PORT = 7777
FILTER = f"udp port {PORT}"
LIMIT = 5
RUNS = 3
FILES, EACH = 200, 100
DISSECTS, ALONE = "scapy that dissects (lfilter)", "the matching packets alone"
TCPDUMP = "scapy with libpcap and tcpdump"


def frames() -> tuple[list[bytes], bytes]:
    """What does not match, in four sizes, and what does."""
    start = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1")
    others = [bytes(start / TCP(dport=443) / (b"x" * size)) for size in (0, 100, 500, 1400)]
    return others, bytes(start / UDP(sport=4000, dport=PORT) / (b"x" * 60))


def write(path: Path, packets: int) -> str:
    others, wanted = frames()
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number in range(packets):
            data = others[number % 4] if number % ONE_IN else wanted
            file.write(struct.pack("<IIII", number // 1000, number % 1000, len(data), len(data)))
            file.write(data)
    return str(path)


def is_wanted(packet: Any) -> bool:
    """The filter, as scapy's users write it."""
    return UDP in packet and PORT in (packet[UDP].sport, packet[UDP].dport)


def cpu_seconds(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Of the quickest run, with its children; what it found."""
    best, found = float("inf"), None
    for _ in range(runs):
        before = process_time() + _children()
        found = work()
        best = min(best, process_time() + _children() - before)
    return best, found


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def with_bpfq(files: list[str]) -> Any:
    with bpfq.scapy.use(patch=True):
        return sniff(offline=files, filter=FILTER)


def with_tcpdump(files: list[str]) -> Any:
    return sniff(offline=files, filter=FILTER, quiet=True)


def dissecting(files: list[str]) -> Any:
    return sniff(offline=files, lfilter=is_wanted)


def one_file(directory: Path) -> float:
    """Prints what all ways take; returns how much faster than dissecting it is."""
    path, rest = write(directory / "all.pcap", PACKETS), directory / "matching.pcap"
    with bpfq.pcap.open(path, FILTER) as file:
        rest.write_bytes(file.read())
    times, found = {}, {}
    times["bpfq"], found["bpfq"] = cpu_seconds(lambda: with_bpfq([path]), RUNS)
    times[DISSECTS], found[DISSECTS] = cpu_seconds(lambda: dissecting([path]), 1)
    times[ALONE], found[ALONE] = cpu_seconds(lambda: sniff(offline=str(rest)), RUNS)
    if shutil.which("tcpdump"):
        times[TCPDUMP], found[TCPDUMP] = cpu_seconds(lambda: with_tcpdump([path]), RUNS)
    compare(f"one file of {PACKETS} packets", times, found)
    if TCPDUMP in times:
        most = times[TCPDUMP] / times[ALONE]
        print(f"            at most {most:.2f} times as fast as that, if only dissecting took time")
    return times[DISSECTS] / times["bpfq"]


def many_files(directory: Path) -> None:
    files = [write(directory / f"{number}.pcap", EACH) for number in range(FILES)]
    times, found = {}, {}
    times["bpfq"], found["bpfq"] = cpu_seconds(lambda: with_bpfq(files), RUNS)
    if shutil.which("tcpdump"):
        times[TCPDUMP], found[TCPDUMP] = cpu_seconds(lambda: with_tcpdump(files), RUNS)
    compare(f"{FILES} files of {EACH} packets", times, found)


def compare(what: str, times: dict[str, float], found: dict[str, Any]) -> None:
    packets = {name: [(p.original, p.time) for p in each] for name, each in found.items()}
    if any(each != packets["bpfq"] for each in packets.values()):
        raise SystemExit("they find different packets")
    print(f"  {what}, {len(packets['bpfq'])} match; CPU seconds:")
    for name, seconds in times.items():
        print(f"  {seconds:8.3f}  {name}: {seconds / times['bpfq']:.2f} times bpfq")


def main() -> None:
    heading(f"sniff(offline=..., filter={FILTER!r}), scapy {conf.version}")
    with tempfile.TemporaryDirectory() as directory:
        ratio = one_file(Path(directory))
        many_files(Path(directory))
    print(f"  {ratio:.1f} times as fast as dissecting (limit {LIMIT})")
    if ratio < LIMIT:
        raise SystemExit(f"less than {LIMIT} times as fast as dissecting")


if __name__ == "__main__":
    main()
