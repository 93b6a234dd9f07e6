"""Classic filters on sockets: attach, read back, lock, and packet sockets without a race.

The kernel copies a program while it attaches it, so no buffer outlives the call.  Source:
Linux Documentation/networking/filter.rst, socket(7), packet(7), net/core/filter.c.
"""

from __future__ import annotations

import errno
import socket
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from bpfq.errors import EncodingError, LoadError, UnsupportedError
from bpfq.kernel.constants import (
    BPF_MAXINSNS,
    ETH_P_ALL,
    INSTRUCTION_SIZE,
    PACKET_ADD_MEMBERSHIP,
    PACKET_MR_PROMISC,
    SO_ATTACH_FILTER,
    SO_DETACH_FILTER,
    SO_GET_FILTER,
    SO_LOCK_FILTER,
    SOL_PACKET,
)
from bpfq.kernel.interfaces import no_interface
from bpfq.kernel.limits import optmem_max
from bpfq.kernel.privileges import as_root, refusal
from bpfq.source import Suggestion

Instruction: TypeAlias = tuple[int, int, int, int]
"""code, jt, jf, k of struct sock_filter."""

ANY_INTERFACE: Final = "any"

_SOCK_FILTER = struct.Struct("=HBBI")
_SOCK_FPROG = "HP"  # number of instructions, their address
_PACKET_MREQ = "iHH8x"  # interface index, PACKET_MR_*, address length
_SOCKADDR_LL = "=HHi12x"  # family, protocol in network order, interface index
_RETURN_NOTHING: Final = ((0x06, 0, 0, 0),)  # ret #0
_REASONS: Final[Mapping[int, str]] = {
    errno.EPERM: "the filter of this socket is locked (SO_LOCK_FILTER)",
    errno.EINVAL: "it is not a valid classic program",
}
_PENDING_ERRORS: Final = 16  # errors a queue may report before draining gives up


def attach_filter(
    sock: socket.socket,
    program: Iterable[Instruction],
    *,
    lock: bool = False,
    drain: bool = True,
    needed_bytes: int | None = None,
) -> None:
    """Let the socket receive only what the program accepts.

    With drain, packets that were queued before are discarded, whether they match or not: a
    filter that drops everything stays attached meanwhile, so draining ends under any load.
    The blocking mode and timeout of the socket stay.  A packet that another processor is
    delivering during the call may still slip in; open_packet_socket leaves no such gap.
    Stream sockets are never drained, and neither is a PACKET_RX_RING.

    With lock, nobody can change or remove the filter as long as the socket lives.
    needed_bytes, the size of the converted program, only improves the message for ENOMEM.

    Raises LoadError; a refused program leaves the earlier filter in place.
    """
    packed = _pack(program)
    _set_filter(sock, packed, needed_bytes)
    if drain and _may_hold_packets(sock):
        _set_filter(sock, _pack(_RETURN_NOTHING), None)
        _discard_queue(sock)
        _set_filter(sock, packed, needed_bytes)
    if lock:
        lock_filter(sock)


def detach_filter(sock: socket.socket) -> None:
    """Let the socket receive everything again.

    Raises LoadError when no filter is attached or the filter is locked.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise LoadError("no filter is attached to this socket", errno=errno.ENOENT) from None
        raise refusal(error.errno, "to detach the filter", _REASONS) from None


def lock_filter(sock: socket.socket) -> None:
    """Forbid to change or remove the filter as long as the socket lives (SO_LOCK_FILTER)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
    except OSError as error:
        raise refusal(error.errno, "to lock the filter", _REASONS) from None


def read_filter(sock: socket.socket) -> tuple[Instruction, ...]:
    """The classic program attached to the socket; empty when there is none.

    Raises LoadError with EACCES when an eBPF program is attached, which cannot be read back.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(BPF_MAXINSNS * INSTRUCTION_SIZE)
    # socket.getsockopt would offer the kernel a length in bytes, which it takes for a number of
    # instructions: it would write past the end of Python's buffer
    count = ctypes.c_uint32(BPF_MAXINSNS)
    where = (sock.fileno(), socket.SOL_SOCKET, SO_GET_FILTER, code, ctypes.byref(count))
    if libc.getsockopt(*where) != 0:
        number = ctypes.get_errno()
        if number == errno.EACCES:
            raise LoadError("an eBPF program is attached, it cannot be read back", errno=number)
        raise refusal(number, "to read the filter", _REASONS)
    rows = _SOCK_FILTER.iter_unpack(code.raw[: count.value * INSTRUCTION_SIZE])
    return tuple((code, jt, jf, k) for code, jt, jf, k in rows)


def open_packet_socket(
    interface: str,
    program: Iterable[Instruction],
    *,
    cooked: bool = False,
    promiscuous: bool = False,
    needed_bytes: int | None = None,
) -> socket.socket:
    """A packet socket on the interface that never received anything the program rejects.

    The socket is created deaf (protocol 0), filtered, and only then bound.  It starts at the
    link header, or with cooked at the network header; ``any`` is all interfaces and needs
    cooked, because their link headers differ.

    Raises LoadError: no permission, no such interface, the interface is down, program refused.
    """
    return open_filtered(
        interface,
        lambda sock: attach_filter(sock, program, drain=False, needed_bytes=needed_bytes),
        cooked=cooked,
        promiscuous=promiscuous,
    )


def open_filtered(
    interface: str,
    attach: Callable[[socket.socket], None],
    *,
    cooked: bool = False,
    promiscuous: bool = False,
) -> socket.socket:
    """As open_packet_socket, with whatever filter ``attach`` puts on the socket while it is deaf."""
    if interface == ANY_INTERFACE and not cooked:
        raise UnsupportedError("interface 'any' mixes link headers, it needs a cooked socket")
    sock = _deaf_packet_socket(socket.SOCK_DGRAM if cooked else socket.SOCK_RAW)
    try:
        attach(sock)
        _bind(sock, interface, promiscuous)
    except BaseException:
        sock.close()
        raise
    return sock


def _pack(program: Iterable[Instruction]) -> bytes:
    try:
        packed = b"".join(_SOCK_FILTER.pack(*instruction) for instruction in program)
    except struct.error as error:
        raise EncodingError(f"not a classic instruction (code, jt, jf, k): {error}") from None
    count = len(packed) // INSTRUCTION_SIZE
    if count == 0:
        raise LoadError("the program is empty, it needs a return", errno=errno.EINVAL)
    if count > BPF_MAXINSNS:
        raise LoadError(
            f"the program has {count} instructions, the kernel takes {BPF_MAXINSNS}",
            errno=errno.EINVAL,
        )
    return packed


def _set_filter(sock: socket.socket, packed: bytes, needed_bytes: int | None) -> None:
    code = array("B", packed)
    address, size = code.buffer_info()
    fprog = struct.pack(_SOCK_FPROG, size // INSTRUCTION_SIZE, address)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise too_large(needed_bytes) from None
        raise refusal(error.errno, "the program", _REASONS) from None


def _may_hold_packets(sock: socket.socket) -> bool:
    if sock.family == socket.AF_PACKET and sock.getsockname()[1] == 0:
        return False  # protocol 0: nothing was ever delivered
    return sock.type in (socket.SOCK_DGRAM, socket.SOCK_RAW)


def _discard_queue(sock: socket.socket) -> None:
    timeout = sock.gettimeout()
    if timeout:
        sock.settimeout(0)  # with a timeout, Python polls before MSG_DONTWAIT gets a say
    errors = 0
    try:
        while errors < _PENDING_ERRORS:
            try:
                sock.recv(1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                errors += 1  # reported once, then gone: ECONNREFUSED, ENETDOWN
    finally:
        if timeout:
            sock.settimeout(timeout)


def _deaf_packet_socket(kind: socket.SocketKind) -> socket.socket:
    try:
        return socket.socket(socket.AF_PACKET, kind, 0)
    except PermissionError as error:
        needed = ("CAP_NET_RAW",)
        raise LoadError(
            "opening a packet socket needs the capability CAP_NET_RAW",
            errno=error.errno,
            suggestions=as_root(needed),
        ) from None
    except OSError as error:
        raise refusal(error.errno, "a packet socket", {}) from None


def _bind(sock: socket.socket, interface: str, promiscuous: bool) -> None:
    if interface == ANY_INTERFACE:
        _bind_to_all(sock)
        return
    try:
        if promiscuous:
            index = socket.if_nametoindex(interface)
            request = struct.pack(_PACKET_MREQ, index, PACKET_MR_PROMISC, 0)
            sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
        sock.bind((interface, ETH_P_ALL))
    except OSError as error:
        if not any(interface == known for _, known in socket.if_nameindex()):
            raise no_interface(interface) from None
        raise refusal(error.errno, f"interface {interface!r}", {}) from None
    # bind succeeds on an interface that is down and leaves the error on the socket
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENETDOWN:
        raise LoadError(
            f"interface {interface!r} is down",
            errno=errno.ENETDOWN,
            suggestions=(Suggestion(f"ip link set {interface} up"),),
        )


def _bind_to_all(sock: socket.socket) -> None:
    import ctypes

    # socket.bind wants the name of an interface; index 0, which has none, stands for all
    address = struct.pack(_SOCKADDR_LL, socket.AF_PACKET, socket.htons(ETH_P_ALL), 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(sock.fileno(), address, len(address)) != 0:
        raise refusal(ctypes.get_errno(), "to listen on all interfaces", {})


def too_large(needed_bytes: int | None) -> LoadError:
    """Why a program does not fit on a socket, and the setting that would let it."""
    allowed = optmem_max() or 0
    needs = "" if needed_bytes is None else f"needs {needed_bytes} bytes, "
    enough = 1 << (needed_bytes or 0).bit_length()  # a power of two, strictly more than needed
    while enough <= allowed:
        enough *= 2
    return LoadError(
        f"the kernel refused the program: ENOMEM, {needs}"
        f"net.core.optmem_max is {allowed or 'unknown'}",
        errno=errno.ENOMEM,
        suggestions=(Suggestion(f"sysctl net.core.optmem_max={enough}"),) if enough > 1 else (),
    )
