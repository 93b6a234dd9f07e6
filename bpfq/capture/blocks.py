"""What a capture file consists of, whatever its format."""

from __future__ import annotations

from typing import Final, NamedTuple

RECORD: Final = 0  # the kind of a classic pcap record; pcapng reserves 0 and never uses it

# Block types of pcapng.  Source: draft-ietf-opsawg-pcapng
SECTION_HEADER: Final = 0x0A0D0D0A  # reads the same in both byte orders
INTERFACE_DESCRIPTION: Final = 1
OBSOLETE_PACKET: Final = 2
SIMPLE_PACKET: Final = 3
NAME_RESOLUTION: Final = 4
INTERFACE_STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
DECRYPTION_SECRETS: Final = 10
CUSTOM: Final = 0x0BAD


class PacketView(NamedTuple):
    """One packet as a filter sees it."""

    link_type: int  # DLT_*
    swapped: bool  # written in the byte order that this machine does not have
    data: bytes
    wire_length: int  # bytes
    timestamp_ns: int | None  # since 1970
    interface: int  # number within its section; 0 in classic pcap


class Block(NamedTuple):
    """One piece of a file; a copy of the file is the header and the raw of each."""

    kind: int  # RECORD, or the block type of pcapng
    raw: bytes
    packet: PacketView | None
