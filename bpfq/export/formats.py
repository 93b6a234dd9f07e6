"""FORMATS: name -> what writes it, and what it can hold.

A format is one function of a Job in a file of its own, and one row here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bpfq.errors import BpfqError, UnsupportedError
from bpfq.export.bpf_asm import bpf_asm
from bpfq.export.c import c
from bpfq.export.go import go
from bpfq.export.job import Job
from bpfq.export.json_text import json_text
from bpfq.export.one_line import one_line, size
from bpfq.export.pcap import pcap
from bpfq.export.python import python
from bpfq.export.rust import rust
from bpfq.record import record
from bpfq.source import Suggestion, nearest
from bpfq.targets import Target


@record
class Format:
    """write: the output of a job, text or bytes.  summary: what it is, for help.

    target: unless another one is named; empty where one must be.  only: the targets it is for,
    empty for all classic ones; pictures show eBPF targets, too.  why: it is for no others.
    many: it holds several programs.  beside: what is said about the output outside of it, since it
    has no comments.
    """

    write: Callable[[Job], str | bytes]
    summary: str
    target: str
    only: tuple[str, ...] = ()
    why: str = ""
    many: bool = False
    picture: bool = False
    binary: bool = False
    beside: Callable[[Job], str] | None = None


def _dot(job: Job) -> str:
    from bpfq.export.drawn import dot

    return dot(job)


def _mermaid(job: Job) -> str:
    from bpfq.export.drawn import mermaid

    return mermaid(job)


def _svg(job: Job) -> str:
    from bpfq.export.drawn import svg

    return svg(job)


def _elf(job: Job) -> bytes:
    from bpfq.export.elf import elf

    return elf(job)


FORMATS: Final[dict[str, Format]] = {
    "c": Format(c, "array and attach function, for Linux", "packet", many=True),
    "go": Format(go, "[]bpf.RawInstruction of golang.org/x/net/bpf", "packet", many=True),
    "rust": Format(rust, "array of libc::sock_filter", "packet", many=True),
    "python": Format(
        python, "script that needs the standard library alone", "packet", ("packet",),
        "the script reads a packet socket with link headers",
    ),
    "iptables": Format(
        one_line, "for iptables -m bpf --bytecode", "xt_bpf", ("xt_bpf",),
        "iptables' match sees network headers, and takes 64 instructions", beside=size,
    ),
    "tc": Format(
        one_line, "for tc filter add ... bpf bytecode", "tc", ("tc",),
        "tc takes the number of a class where sockets take a length", beside=size,
    ),
    "bpf_asm": Format(bpf_asm, "source for the kernel's bpf_asm", "packet"),
    "pcap": Format(pcap, "the filter as text, as bpfq fmt prints it", "file"),
    "json": Format(json_text, "numbers, for other programs", "file", many=True),
    "dot": Format(_dot, "the decisions, for Graphviz", "file", picture=True),
    "mermaid": Format(_mermaid, "the decisions, for Markdown", "file", picture=True),
    "svg": Format(_svg, "the decisions, as a picture", "file", picture=True),
    "elf": Format(_elf, "object file for libbpf, ip and tc", "", many=True, binary=True),
}  # fmt: skip


def format_of(name: str) -> Format:
    """The row of that name; raises BpfqError that lists the known ones."""
    found = FORMATS.get(name)
    if found is None:
        close = nearest(name, FORMATS)
        known = f"the formats are {', '.join(FORMATS)}"
        raise BpfqError(
            f"cannot export {name!r}; {known}" if name else f"no format: {known}",
            suggestions=(Suggestion(f"bpfq export {close} ..."),) if close else (),
        )
    return found


def check_target(name: str, target: Target) -> None:
    """Raise UnsupportedError where the format cannot hold programs for the target."""
    row = format_of(name)
    if row.binary:
        _check_object(target)
    elif target.hook is not None and not row.picture:
        raise UnsupportedError(
            f"'{name}' holds classic programs, target '{target.name}' takes eBPF",
            suggestions=(
                Suggestion(f"bpfq export elf --target {target.name} ...", "an object file"),
                Suggestion(f"bpfq export {name} --target {row.target} ..."),
            ),
        )
    elif row.only and target.name not in row.only:
        raise UnsupportedError(
            f"'{name}' is not for target '{target.name}': {row.why}",
            suggestions=(
                Suggestion(f"--target {row.target}"),
                Suggestion("bpfq export c ...", "or go or rust, the program alone"),
            ),
        )


def _check_object(target: Target) -> None:
    if target.hook is None:
        raise UnsupportedError(
            f"an object file holds eBPF programs, target '{target.name}' takes classic ones",
            suggestions=(Suggestion("--target ebpf:xdp"), Suggestion("--target ebpf:tc")),
        )


def exported(name: str, job: Job) -> str | bytes:
    """The output; raises BpfqError for what the format cannot say."""
    row = format_of(name)
    for part in job.parts:
        check_target(name, part.settings.target)
    if len(job.parts) > 1 and not row.many:
        several = ", ".join(each for each in FORMATS if FORMATS[each].many)
        raise BpfqError(f"'{name}' holds one program, not {len(job.parts)}; several: {several}")
    return row.write(job)
