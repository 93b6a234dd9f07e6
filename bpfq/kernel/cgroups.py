"""Cgroups (version 2) by number: the inode of a cgroup's directory is its id.

Source: cgroups(7), Linux Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os

from bpfq.errors import LoadError
from bpfq.kernel.objects import mounted


def cgroup_id(path: str) -> int:
    """The number of the cgroup with that directory; raises LoadError."""
    try:
        return os.stat(path).st_ino
    except OSError as error:
        why = (error.strerror or "").lower()
        raise LoadError(f"no cgroup at {path}: {why}", errno=error.errno) from None


def cgroup_path(number: int) -> str:
    """The directory of the cgroup with that number; the number where none is to be seen."""
    for mount in mounted("cgroup2"):
        for directory, _, _ in os.walk(mount):
            if os.stat(directory).st_ino == number:
                return directory
    return f"cgroup {number}"
