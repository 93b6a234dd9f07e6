"""Debian's libpcap accepts and refuses the same filters, apart from the differences listed here.

The reference is a newer libpcap: DIFFERENCES says what it changed, by how libpcap 1.10 answers
(None: it accepts) and by our message.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import random
import re
from collections.abc import Callable

import pytest

from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse
from bpfq.operators import DivisionByZero, calculate, wrap
from bpfq.query import nodes

from .test_trees import EVERY

pytestmark = pytest.mark.oracle

Program = list[tuple[int, int, int, int]]
Compile = Callable[[str], tuple[Program | None, str]]

DIFFERENCES = [  # (libpcap 1.10's refusal, or "" where it accepts; our message, or "")
    (r"", r"(protocol number|EtherType|ISO protocol|IS-IS PDU type|byte) \d+ is greater than.*"),
    (r"", r"DECnet address \d+ is greater than.*|'.*' is not a DECnet address: .*"),
    (r"", r"'decnet' cannot qualify an IPv4 address"),  # decnet net
    (r"", r"'type' is an 802.11 keyword here.*"),  # icmp type 8
    # decided by link type, after parsing
    (r".*(only supported on|supported only on|not supported on|not a broadcast link).*", r""),
    (r".*(link-layer multicast|is not supported on).*", r""),
    # libpcap looks at the first literal of the right operand, not at the operand
    (r"(shift by more than 31 bits|division by zero|modulus by zero)", r""),
    (r"too many registers needed to evaluate expression", r""),
    # names and numbers that came with the newer libpcap
    (r"unknown port in range '.*0[xX].*'", r""),
    (r"unknown ether proto '(lldp|slow)'", r""),
]


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class BpfProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(Instruction))]


@pytest.fixture(scope="module")
def libpcap() -> Compile:
    """A filter's unoptimised program for Ethernet, or None and the refusal."""
    found = ctypes.util.find_library("pcap")
    if found is None:
        pytest.skip("libpcap is not installed (Debian: libpcap0.8)")
    library = ctypes.CDLL(found)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    library.pcap_geterr.argtypes = [ctypes.c_void_p]
    library.pcap_close.argtypes = [ctypes.c_void_p]
    library.pcap_compile.argtypes = [
        *(ctypes.c_void_p, ctypes.POINTER(BpfProgram), ctypes.c_char_p, ctypes.c_int),
        ctypes.c_uint,
    ]
    library.pcap_freecode.argtypes = [ctypes.POINTER(BpfProgram)]

    def compile_(text: str) -> tuple[Program | None, str]:
        handle = library.pcap_open_dead(1, 262144)
        program = BpfProgram()
        status = library.pcap_compile(handle, ctypes.byref(program), text.encode(), 0, 0xFFFFFF)
        if status < 0:
            refusal = library.pcap_geterr(handle).decode(errors="replace")
            library.pcap_close(handle)
            return None, refusal or "refused"
        rows = [program.instructions[i] for i in range(program.length)]
        copied = [(row.code, row.jt, row.jf, row.k) for row in rows]
        library.pcap_freecode(ctypes.byref(program))
        library.pcap_close(handle)
        return copied, ""

    return compile_


def our_refusal(text: str) -> str:
    try:
        parse(text)
    except BpfqError as error:
        return error.message
    return ""


def unexplained(texts: list[str], libpcap: Compile) -> list[tuple[str, str, str]]:
    found = []
    for text in texts:
        theirs, ours = libpcap(text)[1], our_refusal(text)
        if bool(theirs) != bool(ours) and not any(
            re.fullmatch(one, theirs, re.DOTALL) and re.fullmatch(other, ours)
            for one, other in DIFFERENCES
        ):
            found.append((text, theirs, ours))
    return found


WORDS = (
    *("link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "igmp", "igrp", "pim"),
    *("vrrp", "carp", "icmp6", "ah", "esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc"),
    *("mopdl", "iso", "esis", "isis", "l1", "stp", "ipx", "netbeui", "radio", ""),
)
DIRECTIONS = ("", "src", "dst", "src or dst", "dst and src", "addr1", "ra")
TYPES = ("", "host", "net", "port", "portrange", "proto", "protochain", "gateway")
ADDRESSES = (
    *("10", "1.2", "1.2.3.4", "10.0.0.0/8", "10.0.0.0 mask 255.0.0.0", "fe80::1", "fe80::/16"),
    *("fe80::1/128", "1:2:3:4:5:6", "$a1", "70000", "300"),
)
NAMES = ("http", "domain", "syslog", "80-90", "smtp-domain", r"\tcp", r"\arp", r"\clnp")


@pytest.mark.parametrize("word", WORDS)
def test_qualifiers_fit_the_same_ids(word: str, libpcap: Compile) -> None:
    texts = [
        " ".join(part for part in (word, *parts) if part)
        for parts in itertools.product(DIRECTIONS, TYPES, ADDRESSES)
    ] + [
        " ".join(part for part in (word, *parts) if part)
        for parts in itertools.product(DIRECTIONS, TYPES[3:7], NAMES)
    ]
    # an AID on Ethernet is a matter of the link type
    texts = [text for text in texts if not ("link" in text and "$a1" in text)]
    assert unexplained(texts, libpcap) == []


ELSEWHERE = ("vxlan", "vci", "lane", "vpi", "fisu", "radio[0")  # newer, or not on Ethernet
SEEDS = [
    text
    for text in EVERY
    if not any(word in text for word in ELSEWHERE) and not text.startswith(("type", "wlan", "dir"))
]


@pytest.mark.parametrize("seed", range(20))
def test_damaged_filters_meet_the_same_fate(seed: int, libpcap: Compile) -> None:
    rng = random.Random(seed)
    pieces = [re.findall(r"[\w.:\\-]+|\S", text) for text in SEEDS]
    every = sorted({piece for filter_ in pieces for piece in filter_})
    texts = []
    for _ in range(500):
        damaged = list(rng.choice(pieces))
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(damaged) + 1)
            damaged[at : at + rng.randrange(2)] = rng.choice(([], [rng.choice(every)]))
        texts.append(" ".join(damaged))
    # nobody is asked for addresses here
    texts = [text for text in texts if "are not looked up" not in our_refusal(text)]
    assert unexplained(texts, libpcap) == []


# ---------------------------------------------------------------- arithmetic


def expression(rng: random.Random, depth: int) -> str:
    choice = rng.random()
    if depth == 0 or choice < 0.25:
        return str(rng.randrange(1, 32))
    if choice < 0.35:
        return f"({expression(rng, depth - 1)})"
    if choice < 0.45:
        return f"- {expression(rng, depth - 1)}"
    operator = rng.choice(["+", "-", "*", "/", "%", "^", "&", "|", "<<", ">>"])
    return f"{expression(rng, depth - 1)} {operator} {expression(rng, depth - 1)}"


def our_value(value: nodes.Value) -> int:
    match value:
        case nodes.Number(value=number):
            return number
        case nodes.Length():
            return 0
        case nodes.Negative(operand=operand):
            return wrap(-our_value(operand))
        case nodes.Arithmetic(operator=operator, left=left, right=right):
            return calculate(operator, our_value(left), our_value(right))
    raise AssertionError(value)


_ALU = ("+", "-", "*", "/", "|", "&", "<<", ">>", "neg", "%", "^")


def their_difference(program: Program) -> int | None:
    """A just before the first jump (``len != e`` computes len - e), None for a zero divisor."""
    from bpfq.operators import Operator

    a = x = 0
    memory = [0] * 16
    for code, _, _, k in program:
        match code:
            case 0x00:
                a = k
            case 0x80:
                a = 0  # the length
            case 0x60:
                a = memory[k]
            case 0x61:
                x = memory[k]
            case 0x02:
                memory[k] = a
            case 0x84:
                a = wrap(-a)
            case _ if code & 7 == 4:
                operator = Operator(_ALU[code >> 4])
                try:
                    a = calculate(operator, a, x if code & 8 else k)
                except DivisionByZero:
                    return None
            case _:
                return a
    raise AssertionError("no jump")


@pytest.mark.parametrize("seed", range(20))
def test_operators_bind_alike(seed: int, libpcap: Compile) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        text = f"len != {expression(rng, 4)}"
        program, _refusal = libpcap(text)
        if program is None:
            continue  # registers, and literals that only libpcap looks at
        query = parse(text)
        assert isinstance(query, nodes.Compare)
        try:
            value: int | None = wrap(our_value(query.left) - our_value(query.right))
        except DivisionByZero:
            value = None
        assert (text, their_difference(program)) == (text, value)
