"""The primitives that may stand behind the tests of a program: lowering, read backwards.

A template is lowered once with a marker for its number.  Where the marker is compared are the words
that such a primitive looks at; every number that the program compares one of them with makes a
primitive that may be what was meant:

    port 0x5aa5       ->  b[x + 14:2] = 0x5aa5, b[x + 16:2] = 0x5aa5, b[54:2] = ...
    program: b[54:2] = 80   ->  port 80, tcp port 80, ..., udp dst port 80

So no link type, no header and no offset is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bpfq.query import build
from bpfq.query.checks import LLC_KINDS, RECOGNISED_PROTOCOLS
from bpfq.query.nodes import Query, Under
from bpfq.record import record

_DIRECTIONS = ("src or dst", "src", "dst", "src and dst")


@record
class Template:
    """A primitive with numbers, of ``widths`` bits each, which ``make`` takes by the kind.

    point: the number.  range: the lowest and the highest.  network: address and mask, of all words
    together.  address: all words as one number.
    """

    make: Callable[..., Query]
    widths: tuple[int, ...] = ()
    kind: str = "point"


def fixed(under: Under) -> Iterator[Query]:
    """Primitives without a number."""
    for name in RECOGNISED_PROTOCOLS:
        if name != "carp":  # the same as vrrp
            yield build.protocol(name, under)
    yield build.broadcast("link", under)
    for layer in ("link", "ip", "ip6"):
        yield build.multicast(layer, under)
    yield build.encapsulation("pppoed", None, under)
    for kind in (None, *LLC_KINDS):
        yield build.llc(kind, under)
    if under:
        return
    for inbound in (True, False):
        yield build.packet_direction(inbound)
    for frame in (0, 4, 8):
        yield build.frame_type(frame)
        for subtype in range(0, 256, 16):
            yield build.frame_type(frame, subtype)
    for way in range(4):
        yield build.frame_direction(way)


def shims(under: Under) -> Iterator[tuple[str, Query]]:
    """Encapsulations, behind which everything can be tested again."""
    for kind in ("vlan", "mpls", "pppoes", "vxlan", "geneve"):
        yield kind, build.encapsulation(kind, None, under)


def numbered(under: Under) -> Iterator[Template]:
    """Primitives with a number, the more general ones first."""
    for layer, bits in (("link", 16), ("ip", 8), ("ip6", 8), ("inet", 8)):
        yield Template(lambda n, layer=layer: build.protocol_number(layer, n, under), (bits,))
    for protocol in (None, "tcp", "udp", "sctp"):
        for way in _DIRECTIONS:
            yield Template(
                lambda low, high, protocol=protocol, way=way: build.port(
                    protocol, way, low, high, under
                ),
                (16,),
                "range",
            )
    for protocol in (None, "ip", "arp", "rarp"):
        for way in _DIRECTIONS:
            yield Template(
                lambda address, mask, protocol=protocol, way=way: build.address4(
                    protocol, way, ((address, mask),), under
                ),
                (32,),
                "network",
            )
    for way in _DIRECTIONS:
        yield Template(
            lambda address, mask, way=way: build.address6(way, ((address, mask),), under),
            (32, 32, 32, 32),
            "network",
        )
    yield from _link_layer(under)
    for kind, bits in (("vlan", 12), ("mpls", 20), ("pppoes", 16), ("vxlan", 24), ("geneve", 24)):
        yield Template(lambda n, kind=kind: build.encapsulation(kind, n, under), (bits,))


def _link_layer(under: Under) -> Iterator[Template]:
    for way in (*_DIRECTIONS, "addr1", "addr2", "addr3", "addr4"):
        yield Template(
            lambda address, way=way: build.mac_address(way, (address,), under), (16, 32), "address"
        )
    if not under:
        yield Template(build.interface_index, (32,))
