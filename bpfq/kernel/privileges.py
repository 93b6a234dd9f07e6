"""What this process may do: its capabilities, and what a refusal for lack of them says.

Source: capabilities(7), proc_pid_status(5), Documentation/admin-guide/sysctl/kernel.rst.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from bpfq.errors import LoadError
from bpfq.source import Suggestion

UNPRIVILEGED: Final = "/proc/sys/kernel/unprivileged_bpf_disabled"
_STATUS: Final = "/proc/self/status"
NUMBERS: Final = {  # include/uapi/linux/capability.h
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_ADMIN": 21,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}

Read: TypeAlias = Callable[[str], "str | None"]
"""The text of a file, or None; a test may put another in place of read_text."""


def read_text(path: str) -> str | None:
    """What a small file of /proc or /sys says, or None where there is none to read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def effective(read: Read = read_text) -> int:
    """CapEff of this process as bits; 0 where /proc is not mounted."""
    for line in (read(_STATUS) or "").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return int(value, 16)
    return 0


def missing(wanted: Sequence[str], read: Read = read_text) -> tuple[str, ...]:
    """Those of the capabilities that this process lacks; CAP_SYS_ADMIN stands for CAP_BPF, too."""
    held = effective(read)
    return tuple(
        name
        for name in wanted
        if not held >> NUMBERS[name] & 1
        and not (name in ("CAP_BPF", "CAP_PERFMON") and held >> NUMBERS["CAP_SYS_ADMIN"] & 1)
    )


def as_root(capabilities: Sequence[str]) -> tuple[Suggestion, ...]:
    """What gets a process these capabilities."""
    python = os.path.realpath(sys.executable)
    wanted = ",".join(name.lower() for name in capabilities)
    return (
        Suggestion("sudo", "run the same command as root"),
        Suggestion(f"sudo setcap {wanted}+ep {python}", "all programs of this Python"),
    )


def refusal(
    number: int | None,
    what: str,
    reasons: Mapping[int, str],
    needs: Sequence[str] = (),
    read: Read = read_text,
) -> LoadError:
    """The kernel's errno in words; ``what`` completes "the kernel refused".

    ``needs`` are the capabilities without which EPERM and EACCES have no other reason.
    """
    number = number or 0
    name = _NAMES.get(number) or errno.errorcode.get(number, str(number))
    lacking = missing(needs, read) if number in (errno.EPERM, errno.EACCES) else ()
    if lacking:
        return LoadError(
            f"the kernel refused {what}: {name}, {_lacking(needs, lacking, read)}",
            errno=number,
            suggestions=as_root(needs),
        )
    common = _COMMON if needs else {}
    why = reasons.get(number) or common.get(number) or os.strerror(number).lower()
    return LoadError(f"the kernel refused {what}: {name}, {why}", errno=number)


_ENOTSUPP: Final = 524  # of the kernel, which errno does not know
_NAMES: Final = {
    errno.EOPNOTSUPP: "EOPNOTSUPP",
    _ENOTSUPP: "ENOTSUPP",
}  # ENOTSUP is the former, too
_COMMON: Final = {
    errno.EPERM: "although this process has the capabilities; a container or a security module "
    "may forbid it",
    errno.ENOSYS: "it has no bpf(2)",
    _ENOTSUPP: "not supported for this kind",
}


def _lacking(needs: Sequence[str], lacking: Sequence[str], read: Read) -> str:
    text = f"it needs {' and '.join(needs)}, this process lacks {' and '.join(lacking)}"
    switch = read(UNPRIVILEGED)
    return text if switch is None else f"{text} (kernel.unprivileged_bpf_disabled is {switch})"
