"""What cannot be attached: each refusal in words, and nothing left behind."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import pytest

from bpfq.errors import LoadError
from bpfq.isa.cbpf.size import PROGRAM_HEADER_BYTES
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, Exit, Move
from bpfq.kernel.attach import (
    attach_cgroup,
    attach_netfilter,
    attach_socket,
    attach_tc,
    attach_xdp,
)
from bpfq.kernel.bpf import Attr, Command
from bpfq.kernel.limits import optmem_max
from bpfq.kernel.links import Link
from bpfq.kernel.programs import load, program_with_id

from ..namespaces import in_namespace, ip, needs_ip
from .programs import needs_bpf, refused, returns, without
from .traffic import (
    delivered,
    dropping,
    needs_cgroup,
    network,
    own_cgroup,
    passing,
    receivers,
)

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

NOBODY = 65534


def test_a_second_owner_of_xdp_is_refused_and_one_of_tc_is_not() -> None:
    def scenario() -> tuple[tuple[str, int | None], bool, bool, bool]:
        network()
        with receivers() as sockets, attach_xdp(load(passing("xdp"), "xdp"), "far"):
            message = refused(lambda: attach_xdp(load(dropping("xdp"), "xdp"), "far"))
            first = attach_tc(load(passing("tc"), "tc"), "far", "ingress")
            second = attach_tc(load(dropping("tc"), "tc"), "far", "ingress")
            both = delivered(sockets)
            first.close()
            one = delivered(sockets)
            second.close()
            return message, both, one, delivered(sockets)

    assert in_namespace(scenario) == (
        ("the kernel refused XDP on 'far': EBUSY, an XDP program is attached there already", 16),
        False,
        False,
        True,
    )


def test_netfilter_says_what_is_wrong_with_a_priority() -> None:
    def scenario() -> list[tuple[str, int | None]]:
        program = load(returns(1), "netfilter")
        with attach_netfilter(program, "inet6", "input", 7) as link:
            return [
                refused(lambda: attach_netfilter(program, "inet6", "input", 7)),
                refused(lambda: attach_netfilter(program, "inet", "input", -400, defragment=True)),
                refused(lambda: link.update(program)),
            ]

    start = "the kernel refused netfilter inet"
    assert in_namespace(scenario) == [
        (
            f"{start}6:input: EBUSY, there is a program or a table with this priority; filter of "
            "iptables has 0",
            errno.EBUSY,
        ),
        (
            f"{start}:input: ERANGE, the priority is out of range; putting fragments together "
            "needs more than -400",
            errno.ERANGE,
        ),
        (
            "the kernel refused to replace the program: EOPNOTSUPP, a netfilter link keeps its "
            "program: attach the new one at another priority, then close this link",
            errno.EOPNOTSUPP,
        ),
    ]


def test_a_place_that_is_none_is_refused() -> None:
    program, other = load(returns(2), "xdp"), load(returns(1), "cgroup_skb")
    filter = load(returns(1), "netfilter")
    assert refused(lambda: attach_xdp(program, "lo", "nativ"))[0] == (
        "no mode of XDP 'nativ'; there are generic, native"
    )
    assert refused(lambda: attach_xdp(program, "nowhere"))[0].startswith(
        "no interface 'nowhere'; there are "
    )
    assert refused(lambda: attach_cgroup(other, "/nowhere", "ingress")) == (
        "no cgroup at /nowhere: no such file or directory",
        errno.ENOENT,
    )
    assert refused(lambda: attach_cgroup(other, "/proc", "ingress")) == (
        "the kernel refused the cgroup /proc: EBADF, it is no directory of a cgroup version 2 "
        "file system",
        errno.EBADF,
    )
    assert refused(lambda: attach_netfilter(filter, "inet", "inptu"))[0] == (
        "no netfilter hook 'inptu'; there are prerouting, input, forward, output, postrouting"
    )


@needs_cgroup
def test_without_capabilities_nothing_is_attached_to_a_cgroup() -> None:
    def scenario() -> str:
        with own_cgroup() as path:
            program = load(returns(1), "cgroup_skb")
            os.seteuid(NOBODY)
            try:
                return refused(lambda: attach_cgroup(program, path, "ingress"))[0]
            finally:
                os.seteuid(0)

    assert "EPERM, it needs CAP_BPF and CAP_NET_ADMIN, this process lacks " in in_namespace(
        scenario
    )


@pytest.mark.parametrize(
    "hook, attach_type, attach, version",
    [
        ("tc", 46, lambda p, call: attach_tc(p, "lo", "ingress", call=call), "6.6"),
        ("netfilter", 45, lambda p, call: attach_netfilter(p, "inet", "input", call=call), "6.4"),
        ("xdp", 37, lambda p, call: attach_xdp(p, "lo", call=call), "5.9"),
    ],
    ids=["tc", "netfilter", "xdp"],
)
def test_a_kernel_without_the_link_is_told(
    hook: str, attach_type: int, attach: Callable[..., Link], version: str
) -> None:
    def of_this_type(attr: Attr) -> bool:
        return attr.read_u32(8) == attach_type

    kernel = without(Command.LINK_CREATE, errno.EINVAL, of_this_type)
    with load(passing(hook), hook) as program:
        message, number = refused(lambda: attach(program, kernel))
    assert (number, f"Linux {version}" in message) == (errno.EINVAL, True)


def test_native_xdp_refuses_a_large_mtu_to_a_program_for_one_buffer() -> None:
    def scenario() -> tuple[str, str, str]:
        network()
        for name in ("near", "far"):
            ip("link", "set", name, "mtu", "9000")
        with load(returns(2), "xdp") as program, load(returns(2), "xdp", frags=True) as frags:
            message, _ = refused(lambda: attach_xdp(program, "far", "native"))
            with attach_xdp(program, "far") as first:
                other, _ = refused(lambda: attach_xdp(frags, "far", "native"))
                modes = first.mode
            with attach_xdp(frags, "far") as second:
                return message, other, f"{modes} {second.mode}"

    assert in_namespace(scenario) == (
        "the kernel refused XDP on 'far': ERANGE, the MTU is too large for native XDP",
        "the kernel refused XDP on 'far': EEXIST, an XDP program is attached there in another mode",
        "generic native",
    )


def test_tc_says_why_a_program_cannot_go_there() -> None:
    def scenario() -> list[str]:
        network()
        program, other = load(returns(-1), "tc"), load(returns(-1), "tc")
        with attach_tc(program, "far", "ingress"), attach_tc(program, "far", "egress") as beside:
            return [
                refused(lambda: attach_tc(program, "far", "ingress"))[0],
                refused(lambda: attach_tc(other, "far", "ingress", before=beside))[0],
            ]

    start = "the kernel refused tc ingress on 'far': "
    assert in_namespace(scenario) == [
        start + "EEXIST, this program is attached there already",
        start + "ENOENT, the link to be a neighbour of is not attached there",
    ]


def test_a_program_of_another_kind_is_told_apart() -> None:
    with load(returns(-1), "tc") as program:
        again = program_with_id(program.information().id)
        assert again is not None
        assert (again.hook, again.information()) == ("tc", program.information())
        assert refused(lambda: attach_xdp(again, "lo")) == (
            "an XDP program is needed, this is a tc program",
            errno.EINVAL,
        )


def test_a_program_too_large_for_a_socket_says_what_would_let_it_on() -> None:
    words = assemble([*(Move(R0, 0) for _ in range(20_000)), Exit()])
    with load(words, "socket") as program, socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(LoadError) as error:
            attach_socket(program, sock)
    needed = 8 * 20_001 + PROGRAM_HEADER_BYTES
    assert str(error.value) == (
        f"the kernel refused the program: ENOMEM, needs {needed} bytes, "
        f"net.core.optmem_max is {optmem_max()}"
    )
    assert [each.text for each in error.value.suggestions] == ["sysctl net.core.optmem_max=262144"]
