"""What neither the link type nor the setting can tell."""

from __future__ import annotations

from typing import Any

import pytest

from bpfq.errors import UnsupportedError
from bpfq.meaning import evaluate
from bpfq.query import build

from .frames import TCP4, accepts

# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "link", "message"),
    [
        ("ip", "USER0", "link-layer type filtering is not supported on USER0"),
        ("ip", "NONE", "unknown link type 'NONE'"),
        ("arp", "MTP2", "link-layer type filtering is not supported on MTP2"),
        ("vlan", "PPI", "'vlan' is not supported on PPI (Per-Packet Information)"),
        ("mpls", "LINUX_SLL", "'mpls' is not supported on LINUX_SLL (Linux cooked v1)"),
        ("ether multicast", "RAW", "'multicast' is not supported on RAW (Raw IPv4/IPv6)"),
        ("ether host 1:2:3:4:5:6", "IPV4", "'link host' is not supported on IPV4 (Raw IPv4)"),
        ("link host $1", "EN10MB", "'link host $XX' is not supported on EN10MB (Ethernet)"),
        ("wlan addr1 1:2:3:4:5:6", "FDDI", "'addr1' is for 802.11 frames only, not FDDI"),
        ("inbound", "EN10MB", "not a live capture, 'inbound' is not supported on EN10MB"),
        ("outbound", "PPP", "not a live capture, 'outbound' is not supported on PPP"),
        ("ifindex 3", "EN10MB", "not a live capture, 'ifindex' is not supported on EN10MB"),
        ("radio[0] = 1", "PPI", "there is no radio header on PPI"),
        ("vpi 3", "EN10MB", "'vpi' is not supported on EN10MB (Ethernet)"),
        ("bcc", "EN10MB", "'bcc' is not supported on EN10MB (Ethernet)"),
        ("fisu", "EN10MB", "'fisu' is not supported on EN10MB (Ethernet)"),
        ("opc 3", "EN10MB", "'opc' is not supported on EN10MB (Ethernet)"),
        ("ifname x", "EN10MB", "'ifname' is not supported on EN10MB (Ethernet)"),
        ("type mgt", "EN10MB", "'type/subtype' is not supported on EN10MB (Ethernet)"),
        ("dir tods", "EN10MB", "'dir' is not supported on EN10MB (Ethernet)"),
        ("llc", "PPP", "'llc' is not supported on PPP (Point-to-Point Protocol)"),
        (
            "ip broadcast",
            "EN10MB",
            "the netmask is not known, which 'ip broadcast' needs: --netmask",
        ),
        (
            "ip6 protochain 6",
            "IEEE802_11",
            "'protochain' is not supported with variable length headers",
        ),
    ],
)
def test_what_the_link_type_cannot_tell_is_refused(text: str, link: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as refusal:
        accepts(text, TCP4, link=link)
    assert refusal.value.message == message


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "link[0] = 1",
            {"start": "network"},
            "the link header cannot be read: the packet starts behind it",
        ),
        (
            "vlan",
            {"live": True},
            "not a live capture, 'vlan' is not supported on EN10MB",
        ),
        (
            "vlan",
            {"live": True, "metadata": {}},
            "the packet comes without the metadata word 'vlanp'",
        ),
    ],
)
def test_what_the_setting_cannot_tell_is_refused(
    text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedError) as refusal:
        accepts(text, TCP4, **options)
    assert refusal.value.message == message


@pytest.mark.parametrize("kind", ["gre", "ipip"])
def test_tunnels_without_a_written_meaning_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedError):
        evaluate(build.encapsulation(kind), TCP4)
