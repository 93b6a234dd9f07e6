"""``bpfq.open_capture``: packets of an interface, one after the other and in asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias, TypeVar

import pytest
from kernel.namespaces import (
    await_carrier,
    in_namespace,
    ip,
    needs_ip,
    needs_root,
    sender,
    veth_pair,
)
from kernel.programs import frame

import bpfq
from bpfq.errors import BpfqError, FilterError, LoadError
from bpfq.kernel.live import LiveCapture
from bpfq.kernel.packets import Packet, Statistics

pytestmark = [pytest.mark.root, needs_root, needs_ip]

WANTED, UNWANTED = 0x88B5, 0x88B6  # the two ethertypes for experiments, IEEE 802
FILTER = f"ether proto {WANTED:#x}"
ANY_TAG = f"{FILTER} or (vlan and {FILTER})"
T = TypeVar("T")
Found: TypeAlias = tuple[str, str | None, bytes]


class Sent(NamedTuple):
    """What a test compares of a packet."""

    octets: bytes
    wire_length: int
    direction: str | None
    vlan_id: int | None


def shown(packet: Packet) -> Sent:
    return Sent(packet.octets, packet.wire_length, packet.direction, packet.vlan_id)


def send(*frames: bytes) -> None:
    with sender("near") as sock:
        for each in frames:
            sock.send(each)


def on_veth(scenario: Callable[[], T]) -> T:
    """What scenario() returns in a namespace with the interfaces near and far."""

    def run() -> T:
        veth_pair()
        return scenario()

    return in_namespace(run)


def in_loop(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What a coroutine returns, in such a namespace; a hang is a failure."""

    async def bounded() -> T:
        async with asyncio.timeout(30):
            return await scenario()

    return on_veth(lambda: asyncio.run(bounded()))


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def promiscuity() -> int:
    said = subprocess.run(
        ("ip", "-d", "link", "show", "far"), check=True, capture_output=True, text=True
    ).stdout
    return int(said.split("promiscuity ")[1].split()[0])


# ---------------------------------------------------------------- packets


def test_packets_come_whole_with_what_the_kernel_knows() -> None:
    tagged = frame(WANTED, b"tagged", tag=0xA064)

    def scenario() -> tuple[list[Sent], list[int]]:
        with bpfq.open_capture("far", ANY_TAG, count=2, timeout=20) as capture:
            before = time.time_ns()
            send(frame(UNWANTED), frame(WANTED, b"plain"), tagged)
            packets = list(capture)
            ages = [(packet.timestamp_ns or 0) - before for packet in packets]
            return [shown(packet) for packet in packets], ages

    packets, ages = on_veth(scenario)
    assert packets == [
        Sent(frame(WANTED, b"plain"), 60, "in", None),
        Sent(tagged, len(tagged), "in", 100),
    ]
    assert all(-1_000_000_000 < age < 60_000_000_000 for age in ages)


def test_what_is_sent_goes_out() -> None:
    def scenario() -> list[Sent]:
        with bpfq.open_capture("near", FILTER, count=1, timeout=20) as capture:
            send(frame(WANTED))
            return [shown(packet) for packet in capture]

    assert on_veth(scenario) == [Sent(frame(WANTED), 60, "out", None)]


def test_snaplen_cuts_and_the_length_stays() -> None:
    def scenario() -> list[Sent]:
        with bpfq.open_capture("far", FILTER, snaplen=20, count=1, timeout=20) as capture:
            send(frame(WANTED, b"x" * 100))
            return [shown(packet) for packet in capture]

    assert on_veth(scenario) == [Sent(frame(WANTED, b"x" * 100)[:20], 114, "in", None)]


def test_loopback_packets_come_once() -> None:
    def scenario() -> list[str | None]:
        ip("link", "set", "lo", "up")
        with (
            bpfq.open_capture("lo", "udp dst port 53", count=3, timeout=20) as capture,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
        ):
            for _ in range(3):
                out.sendto(b"x", ("127.0.0.1", 53))
            return [packet.direction for packet in capture]

    assert in_namespace(scenario) == ["in"] * 3


def test_all_interfaces_have_a_cooked_header() -> None:
    def scenario() -> tuple[str, set[Found], int]:
        with bpfq.open_capture("any", count=4, timeout=20) as capture:
            send(frame(WANTED, b"plain"), frame(WANTED, b"tagged", tag=0x0005))
            packets = list(capture)
            index = socket.if_nametoindex("far")
            found: set[Found] = {(it.interface, it.direction, it.octets) for it in packets}
            return capture.link, found, index

    link, packets, index = on_veth(scenario)
    assert link == "LINUX_SLL2"
    kinds = {
        (interface, way, octets[:2].hex(), octets[20:24].hex())
        for interface, way, octets in packets
    }
    assert kinds == {
        ("near", "out", "88b5", b"plai".hex()),
        ("near", "out", "8100", "000588b5"),
        ("far", "in", "88b5", b"plai".hex()),
        ("far", "in", "8100", "000588b5"),
    }
    received = next(
        octets for name, _, octets in packets if name == "far" and octets[:2] == b"\x88\xb5"
    )
    # protocol, 0, interface index, ARPHRD_ETHER, PACKET_BROADCAST, length and address of sender
    header = "88b5 0000" + f"{index:08x}" + "0001 01 06 020000000001 0000"
    assert received[:20] == bytes.fromhex(header)
    assert bpfq.compile(FILTER, link=link).matches(received)


def test_a_program_for_other_frames_than_the_interface_delivers_is_refused() -> None:
    raw = bpfq.compile("udp", target="packet", link="RAW")

    def scenario() -> list[str]:
        veth_pair()
        said = []
        for opened in (bpfq.open_capture, bpfq.open_packet_socket):
            with pytest.raises(bpfq.UnsupportedError) as refused:
                opened("far", raw)
            said.append(str(refused.value))
        return said

    message = "the filter is for DLT_RAW, interface 'far' delivers DLT_EN10MB"
    assert in_namespace(scenario) == [message, message]


def test_a_program_for_files_sees_the_tag_of_a_live_packet() -> None:
    tagged = frame(WANTED, b"tagged", tag=0x0005)
    in_file = bpfq.compile("vlan 5")

    def scenario() -> tuple[list[bytes], list[object]]:
        given = bpfq.Program.of(list(bpfq.compile(FILTER)))
        with bpfq.open_capture("far", in_file, count=1, timeout=20) as capture:
            with bpfq.open_packet_socket("far", given) as sock:
                kept = list(bpfq.Program.of(sock))
            send(frame(WANTED, b"plain"), tagged)
            return [packet.octets for packet in capture], [kept, list(given)]

    packets, (kept, given) = on_veth(scenario)
    assert packets == [tagged]
    assert kept == given


def test_nothing_that_does_not_match_is_received_while_it_opens() -> None:
    def scenario() -> set[bytes]:
        stop = threading.Event()

        def flood() -> None:
            with sender("near") as sock:
                while not stop.is_set():
                    sock.send(frame(UNWANTED))
                    sock.send(frame(WANTED))

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            found = set()
            for _ in range(30):
                with bpfq.open_capture("far", FILTER, count=10, timeout=20) as capture:
                    found |= {packet.octets[12:14] for packet in capture}
            return found
        finally:
            stop.set()
            thread.join()

    assert on_veth(scenario) == {b"\x88\xb5"}


# ---------------------------------------------------------------- its end


def test_it_ends_after_its_time() -> None:
    def scenario() -> tuple[int, bool, bool]:
        started = time.monotonic()
        with bpfq.open_capture("far", FILTER, timeout=0.2) as capture:
            send(frame(WANTED))
            number = len(list(capture))
            return number, time.monotonic() - started >= 0.2, capture.closed

    assert on_veth(scenario) == (1, True, True)


def test_its_time_passes_while_packets_come() -> None:
    def scenario() -> list[Packet]:
        with bpfq.open_capture("far", FILTER, timeout=0) as capture:
            send(frame(WANTED))
            return list(capture)

    assert on_veth(scenario) == []


def test_it_leaves_the_interface_when_it_ends() -> None:
    def scenario() -> list[int]:
        found = [promiscuity()]
        capture = bpfq.open_capture("far", FILTER, count=1, timeout=20)
        found.append(promiscuity())
        send(frame(WANTED))
        next(capture)
        found.append(promiscuity())
        with bpfq.open_capture("far", FILTER, promiscuous=False):
            found.append(promiscuity())
        return found

    assert on_veth(scenario) == [0, 1, 0, 0]


def test_it_is_closed_with_its_last_reference() -> None:
    def scenario() -> bool:
        before = descriptors()
        capture: LiveCapture | None = bpfq.open_capture("far", FILTER)
        assert descriptors() != before
        capture = None
        gc.collect()
        return capture is None and descriptors() == before

    assert on_veth(scenario)


def test_a_closed_one_has_no_packets() -> None:
    def scenario() -> tuple[list[Packet], int, Statistics, str]:
        capture = bpfq.open_capture("far", FILTER)
        send(frame(WANTED))
        capture.close()
        capture.close()
        return list(capture), capture.fileno(), capture.statistics(), repr(capture)

    assert on_veth(scenario) == (
        [], -1, Statistics(1, 0), "<LiveCapture of far, EN10MB, closed>"
    )  # fmt: skip


# ---------------------------------------------------------------- losses


def test_what_does_not_fit_is_counted() -> None:
    """The kernel takes at least 2 304 bytes, SOCK_MIN_RCVBUF."""

    def scenario() -> tuple[int, int, int, int]:
        with bpfq.open_capture("far", FILTER, buffer=1, timeout=0.5) as capture:
            send(*[frame(WANTED, b"x" * 900)] * 50)
            first = capture.drops
            taken = len(list(capture))
            received, dropped = capture.statistics()
            return first, taken, received, dropped

    first, taken, received, dropped = on_veth(scenario)
    assert (received, dropped, taken) == (50, first, 50 - dropped)
    assert 0 < taken < 50


def test_a_larger_buffer_holds_more() -> None:
    def scenario() -> tuple[int, int]:
        with bpfq.open_capture("far", FILTER, buffer=64 << 20, count=2000, timeout=20) as capture:
            send(*[frame(WANTED, b"x" * 900)] * 2000)
            return len(list(capture)), capture.drops

    assert on_veth(scenario) == (2000, 0)


# ---------------------------------------------------------------- asyncio


def test_packets_are_waited_for_in_asyncio() -> None:
    async def scenario() -> list[bytes]:
        found = []
        async with bpfq.open_capture("far", FILTER, count=3, timeout=20) as capture:
            loop = asyncio.get_running_loop()
            for number in range(3):
                loop.call_later(0.02 * number, send, frame(UNWANTED), frame(WANTED, b"%d" % number))
            async for packet in capture:
                found.append(packet.octets[14:15])
        return found

    assert in_loop(scenario) == [b"0", b"1", b"2"]


def test_it_ends_after_its_time_in_asyncio() -> None:
    async def scenario() -> tuple[int, bool]:
        capture = bpfq.open_capture("far", FILTER, timeout=0.2)
        send(frame(WANTED))
        return len([packet async for packet in capture]), capture.closed

    assert in_loop(scenario) == (1, True)


def test_other_tasks_have_their_turn_while_packets_keep_coming() -> None:
    async def scenario() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with bpfq.open_capture(
            "far", FILTER, count=1000, buffer=64 << 20, timeout=20
        ) as capture:
            send(*[frame(WANTED)] * 1000)
            task = asyncio.create_task(other())
            async for _ in capture:
                pass
            task.cancel()
        return turns

    assert in_loop(scenario) >= 1000 // 64


def test_a_wait_that_is_given_up_loses_no_packet() -> None:
    async def scenario() -> tuple[bool, bytes, set[bytes]]:
        async with bpfq.open_capture("far", FILTER) as capture:
            try:
                await asyncio.wait_for(anext(capture), 0.05)
                given_up = False
            except TimeoutError:
                given_up = True
            send(*[frame(WANTED, b"%c" % number) for number in range(200)])
            first = (await anext(capture)).octets[14:15]
            rest = {(await anext(capture)).octets[14:15] for _ in range(199)}
            return given_up, first, rest

    assert in_loop(scenario) == (True, b"\0", {b"%c" % number for number in range(1, 200)})


def test_a_cancelled_task_closes_it() -> None:
    async def scenario() -> tuple[bool, bool]:
        before = descriptors()

        async def endless() -> None:
            async for _ in bpfq.open_capture("far", FILTER):
                pass

        task = asyncio.create_task(endless())
        await asyncio.sleep(0.05)
        opened = descriptors() != before
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task
        await asyncio.sleep(0)  # the loop lets go of what it called
        gc.collect()
        return opened, descriptors() == before

    assert in_loop(scenario) == (True, True)


def test_closing_ends_the_wait_of_another_task() -> None:
    async def scenario() -> tuple[list[Packet], bool]:
        capture = bpfq.open_capture("far", FILTER)

        async def collect() -> list[Packet]:
            return [packet async for packet in capture]

        task = asyncio.create_task(collect())
        await asyncio.sleep(0.05)
        capture.close()
        return await task, capture.closed

    assert in_loop(scenario) == ([], True)


def test_a_loop_that_is_closed_over_a_wait_leaves_nothing_open() -> None:
    def scenario() -> tuple[bool, list[str]]:
        said: list[str] = []
        sys.unraisablehook = lambda each: said.append(str(each.exc_value))
        gc.collect()  # what tests before this one left
        before = descriptors()

        async def endless() -> None:
            async for _ in bpfq.open_capture("far", FILTER):
                pass

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)  # "Task was destroyed"
        task = loop.create_task(endless())
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
        del task, loop
        gc.collect()
        return descriptors() == before, said

    assert on_veth(scenario) == (True, [])


def test_two_tasks_cannot_wait_for_one_capture() -> None:
    async def scenario() -> str:
        async with bpfq.open_capture("far", FILTER) as capture:
            task = asyncio.ensure_future(anext(capture))
            await asyncio.sleep(0.01)
            try:
                await anext(capture)
            except RuntimeError as error:
                return str(error)
            finally:
                task.cancel()
        return "both wait"

    assert in_loop(scenario) == "another task waits for packets of this capture"


def test_two_captures_are_waited_for_at_once() -> None:
    async def scenario() -> list[str | None]:
        async with (
            bpfq.open_capture("near", FILTER, count=1, timeout=20) as near,
            bpfq.open_capture("far", FILTER, count=1, timeout=20) as far,
        ):
            waiting = asyncio.gather(anext(near), anext(far))
            await asyncio.sleep(0.01)
            send(frame(WANTED))
            return [packet.direction for packet in await waiting]

    assert in_loop(scenario) == ["out", "in"]


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("interface", ("far", "any"))
def test_ctrl_c_ends_the_wait(interface: str) -> None:
    def scenario() -> tuple[bool, bool]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with bpfq.open_capture(interface, FILTER) as capture:
            timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            try:
                next(capture)
            except KeyboardInterrupt:
                return True, capture.closed
        return False, True

    assert on_veth(scenario) == (True, False)


def lost(change: tuple[str, ...]) -> tuple[str, bool]:
    """What is said when an interface is changed while somebody waits for its packets."""
    with bpfq.open_capture("far", FILTER) as capture:
        timer = threading.Timer(0.2, ip, change)
        timer.start()
        try:
            next(capture)
        except LoadError as error:
            timer.join()
            if "down" not in change:
                return error.render(), True
            ip("link", "set", "far", "up")
            await_carrier("near")
            send(frame(WANTED))
            return error.render(), shown(next(capture)).octets == frame(WANTED)
    return "a packet", False


def test_an_interface_that_goes_down_may_come_back() -> None:
    assert on_veth(lambda: lost(("link", "set", "far", "down"))) == (
        "interface 'far' went down\n  try:  ip link set far up",
        True,
    )


def test_an_interface_that_goes_away() -> None:
    assert on_veth(lambda: lost(("link", "delete", "far"))) == ("interface 'far' is gone", True)


def test_an_interface_that_goes_down_ends_the_wait_in_asyncio() -> None:
    async def scenario() -> str:
        async with bpfq.open_capture("far", FILTER) as capture:
            asyncio.get_running_loop().call_later(0.05, ip, "link", "set", "far", "down")
            try:
                await anext(capture)
            except LoadError as error:
                return str(error)
        return "a packet"

    assert in_loop(scenario) == "interface 'far' went down"


def refusal(*words: str, **options: Any) -> tuple[type[BpfqError], str]:
    try:
        bpfq.open_capture(*words, **options)
    except BpfqError as error:
        return type(error), str(error)
    return BpfqError, "opened"


def test_an_unknown_interface_and_one_that_is_down() -> None:
    def scenario() -> list[tuple[type[BpfqError], str]]:
        return [refusal("fare", FILTER), refusal("lo", FILTER)]

    unknown, down = on_veth(scenario)
    assert (unknown[0], unknown[1][:22]) == (LoadError, "no interface 'fare'; t")
    assert down == (LoadError, "interface 'lo' is down")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"count": 0}, "count 0 is not a number of 1 or more"),
        ({"snaplen": -1}, "snaplen -1 is not a number of 1 or more"),
        ({"buffer": 1.5}, "buffer 1.5 is not a number of 1 or more"),
        ({"timeout": -1}, "timeout -1 is not a number of seconds"),
    ],
)
def test_wrong_numbers(options: dict[str, Any], message: str) -> None:
    assert refusal("lo", FILTER, **options) == (FilterError, message)


def test_a_wrong_filter_for_all_interfaces_says_why() -> None:
    assert refusal("any", "ether host 02:00:00:00:00:01")[0] is not LoadError


def test_it_takes_a_capability() -> None:
    script = "import bpfq; bpfq.open_capture('lo', 'ip')"
    ran = subprocess.run(
        ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", script),
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ran.stderr.splitlines()[-1] == (
        "bpfq.errors.LoadError: opening a packet socket needs the capability CAP_NET_RAW"
    )


# ---------------------------------------------------------------- plain sockets


def test_a_packet_socket_works_with_asyncio() -> None:
    async def scenario() -> bytes:
        with bpfq.open_packet_socket("far", FILTER) as sock:
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            loop.call_later(0.02, send, frame(UNWANTED), frame(WANTED, b"asyncio"))
            return await loop.sock_recv(sock, 65535)

    assert in_loop(scenario) == frame(WANTED, b"asyncio")


@pytest.mark.parametrize("opened", ("socket", "capture"))
def test_a_packet_socket_works_with_selectors(opened: str) -> None:
    def scenario() -> tuple[int, int, bytes]:
        make: Any = bpfq.open_packet_socket if opened == "socket" else bpfq.open_capture
        with make("far", FILTER) as source, selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            send(frame(UNWANTED))
            before = len(selector.select(timeout=0.05))
            send(frame(WANTED, b"selected"))
            after = len(selector.select(timeout=5))
            octets = source.recv(65535) if opened == "socket" else next(source).octets
            return before, after, octets

    assert on_veth(scenario) == (0, 1, frame(WANTED, b"selected"))


def test_a_packet_socket_works_with_socket() -> None:
    def scenario() -> tuple[bytes, str, str]:
        with bpfq.open_packet_socket("far", FILTER) as sock:
            sock.settimeout(5)
            send(frame(UNWANTED), frame(WANTED))
            octets, address = sock.recvfrom(65535)
            try:
                sock.settimeout(0.05)
                sock.recv(1)
            except TimeoutError as error:
                return octets, address[0], str(error)
        return octets, address[0], "another packet"

    assert on_veth(scenario) == (frame(WANTED), "far", "timed out")


def test_a_packet_socket_on_all_interfaces_begins_with_the_network_header() -> None:
    def scenario() -> bytes:
        with bpfq.open_packet_socket("any", FILTER) as sock:
            sock.settimeout(5)
            send(frame(WANTED, b"cooked"))
            return sock.recv(6)

    assert on_veth(scenario) == b"cooked"
