"""Links: replaced under a flood, pinned, handed over, and gone with an owner that is killed."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Sequence

import pytest

from bpfq.kernel.attach import attach_cgroup, attach_netfilter, attach_tc, attach_xdp
from bpfq.kernel.links import Link, link_with_id, pinned_link
from bpfq.kernel.programs import Program, load

from ..namespaces import in_namespace, ip, needs_ip, sender
from .programs import in_the_end, mount_bpffs, needs_bpf, refused, returns
from .traffic import (
    BAD,
    GOOD,
    arrived,
    datagram,
    delivered,
    dropping,
    needs_cgroup,
    network,
    own_cgroup,
    passing,
    receivers,
)

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

BURSTS, BURST = 40, 50  # pairs of datagrams; a burst fits every queue on the way
PLACES: dict[str, tuple[str, Callable[[Program], Link]]] = {
    "xdp native": ("xdp", lambda program: attach_xdp(program, "far", "native")),
    "xdp generic": ("xdp", lambda program: attach_xdp(program, "far", "generic")),
    "tc ingress": ("tc", lambda program: attach_tc(program, "far", "ingress")),
}


def replace_with_each(link: Link, hook: str, bursts: threading.Semaphore) -> None:
    """While a burst is sent, put one of two programs that drop the same in place of the other."""
    pair = (load(dropping(hook), hook), load(dropping(hook), hook))
    link.update(pair[0])
    for times in range(BURSTS):
        bursts.acquire()
        link.update(pair[(times + 1) % 2], expected=pair[times % 2])


def burst(first: int, sockets: dict[int, socket.socket]) -> list[int]:
    """Send numbered pairs of datagrams; the numbers that arrive at the good port."""
    with sender("near") as out:
        for number in range(first, first + BURST):
            for port in (BAD, GOOD):
                out.send(datagram(port, struct.pack(">I", number)))
    return [struct.unpack(">I", sockets[GOOD].recv(100))[0] for _ in range(BURST)]


@pytest.mark.parametrize("place", PLACES)
def test_no_packet_meets_a_gap_while_programs_are_replaced(place: str) -> None:
    hook, attach = PLACES[place]

    def scenario() -> tuple[list[int], bool]:
        network()
        bursts = threading.Semaphore(0)
        good = []
        with receivers() as sockets, attach(load(dropping(hook), hook)) as link:
            thread = threading.Thread(target=replace_with_each, args=(link, hook, bursts))
            thread.start()
            for number in range(BURSTS):
                bursts.release()
                good += burst(number * BURST, sockets)
            thread.join()
            return good, arrived(sockets[BAD])

    good, bad = in_namespace(scenario)
    assert (good == list(range(BURSTS * BURST)), bad) == (True, False)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=str)
def test_an_owner_that_is_ended_leaves_nothing(end: signal.Signals) -> None:
    def scenario() -> tuple[bool, int, bool, int]:
        network()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            held = (
                attach_xdp(load(dropping("xdp"), "xdp"), "far"),
                attach_tc(load(dropping("tc"), "tc"), "far", "ingress"),
                attach_netfilter(load(returns(1), "netfilter"), "inet", "input"),
            )
            os.write(writing, struct.pack("=3I", *(each.information().id for each in held)))
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pause()
        try:
            numbers = struct.unpack("=3I", os.read(reading, 12))
            with receivers() as sockets:
                during, before = delivered(sockets), alive(numbers)
        finally:
            os.kill(child, end)
            os.waitpid(child, 0)
        with receivers() as sockets:
            return during, before, delivered(sockets), alive(numbers)

    assert in_namespace(scenario) == (False, 3, True, 0)


def alive(numbers: Sequence[int]) -> int:
    """How many links of these ids there are."""
    return sum(link_with_id(number) is not None for number in numbers)


def second_owner(link: Link) -> Link:
    """Another owner of the same link."""
    found = link_with_id(link.information().id)
    assert found is not None
    return found


def test_a_link_that_nobody_refers_to_detaches() -> None:
    def scenario() -> tuple[bool, bool]:
        network()
        with receivers() as sockets:
            link = [attach_xdp(load(dropping("xdp"), "xdp"), "far")]
            during = delivered(sockets)
            link.clear()
            return during, delivered(sockets)

    assert in_namespace(scenario) == (False, True)


def test_a_link_with_two_owners_stays_until_the_second_closes() -> None:
    def scenario() -> tuple[bool, bool]:
        network()
        with receivers() as sockets:
            first = attach_xdp(load(dropping("xdp"), "xdp"), "far")
            second = second_owner(first)
            first.close()
            during = delivered(sockets)
            second.close()
            return during, delivered(sockets)

    assert in_namespace(scenario) == (False, True)


def test_detaching_takes_effect_for_every_owner() -> None:
    def scenario() -> tuple[bool, int, tuple[str, int | None]]:
        network()
        with receivers() as sockets:
            program = load(dropping("xdp"), "xdp")
            link = attach_xdp(program, "far")
            other = second_owner(link)
            other.detach()
            behind = delivered(sockets)
            return behind, link.information().ifindex, refused(lambda: link.update(program))

    assert in_namespace(scenario) == (
        True,
        0,
        (
            "the kernel refused to replace the program: ENOLINK, the link is detached, its "
            "interface or cgroup is gone",
            errno.ENOLINK,
        ),
    )


def test_an_interface_that_goes_detaches_its_links() -> None:
    def scenario() -> list[int]:
        network()
        held = [
            attach_xdp(load(passing("xdp"), "xdp"), "far"),
            attach_tc(load(passing("tc"), "tc"), "far", "egress"),
        ]
        ip("link", "del", "near")
        return [each.information().ifindex for each in held]

    assert in_namespace(scenario) == [0, 0]


def test_a_program_is_replaced_only_where_the_expected_one_is() -> None:
    def scenario() -> tuple[tuple[str, int | None], tuple[str, int | None], bool, bool]:
        network()
        good, bad, other = (
            load(each, "xdp") for each in (passing("xdp"), dropping("xdp"), passing("xdp"))
        )
        with receivers() as sockets, attach_xdp(good, "far") as link:
            wrong = refused(lambda: link.update(bad, expected=other))
            kind = refused(lambda: link.update(load(passing("tc"), "tc")))
            before = delivered(sockets)
            link.update(bad, expected=good)
            return wrong, kind, before, delivered(sockets)

    start = "the kernel refused to replace the program: "
    assert in_namespace(scenario) == (
        (start + "EPERM, another program than the expected one is attached", errno.EPERM),
        (start + "EINVAL, the program is of another kind", errno.EINVAL),
        True,
        False,
    )


@needs_cgroup
def test_a_program_on_a_cgroup_is_replaced() -> None:
    def scenario() -> tuple[bool, bool]:
        network()
        program = load(passing("cgroup_skb"), "cgroup_skb")
        with own_cgroup() as path, receivers() as sockets:
            with attach_cgroup(program, path, "ingress") as link:
                before = delivered(sockets)
                link.update(load(dropping("cgroup_skb"), "cgroup_skb"), expected=program)
                return before, delivered(sockets)

    assert in_namespace(scenario) == (True, False)


def test_a_pinned_link_outlives_its_owner_until_the_name_goes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = str(tmp_path_factory.mktemp("bpf"))

    def scenario() -> list[bool]:
        network()
        mount_bpffs(root)
        path = f"{root}/drop"
        with receivers() as sockets:
            with attach_xdp(load(dropping("xdp"), "xdp"), "far") as link:
                link.pin(path)
            found = [delivered(sockets)]
            with pinned_link(path) as again:
                again.update(load(passing("xdp"), "xdp"))
            found.append(delivered(sockets))
            with pinned_link(path) as again:
                again.update(load(dropping("xdp"), "xdp"))
            found.append(delivered(sockets))
            os.unlink(path)
            return [*found, in_the_end(lambda: delivered(sockets))]

    assert in_namespace(scenario) == [False, True, False, True]


def test_without_a_bpf_file_system_the_link_is_still_its_owners() -> None:
    def scenario() -> tuple[str, bool, bool]:
        network()
        with receivers() as sockets:
            with attach_xdp(load(dropping("xdp"), "xdp"), "far") as link:
                message, _ = refused(lambda: link.pin("/tmp/bpfq-no-such-pin"))
                during = delivered(sockets)
            return message, during, delivered(sockets)

    assert in_namespace(scenario) == (
        "/tmp/bpfq-no-such-pin is not in a mounted bpf file system",
        False,
        True,
    )
    assert not os.path.exists("/tmp/bpfq-no-such-pin")
