"""Exported scripts, run by a Python without bpfq, on real packets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kernel.namespaces import in_namespace, needs_ip, needs_root
from live.filters import FILTERS
from live.frames import FRAMES
from live.network import SENTINEL_TYPE, deliver, quiet_pair
from live.seen import received
from scapy.utils import RawPcapReader

import bpfq

SCRIPT = (sys.executable, "-I", "-S")  # neither the environment nor installed packages
TEXTS = (
    "", "ip", "arp", "not ip and not ip6", "udp port 53", "host 10.0.0.1", "vlan", "vlan 100",
    "vlan 100 and udp", "vlan 100 and vlan 200", "tcp[13] = 18", "broadcast", "less 62",
    "ip6 protochain 6",
)  # fmt: skip
PATIENCE = 20  # seconds; only a broken test waits that long


def script(text: str) -> str:
    """The filter as a script that hears the frame behind all others as well."""
    last = f"ether proto {SENTINEL_TYPE:#x}"
    return bpfq.compile(f"{last} or ({text})" if text else "", target="packet").export("python")


def until(condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.01)


def listening(many: int) -> bool:
    """So many packet sockets hear the interface far."""
    index = str(socket.if_nametoindex("far"))
    rows = Path("/proc/net/packet").read_text().splitlines()[1:]
    return sum(row.split()[4] == index for row in rows) >= many


def takes_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it


def ended(running: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Ctrl-C, and what comes of it."""
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    return running.returncode, out, err


def captured(path: Path) -> list[bytes]:
    """The packets of a file so far, as scapy reads them."""
    with RawPcapReader(str(path)) as reader:
        return [bytes(octets) for octets, _ in reader]


def is_last(packet: bytes) -> bool:
    return packet[12:14] == SENTINEL_TYPE.to_bytes(2, "big")


def written(directory: Path) -> Mapping[str, tuple[tuple[int, bytes, bytes], list[bytes]]]:
    """How the script of each filter ended, and the packets in its file."""
    quiet_pair()
    running = {}
    for number, text in enumerate(TEXTS):
        path, file = directory / f"{number}.py", directory / f"{number}.pcap"
        path.write_text(script(text))
        command = (*SCRIPT, str(path), "far", str(file))
        started = subprocess.Popen(command, stdout=-1, stderr=-1, preexec_fn=takes_interrupts)
        running[text] = file, started
    until(lambda: listening(len(TEXTS)))
    deliver(FRAMES.values())
    for file, _ in running.values():
        until(lambda file=file: any(map(is_last, captured(file))))
    return {text: (ended(process), captured(file)) for text, (file, process) in running.items()}


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, tuple[tuple[int, bytes, bytes], list[bytes]]]:
    directory = tmp_path_factory.mktemp("scripts")
    return in_namespace(lambda: written(directory))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.root
@pytest.mark.oracle
@needs_root
@needs_ip
def test_the_file_has_the_frames_that_match_with_their_tags(
    files: Mapping[str, tuple[tuple[int, bytes, bytes], list[bytes]]], text: str
) -> None:
    end, packets = files[text]
    assert end == (0, b"", b"")
    found = sorted(packet for packet in packets if not is_last(packet))
    assert found == sorted(frame for frame in FRAMES.values() if FILTERS[text](received(frame)))


def piped(directory: Path) -> list[bytes]:
    """What a script for UDP sends through a pipe; it is read from standard input."""
    quiet_pair()
    path, out = directory / "udp.py", directory / "out"
    path.write_text(script("udp"))
    command = f"{' '.join(SCRIPT)} - far - < {path} | cat > {out}"
    running = subprocess.Popen(("bash", "-c", f"{command} & wait"), start_new_session=True)
    until(lambda: listening(1))
    deliver(FRAMES.values())
    until(lambda: any(map(is_last, captured(out))))
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return captured(out)


@pytest.mark.root
@pytest.mark.oracle
@needs_root
@needs_ip
def test_a_script_on_standard_input_writes_to_standard_output(tmp_path: Path) -> None:
    packets = in_namespace(lambda: piped(tmp_path))
    assert sorted(packet for packet in packets if not is_last(packet)) == sorted(
        frame for frame in FRAMES.values() if FILTERS["udp"](received(frame))
    )


def printed(directory: Path) -> tuple[tuple[int, bytes, bytes], bytes]:
    """How a script for ARP without a file ended, and what it printed."""
    quiet_pair()
    path, out = directory / "arp.py", directory / "out"
    path.write_text(script("arp"))
    with out.open("wb") as file:
        running = subprocess.Popen(
            (*SCRIPT, str(path), "far"), stdout=file, stderr=-1, preexec_fn=takes_interrupts
        )
        until(lambda: listening(1))
        deliver(FRAMES.values())
        until(lambda: b"ff88b600" in out.read_bytes())
        return ended(running), out.read_bytes()


@pytest.mark.root
@pytest.mark.oracle
@needs_root
@needs_ip
def test_packets_are_printed_where_no_file_is_named(tmp_path: Path) -> None:
    (code, _, err), out = in_namespace(lambda: printed(tmp_path))
    rows = [line.split() for line in out.decode().splitlines()]
    assert (code, err) == (0, b"")
    assert sorted(octets for _, _, octets in rows if "ff88b600" not in octets) == sorted(
        frame[:64].hex() for frame in FRAMES.values() if FILTERS["arp"](received(frame))
    )


@pytest.mark.parametrize(
    ("link", "number"),
    [("EN10MB", 1), ("RAW", 101), ("PPP_BSDOS", 103), ("IEEE802_11_RADIO", 127)],
)
def test_files_have_the_number_that_files_have_for_a_link_type(link: str, number: int) -> None:
    """LINKTYPE_* of https://www.tcpdump.org/linktypes.html, which is not always DLT_*."""
    text = bpfq.compile("", target="packet", link=link).export("python")
    assert f"\nLINK_TYPE = {number}  # {link}\n" in text


def refused(directory: Path, *words: str) -> tuple[int, str]:
    """Exit code and complaint of a script."""
    path = directory / "arp.py"
    path.write_text(script("arp"))
    ran = subprocess.run((*SCRIPT, str(path), *words), capture_output=True, text=True)
    return ran.returncode, ran.stderr


def test_a_script_without_an_interface_says_how_it_is_used(tmp_path: Path) -> None:
    assert refused(tmp_path) == (
        1,
        f"usage: {tmp_path}/arp.py INTERFACE [FILE]  prints packets, or writes pcap, - to stdout\n",
    )


@pytest.mark.root
@pytest.mark.oracle
@needs_root
def test_an_interface_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, "nowhere") == (1, "nowhere: No such device\n")
