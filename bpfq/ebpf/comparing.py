"""The loaded program of a filter beside its classic program, packet by packet.

    with Comparison(module, verdicts, words) as comparison:
        comparison.look(frame, "EN10MB")       Compared(returned=1, accepts=True, expected=True, ...)

The kernel runs the one (BPF_PROG_TEST_RUN), the interpreter of classic programs the other.  What
TEST_RUN does not take, because it is too short or too long, runs in the interpreter of eBPF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bpfq.backends.ebpf.emit import Verdicts
from bpfq.closing import Closing
from bpfq.ebpf.install import install
from bpfq.ebpf.simulate import verdict
from bpfq.errors import UnsupportedError
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.vm import Machine
from bpfq.isa.cbpf.vm import run as run_classic
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.program import Hook, Module
from bpfq.kernel.testrun import LONGEST, run, shortest
from bpfq.operators import WORD_BITS

_LOAD: Final = 0x20  # ld [k], BPF_LD | BPF_W | BPF_ABS
_ETHERNET: Final = 14  # bytes of the header
_TYPE: Final = slice(12, 14)
_IP: Final = {b"\x08\x00": 4, b"\x86\xdd": 6}  # by EtherType
_TYPE_OF: Final = {4: b"\x08\x00", 6: b"\x86\xdd"}  # by version
_IP_LINKS: Final = ("RAW", "IPV4", "IPV6")
_EXPERIMENT: Final = b"\x88\xb5"  # an EtherType that the kernel does not look into, IEEE 802
_LOOPBACK: Final = 1  # ifindex of lo, the interface of a test run
# <linux/if_packet.h>, as eth_type_trans() says it of a frame on lo
_HOST, _MULTICAST, _OTHER = 0, 2, 3


class Offered(NamedTuple):
    """A packet as the hook has it, from its byte 0, and as TEST_RUN wants it."""

    octets: bytes
    frame: bytes


class Compared(NamedTuple):
    """What became of one packet."""

    returned: int  # by the eBPF program, signed
    accepts: bool | None  # what that means; None for a value that it may not return
    expected: bool  # what the classic program says
    interpreted: bool  # the kernel did not run it

    @property
    def same(self) -> bool:
        return self.accepts is self.expected


def offered(hook: Hook, octets: bytes, link: str) -> Offered | None:
    """A captured packet at a hook; None for what never comes there.

    link: the DLT_* name of the capture.  Raises UnsupportedError for one that does not say where
    IP begins, on a hook that begins there.
    """
    match hook:
        case "xdp" | "tc":
            return Offered(octets, octets)
        case "socket":
            return Offered(octets, bytes(_TYPE.start) + _EXPERIMENT + octets)
        case _:
            return _network_layer(hook, octets, link)


def _network_layer(hook: Hook, octets: bytes, link: str) -> Offered | None:
    if link == "EN10MB":
        if octets[_TYPE] not in _IP:
            return None
        frame, packet = octets, octets[_ETHERNET:]
    elif link in _IP_LINKS:
        ethertype = _TYPE_OF.get(octets[0] >> 4 if octets else 0)
        if ethertype is None:
            return None
        frame, packet = bytes(_TYPE.start) + ethertype + octets, octets
    else:
        raise UnsupportedError(
            f"packets of DLT_{link} cannot be offered to {hook}, only those of Ethernet or raw IP"
        )
    return Offered(packet, packet if hook == "netfilter" else frame)


class Comparison(Closing):
    """A loaded program and the classic one; a context manager that unloads it.

    Raises UnsupportedError for programs that draw random numbers, VerifierError or LoadError.
    """

    def __init__(self, module: Module, verdicts: Verdicts, words: Sequence[SockFilter]) -> None:
        if any((it.code, it.k) == (_LOAD, ANCILLARY["random"]) for it in words):
            raise UnsupportedError("the filter draws random numbers: no two runs need agree")
        self._module = module
        self._meanings = dict(zip(verdicts.signed, (True, False), strict=True))
        self._words = words
        self._installed = install(module)

    def look(self, octets: bytes, link: str) -> Compared | None:
        """What both say about a packet; None for one that never comes to the hook."""
        hook = self._module.hook
        packet = offered(hook, octets, link)
        if packet is None:
            return None
        metadata = _metadata(packet.frame)
        expected = run_classic(
            self._words, packet.octets, metadata=metadata, machine=Machine.KERNEL
        )
        least = shortest(hook, packet.frame)
        interpreted = not least <= len(packet.frame) <= LONGEST or not packet.octets
        if interpreted:
            returned = signed(verdict(self._module, packet.octets, metadata), WORD_BITS)
        else:
            returned = run(self._installed.program, packet.frame).verdict
        return Compared(returned, self._meanings.get(returned), expected != 0, interpreted)

    def close(self) -> None:
        self._installed.close()


def _metadata(frame: bytes) -> Mapping[str, int]:
    """What the kernel keeps beside a packet of TEST_RUN."""
    to_host = frame[:6] == bytes(6)
    others = _MULTICAST if frame[:1] and frame[0] & 1 else _OTHER
    ethertype = int.from_bytes(frame[_TYPE], "big")
    return {"ifidx": _LOOPBACK, "type": _HOST if to_host else others, "proto": ethertype}
