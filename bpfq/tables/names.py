"""Words that name values inside a primitive: pf log, 802.11 and link-layer protocol names.

Sources: pcap-filter(7); OpenBSD's net/pfvar.h as built on Linux; IEEE 802.11-2020, 9.2.4.1;
IANA's EtherType registry.
"""

from __future__ import annotations

PF_REASONS = {
    name: number
    for number, name in enumerate(
        (
            *("match", "bad-offset", "fragment", "short", "normalize", "memory"),
            *("bad-timestamp", "congestion", "ip-option", "proto-cksum", "state-mismatch"),
            *("state-insert", "state-limit", "src-limit", "synproxy"),
        )
    )
}

PF_ACTIONS = {
    "pass": 0,
    "accept": 0,
    "drop": 1,
    "block": 1,
    "scrub": 2,
    "noscrub": 3,
    "nat": 4,
    "nonat": 5,
    "binat": 6,
    "nobinat": 7,
    "rdr": 8,
    "nordr": 9,
    "synproxy-drop": 10,
}

FRAME_TYPES = {"mgt": 0, "management": 0, "ctl": 4, "control": 4, "data": 8}

FRAME_SUBTYPES = {  # frame type -> name -> subtype bits
    0: {
        "assoc-req": 0x00,
        "assocreq": 0x00,
        "assoc-resp": 0x10,
        "assocresp": 0x10,
        "reassoc-req": 0x20,
        "reassocreq": 0x20,
        "reassoc-resp": 0x30,
        "reassocresp": 0x30,
        "probe-req": 0x40,
        "probereq": 0x40,
        "probe-resp": 0x50,
        "proberesp": 0x50,
        "beacon": 0x80,
        "atim": 0x90,
        "disassoc": 0xA0,
        "disassociation": 0xA0,
        "auth": 0xB0,
        "authentication": 0xB0,
        "deauth": 0xC0,
        "deauthentication": 0xC0,
    },
    4: {
        "bar": 0x80,
        "ba": 0x90,
        "ps-poll": 0xA0,
        "rts": 0xB0,
        "cts": 0xC0,
        "ack": 0xD0,
        "cf-end": 0xE0,
        "cf-end-ack": 0xF0,
    },
    8: {
        "data": 0x00,
        "data-cf-ack": 0x10,
        "data-cf-poll": 0x20,
        "data-cf-ack-poll": 0x30,
        "null": 0x40,
        "cf-ack": 0x50,
        "cf-poll": 0x60,
        "cf-ack-poll": 0x70,
        "qos-data": 0x80,
        "qos-data-cf-ack": 0x90,
        "qos-data-cf-poll": 0xA0,
        "qos-data-cf-ack-poll": 0xB0,
        "qos": 0xC0,
        "qos-cf-poll": 0xE0,
        "qos-cf-ack-poll": 0xF0,
    },
}

FRAME_DIRECTIONS = {"nods": 0, "tods": 1, "fromds": 2, "dstods": 3}

LINK_PROTOCOLS = {  # what may follow ``link proto``: EtherTypes, then LLC SAPs
    "aarp": 0x80F3,
    "arp": 0x0806,
    "atalk": 0x809B,
    "decnet": 0x6003,
    "ip": 0x0800,
    "ip6": 0x86DD,
    "lat": 0x6004,
    "lldp": 0x88CC,
    "loopback": 0x9000,
    "mopdl": 0x6001,
    "moprc": 0x6002,
    "rarp": 0x8035,
    "sca": 0x6007,
    "slow": 0x8809,
    "iso": 0xFE,
    "stp": 0x42,
    "ipx": 0xE0,
    "netbeui": 0xF0,
}

ISO_PROTOCOLS = {"clnp": 0x81, "esis": 0x82, "isis": 0x83}
