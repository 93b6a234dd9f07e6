"""How long programs take on tc, above one that does nothing: by BPF_PROG_TEST_RUN.

One program in a test run is too short for the kernel's clock.  So its slots stand there many times,
one behind the other, with jumps to the next one for exits; an empty program is repeated in the same
way, and what it takes is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from legacy_form import legacy_form
from traffic import traffic

from bpfq.ebpf.install import install
from bpfq.isa.cbpf.encode import disassemble
from bpfq.isa.cbpf.instructions import LoadAbsolute, LoadIndirect, LoadXHeaderLength, SockFilter
from bpfq.isa.cbpf.vm import trace
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Function, Module, Reference
from bpfq.kernel.programs import Program
from bpfq.kernel.testrun import LONGEST, STEADY, run, shortest

COPIES = 16
TURNS = 3
FRAMES = 10
REPEAT = 2 * STEADY
_EXIT = 0x95
_CONTEXT = -512  # from the frame pointer; no program has so much on the stack
_NOTHING = assemble([e.Move(e.R0, 0, 32), e.Exit()])


def repeated(module: Module, copies: int = COPIES) -> Module:
    """The program so many times in a row."""
    own = module.function
    words: list[BpfInsn] = list(assemble([e.StoreMemory(e.R10, _CONTEXT, e.R1, 8)]))
    references: list[Reference] = []
    count = len(own.instructions)
    for _ in range(copies):
        words += assemble([e.LoadMemory(e.R1, e.R10, _CONTEXT, 8)])
        references += (
            Reference(len(words) + each.insn, each.symbol, each.kind) for each in own.references
        )
        for at, word in enumerate(own.instructions):
            leaves = word.opcode == _EXIT
            words += assemble([e.Jump(count - at - 1)]) if leaves else [word]
    words += _NOTHING
    return Module("tc", Function("copies", tuple(words), references=tuple(references)), module.maps)


def nanoseconds(module: Module, classic: Sequence[SockFilter]) -> tuple[float, float] | None:
    """What the program takes for a frame, and the classic one by legacy loads.

    None where that one loads past the end of every frame, which would end the copies.
    """
    frames = _frames(classic)
    if not frames:
        return None
    legacy = Module("tc", Function("legacy", assemble(legacy_form(classic))))
    with (
        install(repeated(module)) as ours,
        install(repeated(legacy)) as theirs,
    ):
        programs = (ours.program, theirs.program)
        total = [0.0, 0.0]
        for frame in frames:
            least = [min(_run(each, frame) for _ in range(TURNS)) for each in programs]
            total = [before + took - _idle(frame) for before, took in zip(total, least)]
    found = [each / COPIES / len(frames) for each in total]
    return found[0], found[1]


def above_nothing(program: Program, frame: bytes, copies: int) -> float:
    """Nanoseconds of one of the copies in a program that repeated() has made."""
    return (min(_run(program, frame) for _ in range(TURNS)) - _idle(frame, copies)) / copies


def loads(classic: Sequence[SockFilter]) -> bool:
    """The program loads bytes of the packet."""
    own = (LoadAbsolute, LoadIndirect, LoadXHeaderLength)
    return any(isinstance(each, own) for each in disassemble(classic))


def _run(program: Program, frame: bytes) -> int:
    return run(program, frame, repeat=REPEAT).duration_ns


@cache
def _idle(frame: bytes, copies: int = COPIES) -> int:
    with install(repeated(Module("tc", Function("nothing", _NOTHING)), copies)) as nothing:
        return min(_run(nothing.program, frame) for _ in range(4 * TURNS))


def _frames(classic: Sequence[SockFilter]) -> list[bytes]:
    """Frames without tags that a test run takes and the program reads within."""
    found: list[bytes] = []
    for frame in traffic().test:
        tagged = frame[12:14] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
        if tagged or not shortest("tc", frame) <= len(frame) <= LONGEST:
            continue
        last = trace(classic, frame).steps[-1]
        if classic[last.pc].code & 7 == 6:  # BPF_RET: no load has ended it
            found.append(frame)
        if len(found) == FRAMES:
            break
    return found
