"""Python: a script that filters an interface, of nothing but the standard library.

    python3 sniff.py eth0 arp.pcap

Where tags of VLANs were taken out of the packets they are put back in, as tcpdump does.
"""

from __future__ import annotations

from typing import Final

from bpfq.capture.linktypes import linktype_of_dlt
from bpfq.export.comments import about, heading
from bpfq.export.job import Job

_LARGEST: Final = 1 << 20  # bytes; no packet in the kernel is larger

_SCRIPT: Final = '''\
#!/usr/bin/env python3
{heading}
{about}
# Needs CAP_NET_RAW and Python 3.6, no package.  <linux/if_packet.h> explains the numbers.

import array
import socket
import struct
import sys
import time

FILTER = (  # code, jt, jf, k
{rows}
)
LINK_TYPE = {link}  # {link_name}
SNAPLEN = {snaplen}  # bytes

if len(sys.argv) not in (2, 3):
    sys.exit("usage: %s INTERFACE [FILE]  prints packets, or writes pcap, - to stdout" % sys.argv[0])
name, path = (sys.argv + [None])[1:3]


def opened():
    """A packet socket that hears only what matches, from its first packet on."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    code = array.array("B", b"".join(struct.pack("=HBBI", *row) for row in FILTER))
    program = struct.pack("HP", len(FILTER), code.buffer_info()[0])
    sock.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
    sock.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    sock.bind((name, 3))  # ETH_P_ALL
    return sock


def received(sock, room=bytearray(SNAPLEN)):
    """The time, the length on the wire and the bytes of the next packet."""
    many, control, _, _ = sock.recvmsg_into([room], 64)
    packet = bytes(room[:many])
    length = many
    for level, kind, octets in control:
        if (level, kind) == (263, 8):
            status, length, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", octets[:20])
            if status & 0x10:  # TP_STATUS_VLAN_VALID; 0x40 is TP_STATUS_VLAN_TPID_VALID
                tag = struct.pack("!HH", tpid if status & 0x40 else 0x8100, tci)
                packet, length = packet[:12] + tag + packet[12:], length + 4
    return time.time(), length, packet


try:
    sock = opened()
    if path is not None:
        out = sys.stdout.buffer if path == "-" else open(path, "wb")
        out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN + 4, LINK_TYPE))
        out.flush()
    while True:
        now, length, packet = received(sock)
        if path is None:
            print("%.6f %5d %s" % (now, length, packet[:64].hex()), flush=True)
        else:
            micros = int(now * 1000000)
            head = struct.pack("=IIII", micros // 1000000, micros % 1000000, len(packet), length)
            out.write(head + packet)
            out.flush()
except KeyboardInterrupt:
    pass
except OSError as error:
    sys.exit("%s: %s" % (name, error.strerror or error))
'''


def python(job: Job) -> str:
    """The script; raises UnsupportedError for a link type that no file can have."""
    part = job.only
    rows = (f"    (0x{code:02x}, {jt}, {jf}, 0x{k:08x})," for code, jt, jf, k in part.words)
    return _SCRIPT.format(
        heading=heading(job, "#"),
        about="\n".join(about(part, "#")),
        rows="\n".join(rows),
        link=linktype_of_dlt(part.settings.link.number),
        link_name=part.settings.link.name,
        snaplen=min(part.settings.accept, _LARGEST),
    )
