"""Programs on every hook, with real packets: what they drop, and that they let go."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest

from bpfq.kernel.attach import (
    attach_cgroup,
    attach_netfilter,
    attach_socket,
    attach_tc,
    attach_xdp,
)
from bpfq.kernel.hooks import AttachType, LinkType
from bpfq.kernel.links import Link, LinkInformation, link_with_id, links
from bpfq.kernel.programs import Program, load
from bpfq.kernel.sockets import detach_filter

from ..namespaces import in_namespace, ip, needs_ip
from .programs import TCX_NEXT, counted, counting, counts, in_the_end, needs_bpf, refused, returns
from .traffic import (
    ADDRESS,
    BAD,
    GOOD,
    arrived,
    delivered,
    dropping,
    needs_cgroup,
    network,
    offer,
    own_cgroup,
    passing,
    receivers,
)

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

NOBODY = 65534
ON_AN_INTERFACE: dict[str, tuple[str, Callable[[Program], Link]]] = {
    "xdp native": ("xdp", lambda program: attach_xdp(program, "far", "native")),
    "xdp generic": ("xdp", lambda program: attach_xdp(program, "far", "generic")),
    "xdp auto": ("xdp", lambda program: attach_xdp(program, "far")),
    "tc ingress": ("tc", lambda program: attach_tc(program, "far", "ingress")),
    "tc egress": ("tc", lambda program: attach_tc(program, "near", "egress")),
}


@pytest.mark.parametrize("place", ON_AN_INTERFACE)
def test_a_program_on_an_interface_drops_until_its_link_closes(place: str) -> None:
    hook, attach = ON_AN_INTERFACE[place]

    def scenario() -> tuple[bool, bool, bool, Link | None]:
        network()
        with receivers() as sockets:
            before = delivered(sockets)
            with load(dropping(hook), hook) as program, attach(program) as link:
                program.close()  # the link holds it
                number = link.information().id
                during = delivered(sockets)
            return before, during, delivered(sockets), link_with_id(number)

    assert in_namespace(scenario) == (True, False, True, None)


@needs_cgroup
def test_a_program_on_a_cgroup_drops_what_its_sockets_get() -> None:
    def scenario() -> tuple[bool, bool, bool]:
        network()
        with own_cgroup() as path, receivers() as sockets:
            before = delivered(sockets)
            with load(dropping("cgroup_skb"), "cgroup_skb") as program:
                with attach_cgroup(program, path, "ingress"):
                    during = delivered(sockets)
            return before, during, delivered(sockets)

    assert in_namespace(scenario) == (True, False, True)


@needs_cgroup
def test_a_program_on_a_cgroup_drops_what_its_sockets_send() -> None:
    def scenario() -> tuple[list[int], bytes]:
        network()
        ip("link", "set", "lo", "up")
        with own_cgroup() as path, receivers() as sockets:
            program = load(dropping("cgroup_skb"), "cgroup_skb")
            failed = []
            with attach_cgroup(program, path, "egress"):
                for port in (BAD, GOOD):
                    try:
                        sockets[GOOD].sendto(b"hello", (ADDRESS, port))
                    except PermissionError:
                        failed.append(port)
            return failed, sockets[GOOD].recv(100)

    assert in_namespace(scenario) == ([BAD], b"hello")


@pytest.mark.parametrize("hook", ["prerouting", "input"])
def test_a_program_on_netfilter_drops_until_its_link_closes(hook: str) -> None:
    def scenario() -> tuple[bool, bool, LinkInformation]:
        network()
        counter = counting()
        with receivers() as sockets:
            program = load(counts(counter, 0), "netfilter")
            with attach_netfilter(program, "inet", hook, -5) as link:
                told = link.information()
                offer()
                assert in_the_end(lambda: counted(counter) == 2)
                during = arrived(sockets[BAD])
            return during, delivered(sockets), told

    during, behind, told = in_namespace(scenario)
    assert (during, behind) == (False, True)
    assert (told.kind, told.family, told.hook, told.priority) == (
        LinkType.NETFILTER, 2, {"prerouting": 0, "input": 1}[hook], -5,
    )  # fmt: skip


def test_a_program_on_a_socket_keeps_what_it_accepts() -> None:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        second.setblocking(False)
        with load(returns(3), "socket") as program:
            attach_socket(program, second)
        first.send(b"hello")  # the socket holds the program
        assert second.recv(100) == b"hel"
        with load(returns(0), "socket") as program:
            attach_socket(program, second)
        first.send(b"hello")
        with pytest.raises(BlockingIOError):
            second.recv(100)
        detach_filter(second)
        first.send(b"hello")
        assert second.recv(100) == b"hello"
        assert refused(lambda: attach_socket(load(returns(0), "xdp"), second)) == (
            "the kernel refused a socket program: EINVAL, it is no program for sockets",
            errno.EINVAL,
        )


def test_a_link_tells_its_place() -> None:
    def scenario() -> list[tuple[int, int, int]]:
        network()
        index = socket.if_nametoindex("far")
        program, other = load(returns(2), "xdp"), load(returns(-1), "tc")
        with attach_xdp(program, "far") as first, attach_tc(other, "far", "egress") as second:
            told = [first.information(), second.information()]
            assert [each.program_id for each in told] == [
                program.information().id,
                other.information().id,
            ]
            assert {each.id for each in told} <= {each.information().id for each in links()}
        return [(each.kind, each.ifindex - index, each.attach_type) for each in told]

    assert in_namespace(scenario) == [
        (LinkType.XDP, 0, 0),
        (LinkType.TCX, 0, AttachType.TCX_EGRESS),
    ]


def test_auto_is_generic_where_the_driver_has_no_native_xdp() -> None:
    def scenario() -> tuple[str, str, tuple[str, int | None]]:
        network()
        program = load(returns(2), "xdp")
        with attach_xdp(program, "lo") as first:
            modes = first.mode
        with attach_xdp(program, "far") as second:
            return modes, second.mode, refused(lambda: attach_xdp(program, "lo", "native"))

    generic, native, refusal = in_namespace(scenario)
    assert (generic, native) == ("generic", "native")
    assert refusal == (
        "the kernel refused XDP on 'lo': EOPNOTSUPP, the driver has no native XDP, the mode "
        "generic works everywhere",
        errno.EOPNOTSUPP,
    )


def test_programs_on_tc_run_in_the_order_asked_for() -> None:
    def scenario() -> list[int]:
        network()
        found = []
        with receivers() as sockets:
            for order in ("behind", "before", "after", "first"):
                counter = counting()
                drop = attach_tc(load(dropping("tc"), "tc"), "far", "ingress")
                last = attach_tc(load(passing("tc"), "tc"), "far", "ingress")
                program = load(counts(counter, TCX_NEXT), "tc")
                link = attach_tc(
                    program, "far", "ingress",
                    before=drop if order == "before" else None,
                    after=drop if order == "after" else None, first=order == "first",
                )  # fmt: skip
                delivered(sockets)
                found.append(counted(counter))
                for each in (link, last, drop):
                    each.close()
        return found

    # of two datagrams, one is dropped before a program that stands behind
    assert in_namespace(scenario) == [1, 2, 1, 2]
