"""Random filters, from a source of random numbers: the same numbers give the same filter.

    query(Random(7))    "(tcp[(ip[9]) & 31:2] << 4 >= 80) or (net 10.0.0.0/9)"

A query is a combination of up to six primitives and relations over packet bytes.  Words that the
link type does not know make it one that is refused.
"""

from __future__ import annotations

from random import Random

LINKS = (
    "EN10MB", "EN10MB", "EN10MB", "RAW", "NULL", "PPP", "LINUX_SLL", "FDDI", "C_HDLC", "SUNATM",
    "IEEE802_11", "IEEE802_11_RADIO", "PFLOG", "DSA_TAG_DSA", "ARCNET",
)  # fmt: skip

PROTOCOLS = (
    "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "ah", "esp",
    "ip proto 17", "ip6 proto 6", "proto 132", "ether proto 0x800", "ether proto 0x88cc", "iso",
    "atalk", "ipx", "stp", "decnet", "isis", "l1", "ip multicast", "ip6 multicast",
    "ip broadcast", "ip6 protochain 6",
)  # fmt: skip
ADDRESSES = (
    "host 10.0.0.1", "src host 10.0.0.1", "dst host 10.0.0.2", "src net 10.0.0.0/8",
    "net 192.0.2.0/24", "net 10.0.0.0/9", "dst net 10.0.0.0 mask 255.0.0.255",
    "host 2001:db8::1", "src host ::1", "net 2001:db8::/32", "dst net fe80::/10",
    "arp host 10.0.0.1", "ip src and dst host 10.0.0.1", "decnet host 1.2",
)  # fmt: skip
PORTS = (
    "port 53", "port 80", "src port 53", "dst port 80", "tcp port 80", "udp src port 53",
    "portrange 50-60", "tcp dst portrange 80-90", "src and dst port 53", "sctp port 53",
)  # fmt: skip
SIZES = ("less 64", "greater 60", "len > 80", "len = 64", "byte 0 = 69", "byte 9 & 1")
ETHERNET = (
    "ether host 1:2:3:4:5:6", "ether src 1:2:3:4:5:6", "ether dst ff:ff:ff:ff:ff:ff", "broadcast",
    "multicast", "llc", "llc s", "vlan", "vlan 5", "mpls", "mpls 7", "pppoes", "pppoes 9",
    "geneve", "geneve 3", "vxlan", "pppoed",
)  # fmt: skip
WORDS = (PROTOCOLS, ADDRESSES, PORTS, SIZES, ETHERNET)

BASES = ("ether", "ip", "ip6", "tcp", "udp", "icmp", "icmp6", "arp")
OFFSETS = (0, 1, 2, 6, 9, 12, 13, 16, 30)
WIDTHS = ("", ":2", ":4")
OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")
RELATIONS = ("=", "!=", "<", "<=", ">", ">=")
CONSTANTS = (0, 1, 2, 3, 4, 5, 6, 8, 15, 17, 20, 64, 80, 255, 256, 0x800, 0xFFFF, 0xFFFFFFFF)

MOST_PRIMITIVES = 6
MOST_OPERANDS = 5


def query(draw: Random, primitives: int | None = None) -> str:
    """A filter of so many primitives, by default one to six."""
    count = draw.randint(1, MOST_PRIMITIVES) if primitives is None else primitives
    text = primitive(draw) if count == 1 else combined(draw, count)
    return f"not ({text})" if draw.randrange(5) == 4 else text


def combined(draw: Random, count: int) -> str:
    """Several primitives joined by a word."""
    word = draw.choice(("and", "or"))
    if draw.randrange(3) == 0:
        return f"{primitive(draw)} {word} {query(draw, count - 1)}"
    left = draw.randint(1, count - 1)
    return f"({query(draw, left)}) {word} ({query(draw, count - left)})"


def primitive(draw: Random) -> str:
    """A word of the language, or as often as two kinds of them a relation."""
    kind = draw.randrange(len(WORDS) + 2)
    return draw.choice(WORDS[kind]) if kind < len(WORDS) else relation(draw)


def relation(draw: Random) -> str:
    left, right = arithmetic(draw), arithmetic(draw)
    first, second = draw.choice(RELATIONS), draw.choice(RELATIONS)
    if draw.randrange(2):  # the same value again: what registers hold from test to test
        return f"{left} {first} {right} and {right} + {constant(draw)} {second} {right}"
    return f"{left} {first} {right if draw.randrange(3) == 0 else constant(draw)}"


def arithmetic(draw: Random, operands: int | None = None) -> str:
    """A value of so many operands, by default one to five."""
    count = draw.randint(1, MOST_OPERANDS) if operands is None else operands
    if count == 1:
        return draw.choice((constant, load, load, length))(draw)
    kind, inner = draw.randrange(4), arithmetic(draw, count - 1)
    if kind == 0:
        left = draw.randint(1, count - 1)
        operator = draw.choice(OPERATORS)
        return f"({arithmetic(draw, left)}) {operator} ({arithmetic(draw, count - left)})"
    if kind == 1:
        return f"({inner}) {draw.choice(OPERATORS)} {constant(draw)}"
    if kind == 2:
        return f"{draw.choice(BASES)}[({inner}) & 31{draw.choice(WIDTHS)}]"
    return f"- ({inner})"


def load(draw: Random) -> str:
    return f"{draw.choice(BASES)}[{draw.choice(OFFSETS)}{draw.choice(WIDTHS)}]"


def constant(draw: Random) -> str:
    return str(draw.choice(CONSTANTS))


def length(draw: Random) -> str:
    return "len"
