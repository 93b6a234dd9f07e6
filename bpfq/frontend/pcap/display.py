"""Display filters (Wireshark's other language) and what they are in this one."""

from __future__ import annotations

import re

from bpfq.errors import FilterError
from bpfq.source import Span, Suggestion

_FIELD = re.compile(
    r"(?<![\w.-])(?:ip|ipv6|tcp|udp|sctp|eth|frame|icmp|icmpv6|arp|vlan|http|dns|tls|ssl|wlan|sll)"
    r"\.[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
)
_PIECE = re.compile(
    r"\s*(?:(?P<join>&&|\|\||and\b|or\b|not\b|!(?!=)|[()])"
    r"|(?P<field>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)"
    r"(?:\s*(?P<relation>==|!=|>=|<=|>|<|eq\b|ne\b|gt\b|lt\b|ge\b|le\b)"
    r"\s*(?P<value>[\w.:/-]+))?)"
)
_JOIN = {"&&": "and", "||": "or", "!": "not"}
_RELATION = {"eq": "==", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<="}

_ADDRESSED = {  # field -> words before the value
    "ip.addr": "host",
    "ip.src": "src host",
    "ip.dst": "dst host",
    "ip.host": "host",
    "ipv6.addr": "ip6 host",
    "ipv6.src": "ip6 src host",
    "ipv6.dst": "ip6 dst host",
    "eth.addr": "ether host",
    "eth.src": "ether src host",
    "eth.dst": "ether dst host",
    **{f"{p}.port": f"{p} port" for p in ("tcp", "udp", "sctp")},
    **{f"{p}.srcport": f"{p} src port" for p in ("tcp", "udp", "sctp")},
    **{f"{p}.dstport": f"{p} dst port" for p in ("tcp", "udp", "sctp")},
    "ip.proto": "ip proto",
    "ipv6.nxt": "ip6 proto",
    "eth.type": "ether proto",
    "vlan.id": "vlan",
}
_COMPARED = {  # field -> the number that it is
    "frame.len": "len",
    "ip.ttl": "ip[8]",
    "ip.len": "ip[2:2]",
    "ip.id": "ip[4:2]",
    "icmp.type": "icmp[icmptype]",
    "icmp.code": "icmp[icmpcode]",
    "icmpv6.type": "icmp6[icmp6type]",
    "icmpv6.code": "icmp6[icmp6code]",
    "tcp.flags": "tcp[tcpflags]",
    "udp.length": "udp[4:2]",
    "ipv6.hlim": "ip6[7]",
    "tcp.window_size_value": "tcp[14:2]",
    "ipv6.plen": "ip6[4:2]",
    "arp.opcode": "arp[6:2]",
}
_FLAGS = {
    "fin": "tcp-fin",
    "syn": "tcp-syn",
    "reset": "tcp-rst",
    "push": "tcp-push",
    "ack": "tcp-ack",
    "urg": "tcp-urg",
    "ece": "tcp-ece",
    "cwr": "tcp-cwr",
}
_PROTOCOLS = {
    **{name: name for name in ("ip", "tcp", "udp", "sctp", "icmp", "arp", "vlan", "igmp")},
    "ipv6": "ip6",
    "icmpv6": "icmp6",
    "dns": "port 53",
    "http": "tcp port 80",
    "tls": "tcp port 443",
    "ssl": "tcp port 443",
    "ssh": "tcp port 22",
}


def looks_like(word: str) -> bool:
    """Whether a word is a field name of that language."""
    return _FIELD.fullmatch(word) is not None


def refusal(text: str) -> FilterError | None:
    """The error for a display filter, with its translation where there is one, or None."""
    field = _FIELD.search(text)
    if field is None:
        return None
    translated = translation(text)
    return FilterError(
        "this looks like a Wireshark display filter, bpfq reads capture filters (pcap-filter)",
        span=Span(*field.span()),
        suggestions=(Suggestion(translated),) if translated else (),
    )


def translation(text: str) -> str | None:
    """The same test in this language, or None if part of it has no counterpart here."""
    out: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None or piece.end() == at:
            return None
        if piece["join"]:
            out.append(_JOIN.get(piece["join"], piece["join"]))
        else:
            test = _test(piece["field"], piece["relation"], piece["value"])
            if test is None:
                return None
            out.append(test)
        at = piece.end()
    if _mixed(out):
        return None  # there "and" binds tighter than "or", here it does not
    return " ".join(out).replace("( ", "(").replace(" )", ")")


def _mixed(words: list[str]) -> bool:
    """Whether "and" and "or" stand side by side on one level of parentheses."""
    levels: list[set[str]] = [set()]
    for word in words:
        if word == "(":
            levels.append(set())
        elif word == ")" and len(levels) > 1:
            levels.pop()
        elif word in ("and", "or"):
            levels[-1].add(word)
            if len(levels[-1]) > 1:
                return True
    return False


def _test(field: str, relation: str | None, value: str | None) -> str | None:
    if relation is None or value is None:
        return _PROTOCOLS.get(field)
    relation = _RELATION.get(relation, relation)
    flag = _FLAGS.get(field.removeprefix("tcp.flags."))
    if field.startswith("tcp.flags.") and flag:
        wanted = (value in ("1", "True", "true")) == (relation == "==")
        return f"tcp[tcpflags] & {flag} {'!=' if wanted else '='} 0"
    if field in _COMPARED:
        return f"{_COMPARED[field]} {relation} {value}"
    return _addressed(field, relation, value)


def _addressed(field: str, relation: str, value: str) -> str | None:
    words = _ADDRESSED.get(field)
    if words is None:
        return None
    if "/" in value:
        words = words.replace("host", "net")
    if relation in ("==", "!="):
        return f"{'not ' if relation == '!=' else ''}{words} {value}"
    if not words.endswith("port") or not value.isdigit():
        return None
    number = int(value)
    low, high = {
        ">": (number + 1, 65535),
        ">=": (number, 65535),
        "<": (0, number - 1),
        "<=": (0, number),
    }[relation]
    return f"{words}range {low}-{high}" if 0 <= low <= high <= 65535 else None
