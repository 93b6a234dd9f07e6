"""Counters of a merged program at work on a veth pair."""

from __future__ import annotations

import fcntl
import os
import struct
import sys

import pytest
from kernel.ebpf.programs import in_the_end, needs_bpf, refused
from kernel.ebpf.traffic import datagram
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root, sender, veth_pair

import bpfq
from bpfq.ebpf.counters import Counters, places_of
from bpfq.ebpf.counts import Counts, counts_in
from bpfq.ebpf.install import install
from bpfq.ebpf.sets import sets_called

pytestmark = [pytest.mark.root, needs_root, needs_ip, needs_bpf]

TUN = "/dev/net/tun"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # <linux/if_tun.h>
DNS, OTHER = datagram(53, b"query"), datagram(99)
FILTERS = {"dns": "udp port 53", "arp": bpfq.arp, "all": ""}


def send(interface: str, *frames: bytes) -> None:
    with sender(interface) as sock:
        for frame in frames:
            sock.send(frame)


def come_to(counters: Counters, packets: int) -> dict[str, Counts]:
    """What is counted when so many packets have come."""
    assert in_the_end(lambda: counters.read()["all"].packets >= packets)
    return counters.read()


def test_both_directions_are_counted_together() -> None:
    def scenario() -> dict[str, Counts]:
        veth_pair()
        with bpfq.count_program(FILTERS).attach("far", direction="both") as counters:
            send("near", DNS, OTHER, DNS)
            send("far", DNS)
            return come_to(counters, 4)

    size = len(DNS)
    assert in_namespace(scenario) == {
        "dns": Counts(3, 3 * size), "arp": Counts(0, 0), "all": Counts(4, 3 * size + len(OTHER)),
    }  # fmt: skip


@pytest.mark.skipif(not os.path.exists(TUN), reason=f"needs {TUN}: modprobe tun")
def test_an_interface_without_link_headers_is_counted_from_the_network_header() -> None:
    def scenario() -> dict[str, Counts]:
        tun = os.open(TUN, os.O_RDWR)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun", IFF_TUN | IFF_NO_PI))
        ip("link", "set", "tun", "up")
        filters = {"dns": "udp port 53", "all": "ip"}
        with bpfq.count_program(filters, link="RAW").attach("tun") as counters:
            os.write(tun, DNS[14:])
            os.write(tun, OTHER[14:])
            return come_to(counters, 2)

    sizes = len(DNS) - 14, len(DNS) + len(OTHER) - 28
    assert in_namespace(scenario) == {"dns": Counts(1, sizes[0]), "all": Counts(2, sizes[1])}


def test_a_set_of_several_filters_changes_while_they_count() -> None:
    def scenario() -> tuple[dict[str, Counts], dict[str, Counts]]:
        veth_pair()
        name = f"test{os.getpid()}"
        filters = {"from": f"src net @{name}", "either": f"net @{name}", "all": ""}
        program = bpfq.count_program(filters, sets={name: ["10.0.0.2"]})
        with program.attach("far") as counters:
            send("near", OTHER)
            first = come_to(counters, 1)
            with sets_called(name) as found:
                found.add(["10.0.0.0/31"])  # where the packets come from
            send("near", OTHER)
            return first, come_to(counters, 2)

    size = len(OTHER)
    once, twice = Counts(1, size), Counts(2, 2 * size)
    assert in_namespace(scenario) == (
        {"from": Counts(0, 0), "either": once, "all": once},
        {"from": once, "either": twice, "all": twice},
    )


def test_counters_that_are_closed_count_no_more() -> None:
    def scenario() -> tuple[bool, bool, Counts]:
        veth_pair()
        program = bpfq.count_program(FILTERS, target="ebpf:xdp")
        with program.attach("far") as counters:
            attached = counters.is_attached()
        with program.attach("far") as again:  # XDP takes one program only
            send("near", OTHER)
            return attached, counters.is_attached(), come_to(again, 1)["all"]

    assert in_namespace(scenario) == (True, False, Counts(1, len(OTHER)))


def test_an_interface_that_is_gone_has_no_counters() -> None:
    def scenario() -> tuple[bool, Counts]:
        veth_pair()
        with bpfq.count_program(FILTERS).attach("far") as counters:
            send("near", OTHER)
            come_to(counters, 1)
            ip("link", "delete", "far")
            gone = in_the_end(lambda: not counters.is_attached())
            return gone, counters.read()["all"]

    assert in_namespace(scenario) == (True, Counts(1, len(OTHER)))


def test_a_place_that_is_taken_leaves_nothing() -> None:
    def scenario() -> tuple[str, Counts]:
        veth_pair()
        program = bpfq.count_program(FILTERS, target="ebpf:xdp")
        with program.attach("far") as counters:
            message, _ = refused(lambda: program.attach("far"))
            send("near", OTHER)
            return message, come_to(counters, 1)["all"]

    assert in_namespace(scenario) == (
        "the kernel refused XDP on 'far': EBUSY, an XDP program is attached there already",
        Counts(1, len(OTHER)),
    )


def test_an_interface_with_other_frames_is_refused() -> None:
    def scenario() -> str:
        veth_pair()
        with pytest.raises(bpfq.UnsupportedError) as found:
            bpfq.count_program({"all": ""}, link="RAW").attach("far")
        return str(found.value)

    assert in_namespace(scenario) == (
        "the filter is for DLT_RAW, interface 'far' delivers DLT_EN10MB"
    )


def test_all_filters_together_are_the_sum_of_each() -> None:
    with install(bpfq.count_program(FILTERS).module) as installed:
        (found,) = installed.maps.values()
        for number in range(3):
            value = b"".join(
                (10**cpu * (number + 1)).to_bytes(8, sys.byteorder)
                + (cpu + 1).to_bytes(8, sys.byteorder)
                for cpu in range(found.cpus)
            )
            found.update(number.to_bytes(4, sys.byteorder), value)
        packets = 6 * sum(10**cpu for cpu in range(found.cpus))
        sizes = 3 * sum(range(1, found.cpus + 1))
        assert counts_in(found) == Counts(packets, sizes)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (("tc", "eth0"), ["tc ingress on eth0"]),
        (("tc", "eth0", "egress"), ["tc egress on eth0"]),
        (("tc", "eth0", "both"), ["tc ingress on eth0", "tc egress on eth0"]),
        (("xdp", "eth0"), ["XDP on eth0"]),
        (("netfilter", "inet:input"), ["netfilter inet:input, priority 0"]),
    ],
)
def test_places(words: tuple[str, ...], places: list[str]) -> None:
    assert list(map(str, places_of(*words))) == places  # type: ignore[arg-type]


def test_xdp_has_no_direction() -> None:
    with pytest.raises(bpfq.FilterError, match="direction 'both' is for tc and cgroups"):
        places_of("xdp", "eth0", "both")
