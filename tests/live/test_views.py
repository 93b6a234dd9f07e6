"""What targets show of one frame, as a comparison of two targets takes it, told by a kernel.

Sockets that take everything stand at the receiving end of a veth pair.  A kernel tells the bytes,
the tag that it took out of them and the protocol of each frame.
"""

from __future__ import annotations

import socket
import struct

import pytest

from bpfq.kernel.constants import PACKET_AUXDATA, SOL_PACKET, TP_STATUS_VLAN_VALID
from bpfq.kernel.sockets import attach_filter
from bpfq.settings import link_type
from bpfq.symbolic.views import Sight, View, is_seen, look, view_of
from bpfq.tables.linktypes import COOKED
from bpfq.targets import target
from kernel.namespaces import in_namespace, needs_ip, needs_root

from .frames import CUT, FRAMES
from .network import ETH_P_ALL, SENTINEL_TYPE, deliver, heard, quiet_pair, roomy
from .packets import SENT, name_of
from .test_layer3 import UPPER, ip_layer

pytestmark = [pytest.mark.root, pytest.mark.oracle, needs_root, needs_ip]

_EVERYTHING = ((0x06, 0, 0, 262144),)  # ret #262144; without a filter an empty packet is lost
_AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata of <linux/if_packet.h>
_WORDS = ("vlanp", "vlan_tci", "vlan_tpid", "proto")
_KINDS = {"packet": socket.SOCK_RAW, "packet-cooked": socket.SOCK_DGRAM}
_VIEWS = {
    "packet": view_of(target("packet"), link_type("EN10MB")),
    "packet-cooked": view_of(target("packet-cooked"), COOKED),
}
_SHORT = [
    FRAMES[name][:size] for name in ("vlan 100 udp", "qinq 100 only") for size in range(14, 24)
]
_FRAMES = [*FRAMES.values(), *CUT.values(), *_SHORT]

Shown = tuple[bytes, dict[str, int]]
"""The bytes from the socket's byte 0, and the kernel's words about them."""


def told(view: View, frames: list[bytes]) -> list[Shown]:
    """What the view says that arrives."""
    sights = [Sight(frame, len(frame), {}) for frame in frames]
    seen = [look(view, sight) for sight in sights if is_seen(view, sight)]
    return [(one.octets, {name: one.metadata[name] for name in _WORDS}) for one in seen]


def received(sock: socket.socket) -> list[Shown]:
    """What arrived, in order."""
    found: list[Shown] = []
    while True:
        try:
            octets, ancillary, _, address = sock.recvmsg(65536, socket.CMSG_SPACE(_AUXDATA.size))
        except BlockingIOError:
            return found
        ((_, _, content),) = ancillary
        status, *_, tci, tpid = _AUXDATA.unpack(content)
        tagged = bool(status & TP_STATUS_VLAN_VALID)
        words = (int(tagged), tci if tagged else 0, tpid if tagged else 0, address[1])
        found.append((octets, dict(zip(_WORDS, words, strict=True))))


def listen() -> dict[str, list[Shown]]:
    quiet_pair()
    sockets = {}
    for name, kind in _KINDS.items():
        sockets[name] = sock = roomy(socket.socket(socket.AF_PACKET, kind, 0))
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        attach_filter(sock, _EVERYTHING, drain=False)
        sock.bind(("far", ETH_P_ALL))
    deliver(_FRAMES)
    return {name: received(sock) for name, sock in sockets.items()}


@pytest.fixture(scope="module")
def arrived() -> dict[str, list[Shown]]:
    return in_namespace(listen)


@pytest.mark.parametrize("name", _VIEWS)
def test_a_packet_socket_gets_what_its_view_shows(
    arrived: dict[str, list[Shown]], name: str
) -> None:
    found = [one for one in arrived[name] if one[1]["proto"] != SENTINEL_TYPE]
    shown = told(_VIEWS[name], _FRAMES)
    if name == "packet-cooked":  # newer kernels tell the type behind all tags
        found, shown = without_protocol(found), without_protocol(shown)
    assert found == shown


def without_protocol(packets: list[Shown]) -> list[Shown]:
    return [(octets, words | {"proto": 0}) for octets, words in packets]


def listen_raw() -> list[bytes]:
    ip_layer()
    sockets = {
        number: socket.socket(socket.AF_INET, socket.SOCK_RAW, number) for number in UPPER["raw4"]
    }
    found = heard(sockets, SENT)
    return sorted(octets for packets in found.values() for octets in packets)


def test_a_raw_socket_gets_what_its_view_shows() -> None:
    """Pieces of a packet arrive put together, which is no frame's view."""
    view = view_of(target("raw4"), link_type("IPV4"))
    whole = [octets for octets in in_namespace(listen_raw) if name_of(octets) != "reassembled"]
    assert whole == sorted(octets for octets, _ in told(view, SENT))
