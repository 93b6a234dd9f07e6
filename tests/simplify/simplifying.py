"""How the tests of this folder simplify a filter, and the filters whose tests share bytes."""

from __future__ import annotations

from bpfq.graphs import lowering
from bpfq.frontend.pcap.parse import parse
from bpfq.graph.nodes import Builder
from bpfq.settings import Settings, link_type
from bpfq.simplify.driver import Simplified, simplify
from bpfq.targets import TARGETS


def simplified(text: str, link: str = "EN10MB", target: str = "file") -> Simplified:
    settings = Settings(TARGETS[target], link_type(link))
    return simplify(parse(text), lowering(settings, Builder(), share=True))


# Filters that match nothing, though no two tests look at one field in one way.
CONTRADICTIONS = (
    "ip[6] & 0x40 != 0 and ip[6:2] & 0x4000 = 0",
    "ip src host 10.0.0.1 and ip[12] = 11",
    "udp[0:2] = 53 and udp[0:4] & 0xffff0000 = 0x00360000",
    "ip[2:2] > ip[2:2]+1 and ip[2:2] < 65535",
    "ip[8] = ip[9] and ip[8:2] = 0x0102",
    "tcp[13] & 6 != 0 and tcp[13] & 7 = 0",
    "ip[0] & 0xf0 = 0x50 and ip[0] & 0x10 = 0",
    "ip[0] * 3 = 7",
    "len > 100 and len - 1 < 50",
    "src net 10.0.0.0/8 and src net 11.0.0.0/8",
    "ip and ether[12] = 7",
    "ether dst 2:2:3:4:5:6 and ether multicast",
    "ip[2:2] < ip[3] and ip[2] > 0",
    "(ip[8] = 1 or ip[8] = 2) and ip[8:2] > 0x0300",
    "not (ip[8] <= 3 or ip[8:2] >= 0x0400) and ip",
    "ip[0:2] ^ ip[0:2] = 1",
    "ip[16] & 0xf0 = 0xe0 and not ip multicast and ip[16] < 224",
)

# Filters of which some test says nothing that the others do not.
REDUNDANCIES = {
    "tcp[13] & 2 != 0 and tcp[13] & 6 != 0": "tcp[13] & 2 != 0",
    "tcp[13] & 6 != 0 and tcp[13] & 2 != 0": "tcp[13] & 2 != 0",
    "ip[8] > 5 and ip[8] > 3": "ip[8] > 5",
    "ip[8] > 3 and ip[8] > 5": "ip[8] > 5",
    "ip[8] > 3 and tcp and ip[8] > 5": "ip[8] > 5 and tcp",
    "src net 10.0.0.0/8 and src host 10.0.0.1": "src host 10.0.0.1",
    "src host 10.0.0.1 and src net 10.0.0.0/8": "src host 10.0.0.1",
    "src net 10.0.0.0/8 or src host 10.0.0.1": "src net 10.0.0.0/8",
    "ip[6:2] & 0x4000 != 0 and ip[6] & 0x40 != 0": "ip[6:2] & 0x4000 != 0",
    "not broadcast and not multicast": "not multicast",
    "ether dst 1:2:3:4:5:6 and ether multicast": "ether dst host 01:02:03:04:05:06",
    "tcp[13] & 4 != 0 or tcp[13] & 1 != 0": "tcp[13] & 5 != 0",
    "ip[12:4] = 0x0a000001 and ip[13] = 0": "ip[12:4] = 167772161",
    "ip[13] = 0 and (ip[12:4] = 0x0a000001 or tcp)": "ip[13] = 0 and (ip[12:4] = 167772161 or tcp)",
    "tcp and (udp or ip[8] > 3)": "tcp and ip[8] > 3",
    "not (ip[8] > 3 or ip[8] > 5)": "not ip[8] > 3",
    "not (ip[8] > 5 or ip[8] > 3)": "not ip[8] > 3",
    "ip[8] <= 255 and ip": "ip[8] <= 255",
}
