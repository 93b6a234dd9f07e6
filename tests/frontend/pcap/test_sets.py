"""Named sets: ``@name`` in a filter, with the entries that the caller gives."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

import bpfq
from bpfq.errors import BpfqError
from bpfq.frontend.dsl_handles import Cond
from bpfq.meaning.evaluate import evaluate
from bpfq.query import nodes
from bpfq.query.text import to_pcap, to_python

SETS = {
    "bad": ["192.0.2.0/24", ip_network("198.51.100.7"), "2001:db8::/32"],
    "ports": [80, "8000-8010", "ssh"],
    "macs": ["00:00:5e:00:53:01", "00-00-5e-00-53-ff"],
}  # fmt: skip
BAD4 = "(net 192.0.2.0/24 or host 198.51.100.7)"
BAD6 = "net 2001:db8::/32"
WORDS = {  # a filter with sets, and the same one without
    "src net @bad": f"src net (192.0.2.0/24 or 198.51.100.7/32) or src {BAD6}",
    "host @bad": f"{BAD4} or {BAD6}",
    "ip host @bad": "ip net (192.0.2.0/24 or 198.51.100.7/32)",
    "ip6 dst net @bad": f"dst {BAD6}",
    "arp net @bad": "arp net (192.0.2.0/24 or 198.51.100.7/32)",
    "src and dst net @bad": "(src net 192.0.2.0/24 or src host 198.51.100.7) and "
    "(dst net 192.0.2.0/24 or dst host 198.51.100.7) or src and dst net 2001:db8::/32",
    "port @ports": "port (22 or 80) or portrange 8000-8010",
    "udp src and dst port @ports": "(udp src port (22 or 80) or udp src portrange 8000-8010) and "
    "(udp dst port (22 or 80) or udp dst portrange 8000-8010)",
    "ether src host @macs": "ether src host (00:00:5e:00:53:01 or 00:00:5e:00:53:ff)",
    "ether src and dst host @macs": "ether src host (00:00:5e:00:53:01 or 00:00:5e:00:53:ff) and "
    "ether dst host (00:00:5e:00:53:01 or 00:00:5e:00:53:ff)",
    "vlan and not src host @bad": f"vlan and not (src {BAD4[1:-1].replace('or ', 'or src ')} "
    f"or src {BAD6})",
    "host 10.0.0.1 or @bad": f"host 10.0.0.1 or {BAD4} or {BAD6}",
}


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("text", WORDS)
def test_a_set_means_its_entries(text: str, level: int) -> None:
    named = bpfq.compile(text, sets=SETS, level=level)
    assert bpfq.prove(bpfq.parse(WORDS[text]), named.words).verdict == "proved"


@pytest.mark.parametrize("text", WORDS)
def test_the_reference_meaning_is_that_of_the_entries(text: str) -> None:
    query, plain = (bpfq.parse(each, sets=SETS).query for each in (text, WORDS[text]))
    packets = [found.octets for found in bpfq.witness(WORDS[text], 4)]
    packets += [bytes(60), bytes(12) + b"\x08\x00\x45" + bytes(50)]
    assert packets
    for packet in packets:
        for reading in ("sequential", "total"):
            assert evaluate(query, packet, reading=reading) == evaluate(
                plain, packet, reading=reading
            )


@pytest.mark.parametrize(
    "text, written",
    [
        ("src host @bad", "src net @bad"),
        ("ip6 dst net @bad and tcp port @ports", "ip6 dst net @bad and tcp port @ports"),
        ("not ether host @macs", "not ether host @macs"),
        ("ether addr2 host @macs", "ether addr2 host @macs"),
    ],
)
def test_a_set_is_written_by_its_name(text: str, written: str) -> None:
    query = bpfq.parse(text, sets=SETS).query
    assert to_pcap(query) == written
    assert bpfq.parse(to_pcap(query), sets=SETS).query == query
    assert eval(to_python(query), {"Cond": Cond, "nodes": nodes}).query == query


def test_entries_are_numbers_in_order_and_each_once() -> None:
    query = bpfq.parse("port @p", sets={"p": ["443", 80, "90-81", "80", "http"]}).query
    assert isinstance(query, nodes.InSet)
    assert query.members == nodes.NamedSet("p", "port", ((80, 80), (81, 90), (443, 443)))


def test_an_end_on_its_own_may_be_another_entry() -> None:
    ends = {"s": ["10.0.0.1", "10.0.0.2"]}
    frame = bytes(12) + b"\x08\x00\x45" + bytes(11) + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + bytes(9)
    assert bpfq.compile("src and dst host @s", sets=ends).matches(frame)


@pytest.mark.parametrize(
    "text, sets, message",
    [
        ("src net @badd", SETS, "unknown set 'badd'; did you mean '@bad'?"),
        ("src net @bad", {}, "unknown set 'bad'"),
        ("net @e", {"e": []}, "the set 'e' is empty: sets['e'] has no entry"),
        (
            "net @e", {"e": ["10.0.0.1", "10.0.0.0.1"]},
            "sets['e'], entry 2: '10.0.0.0.1' is no address and no network",
        ),
        (
            "net @e", {"e": ["10.0.0.1/8"]},
            "sets['e'], entry 1: '10.0.0.1/8' has bits set outside the network mask; "
            "did you mean 10.0.0.0/8?",
        ),
        ("port @e", {"e": [65536]}, "sets['e'], entry 1: port number 65536 is greater than the "
         "maximum 65535"),
        ("port @e", {"e": ["http?"]}, "sets['e'], entry 1: 'http?' is no port and no range such as "
         "8000-8010"),
        ("ether host @e", {"e": ["5e:00"]}, "sets['e'], entry 1: '5e:00' is no MAC address such as "
         "00:00:5e:00:53:01"),
        ("port @bad", SETS, "sets['bad'], entry 1: '192.0.2.0/24' is no port and no range such as "
         "8000-8010"),
        ("proto @bad", SETS, "'proto' does not take a set"),
        ("ether net @macs", SETS, "'ether net' does not take a set; write 'ether host'"),
        ("tcp net @bad", SETS, "'tcp' cannot qualify a set of addresses"),
        ("ip port @ports", SETS, "'ip' cannot qualify 'port', only 'tcp', 'udp' and 'sctp' can"),
        ("net @e", {"e e": ["10.0.0.1"]}, "'e e' is no name of a set: a letter, then letters, "
         "digits and _, 15 in all"),
        ("net @e", {"e": "10.0.0.1"}, "sets['e'] is a list of entries, not '10.0.0.1'"),
        ("mpls and arp net @bad", SETS, "'arp' cannot be tested after 'mpls': a label is followed "
         "by ip or ip6 only"),
        ("net @", SETS, "unexpected character '@'"),
        ("@bad", SETS, "'@bad' has no type word before it; did you mean 'host @bad'?"),
    ],
)  # fmt: skip
def test_mistakes_are_told(text: str, sets: dict[str, list[object]], message: str) -> None:
    with pytest.raises(BpfqError) as error:
        bpfq.compile(text, sets=sets)
    assert str(error.value) == message
