"""C: an array of struct sock_filter, and a function that attaches it to a socket.

static struct sock_filter dns_code[] = {
    { 0x28, 0, 0, 0x0000000c },
    ...
};
static inline int dns_attach(int sock) ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.export.comments import about, heading
from bpfq.export.job import Job, Part
from bpfq.export.names import identifiers
from bpfq.isa.cbpf.text import dump_dd

_SOCKETS: Final = ("packet", "packet-cooked", "raw4", "raw6", "udp")

_PROGRAM: Final = """\
static inline struct sock_fprog {name}_program(void)
{{
    struct sock_fprog program = {{ sizeof {name}_code / sizeof {name}_code[0], {name}_code }};
    return program;
}}
"""
_ATTACH: Final = """
/* 0, or -1 with errno; bind a packet socket that was opened with protocol 0 only after this */
static inline int {name}_attach(int sock)
{{
    struct sock_fprog program = {name}_program();
    return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}}
"""


def c(job: Job) -> str:
    """A header or a part of a source file, for Linux."""
    rows = identifiers(job, "C")
    attached = any(part.settings.target.name in _SOCKETS for _, part in rows)
    headers = ["#include <linux/filter.h>"] + ["#include <sys/socket.h>"] * attached
    lines = [heading(job, "//"), *headers]
    for name, part in rows:
        lines += ["", *_program(name, part)]
    return "\n".join([*lines, ""])


def _program(name: str, part: Part) -> Iterator[str]:
    yield from about(part, "//")
    yield f"static struct sock_filter {name}_code[] = {{"
    yield from (f"    {row}" for row in dump_dd(part.words).split("\n"))
    yield "};"
    text = _PROGRAM + _ATTACH if part.settings.target.name in _SOCKETS else _PROGRAM
    yield text.format(name=name).rstrip("\n")
