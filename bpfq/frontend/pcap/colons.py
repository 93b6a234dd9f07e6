"""Address forms with colons: MAC and IPv6 addresses, the longest one that starts at a place."""

from __future__ import annotations

import re

from bpfq.frontend.pcap.tokens import NUMBER

_COLON_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_BROKEN_MAC = re.compile(r"[0-9A-Fa-f]{1,2}:+(?:[0-9A-Fa-f]{1,2}:+)+")
_GROUPS = re.compile(r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,7})?")
_QUAD = rf"{NUMBER}\.{NUMBER}\.{NUMBER}\.{NUMBER}"
_SIX_AND_QUAD = re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}:){{6}}{_QUAD}")
_AFTER_GAP = tuple(  # by the number of groups before "::"
    re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}}){{0,{6 - n}}})?") for n in range(7)
)
_QUAD_AFTER_GAP = tuple(
    re.compile(rf"(?:[0-9A-Fa-f]{{1,4}}:){{0,{5 - n}}}{_QUAD}") for n in range(6)
)


def longest(text: str, start: int) -> tuple[str, int]:
    """Kind ("EID", "HID6" or "" for a MAC address with groups missing) and end; or start."""
    mac = _COLON_MAC.match(text, start)
    mac_end = mac.end() if mac else start
    ip_end = _ip6_end(text, start)
    broken = _BROKEN_MAC.match(text, start)
    end = max(mac_end, ip_end, broken.end() if broken else start)
    if end == mac_end:
        return "EID", end
    return ("HID6" if end == ip_end else ""), end


def _ip6_end(text: str, start: int) -> int:
    """Where the longest text form of an IPv6 address ends, or start."""
    groups = _GROUPS.match(text, start)
    assert groups is not None
    end = groups.end()
    count = groups[0].count(":") + 1 if groups[0] else 0
    if count < 8 and text.startswith("::", end):
        return _gap_end(text, end + 2, count)
    quad = _SIX_AND_QUAD.match(text, start)
    if quad:
        return quad.end()
    return end if count == 8 else start


def _gap_end(text: str, after: int, count: int) -> int:
    end = after
    if count < 7:
        plain = _AFTER_GAP[count].match(text, after)
        assert plain is not None
        end = plain.end()
    if count < 6:
        quad = _QUAD_AFTER_GAP[count].match(text, after)
        if quad:
            end = max(end, quad.end())
    return end
