"""One filter at a hook of the kernel: its eBPF programs, and what runs them on bytes.

The kernel runs what is long enough for BPF_PROG_TEST_RUN, sockets what has a byte, the interpreter
everything.  A program that copies what lies elsewhere (of sockets, and behind what cgroups read in
place) runs as one for tc, too, on packets as long as any.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.cbpf.select import Selection
from bpfq.backends.ebpf.emit import Verdicts, programs
from bpfq.backends.ebpf.layout import Laid
from bpfq.compiler import decided
from bpfq.ebpf.install import install
from bpfq.ebpf.simulate import verdict
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.kernel.attach import attach_socket
from bpfq.kernel.programs import Program
from bpfq.kernel.testrun import LONGEST, shortest
from bpfq.kernel.testrun import run as run_in_kernel
from bpfq.meaning import Setting
from bpfq.program.ebpf import EbpfProgram, compile_ebpf, function
from bpfq.settings import settings_of

from .verdicts import NETMASK

Words = tuple[BpfInsn, ...]
Metadata = Mapping[str, int]
Run = Callable[[bytes], bool | None]  # whether a packet is accepted; None: it cannot be run

ETHERNET, IPV6_HEADER = 14, 40  # bytes
MOST_BYTES = 1 << 16  # of a datagram
WORD = 0xFFFF_FFFF
UNTAGGED: Metadata = {
    "type": 0, "mark": 0, "queue": 0, "proto": 0, "vlanp": 0, "vlan_tci": 0, "vlan_tpid": 0,
    "ifidx": 1, "rxhash": 0, "random": 0, "cpu": 0,
}  # fmt: skip
TAGGED: Metadata = {**UNTAGGED, "vlanp": 1, "vlan_tci": 0x2005, "vlan_tpid": 0x8100}
OUTGOING: Metadata = {**UNTAGGED, "type": 4, "vlanp": 1, "vlan_tci": 100, "vlan_tpid": 0x88A8}
TYPES = tuple({**UNTAGGED, "type": number} for number in range(4))
_HOST, _BROADCAST, _MULTICAST, _OTHER = TYPES  # <linux/if_packet.h>


class Place(NamedTuple):
    """A hook, the link type of its packets, and what programs return there."""

    hook: Hook
    link: str
    verdicts: Verdicts

    @property
    def target(self) -> str:
        return f"ebpf:{self.hook}"

    @property
    def live(self) -> bool:
        """The kernel tells more about a packet than its bytes."""
        return self.hook in ("socket", "tc", "cgroup_skb")

    @property
    def setting(self) -> Setting:
        return Setting(self.link, live=self.live, ancillary=self.live, netmask=NETMASK)


PLACES: dict[str, Place] = {
    "xdp": Place("xdp", "EN10MB", Verdicts(1, 2)),
    "tc": Place("tc", "EN10MB", Verdicts(2, WORD)),
    "cgroup_skb": Place("cgroup_skb", "RAW", Verdicts(0, 1)),
    "netfilter": Place("netfilter", "RAW", Verdicts(0, 1)),
    "socket": Place("socket", "EN10MB", Verdicts(0x40000, 0)),
}

WAYS: dict[str, dict[str, Any]] = {
    "level 0": {"level": 0},
    "level 1": {"level": 1},
    "level 2": {"level": 2},
    "level 0 strict": {"level": 0, "strict": True},
    "level 2 strict": {"level": 2, "strict": True},
    "for size": {"optimise_for": "size"},
    "for speed": {"optimise_for": "speed"},
    "for kernel-size": {"optimise_for": "kernel-size"},
}


class Made(NamedTuple):
    """An eBPF program and how it was compiled."""

    name: str
    module: Module
    strict: bool


def compiled(text: str, place: Place, **options: Any) -> EbpfProgram:
    """The program that bpfq chooses, with the verdicts of the place."""
    settings = settings_of(
        place.target, place.link, netmask=NETMASK, allow_empty=True, **options
    )  # fmt: skip
    return compile_ebpf(query_of(text, None), settings, None, place.verdicts)


def programs_of(text: str, place: Place, names: Sequence[str] = tuple(WAYS)) -> list[Made]:
    """Each different program of a filter: those chosen, and all of graphs known to be sound."""
    found: dict[tuple[Words, bool], Made] = {}
    for name in names:
        program = compiled(text, place, **WAYS[name])
        settings = program.settings
        made = [("chosen", program.module)]
        _, ways = decided(program.query, settings)
        for graph in dict.fromkeys(way.graph for way in ways if way.formula is None):
            for selection in selections(graph, settings.level):
                made += _modules(selection, place)
        for kind, module in made:
            one = Made(f"{name}, {kind}", module, settings.strict)
            found.setdefault((module.function.instructions, settings.strict), one)
    return list(found.values())


def _modules(selection: Selection, place: Place) -> Iterator[tuple[str, Module]]:
    hooks = (
        {place.hook: "way", "socket": "by copies"} if place.hook == "tc" else {place.hook: "way"}
    )
    for maps in (False, True):
        for hook, name in hooks.items():
            for number, laid in enumerate(programs(selection, hook, place.verdicts, maps=maps)):
                yield f"{name} {number}{' with maps' * maps}", _module(laid, place)


def _module(laid: Laid, place: Place) -> Module:
    return Module(place.hook, function(laid), laid.maps)


# ---------------------------------------------------------------- machines


@contextmanager
def kernel(module: Module, place: Place) -> Iterator[Run]:
    """BPF_PROG_TEST_RUN, or the receiving end of a pair of AF_UNIX datagram sockets."""
    with install(module) as installed:
        if place.hook == "socket":
            with _on_socket(installed.program) as run:
                yield run
            return

        def accepts(packet: bytes) -> bool | None:
            if not runs(packet, place):
                return None
            return _accepted(run_in_kernel(installed.program, framed(packet, place)).verdict, place)

        yield accepts


def framed(packet: bytes, place: Place) -> bytes:
    """A packet as a test run takes it."""
    return bytes(ETHERNET) + packet if place.hook == "cgroup_skb" else packet


def runs(packet: bytes, place: Place) -> bool:
    """Whether a test run takes the packet."""
    whole = framed(packet, place)
    if not shortest(place.hook, whole) <= len(whole) <= LONGEST:
        return False
    return place.hook != "netfilter" or _is_ip(packet)


def metadata_in_kernel(packet: bytes, place: Place) -> Metadata | None:
    """What the kernel tells of a packet in a test run; it takes the interface lo for its own."""
    if place.hook != "tc":
        return UNTAGGED if place.live else None
    to = packet[:6]
    if to == b"\xff" * 6:
        return _BROADCAST
    if to == bytes(6):
        return _HOST
    return _MULTICAST if to[0] & 1 else _OTHER


def interpreted(
    module: Module,
    place: Place,
    metadata: Metadata = UNTAGGED,
    linear: int | None = None,
    byteorder: Endian = "little",
) -> Run:
    """The interpreter; linear: bytes that lie in one piece, None for all of them."""

    def accepts(packet: bytes) -> bool | None:
        returned = verdict(module, packet, metadata, linear, byteorder=byteorder)
        return _accepted(returned, place)

    return accepts


@contextmanager
def _on_socket(program: Program) -> Iterator[Run]:
    with ExitStack() as stack:
        sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        stack.enter_context(sender)
        stack.enter_context(receiver)
        receiver.setblocking(False)
        attach_socket(program, receiver)

        def accepts(packet: bytes) -> bool | None:
            if not packet:
                return None
            try:
                sender.send(packet)
                return receiver.recv(MOST_BYTES) == packet
            except (BlockingIOError, PermissionError):  # the sender is told of a rejected datagram
                return False

        yield accepts


def _is_ip(packet: bytes) -> bool:
    """The test run takes the family from the header."""
    version = packet[0] >> 4
    return version == 4 or (version == 6 and len(packet) >= IPV6_HEADER)


def _accepted(returned: int, place: Place) -> bool:
    value = returned & WORD
    known = (place.verdicts.reject, place.verdicts.accept)
    assert value in known, f"{value:#x} is no verdict"
    return value == place.verdicts.accept
