"""The numbers of link types in files (LINKTYPE_*) and in programs (DLT_*).

They agree but for types whose DLT_* number differs between operating systems.
Source: libpcap pcap-common.c, dlt_to_linktype and linktype_to_dlt, with the DLT_* of Linux.
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import UnsupportedError

LINKTYPE_MASK: Final = 0x03FF_FFFF  # the rest of the field in a file tells about the FCS

_DLT: Final = {
    100: 11,  # ATM_RFC1483
    101: 12,  # RAW
    102: 15,  # SLIP_BSDOS
    103: 16,  # PPP_BSDOS
    106: 19,  # ATM_CLIP
}
_LINKTYPE: Final = {dlt: linktype for linktype, dlt in _DLT.items()}
_SAME_BELOW_100: Final = frozenset((*range(11), 50, 51, 99))
_MATCHING_MIN: Final = 104  # from here on both numbers are the same


def dlt_of_linktype(linktype: int) -> int:
    """The DLT_* number of a LINKTYPE_* number; an unknown one is its own, as in libpcap."""
    return _DLT.get(linktype, linktype)


def linktype_of_dlt(dlt: int) -> int:
    """The LINKTYPE_* number of a DLT_* number, the one to write into a file.

    Raises UnsupportedError for a DLT_* number that has none.
    """
    if dlt in _LINKTYPE:
        return _LINKTYPE[dlt]
    if dlt >= _MATCHING_MIN or dlt in _SAME_BELOW_100:
        return dlt
    raise UnsupportedError(f"link type DLT {dlt} has no number for capture files")
