"""What programs, maps and links share: ids, what the kernel tells about one, and pins.

    for fd in every(Command.LINK_GET_NEXT_ID, Command.LINK_GET_FD_BY_ID): ...

A pin is a name in a mounted bpf file system that keeps the object when its owner has gone.
Source: Linux kernel/bpf/syscall.c, kernel/bpf/inode.c.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Final

from bpfq.errors import LoadError
from bpfq.kernel.bpf import Attr, Command, Descriptor, bpf
from bpfq.kernel.privileges import Read, read_text, refusal
from bpfq.source import Suggestion

BPFFS: Final = "/sys/fs/bpf"  # where it is mounted by custom
MOUNTS: Final = "/proc/self/mountinfo"
_MOUNT_POINT: Final = 4  # columns of mountinfo, proc_pid_mountinfo(5)
_NEEDS: Final = ("CAP_BPF",)
_NEEDS_ALL: Final = ("CAP_SYS_ADMIN",)  # to look at objects of others


def info(descriptor: Descriptor, size: int) -> bytearray:
    """struct bpf_prog_info, bpf_map_info or bpf_link_info; zeros where an old kernel is silent."""
    found = bytearray(size)
    attr = Attr().u32(0, descriptor.fd).u32(4, size).pointer(8, found)
    try:
        bpf(Command.OBJ_GET_INFO_BY_FD, attr)
    except OSError as error:
        raise refusal(error.errno, "to describe it", {}, _NEEDS) from None
    return found


def every(next_id: Command, by_id: Command) -> Iterator[int]:
    """A new descriptor of every object of a kind that there is now; the caller closes each."""
    attr = Attr()
    while True:
        try:
            bpf(next_id, attr)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return
            raise refusal(error.errno, "to list what is loaded", {}, _NEEDS_ALL) from None
        number = attr.read_u32(4)
        attr = Attr().u32(0, number)
        fd = descriptor_of(by_id, number)
        if fd is not None:
            yield fd


def descriptor_of(by_id: Command, number: int) -> int | None:
    """A new descriptor of the object with that id; None when there is none any more."""
    try:
        return bpf(by_id, Attr().u32(0, number))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise refusal(error.errno, f"access to id {number}", {}, _NEEDS_ALL) from None


def pin(descriptor: Descriptor, path: str) -> None:
    """Keep the object under a name that does not exist yet, in a mounted bpf file system.

    When the name is removed, the kernel lets go of it a moment later.  Raises LoadError.
    """
    attr = Attr().pointer(0, _c_string(path)).u32(8, descriptor.fd)
    try:
        bpf(Command.OBJ_PIN, attr)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise LoadError(f"{path} exists already", errno=errno.EEXIST) from None
        raise _no_pin(path, error.errno, "to pin") from None


def pinned(path: str) -> int:
    """A new descriptor of what is pinned under a name; raises LoadError."""
    try:
        return bpf(Command.OBJ_GET, Attr().pointer(0, _c_string(path)))
    except OSError as error:
        if error.errno == errno.ENOENT and bpffs_of(path) is not None:
            raise LoadError(f"nothing is pinned at {path}", errno=errno.ENOENT) from None
        raise _no_pin(path, error.errno, "to open") from None


def kind_of(descriptor: Descriptor) -> str:
    """What a descriptor stands for: "link", "map", "prog"; empty where /proc does not tell."""
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor.fd}")
    except OSError:
        return ""
    return name.removeprefix("anon_inode:").strip("[]").removeprefix("bpf")[1:]


def pins() -> Iterator[tuple[str, Descriptor]]:
    """Every name in the bpf file systems that this process sees, with what is pinned there.

    What may not be opened is left out.
    """
    for mount in mounted("bpf"):
        for directory, _, names in os.walk(mount):
            for name in sorted(names):
                path = os.path.join(directory, name)
                try:
                    yield path, Descriptor(pinned(path))
                except LoadError:
                    continue  # of another owner, or gone meanwhile


def mounted(kind: str, read: Read = read_text) -> tuple[str, ...]:
    """Where file systems of a kind are mounted."""
    rows = (row.split() for row in (read(MOUNTS) or "").splitlines())
    return tuple(
        words[_MOUNT_POINT].encode().decode("unicode_escape")
        for words in rows
        if words[words.index("-") + 1] == kind
    )


def bpffs_of(path: str, read: Read = read_text) -> str | None:
    """Where the bpf file system that holds the path is mounted; None when another one holds it."""
    real = os.path.realpath(path)
    holding, kind = "", ""
    for row in (read(MOUNTS) or "").splitlines():
        words = row.split()
        point = words[_MOUNT_POINT].encode().decode("unicode_escape")
        below = os.path.commonpath((real, point)) == point
        if below and len(point) >= len(holding):  # the last one mounted at a place covers it
            holding, kind = point, words[words.index("-") + 1]
    return holding if kind == "bpf" else None


def _no_pin(path: str, number: int | None, what: str) -> LoadError:
    if bpffs_of(path) is None:
        return LoadError(
            f"{path or repr(path)} is not in a mounted bpf file system",
            errno=number,
            suggestions=(_place_for(path),),
        )
    if os.path.isdir(path):
        return LoadError(f"{path} is a directory: name a file in it", errno=number)
    reasons = {errno.ENOENT: "there is no such directory", errno.EPERM: "names without a dot only"}
    return refusal(number, f"{what} {path}", reasons, _NEEDS)


def _place_for(path: str) -> Suggestion:
    """The same name in a bpf file system, or how to have one."""
    there = mounted("bpf")
    if not there:
        return Suggestion(f"mount -t bpf bpf {BPFFS}")
    name = os.path.basename(path).replace(".", "_") or "NAME"
    return Suggestion(os.path.join(BPFFS if BPFFS in there else there[0], name))


def _c_string(path: str) -> bytes:
    return os.fsencode(path) + b"\0"
