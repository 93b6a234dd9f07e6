"""Where libpcap 1.10.3 is not the reference, or the reference's code is wrong: each with why.

A row is (link types, filters, what differs, reason).  "refused": libpcap compiles no such filter.
"accepted": libpcap compiles it, bpfq refuses.  "short": only packets that are cut short get
another verdict.  "verdict": whole packets do.  Both patterns match from beginning to end.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ANY = ".*"
UNKNOWN_LINKS = (
    "AX25|EN3MB|PRONET|CHAOS|REDBACK_SMARTEDGE|ETW|NETANALYZER_NG|ZBOSS_NCP|USB_2_0_.*_SPEED|"
    "AUERSWALD_LOG|ZWAVE_TAP|SILABS_DEBUG_CHANNEL|FIRA_UCI|MDB|DECT_NR|EDK2_MM|DEBUG_ONLY|"
    "DECT_NR_TAP"
)


class Known(NamedTuple):
    links: str
    filters: str
    what: str
    reason: str


KNOWN = (
    Known(ANY, r".*\bvxlan\b.*", "refused", "1.10.3 has no vxlan"),
    Known(
        r"DSA_TAG_\w+", r".*", "refused",
        "1.10.3 filters these link types by index only",
    ),
    Known(
        "BACNET_MS_TP", r"link .*|broadcast", "refused", "1.10.3 has no MS/TP stations",
    ),
    Known("PPI", r".*\b(type|dir)\b.*", "refused", "1.10.3 takes PPI for no 802.11 link type"),
    Known(UNKNOWN_LINKS, ANY, "refused", "1.10.3 does not know the number"),
    Known(
        ANY, r"geneve and ip6 protochain \d+", "refused",
        "libpcap's loop needs an offset known beforehand; the bounded walk does not",
    ),
    Known(
        ANY, r".*\b1 % (ether|icmp)\[0\].*", "refused",
        "libpcap takes the index 0 of the divisor for the divisor",
    ),
    Known(
        ANY, "ether proto 1500", "accepted",
        "an LLC access point is a byte; 1.10.3 compares one with 1500",
    ),
    Known(
        r"(?!IPV4).*",
        r"(?!.*\b(not|port)\b).*net ([0-9a-f:]*::/(?!127)\d+.*|0\.0\.0\.0/0)", "short",
        "1.10.3 loads words that the mask does not compare; a port lies behind them",
    ),
    Known(
        ANY, r"decnet dst .*", "short",
        "the reference reads mark and address of a DECnet header at once, 1.10.3 one by one",
    ),
    Known(
        r"(?!LINUX_SLL).*",
        r".*\b(isis proto [0-9]+|l1|l2|lsp|snp|csnp)\b.*", "verdict",
        "1.10.3 compares the whole byte of the PDU type, and on HDLC the one before it",
    ),
    Known(ANY, r"byte \d+ [&|] \d+.*", "verdict", "1.10.3 forgets to load the byte"),
    Known(
        ANY,
        r"1 \+ tcp.*|len - tcp.*|.* / icmp.*|ip\[0\] \+ tcp.*|\(ip.*\)\) - \(\(tcp.*", "verdict",
        "libpcap drops the protocol checks of the right operand of an arithmetic operator",
    ),
    Known(
        ANY, r".*\bprotochain (?!51).*", "verdict",
        "libpcap forgets where an AH header began, and reads what follows it at (length + 2) * 4",
    ),
    Known(
        ANY, r"geneve or ip|geneve and ip proto 1 or tcp", "verdict",
        "where geneve does not match libpcap reads registers that nothing has set",
    ),
    Known(
        r"IEEE802_11.*|PRISM_HEADER|PFLOG", r"(not )?\(*geneve.*", "verdict",
        "libpcap reads a register for the outer header that nothing has set",
    ),
    Known(
        r"IEEE802_11.*|PRISM_HEADER",
        r"link\[0\] = 8 and ip|radio\[16\] & 0x40 = 0 and .*|len > 60 and ip and .*", "verdict",
        "an earlier relation overwrites the register with the place of the 802.11 header",
    ),
    Known(
        r"ARCNET.*", r".*\bip\b.*|.*\btcp\b.*|arp|rarp|host 1.*|geneve", "verdict",
        "1.10.3 also matches the codes of RFC 1051",
    ),
    Known(r"ARCNET.*", r"link .*\$.*", "verdict", "1.10.3 reads $1 as the byte 0xd1"),
    Known(
        r"IEEE802_11_RADIO.*|PRISM_HEADER", "pppoes", "verdict",
        "libpcap reads a register that nothing has set",
    ),
    Known("DSA_TAG_.*", "inbound", "verdict", "1.10.3 asks the kernel, in a file too"),
    Known(ANY, r".*\bip multicast\b.*", "verdict", "1.10.3 takes 240 and above for multicast"),
    Known("SLIP", r".*outbound.*", "verdict", "outbound is 1; 1.10.3 takes all but 0"),
    Known(
        ANY, r".*\b(vpi|vci|sio|opc|dpc|sls|hsio|hopc|hdpc|hsls) != .*", "verdict",
        "1.10.3 takes != for =",
    ),
    Known(
        "PFLOG", r"ip6 and tcp port 80|ip or ip6|host ::1", "verdict",
        "in a file IPv6 is 24, 28 or 30; 1.10.3 compares with this machine's number",
    ),
)  # fmt: skip


def known(link: str, text: str, what: str) -> Known | None:
    """The first row for this difference."""
    for row in KNOWN:
        if row.what == what and re.fullmatch(row.links, link) and re.fullmatch(row.filters, text):
            return row
    return None
