"""Which link type a scapy packet is of, by the layer that it begins with.

Keys are names of scapy's classes, values those of DLT_*.  Source: ``conf.l2types`` of scapy 2.8.
IP and IPv6 packets are RAW, whose first nibble tells the two apart.
"""

from __future__ import annotations

from typing import Final

LINK_TYPES: Final = {
    "Ether": "EN10MB",
    "Dot3": "EN10MB",
    "IP": "RAW",
    "IPv6": "RAW",
    "CookedLinux": "LINUX_SLL",
    "CookedLinuxV2": "LINUX_SLL2",
    "Loopback": "NULL",
    "LoopbackOpenBSD": "LOOP",
    "PPP": "PPP",
    "HDLC": "PPP_SERIAL",
    "PPPoE": "PPP_ETHER",
    "CHDLC": "C_HDLC",
    "PFLog": "PFLOG",
    "PPI": "PPI",
    "Dot11": "IEEE802_11",
    "PrismHeader": "PRISM_HEADER",
    "RadioTap": "IEEE802_11_RADIO",
    "AVSWLANHeader": "IEEE802_11_RADIO_AVS",
    "CAN": "CAN_SOCKETCAN",
    "Dot15d4": "IEEE802_15_4_NOFCS",
    "Dot15d4FCS": "IEEE802_15_4",
    "BTLE": "BLUETOOTH_LE_LL",
    "BTLE_RF": "BLUETOOTH_LE_LL_WITH_PHDR",
    "HCI_Hdr": "BLUETOOTH_HCI_H4",
    "HCI_PHDR_Hdr": "BLUETOOTH_HCI_H4_WITH_PHDR",
    "HCI_Mon_Pcap_Hdr": "BLUETOOTH_LINUX_MONITOR",
    "USBpcap": "USBPCAP",
}

PLAIN: Final = frozenset(("Raw", "NoPayload"))  # bytes that scapy gave no meaning
