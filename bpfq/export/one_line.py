"""One line, as iptables -m bpf --bytecode and tc's bpf bytecode take it.

4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0
"""

from __future__ import annotations

from bpfq.export.job import Job
from bpfq.isa.cbpf.text import dump_raw


def one_line(job: Job) -> str:
    """The number of instructions, then each, between commas; there is no room for a comment."""
    return f"{dump_raw(job.only.words)}\n"


def size(job: Job) -> str:
    """What is said beside the line, a shell's comment: how much of the room is taken."""
    part = job.only
    return f"# {len(part.words)} of {part.settings.target.limit} instructions"
