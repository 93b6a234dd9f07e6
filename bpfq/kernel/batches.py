"""Many entries of a map with one system call: BPF_MAP_*_BATCH.

Not every kind of map has them, nor a kernel before 5.6; callers go on entry by entry then.
Source: Linux kernel/bpf/syscall.c (generic_map_lookup_batch), kernel/bpf/hashtab.c.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.kernel.bpf import Attr, Command, bpf
from bpfq.kernel.privileges import refusal

_CHUNK: Final = 4096  # entries a call
_TOKEN_SIZE: Final = 8  # bytes at least of the place to go on from; as long as a key elsewhere
_ENOTSUPP: Final = 524  # of the kernel, which errno does not know
_UNSUPPORTED: Final = (errno.EINVAL, _ENOTSUPP, errno.EOPNOTSUPP)


def entries(
    fd: int, key_size: int, value_size: int, max_entries: int
) -> Iterator[tuple[bytes, bytes]] | None:
    """All entries of a map, or None where the kernel cannot read this map so; sizes in bytes."""
    found: list[tuple[bytes, bytes]] = []
    chunk = min(_CHUNK, max_entries)
    token = None
    while True:
        read = _Chunk(fd, key_size, value_size, chunk)
        number = read.after(token)
        if number in _UNSUPPORTED and token is None:
            return None
        if number not in (0, errno.ENOENT):
            raise refusal(number, "to list the entries", {}, ("CAP_BPF",))
        found += read.pairs()
        if number == errno.ENOENT:
            return iter(found)
        token = read.token


class _Chunk:
    """The buffers of one look-up."""

    def __init__(self, fd: int, key_size: int, value_size: int, count: int) -> None:
        self.fd, self.key_size, self.value_size, self.count = fd, key_size, value_size, count
        self.keys = bytearray(key_size * count)
        self.values = bytearray(value_size * count)
        self.token = bytearray(max(key_size, _TOKEN_SIZE))

    def after(self, token: bytearray | None) -> int:
        """Read what comes behind a place; the errno, ENOENT when that was all."""
        attr = Attr().pointer(0, token).pointer(8, self.token)
        attr.pointer(16, self.keys).pointer(24, self.values)
        attr.u32(32, self.count).u32(36, self.fd)
        number = 0
        try:
            bpf(Command.MAP_LOOKUP_BATCH, attr)
        except OSError as error:
            number = error.errno or 0
        self.count = attr.read_u32(32)
        return number

    def pairs(self) -> list[tuple[bytes, bytes]]:
        keys, values = bytes(self.keys), bytes(self.values)
        key, value = self.key_size, self.value_size
        return [
            (keys[n * key : (n + 1) * key], values[n * value : (n + 1) * value])
            for n in range(self.count)
        ]


def change(command: Command, fd: int, pairs: Sequence[tuple[bytes, bytes]]) -> int:
    """Put or delete entries in their order; how many were done before the kernel stopped."""
    done = 0
    while done < len(pairs):
        chunk = pairs[done : done + _CHUNK]
        attr = Attr().pointer(16, b"".join(key for key, _ in chunk))
        attr.pointer(24, b"".join(value for _, value in chunk))
        attr.u32(32, len(chunk)).u32(36, fd)
        try:
            bpf(command, attr)
        except OSError:
            count = attr.read_u32(32)  # left as it was where the kernel did not begin
            return done + (count if count < len(chunk) else 0)
        done += len(chunk)
    return done
