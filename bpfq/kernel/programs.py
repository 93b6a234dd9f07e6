"""eBPF programs in the kernel: load, describe, list, pin.

    with load(words, "xdp", name="drop_dns") as program:
        program.information().verified_instructions

Source: Linux include/uapi/linux/bpf.h (BPF_PROG_LOAD, struct bpf_prog_info),
Documentation/bpf/btf.rst for the records of functions and lines.
"""

from __future__ import annotations

import errno
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import to_bytes
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Line
from bpfq.kernel.bpf import Attr, Call, Command, Descriptor, bpf, object_name
from bpfq.kernel.hooks import HOOKS, Hook, hook_named
from bpfq.kernel.objects import descriptor_of, every, info, pin, pinned
from bpfq.kernel.privileges import refusal
from bpfq.kernel.verifier import verifier_error

_FUNCTION_RECORD: Final = 8  # bytes of struct bpf_func_info: slot, type id
_LINE_RECORD: Final = (
    16  # bytes of struct bpf_line_info: slot, file name, text, line << 10 | column
)
_INFO_SIZE: Final = 224  # bytes of struct bpf_prog_info, up to verified_insns
_MAPS_AT: Final = 52  # nr_map_ids, the number of maps; map_ids, their address, begins 4 behind
_MOST_MAPS: Final = 64  # MAX_USED_MAPS, <linux/bpf_verifier.h>
_LOG_SIZE: Final = 16 << 20  # bytes; all that the kernel takes is 1 << 30
_XDP_HAS_FRAGS: Final = 1 << 5  # BPF_F_XDP_HAS_FRAGS
_TRACE: Final = 1  # log_level: every instruction that the verifier walks
_RUN_TIME: Final = 0  # BPF_STATS_RUN_TIME
_NAME_SIZE: Final = 16


class ProgramInformation(NamedTuple):
    """What the kernel tells about a loaded program."""

    id: int
    program_type: int  # enum bpf_prog_type
    tag: str  # a hash of its instructions, 16 hexadecimal digits
    name: str
    jited_bytes: int  # of machine code, 0 without the JIT
    translated_bytes: int  # of eBPF after the verifier, 8 a slot
    loaded_ns: int  # since the machine started
    run_time_ns: int  # counted only while statistics() is held
    run_count: int
    verified_instructions: int  # that the verifier walked


class Program(Descriptor):
    """A loaded program; it goes when nothing holds it: no owner, no link, no pin."""

    __slots__ = ("hook",)

    def __init__(self, fd: int, hook: str | None = None) -> None:
        super().__init__(fd)
        # its name in HOOKS; empty for a program of another kind
        self.hook = _hook_of(self.information().program_type) if hook is None else hook

    def information(self) -> ProgramInformation:
        """What the kernel tells about it now; raises LoadError."""
        raw = info(self, _INFO_SIZE)
        kind, number, tag, jited, translated = struct.unpack_from("=II8sII", raw)
        (loaded,) = struct.unpack_from("=Q", raw, 40)
        run_time, count, _, verified = struct.unpack_from("=QQQI", raw, 192)
        return ProgramInformation(
            number, kind, tag.hex(), _text(raw[64 : 64 + _NAME_SIZE]), jited, translated, loaded,
            run_time, count, verified,
        )  # fmt: skip

    def pin(self, path: str) -> None:
        """Keep it under a name in a bpf file system when its owner has gone."""
        pin(self, path)


def map_ids(program: Program) -> tuple[int, ...]:
    """The ids of the maps that the program uses, in no order; raises LoadError."""
    ids = array("I", bytes(4 * _MOST_MAPS))
    raw = bytearray(_INFO_SIZE)
    struct.pack_into("=IQ", raw, _MAPS_AT, _MOST_MAPS, ids.buffer_info()[0])
    attr = Attr().u32(0, program.fd).u32(4, _INFO_SIZE).pointer(8, raw)
    try:
        bpf(Command.OBJ_GET_INFO_BY_FD, attr)
    except OSError as error:
        raise refusal(error.errno, "to tell its maps", {}, ("CAP_BPF",)) from None
    (count,) = struct.unpack_from("=I", raw, _MAPS_AT)
    return tuple(ids[: min(count, _MOST_MAPS)])


def load(
    words: Iterable[BpfInsn],
    hook: str,
    *,
    name: str = "bpfq",
    license: str = "GPL",
    btf: Descriptor | None = None,
    functions: bytes = b"",
    line_records: bytes = b"",
    lines: Sequence[Line] = (),
    frags: bool = False,
    call: Call = bpf,
) -> Program:
    """Let the verifier look at a program; returns it, loaded, to be attached or run.

    ``hook`` names a row of HOOKS.  ``functions`` and ``line_records`` are the records
    bpf_func_info and bpf_line_info for ``btf``; ``lines`` say in an error what part of the filter
    a slot belongs to.  ``frags``: an XDP program that takes packets in several buffers.
    Raises VerifierError, which has the verifier's log, or LoadError.
    """
    row = hook_named(hook)
    code = to_bytes(words, sys.byteorder)
    if not code:
        raise LoadError("the program is empty, it needs an exit", errno=errno.EINVAL)
    attr = _load_attr(row, code, name, license)
    attr.u32(44, _XDP_HAS_FRAGS if frags else 0)
    if btf is not None:
        attr.u32(72, btf.fd)
        attr.u32(76, _FUNCTION_RECORD).pointer(80, functions)
        attr.u32(88, len(functions) // _FUNCTION_RECORD)
        attr.u32(92, _LINE_RECORD).pointer(96, line_records)
        attr.u32(104, len(line_records) // _LINE_RECORD)
    try:
        return Program(call(Command.PROG_LOAD, attr), row.name)
    except OSError as error:
        return _with_log(attr, row, error.errno, lines, call)


def _load_attr(row: Hook, code: bytes, name: str, license: str) -> Attr:
    attr = Attr().u32(0, row.program_type).u32(4, len(code) // 8).pointer(8, code)
    attr.pointer(16, license.encode("ascii") + b"\0")
    return attr.octets(48, object_name(name)).u32(68, row.expected_attach)


def _with_log(
    attr: Attr, row: Hook, number: int | None, lines: Sequence[Line], call: Call
) -> Program:
    """Load again for the verifier's log, which a load that succeeds does without."""
    log = bytearray(_LOG_SIZE)
    attr.u32(24, _TRACE).u32(28, _LOG_SIZE).pointer(32, log)
    try:
        return Program(call(Command.PROG_LOAD, attr), row.name)
    except OSError as error:
        if error.errno != errno.ENOSPC:  # the log did not fit
            number = error.errno
    said = _text(log)
    if said:
        raise verifier_error(said, number, lines)
    reasons = {
        errno.EINVAL: f"Linux {row.loads_since} and later with this kind built in take it",
        errno.E2BIG: f"it has {attr.read_u32(4)} instructions, which are too many",
        errno.ENOMEM: "there is not enough memory",
    }
    raise refusal(number, row.title, reasons, row.capabilities)


def load_btf(blob: bytes, *, needs: Sequence[str] = ("CAP_BPF",), call: Call = bpf) -> Descriptor:
    """Types for programs and maps; raises LoadError with the kernel's last sentence.

    needs: the capabilities that an error names, with those of what is loaded next.
    """
    attr = Attr().pointer(0, blob).u32(16, len(blob))
    try:
        return Descriptor(call(Command.BTF_LOAD, attr))
    except OSError as error:
        number = error.errno
    log = bytearray(_LOG_SIZE)
    attr.pointer(8, log).u32(20, _LOG_SIZE).u32(24, _TRACE)
    try:
        Descriptor(call(Command.BTF_LOAD, attr)).close()
    except OSError as error:
        number = error.errno
    said = [line for line in _text(log).splitlines() if line.strip()]
    why = {number or 0: said[-1].strip()} if said else {}
    raise refusal(number, "type information", why, needs)


def _hook_of(program_type: int) -> str:
    return next((row.name for row in HOOKS.values() if row.program_type == program_type), "")


def programs() -> Iterator[Program]:
    """Every program loaded now, of all owners; raises LoadError without CAP_SYS_ADMIN."""
    return map(Program, every(Command.PROG_GET_NEXT_ID, Command.PROG_GET_FD_BY_ID))


def program_with_id(number: int) -> Program | None:
    """The loaded program with that id, or None."""
    fd = descriptor_of(Command.PROG_GET_FD_BY_ID, number)
    return None if fd is None else Program(fd)


def pinned_program(path: str) -> Program:
    """The program pinned under a name; raises LoadError."""
    return Program(pinned(path))


def statistics(*, call: Call = bpf) -> Descriptor:
    """While it is held, the kernel counts runs and run time of all programs; raises LoadError."""
    try:
        return Descriptor(call(Command.ENABLE_STATS, Attr().u32(0, _RUN_TIME)))
    except OSError as error:
        raise refusal(error.errno, "to count runs", {}, ("CAP_SYS_ADMIN",)) from None


def _text(raw: bytes | bytearray) -> str:
    """Up to the first NUL."""
    return bytes(raw[: raw.find(0)] if 0 in raw else raw).decode("ascii", "replace")
