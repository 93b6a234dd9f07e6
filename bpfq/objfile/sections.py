"""Which section a program stands in, so that a loader knows what it is for.

    section_of("tc", "tcx/egress") == "tcx/egress"

Source: section_defs of tools/lib/bpf/libbpf.c of Linux 6.18.
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.program import Hook

CODE: Final = ".text"  # functions that programs call
MAPS: Final = ".maps"
LICENSE: Final = "license"
LICENSE_SYMBOL: Final = "_license"
KERNEL_FUNCTIONS: Final = ".ksyms"

# The first is taken where nothing else is asked for.  tcx needs libbpf 1.3, netfilter libbpf 1.2.
SECTIONS: Final[dict[Hook, tuple[str, ...]]] = {
    "socket": ("socket",),
    "xdp": ("xdp", "xdp.frags"),
    "tc": ("tc", "tcx/ingress", "tcx/egress"),
    "cgroup_skb": ("cgroup_skb/ingress", "cgroup_skb/egress"),
    "netfilter": ("netfilter",),
}


def section_of(hook: Hook, wanted: str = "") -> str:
    """The wanted section, or the usual one; raises ObjectError when it is for another hook."""
    allowed = SECTIONS[hook]
    if wanted and wanted not in allowed:
        choices = " or ".join(allowed)
        raise ObjectError(f"a program for {hook} cannot stand in section {wanted!r}, use {choices}")
    return wanted or allowed[0]
