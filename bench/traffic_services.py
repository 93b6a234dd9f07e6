"""Who talks to whom in bench/traffic.py: services with their popularity, and what they say."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Service(NamedTuple):
    """A server port, or a range of them.

    answers: the share of packets that come from the server.  symmetric: both ends use the port.
    ask, answer: bytes of a payload at most.
    """

    ports: tuple[int, int]
    answers: float = 0.55
    ask: int = 300
    answer: int = 1400
    symmetric: bool = False


def at(port: int, **known: object) -> Service:
    return Service((port, port), **known)  # type: ignore[arg-type]


SERVICES_TCP = (
    (55, at(443)),
    (12, at(80)),
    (9, at(22, ask=60, answer=200)),
    (3, at(445)),
    (2, at(3389, ask=60, answer=1000)),
    (2, at(5432)),
    (1, at(3306)),
    (1, at(6379, ask=80, answer=200)),
    (1.5, at(25, answers=0.4, ask=1400, answer=80)),
    (1.5, at(993)),
    (0.5, at(587)),
    (2, at(8080)),
    (1, at(8443)),
    (1, at(6443)),
    (0.5, at(179, ask=60, answer=60)),
    (0.5, at(53, ask=60, answer=900)),
    (0.5, at(21, ask=40, answer=100)),
    (1, at(2049)),
    (1, Service((30000, 32767))),
    (5, Service((32768, 60999), answers=0.5)),
)
SERVICES_UDP = (
    (35, at(443, ask=100, answer=1250)),
    (24, at(53, answers=0.5, ask=45, answer=200)),
    (3, at(123, answers=0.5, ask=48, answer=48)),
    (4, at(514, answers=0, ask=180)),
    (2, at(161, answers=0.5, ask=60, answer=90)),
    (2, at(5060, symmetric=True, ask=500, answer=400)),
    (10, Service((16384, 32767), answers=0.5, ask=172, answer=172)),
    (5, at(4500, symmetric=True, ask=200, answer=1300)),
    (3, at(4789, answers=0, ask=1400)),
    (4, at(51820, answers=0.5, ask=200, answer=1300)),
    (1, at(1812, answers=0.5, ask=120, answer=60)),
    (1, at(137, symmetric=True, ask=50, answer=50)),
    (1, at(2152, symmetric=True, ask=200, answer=1300)),
    (5, Service((32768, 60999), answers=0.5, ask=300, answer=900)),
)

# Weight and flags: ACK, PSH ACK, SYN, SYN ACK, FIN ACK, RST, RST ACK.
FLAGS = ((45, 0x10), (42, 0x18), (5, 0x02), (3, 0x12), (3, 0x11), (1, 0x04), (1, 0x14))

# Weight and time to live.
HOPS = ((45, 64), (20, 128), (10, 56), (10, 116), (8, 52), (5, 255), (1, 2), (1, 1))

GREETINGS = {
    443: (b"\x16\3\1\2\0\1\0\1\xfc\3\3", b"\x17\3\3\4\0", b"\x17\3\3\0\x45", b"\x16\3\3\0\x7a\2"),
    80: (b"GET /index.html HTTP/1.1\r\n", b"POST /form HTTP/1.1\r\n"),
    8080: (b"GET / HTTP/1.1\r\n",),
    22: (b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\0\0\x2c\x0a", b"\0\0\0\x34\x0b"),
    5060: (b"INVITE sip:7@example.org SIP/2.0\r\n", b"REGISTER sip:example.org SIP/2.0\r\n"),
    123: (b"\x23\2\6\xe9", b"\x24\1\6\xe9"),
}
ANSWERS = {
    80: (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n"),
    5060: (b"SIP/2.0 200 OK\r\n",),
}


def payload(draw: Random, service: Service, back: bool) -> bytes:
    """What a packet of the service carries."""
    port = service.ports[0]
    most = service.answer if back else service.ask
    if port == 53:
        return _dns(draw, back)
    if port == 4789:
        return b"\x08\0\0\0\0\0" + bytes((draw.choice((100, 5)), 0)) + draw.randbytes(most)
    begins = (ANSWERS if back and port in ANSWERS else GREETINGS).get(port, (b"",))
    size = draw.randint(most // 2, most)
    first = draw.choice(begins)
    return first + draw.randbytes(max(size - len(first), 0))


def _dns(draw: Random, back: bool) -> bytes:
    """A question for a name, or the answer to one."""
    code = draw.choice((0, 0, 0, 3)) if back else 0
    flags = 0x8180 | code if back else draw.choice((0x0100, 0x0100, 0x0120))
    counts = (1, int(back and not code), 0, 0)
    name = b"".join(bytes((len(part),)) + part for part in (b"www", b"example", b"org"))
    question = name + b"\0" + bytes((0, draw.choice((1, 28)), 0, 1))
    answer = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + draw.randbytes(4) if counts[1] else b""
    head = draw.randbytes(2) + b"".join(n.to_bytes(2, "big") for n in (flags, *counts))
    return head + question + answer
