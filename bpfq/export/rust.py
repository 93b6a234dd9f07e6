"""Rust: an array of libc::sock_filter.

pub static DNS: [libc::sock_filter; 9] = [
    libc::sock_filter { code: 0x28, jt: 0, jf: 0, k: 0xc },
    ...
"""

from __future__ import annotations

from collections.abc import Iterator

from bpfq.export.comments import about, heading
from bpfq.export.job import Job, Part
from bpfq.export.names import identifiers


def rust(job: Job) -> str:
    """A module."""
    lines = [heading(job, "//")]
    for name, part in identifiers(job, "Rust", str.upper, taken="_"):
        lines += ["", *_program(name, part)]
    return "\n".join([*lines, ""])


def _program(name: str, part: Part) -> Iterator[str]:
    yield from about(part, "//")
    yield "#[rustfmt::skip]"
    yield f"pub static {name}: [libc::sock_filter; {len(part.words)}] = ["
    for code, jt, jf, k in part.words:
        yield f"    libc::sock_filter {{ code: {code:#x}, jt: {jt}, jf: {jf}, k: {k:#x} }},"
    yield "];"
