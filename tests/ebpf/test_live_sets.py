"""Sets of filters at work: found by name or pin, listed, changed while traffic flows."""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from kernel.ebpf.programs import mount_bpffs, needs_bpf
from kernel.ebpf.traffic import BAD, GOOD, arrived, datagram, delivered, network, receivers
from kernel.namespaces import in_namespace, needs_ip, sender

import bpfq
from bpfq.__main__ import main
from bpfq.backends.ebpf.live import keys
from bpfq.ebpf.attachment import Attachment
from bpfq.ebpf.counts import each_in
from bpfq.ebpf.install import install
from bpfq.ebpf.sets import all_sets, sets_called
from bpfq.errors import BpfqError
from bpfq.kernel.testrun import run

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

NAME = f"s{os.getpid()}"  # whatever else is attached on this machine
PLACES = {"xdp": ("far", ""), "tc": ("far", "ingress"), "netfilter": ("inet:input", "")}
BURSTS, BURST = 20, 30
OTHERS = [str(port) for port in range(1000, 1100)]


@contextmanager
def filtering(hook: str, text: str, *entries: object, name: str = "") -> Iterator[Attachment]:
    program = bpfq.compile(
        text.replace("@", f"@{NAME}"), target=f"ebpf:{hook}", action="drop", sets={NAME: entries}
    )  # fmt: skip
    where, direction = PLACES[hook]
    with program.attach(where, direction=direction, name=name) as attachment:
        yield attachment


@pytest.mark.parametrize("hook", PLACES)
@pytest.mark.parametrize(
    "text, entries",
    [("udp dst port @", [99, BAD]), ("src host @", ["10.9.9.9", "10.0.0.0/24"])],
    ids=["ports", "addresses"],
)
def test_the_next_packet_meets_the_set_as_it_is_now(
    hook: str, text: str, entries: list[object]
) -> None:
    only_bad = f"({text}) and udp dst port {BAD}"
    first, second = map(str, entries)

    def scenario() -> list[bool]:
        network()
        with receivers() as sockets, filtering(hook, only_bad, first):
            seen = [delivered(sockets)]
            with sets_called(NAME) as found:
                assert found.add([second]) == 1
                seen.append(delivered(sockets))
                assert (found.add([second]), found.delete([second])) == (0, 1)
                seen.append(delivered(sockets))
            return seen

    assert in_namespace(scenario) == [True, False, True]


def test_no_packet_gets_a_wrong_verdict_while_others_come_and_go() -> None:
    def scenario() -> tuple[list[int], bool]:
        network()
        good: list[int] = []
        with receivers() as sockets, filtering("xdp", "udp dst port @", BAD):
            done = threading.Event()

            def change() -> None:
                with sets_called(NAME) as found:
                    while not done.is_set():
                        found.add(OTHERS)
                        found.delete(OTHERS)

            thread = threading.Thread(target=change)
            thread.start()
            for number in range(BURSTS):
                with sender("near") as out:
                    for each in range(number * BURST, (number + 1) * BURST):
                        for port in (BAD, GOOD):
                            out.send(datagram(port, struct.pack(">I", each)))
                good += [struct.unpack(">I", sockets[GOOD].recv(100))[0] for _ in range(BURST)]
            done.set()
            thread.join()
            return good, arrived(sockets[BAD])

    assert in_namespace(scenario) == (list(range(BURSTS * BURST)), False)


def test_a_set_of_two_filters_changes_in_both() -> None:
    def scenario() -> tuple[list[bool], int, tuple[str, ...]]:
        network()
        with receivers() as sockets, filtering("tc", "src host @", "10.9.9.9", name="one"), \
                filtering("netfilter", "dst host @", "10.9.9.9", name="two"):  # fmt: skip
            with sets_called(NAME) as found:
                found.add(["10.0.0.3"])
                seen = [delivered(sockets)]
                entries, filters = len(found.entries()), found.filters
            return seen, entries, tuple(sorted(filters))

    assert in_namespace(scenario) == ([True], 2, ("one", "two"))


def test_counters_count_what_is_in_the_set_now() -> None:
    filters = {"here": f"dst net @{NAME}", "twice": f"udp and dst net @{NAME}", "all": "ip"}
    program = bpfq.count_program(filters, target="ebpf:tc", sets={NAME: ["10.9.9.9"]})
    packet = datagram(BAD)
    with install(program.module) as loaded:
        run(loaded.program, packet)
        seen = [[each.packets for each in each_in(loaded.maps["matches"])]]
        (key,) = keys("address", (4, 0x0A000000, 24))
        loaded.maps[NAME].update(key, b"\1")
        run(loaded.program, packet)
        seen.append([each.packets for each in each_in(loaded.maps["matches"])])
    assert seen == [[0, 0, 1], [1, 1, 2]]


def test_a_pinned_map_is_a_set_by_its_path() -> None:
    def scenario() -> list[tuple[tuple[int, ...], ...]]:
        network()
        mount_bpffs("/tmp/bpfq-sets")
        path = "/tmp/bpfq-sets/macs"
        with filtering("xdp", "ether host @", "00:00:5e:00:53:01"):
            assert main(("set", "pin", NAME, path, "-q")) == 0
        with sets_called(path) as found:  # its filter has gone
            seen = [found.entries()]
            found.add(["00:00:5e:00:53:02"])
            return [*seen, found.entries()]

    assert in_namespace(scenario) == [
        ((0x5E005301,),),
        ((0x5E005301,), (0x5E005302,)),
    ]


def test_sets_are_listed_with_their_filters() -> None:
    def scenario() -> list[object]:
        network()
        with filtering("xdp", "port @", "80-82", name="web"):
            every = all_sets()
            rows = [
                (each.kind, each.filters, each.entries()) for each in every if each.name == NAME
            ]
            for each in every:
                each.close()
            return cast("list[object]", rows)

    assert in_namespace(scenario) == [("port", ("web",), ((80, 80), (81, 81), (82, 82)))]


@pytest.mark.parametrize(
    "word, entries, message",
    [
        ("no", ["80"], "no filter at work has a set 'no'; there is "),
        (NAME, ["10.0.0.1"], f"set '{NAME}': '10.0.0.1' is no port and no range such as 8000-8010"),
        (NAME, ["81", "1-99999"], f"set '{NAME}': port number 99999 is greater than the maximum"),
        ("/sys/fs/bpf/nothing", ["80"], "/sys/fs/bpf/nothing"),
    ],
    ids=["no set", "no port", "too large", "no pin"],  # the name differs between processes
)  # fmt: skip
def test_mistakes_change_nothing(word: str, entries: list[str], message: str) -> None:
    def scenario() -> tuple[str, int]:
        network()
        with filtering("xdp", "port @", 80):
            with pytest.raises(BpfqError) as error, sets_called(word) as found:
                found.add(entries)
            with sets_called(NAME) as found:
                return str(error.value), len(found.entries())

    text, count = in_namespace(scenario)
    assert text.startswith(message) or message in text
    assert count == 1


def test_the_command_lists_adds_and_deletes(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    more = os.path.join(str(tmp_path), "more.txt")
    with open(more, "w", encoding="ascii") as file:
        file.write("2001:db8::/32  # documentation\n10.0.0.1\n")

    def scenario() -> list[tuple[int, str]]:
        network()
        ran = []
        with filtering("xdp", "src net @", "192.0.2.0/24", name="dns"):
            for words in (
                ("list",), ("add", NAME, "10.0.0.1", "192.0.2.0/24"), ("add", NAME, "-F", more),
                ("list", NAME), ("del", NAME, "192.0.2.0/24", "10.9.9.9"), ("del", NAME, "::1"),
                ("list", NAME, "--json"), ("add", NAME), ("put", NAME), ("add", NAME, "x"),
            ):  # fmt: skip
                code = main(("set", *words))
                out, err = capsys.readouterr()
                ran.append((code, out + err))
        return ran

    ran = in_namespace(scenario)
    line = next(each for each in ran[0][1].splitlines() if each.startswith(NAME))
    assert line == f"{NAME}  address  1 entry  dns"
    assert ran[1:6] == [
        (0, f"added 1 entry to set {NAME}; the others were there\n"),
        (0, f"added 1 entry to set {NAME}; the others were there\n"),
        (0, "10.0.0.1\n192.0.2.0/24\n2001:db8::/32\n"),
        (0, f"deleted 1 entry from set {NAME}; the others were not there\n"),
        (1, f"deleted 0 entries from set {NAME}; the others were not there\n"),
    ]
    (row,) = json.loads(ran[6][1])["sets"]
    assert row == {
        "set": NAME, "kind": "address", "filters": ["dns"],
        "entries": ["10.0.0.1", "2001:db8::/32"],
    }  # fmt: skip
    assert [code for code, _ in ran[6:]] == [0, 2, 2, 2]
    assert [text.splitlines()[0] for _, text in ran[7:]] == [
        "bpfq: set add takes a name and entries",
        "bpfq: set put is nothing to do: list, add, del or pin",
        f"bpfq: set '{NAME}': 'x' is no address and no network",
    ]
