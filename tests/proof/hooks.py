"""Filters compiled for every hook, and an opinion on their programs that is not the prover's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as with_fields
from functools import cached_property
from typing import Any

import bpfq
from bpfq.ebpf.simulate import verdict
from bpfq.errors import BpfqError
from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Module
from bpfq.program.ebpf import EbpfProgram
from bpfq.record import replace

from .subjects import NETMASK, Judge, Subject, Trial

HOOKS = {
    "xdp": {"target": "ebpf:xdp", "action": "drop"},
    "tc": {"target": "ebpf:tc", "action": "drop"},
    "socket": {"target": "ebpf:socket"},
    "cgroup_skb": {"target": "ebpf:cgroup_skb", "action": "drop"},
    "netfilter": {"target": "ebpf:netfilter", "action": "drop"},
}  # fmt: skip
PIECES = (None, 0, 14, 40)  # bytes of a packet in one piece; None: all


def compiled(text: str, hook: str, **options: Any) -> EbpfProgram:
    """The filter's program, with large sets written out."""
    program = bpfq.compile(text, allow_empty=True, netmask=NETMASK, **HOOKS[hook], **options)
    assert isinstance(program, EbpfProgram)
    return program.without_maps


class HookSubject(Subject):
    """A filter at a hook, run by the eBPF interpreter."""

    @cached_property
    def hooked(self) -> EbpfProgram:
        program = self.program
        assert isinstance(program, EbpfProgram)
        return program.without_maps

    def with_words(self, words: tuple[BpfInsn, ...]) -> Module:
        module = self.hooked.module
        return replace(module, function=replace(module.function, instructions=words))

    @property
    def pieces(self) -> tuple[int | None, ...]:
        return PIECES if self.hooked.hook in ("tc", "cgroup_skb") else (None,)


def of_whole_packets(trials: Iterable[Trial]) -> list[Trial]:
    """A hook sees all of a packet."""
    return [with_fields(trial, length=len(trial.packet)) for trial in trials]


def returned(module: Module, trial: Trial, piece: int | None) -> int | None:
    """None where the interpreter refuses to go on."""
    try:
        return verdict(module, trial.packet, trial.words, piece)
    except BpfqError:
        return None


def wrong(judge: Judge, subject: HookSubject, module: Module, trials: Iterable[Trial]) -> list[str]:
    """Where a module does what the contract does not allow."""
    verdicts = subject.hooked.verdicts
    lines = []
    for trial in trials:
        least = judge.least(trial)
        for piece in subject.pieces:
            if piece is not None and piece > len(trial.packet):
                continue
            found = returned(module, trial, piece)
            expected = verdicts.accept if least else verdicts.reject
            if found == expected:
                continue
            if least or found != verdicts.accept or not judge.most(trial):
                lines.append(f"{found}, not {expected}, with {piece} bytes of {trial}")
    return lines
