"""Named header fields: one row each; the Python nodes, lowering and explanations read them.

A field of up to 32 bits is a number that expressions compute with; a longer one is an address and
is only compared.  Where a protocol's header starts is ``tables.protocols``; the header of "vlan"
starts at its tag control information, and that of "link" is an Ethernet header.

Sources stand beside the rows.
"""

from __future__ import annotations

from bpfq.record import record


@record
class Field:
    """A field of up to 32 bits: load ``size`` bytes at ``offset``, apply mask, then shift right."""

    protocol: str
    name: str
    offset: int  # bytes from the start of the protocol's header
    size: int  # bytes loaded: 1, 2 or 4
    mask: int
    shift: int = 0  # bits

    @property
    def largest(self) -> int:
        """The largest number that the field holds."""
        return self.mask >> self.shift


@record
class AddressField:
    """An address of more than 32 bits."""

    protocol: str
    name: str
    offset: int  # bytes from the start of the protocol's header
    size: int  # bytes: 6 or 16


def _byte(protocol: str, name: str, offset: int) -> Field:
    return Field(protocol, name, offset, 1, 0xFF)


def _half(protocol: str, name: str, offset: int) -> Field:
    return Field(protocol, name, offset, 2, 0xFFFF)


def _word(protocol: str, name: str, offset: int) -> Field:
    return Field(protocol, name, offset, 4, 0xFFFF_FFFF)


def _flag(protocol: str, name: str, offset: int, bit: int) -> Field:
    return Field(protocol, name, offset, 1, 1 << bit, bit)


_ROWS = (
    # IEEE 802.3, Ethernet II framing
    _half("link", "type", 12),
    # IEEE 802.1Q tag control information
    Field("vlan", "pcp", 0, 2, 0xE000, 13),
    Field("vlan", "dei", 0, 2, 0x1000, 12),
    Field("vlan", "id", 0, 2, 0x0FFF),
    # RFC 791; dscp RFC 2474, ecn RFC 3168
    Field("ip", "version", 0, 1, 0xF0, 4),
    Field("ip", "ihl", 0, 1, 0x0F),
    _byte("ip", "tos", 1),
    Field("ip", "dscp", 1, 1, 0xFC, 2),
    Field("ip", "ecn", 1, 1, 0x03),
    _half("ip", "len", 2),
    _half("ip", "id", 4),
    Field("ip", "flags", 6, 1, 0xE0, 5),
    _flag("ip", "flags.rb", 6, 7),
    _flag("ip", "flags.df", 6, 6),
    _flag("ip", "flags.mf", 6, 5),
    Field("ip", "frag", 6, 2, 0x1FFF),
    _byte("ip", "ttl", 8),
    _byte("ip", "proto", 9),
    _half("ip", "chksum", 10),
    _word("ip", "src", 12),
    _word("ip", "dst", 16),
    # RFC 8200
    Field("ip6", "version", 0, 1, 0xF0, 4),
    Field("ip6", "tc", 0, 2, 0x0FF0, 4),
    Field("ip6", "dscp", 0, 2, 0x0FC0, 6),
    Field("ip6", "ecn", 0, 2, 0x0030, 4),
    Field("ip6", "flow", 0, 4, 0x000F_FFFF),
    _half("ip6", "plen", 4),
    _byte("ip6", "nh", 6),
    _byte("ip6", "hlim", 7),
    # RFC 9293; ns RFC 3540
    _half("tcp", "sport", 0),
    _half("tcp", "dport", 2),
    _word("tcp", "seq", 4),
    _word("tcp", "ack_number", 8),
    Field("tcp", "data_offset", 12, 1, 0xF0, 4),
    _byte("tcp", "flags", 13),
    _flag("tcp", "flags.fin", 13, 0),
    _flag("tcp", "flags.syn", 13, 1),
    _flag("tcp", "flags.rst", 13, 2),
    _flag("tcp", "flags.psh", 13, 3),
    _flag("tcp", "flags.ack", 13, 4),
    _flag("tcp", "flags.urg", 13, 5),
    _flag("tcp", "flags.ece", 13, 6),
    _flag("tcp", "flags.cwr", 13, 7),
    _flag("tcp", "flags.ns", 12, 0),
    _half("tcp", "window", 14),
    _half("tcp", "chksum", 16),
    _half("tcp", "urgent", 18),
    # RFC 768
    _half("udp", "sport", 0),
    _half("udp", "dport", 2),
    _half("udp", "len", 4),
    _half("udp", "chksum", 6),
    # RFC 9260
    _half("sctp", "sport", 0),
    _half("sctp", "dport", 2),
    _word("sctp", "tag", 4),
    _word("sctp", "chksum", 8),
    # RFC 792; mtu RFC 1191
    _byte("icmp", "type", 0),
    _byte("icmp", "code", 1),
    _half("icmp", "chksum", 2),
    _half("icmp", "id", 4),
    _half("icmp", "seq", 6),
    _word("icmp", "gateway", 4),
    _half("icmp", "mtu", 6),
    # RFC 4443
    _byte("icmp6", "type", 0),
    _byte("icmp6", "code", 1),
    _half("icmp6", "chksum", 2),
    _half("icmp6", "id", 4),
    _half("icmp6", "seq", 6),
    _word("icmp6", "mtu", 4),
    # RFC 2236
    _byte("igmp", "type", 0),
    _byte("igmp", "max_resp", 1),
    _half("igmp", "chksum", 2),
    _word("igmp", "group", 4),
    # RFC 826, RFC 903, with addresses of 48 and 32 bits
    *(
        row
        for protocol in ("arp", "rarp")
        for row in (
            _half(protocol, "hwtype", 0),
            _half(protocol, "ptype", 2),
            _byte(protocol, "hwlen", 4),
            _byte(protocol, "plen", 5),
            _half(protocol, "op", 6),
            _word(protocol, "spa", 14),
            _word(protocol, "tpa", 24),
        )
    ),
)

FIELDS: dict[str, Field] = {f"{row.protocol}.{row.name}": row for row in _ROWS}

_ADDRESS_ROWS = (
    # IEEE 802.3
    AddressField("link", "dst", 0, 6),
    AddressField("link", "src", 6, 6),
    # RFC 8200
    AddressField("ip6", "src", 8, 16),
    AddressField("ip6", "dst", 24, 16),
    # RFC 826, RFC 903
    AddressField("arp", "sha", 8, 6),
    AddressField("arp", "tha", 18, 6),
    AddressField("rarp", "sha", 8, 6),
    AddressField("rarp", "tha", 18, 6),
)

ADDRESS_FIELDS: dict[str, AddressField] = {
    f"{row.protocol}.{row.name}": row for row in _ADDRESS_ROWS
}
