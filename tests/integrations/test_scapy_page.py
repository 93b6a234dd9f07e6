"""The part of docs/scapy.md that needs an interface, in a namespace that has one."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from scapy.config import conf
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether

from docs.pages import blocks
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root, sender, veth_pair

pytestmark = [pytest.mark.root, needs_root, needs_ip]

PAGE = "docs/scapy.md"
HERE = __name__.replace(".", "/") + ".py"
WEB = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(dport=443)
TRAFFIC = [
    bytes(Ether() / Dot1Q(vlan=295) / WEB),
    bytes(Ether() / WEB),
    bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(dport=443)),
    bytes(Ether() / Dot1Q(vlan=296) / WEB),
]


def on_eth0() -> dict[str, list[str]]:
    """What the names of the page's blocks hold, while TRAFFIC comes in without end."""
    veth_pair()
    for old, new in (("far", "eth0"), ("near", "eth1")):
        ip("link", "set", old, "down")
        ip("link", "set", old, "name", new)
    for name in ("eth0", "eth1"):
        ip("link", "set", name, "up")
    conf.ifaces.reload()
    child = os.fork()
    if child == 0:
        _send_for_ever()
    try:
        names: dict[str, Any] = {}
        for block in blocks(PAGE):
            if block.run_by.endswith(HERE):
                exec(block.text, names)
        found = {**names, "sniffer": names["sniffer"].results}
        return {key: [p.original.hex() for p in found[key]] for key in ("tagged", "web", "sniffer")}
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _send_for_ever() -> None:
    try:
        with sender("eth1") as out:
            while True:
                for frame in TRAFFIC:
                    out.send(frame)
                time.sleep(0.001)
    finally:
        os._exit(0)


def test_the_page_is_true_on_an_interface() -> None:
    tagged, untagged, lan, other = (frame.hex() for frame in TRAFFIC)
    found = in_namespace(on_eth0)
    web = found.pop("web")
    assert found == {"tagged": [tagged] * 2, "sniffer": [tagged]}
    # a socket has the tag beside the frame: a filter that says nothing of it takes both
    assert len(web) == 2 and set(web) <= {tagged, untagged, other} and lan not in web
