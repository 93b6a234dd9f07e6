"""Numbers of the socket interface that Python's socket module does not name.

Source: Linux include/uapi asm-generic/socket.h, linux/if_packet.h, linux/if_ether.h,
linux/if_arp.h, linux/bpf_common.h.  Alpha, MIPS, PA-RISC and SPARC number some socket options
differently; bpfq does not serve them.
"""

from __future__ import annotations

from typing import Final

BPF_MAXINSNS: Final = 4096  # instructions of one classic program; one more is EINVAL
INSTRUCTION_SIZE: Final = 8  # bytes of struct sock_filter

SO_ATTACH_FILTER: Final = 26
SO_DETACH_FILTER: Final = 27
SO_GET_FILTER: Final = SO_ATTACH_FILTER  # as getsockopt; lengths count instructions, not bytes
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPNS: Final = 35
SO_LOCK_FILTER: Final = 44
SO_BPF_EXTENSIONS: Final = 48
SO_ATTACH_BPF: Final = 50

SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_STATISTICS: Final = 6
PACKET_AUXDATA: Final = 8
PACKET_MR_PROMISC: Final = 1
PACKET_OUTGOING: Final = 4  # a packet type: sent by this machine

ETH_P_ALL: Final = 0x0003  # every protocol
ETH_P_8021Q: Final = 0x8100  # 802.1Q VLAN tag

ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772

TP_STATUS_VLAN_VALID: Final = 1 << 4  # tp_vlan_tci means something
TP_STATUS_VLAN_TPID_VALID: Final = 1 << 6  # tp_vlan_tpid means something

SIOCGIFADDR: Final = 0x8915
SIOCGIFNETMASK: Final = 0x891B
SIOCGIFHWADDR: Final = 0x8927
