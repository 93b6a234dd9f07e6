"""Protocol words of the filter language: how each is recognised and where it can be indexed.

Sources: IANA's EtherType and protocol-number registries; IEEE 802.2 SAP values; ISO 10589 PDU
types; the words are those of pcap-filter(7).
"""

from __future__ import annotations

from bpfq.record import record


@record
class ProtocolRow:
    """One protocol word.

    layers: the layers whose type field names it, in the order in which they are tested: "link"
    (EtherType, or LLC SAP up to 1500), "ip", "ip6", "iso", "isis"; numbers: the values that count.
    base: where ``word[...]`` starts counting: "link", "network", "transport" (behind the IPv4
    header), "icmp6" (behind the fixed IPv6 header), "packet"; None: it cannot be indexed.
    """

    name: str
    layers: tuple[str, ...]
    numbers: tuple[int, ...]
    base: str | None = None


# EtherTypes and LLC SAPs (IEEE 802.2) that tests need by name
ETHERTYPE_IP = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_RARP = 0x8035
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_ATALK = 0x809B
ETHERTYPE_AARP = 0x80F3
ETHERTYPE_IPX = 0x8137
ETHERTYPE_MPLS = 0x8847
ETHERTYPE_PPPOED = 0x8863
ETHERTYPE_PPPOES = 0x8864
ETHERTYPE_DECNET = 0x6003
ETHERTYPE_8021Q = 0x8100
ETHERTYPE_8021AD = 0x88A8
ETHERTYPE_8021QINQ = 0x9100  # pre-standard double tagging
TAG_TYPES = (ETHERTYPE_8021Q, ETHERTYPE_8021AD, ETHERTYPE_8021QINQ)
ETHERTYPE_TEB = 0x6558  # transparent Ethernet bridging
LARGEST_LENGTH = 1500  # up to here the Ethernet type field is an 802.3 length

SAP_STP = 0x42
SAP_IP = 0x06
SAP_IPX = 0xE0
SAP_NETBEUI = 0xF0
SAP_ISO = 0xFE

# IP protocol numbers (IANA)
PROTO_TCP = 6
PROTO_UDP = 17
PROTO_GRE = 47
PROTO_ICMP6 = 58
PROTO_SCTP = 132
PROTO_FRAGMENT = 44  # IPv6 fragment header

EXTENSION_HEADERS = (0, 43, 44, 51, 60, 135, 139, 140)  # of IPv6 (IANA)
CHAIN_HEADERS = (0, 60, 43, 44)  # that ``protochain`` passes in IPv6, and AH in both

# ISO network-layer protocol identifiers (ISO/IEC TR 9577)
NLPID_CLNP = 0x81
NLPID_ESIS = 0x82
NLPID_ISIS = 0x83

_ROWS = (
    ProtocolRow("link", (), (), "link"),
    ProtocolRow("ip", ("link",), (ETHERTYPE_IP,), "network"),
    ProtocolRow("ip6", ("link",), (ETHERTYPE_IPV6,), "network"),
    ProtocolRow("arp", ("link",), (ETHERTYPE_ARP,), "network"),
    ProtocolRow("rarp", ("link",), (ETHERTYPE_RARP,), "network"),
    ProtocolRow("tcp", ("ip", "ip6"), (PROTO_TCP,), "transport"),
    ProtocolRow("udp", ("ip", "ip6"), (PROTO_UDP,), "transport"),
    ProtocolRow("sctp", ("ip", "ip6"), (PROTO_SCTP,), "transport"),
    ProtocolRow("icmp", ("ip",), (1,), "transport"),
    ProtocolRow("icmp6", ("ip6",), (PROTO_ICMP6,), "icmp6"),
    ProtocolRow("igmp", ("ip",), (2,), "transport"),
    ProtocolRow("igrp", ("ip",), (9,), "transport"),
    ProtocolRow("pim", ("ip", "ip6"), (103,), "transport"),
    ProtocolRow("vrrp", ("ip",), (112,), "transport"),
    ProtocolRow("carp", ("ip",), (112,), "transport"),
    ProtocolRow("ah", ("ip", "ip6"), (51,)),
    ProtocolRow("esp", ("ip", "ip6"), (50,)),
    ProtocolRow("atalk", ("link",), (ETHERTYPE_ATALK,), "network"),
    ProtocolRow("aarp", ("link",), (ETHERTYPE_AARP,)),
    ProtocolRow("decnet", ("link",), (ETHERTYPE_DECNET,), "network"),
    ProtocolRow("lat", ("link",), (0x6004,), "network"),
    ProtocolRow("sca", ("link",), (0x6007,), "network"),
    ProtocolRow("moprc", ("link",), (0x6002,), "network"),
    ProtocolRow("mopdl", ("link",), (0x6001,), "network"),
    ProtocolRow("iso", ("link",), (SAP_ISO,)),
    ProtocolRow("stp", ("link",), (SAP_STP,)),
    ProtocolRow("ipx", ("link",), (SAP_IPX,)),
    ProtocolRow("netbeui", ("link",), (SAP_NETBEUI,)),
    ProtocolRow("esis", ("iso",), (NLPID_ESIS,)),
    ProtocolRow("isis", ("iso",), (NLPID_ISIS,)),
    ProtocolRow("clnp", ("iso",), (NLPID_CLNP,)),
    # IS-IS PDU types (ISO 10589): 15-17 hello, 18 and 20 LSP, 24 and 25 CSNP, 26 and 27 PSNP
    ProtocolRow("l1", ("isis",), (26, 24, 18, 15, 17)),
    ProtocolRow("l2", ("isis",), (27, 25, 20, 16, 17)),
    ProtocolRow("iih", ("isis",), (15, 16, 17)),
    ProtocolRow("lsp", ("isis",), (18, 20)),
    ProtocolRow("snp", ("isis",), (26, 27, 24, 25)),
    ProtocolRow("csnp", ("isis",), (24, 25)),
    ProtocolRow("psnp", ("isis",), (26, 27)),
    ProtocolRow("radio", (), (), "packet"),
)

PROTOCOLS: dict[str, ProtocolRow] = {row.name: row for row in _ROWS}
