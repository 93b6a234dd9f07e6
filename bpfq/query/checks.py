"""The ranges and words that the constructors of the query tree accept.

Every check returns what it was given or raises FilterError (LimitError for depth) with the span.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bpfq.errors import FilterError, LimitError
from bpfq.operators import WORD_BITS, Operator
from bpfq.query import nodes
from bpfq.query.nodes import Network, Value
from bpfq.source import Span, Suggestion, nearest
from bpfq.tables.protocols import PROTOCOLS

MAX_DEPTH = 150  # levels of arithmetic; every back end evaluates them with a bounded stack

DIRECTIONS = ("src", "dst", "src or dst", "src and dst")
WLAN_DIRECTIONS = ("addr1", "addr2", "addr3", "addr4", "ra", "ta")
RELATIONS = ("=", "!=", ">", ">=", "<", "<=")

IDENTIFIERS = {  # encapsulation -> (what its identifier is called, largest)
    "vlan": ("VLAN tag", 0xFFF),
    "mpls": ("MPLS label", 0xFFFFF),
    "pppoes": ("PPPoE session number", 0xFFFF),
    "geneve": ("Geneve VNI", 0xFFFFFF),
    "vxlan": ("VXLAN VNI", 0xFFFFFF),
}
BARE_ENCAPSULATIONS = ("pppoed", "gre", "ipip")

PROTOCOL_NUMBERS = {  # layer -> (what its numbers are called, largest)
    "link": ("EtherType", 0xFFFF),
    "ip": ("protocol number", 0xFF),
    "ip6": ("protocol number", 0xFF),
    "inet": ("protocol number", 0xFF),
    "iso": ("ISO protocol", 0xFF),
    "isis": ("IS-IS PDU type", 0x1F),
}

SET_PROTOCOLS = {  # kind of set -> protocols whose addresses or ports may be looked for
    "address": ("ip", "ip6", "arp", "rarp"),
    "port": ("tcp", "udp", "sctp"),
    "mac": (),
}

ATM_FIELDS = {"vpi": ("VPI", 0xFF), "vci": ("VCI", 0xFFFF)}
ATM_CLASSES = (
    *("lane", "metac", "bcc", "oamf4ec", "oamf4sc", "sc", "ilmic", "oam", "oamf4"),
    *("connectmsg", "metaconnect"),
)
SS7_FIELDS = {
    **{name: ("sio value", 0xFF) for name in ("sio", "hsio")},
    **{name: (f"{name[-3:]} value", 0x3FFF) for name in ("opc", "dpc", "hopc", "hdpc")},
    **{name: ("sls value", 0xF) for name in ("sls", "hsls")},
}
SS7_UNITS = ("fisu", "lssu", "msu", "hfisu", "hlssu", "hmsu")
LLC_KINDS = (
    *("i", "s", "u", "rr", "rnr", "rej"),
    *("ui", "ua", "disc", "dm", "sabme", "test", "xid", "frmr"),
)
FIREWALL_NUMBERS = ("rnr", "srnr", "reason", "action")
FIREWALL_TEXTS = ("ifname", "rset")
LONGEST_LIST = 15  # words that a message repeats
LONGEST_FIREWALL_TEXT = 15  # bytes; the header field has 16, the last one is zero

RECOGNISED_PROTOCOLS = {word: row for word, row in PROTOCOLS.items() if row.layers}
INDEXED_PROTOCOLS = {word: row for word, row in PROTOCOLS.items() if row.base is not None}


def in_range(value: int, largest: int, name: str, span: Span | None) -> int:
    """value, if it is 0..largest; name is what the message calls it."""
    if value < 0:
        raise FilterError(f"{name} {value} is negative", span=span)
    if value > largest:
        raise FilterError(f"{name} {value} is greater than the maximum {largest}", span=span)
    return value


def one_of(word: str, known: Collection[str], name: str, span: Span | None) -> str:
    """word, if it is known; name is what the message calls the kind of word."""
    if word in known:
        return word
    close = nearest(word, known)
    listed_words = f"; it is one of {', '.join(known)}" if len(known) <= LONGEST_LIST else ""
    hint = f"; did you mean '{close}'?" if close else listed_words
    found = (Suggestion(close),) if close else ()
    raise FilterError(f"unknown {name} '{word}'{hint}", span=span, suggestions=found)


def networks_of(networks: Iterable[Network], bits: int, span: Span | None) -> tuple[Network, ...]:
    checked = tuple(networks)
    if not checked:
        raise FilterError("an address test needs at least one address", span=span)
    largest = (1 << bits) - 1
    for address, mask in checked:
        in_range(address, largest, "address", span)
        in_range(mask, largest, "network mask", span)
        if address & ~mask:
            raise FilterError(
                f"address {address:#x} has bits set outside the network mask {mask:#x}", span=span
            )
    return checked


def literal_operand(operator: Operator, right: nodes.Number) -> None:
    if operator is Operator.DIV and right.value == 0:
        raise FilterError("division by zero", span=right.span)
    if operator is Operator.MOD and right.value == 0:
        raise FilterError("remainder of a division by zero", span=right.span)
    if operator in (Operator.LSH, Operator.RSH) and right.value >= WORD_BITS:
        raise FilterError(f"shift by {right.value} bits; a word has {WORD_BITS}", span=right.span)


def depth_of(value: Value) -> int:
    """Levels of arithmetic in value; an index counts as one above its offset."""
    levels = 0
    while isinstance(value, nodes.Index):
        value, levels = value.offset, levels + 1
    inner = value.depth if isinstance(value, nodes.Arithmetic | nodes.Negative) else 0
    return levels + inner


def limited(depth: int, span: Span | None) -> int:
    if depth > MAX_DEPTH:
        raise LimitError(f"arithmetic is nested deeper than {MAX_DEPTH} levels", span=span)
    return depth


def listed(
    relation: str, values: Iterable[int], largest_name: str, largest: int, span: Span | None
) -> tuple[int, ...]:
    one_of(relation, RELATIONS, "relation", span)
    checked = tuple(in_range(v, largest, largest_name, span) for v in values)
    if not checked or (relation != "=" and len(checked) > 1):
        raise FilterError(f"'{relation}' compares with one value", span=span)
    return checked


MOST_SHIMS, MOST_TUNNELS = 64, 8
_TUNNELS = ("geneve", "vxlan", "gre", "ipip")


def shallow(under: tuple[str, ...], span: Span | None) -> None:
    """Raise LimitError for an encapsulation behind too many others."""
    tunnels = sum(word in _TUNNELS for word in under)
    if len(under) >= MOST_SHIMS:
        raise LimitError(f"behind {MOST_SHIMS} encapsulations no other can be tested", span=span)
    if tunnels >= MOST_TUNNELS:
        raise LimitError(f"behind {MOST_TUNNELS} tunnels no other can be tested", span=span)
