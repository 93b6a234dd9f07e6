"""Packets as scapy shows them; the only place of the analyses that imports it."""

from __future__ import annotations

from typing import Any

from bpfq.capture.linktypes import linktype_of_dlt
from bpfq.errors import BpfqError
from bpfq.tables.linktypes import link_types


def dissected(link: str, octets: bytes) -> Any:
    """The scapy packet of a frame of that link type; ``Raw`` where scapy does not know it.

    Raises BpfqError where scapy is not installed.
    """
    try:
        import scapy.layers.all  # noqa: F401  (registers the link types)
        from scapy.config import conf
        from scapy.packet import Raw
    except ImportError:
        raise BpfqError("scapy is not installed; pip install scapy") from None
    number = linktype_of_dlt(link_types()[link].number)
    layer = conf.l2types.num2layer.get(number, Raw)
    return layer(octets)
