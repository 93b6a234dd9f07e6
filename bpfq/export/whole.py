"""The output for one program in Python, with the command that makes it again."""

from __future__ import annotations

from typing import cast

from bpfq.export.command import command_of
from bpfq.export.formats import exported, format_of
from bpfq.export.job import Job, Part
from bpfq.isa.ebpf.encode import Endian


def export(part: Part, format: str, *, package: str, section: str) -> str | bytes:
    """As ``Program.export``, which says what the arguments are and what is raised."""
    format_of(format)
    options = ("--package", package) if package != "main" else ()
    command = command_of(format, part, *options)
    byteorder = cast(Endian, part.settings.byteorder)
    return exported(format, Job((part,), command, package, byteorder, (section,)))
