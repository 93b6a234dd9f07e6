"""An object file for libbpf, bpftool, ip and tc, of one or more eBPF programs."""

from __future__ import annotations

from typing import Final

from bpfq.ebpf.naming import renamed
from bpfq.export.job import Job
from bpfq.isa.ebpf.program import Module
from bpfq.objfile.object import object_file

_USUAL: Final = "bpfq"


def modules(job: Job) -> tuple[Module, ...]:
    """The programs under their names; where there are several, so are their maps."""
    own_maps = len(job.parts) > 1
    return tuple(
        renamed(part.module, part.name or _USUAL, own_maps=own_maps)
        for part in job.parts
        if part.module is not None
    )


def elf(job: Job) -> bytes:
    """The octets of the file; raises ObjectError for a name or section that cannot be."""
    made = modules(job)
    sections = job.sections or ("",) * len(made)
    return object_file(made, byteorder=job.byteorder, sections=sections)
