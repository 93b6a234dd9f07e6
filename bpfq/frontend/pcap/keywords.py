"""Reserved words: spelling -> (terminal of the grammar, canonical word).

Words that behave alike share a terminal; the elaborator tells them apart.
"""

from __future__ import annotations

from bpfq.query.checks import (
    ATM_CLASSES,
    ATM_FIELDS,
    SS7_FIELDS,
    SS7_UNITS,
    WLAN_DIRECTIONS,
)
from bpfq.tables.protocols import PROTOCOLS

_ALIKE = {  # terminal -> words
    "PNAME": tuple(PROTOCOLS),
    "ADDRN": WLAN_DIRECTIONS,
    "ATYPE": ("host", "net", "port", "portrange"),
    "CAST": ("broadcast", "multicast"),
    "SIZE": ("less", "greater"),
    "SHIM": ("vlan", "mpls", "pppoes", "geneve", "vxlan"),
    "BARE": ("pppoed", "inbound", "outbound", *ATM_CLASSES, *SS7_UNITS),
    "LISTED": (*ATM_FIELDS, *SS7_FIELDS),
    "LOGTEXT": ("ifname", "rset"),
}
_SINGLE = (
    *("src", "dst", "proto", "protochain", "gateway", "mask", "and", "or", "not", "len"),
    *("byte", "ifindex", "rnr", "srnr", "reason", "action", "type", "subtype", "dir", "llc"),
)
SYNONYMS = {
    **dict.fromkeys(("ether", "fddi", "tr", "wlan", "ppp", "slip"), "link"),
    "es-is": "esis",
    "is-is": "isis",
    "direction": "dir",
    "length": "len",
    **{f"address{n}": f"addr{n}" for n in range(1, 5)},
    "on": "ifname",
    "ruleset": "rset",
    "rulenum": "rnr",
    "subrulenum": "srnr",
    "lsu": "lssu",
}

_CANONICAL: dict[str, str] = {
    **{word: terminal for terminal, words in _ALIKE.items() for word in words},
    **{word: word.upper() for word in _SINGLE},
}

KEYWORDS: dict[str, tuple[str, str]] = {
    **{word: (terminal, word) for word, terminal in _CANONICAL.items()},
    **{word: (_CANONICAL[meant], meant) for word, meant in SYNONYMS.items()},
}
