"""What this machine lets bpfq do, as rows for ``bpfq doctor``.

    Feature("bpffs", ok=False, value="not mounted", reason="--pin has no place to keep ...",
            help="mount -t bpf bpf /sys/fs/bpf")

Everything is asked of a Surface, in place of which a test puts a kernel that lacks something.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

from bpfq.errors import LoadError
from bpfq.kernel.bpf import Call, bpf
from bpfq.kernel.hooks import HOOKS
from bpfq.kernel.objects import BPFFS, MOUNTS
from bpfq.kernel.privileges import NUMBERS, UNPRIVILEGED, Read, as_root, missing, read_text
from bpfq.kernel.probes import probe
from bpfq.kernel.sockets import attach_filter
from bpfq.record import record

_JIT: Final = "/proc/sys/net/core/bpf_jit_enable"
_OPTMEM: Final = "/proc/sys/net/core/optmem_max"
_OPTMEM_NOW: Final = 131072  # bytes, the kernel's default since Linux 6.7
_BTF: Final = "/sys/kernel/btf/vmlinux"
_KEEP_ALL: Final = ((0x06, 0, 0, 0x40000),)  # ret #262144


class Feature(NamedTuple):
    """One thing that works here or does not."""

    name: str
    ok: bool | None  # None where the kernel does not tell
    value: str  # what was found
    reason: str = ""  # what does not work because of it
    help: str = ""  # what would help, to be pasted where it can be


def _try_classic() -> None:
    """Attach a classic filter to a socket that nobody uses; raises LoadError."""
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        attach_filter(first, _KEEP_ALL)


def _kernel() -> str:
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"


@record
class Surface:
    """The kernel as the probes see it."""

    call: Call = bpf
    read: Read = read_text
    exists: Callable[[str], bool] = os.path.exists
    kernel: Callable[[], str] = _kernel
    classic: Callable[[], None] = _try_classic


def features(surface: Surface | None = None) -> tuple[Feature, ...]:
    """Everything that bpfq depends on, in the order in which it is shown."""
    seen = surface or Surface()
    return (
        Feature("kernel", True, seen.kernel()),
        _classic(seen),
        _capabilities(seen),
        _unprivileged(seen),
        _jit(seen),
        _optmem(seen),
        _btf(seen),
        _file_system(
            seen, "bpffs", "bpf", "--pin and live sets have no place", f"mount -t bpf bpf {BPFFS}"
        ),
        _file_system(
            seen, "cgroup2", "cgroup2", "--cgroup has no cgroups to name",
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        ),
        *(_hook(seen, name) for name in HOOKS),
    )  # fmt: skip


def _classic(seen: Surface) -> Feature:
    try:
        seen.classic()
    except LoadError as error:
        return Feature("classic", False, "refused", str(error), _help(error))
    return Feature("classic", True, "sockets take classic filters")


def _capabilities(seen: Surface) -> Feature:
    wanted = tuple(name for name in NUMBERS if name != "CAP_PERFMON")
    lacking = missing(wanted, seen.read)
    held = [name for name in wanted if name not in lacking]
    uses = {
        "CAP_NET_RAW": "capture packets",
        "CAP_BPF": "load eBPF programs",
        "CAP_NET_ADMIN": "attach them",
        "CAP_SYS_ADMIN": "list what others attached",
    }
    return Feature(
        "capabilities",
        not lacking,
        ", ".join(held) or "none",
        "; ".join(f"without {name} it cannot {uses[name]}" for name in lacking),
        as_root(lacking)[0].text if lacking else "",
    )


def _unprivileged(seen: Surface) -> Feature:
    meanings = {"0": "everybody may load", "1": "root only, until the next start", "2": "root only"}
    value = seen.read(UNPRIVILEGED)
    if value is None:
        return Feature("unprivileged", None, "unknown")
    return Feature("unprivileged", True, f"{meanings.get(value, 'unknown')} ({value})")


def _jit(seen: Surface) -> Feature:
    value = seen.read(_JIT)
    if value is None:
        return Feature("jit", None, "unknown", "only the first network namespace tells")
    if value == "0":
        reason = "programs are interpreted, several times slower"
        return Feature("jit", False, "off", reason, "sysctl net.core.bpf_jit_enable=1")
    return Feature("jit", True, "on")


def _optmem(seen: Surface) -> Feature:
    value = seen.read(_OPTMEM)
    if value is None or not value.isdigit():
        return Feature("optmem_max", None, "unknown")
    if int(value) < _OPTMEM_NOW:
        reason = "large filters do not fit on a socket"
        wanted = f"sysctl net.core.optmem_max={_OPTMEM_NOW}"
        return Feature("optmem_max", False, f"{value} bytes", reason, wanted)
    return Feature("optmem_max", True, f"{value} bytes")


def _btf(seen: Surface) -> Feature:
    if seen.exists(_BTF):
        return Feature("btf", True, _BTF)
    reason = "a netfilter program cannot call the kernel to read packets"
    return Feature("btf", False, "absent", reason, "a kernel with CONFIG_DEBUG_INFO_BTF=y")


def _file_system(seen: Surface, name: str, kind: str, reason: str, mount: str) -> Feature:
    for row in (seen.read(MOUNTS) or "").splitlines():
        words = row.split()
        if words[words.index("-") + 1] == kind:
            return Feature(name, True, words[4])
    return Feature(name, False, "not mounted", reason, mount)


def _hook(seen: Surface, name: str) -> Feature:
    error = probe(name, seen.call)
    if error is None:
        return Feature(name, True, "loads and attaches")
    return Feature(name, False, "refused", str(error), _help(error))


def _help(error: LoadError) -> str:
    return error.suggestions[0].text if error.suggestions else ""
