"""What an interface says is attached to it."""

from __future__ import annotations

import socket

import pytest

from bpfq.kernel.attach import attach_tc, attach_xdp
from bpfq.kernel.hooks import AttachType
from bpfq.kernel.presence import XdpOn, tcx_links, xdp_on
from bpfq.kernel.programs import load

from ..namespaces import in_namespace, needs_ip
from .programs import needs_bpf, returns
from .traffic import network

pytestmark = [pytest.mark.root, needs_bpf, needs_ip]

NO_INTERFACE = 0x7FFF_FFFF


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_an_interface_tells_its_xdp_program_and_its_mode(mode: str) -> None:
    def scenario() -> list[XdpOn | None]:
        network()
        index = socket.if_nametoindex("far")
        seen = [xdp_on(index), xdp_on(NO_INTERFACE)]
        with load(returns(2), "xdp") as program, attach_xdp(program, "far", mode):
            number = program.information().id
            seen.append(xdp_on(index))
            assert seen[-1] == XdpOn(number, mode)
        return [*seen[:2], xdp_on(index)]

    assert in_namespace(scenario) == [None, None, None]


def test_an_interface_tells_its_links_of_tc_in_their_order() -> None:
    def scenario() -> bool:
        network()
        index = socket.if_nametoindex("far")
        assert tcx_links(index, AttachType.TCX_INGRESS) == ()
        programs = [load(returns(-1), "tc") for _ in range(2)]
        second = attach_tc(programs[0], "far", "ingress")
        first = attach_tc(programs[1], "far", "ingress", first=True)
        other = attach_tc(programs[0], "far", "egress")
        ids = [each.information().id for each in (first, second, other)]
        found = tcx_links(index, AttachType.TCX_INGRESS) + tcx_links(index, AttachType.TCX_EGRESS)
        return list(found) == ids and tcx_links(NO_INTERFACE, AttachType.TCX_EGRESS) == ()

    assert in_namespace(scenario)
