"""The size of converted programs, against the memory limit of the kernel."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.size import (
    ANCILLARY_SIZES,
    EBPF_INSTRUCTION_BYTES,
    converted_size,
    optmem_charge,
)

if TYPE_CHECKING:
    from conftest import Kernel

LOAD = SockFilter(0x28, 0, 0, 12)
LOAD_SIZE = 14
TAX = SockFilter(0x07, 0, 0, 0)
RET = SockFilter(0x06, 0, 0, 0)
RET_A = SockFilter(0x16, 0, 0, 0)
OPTMEM_MAX = Path("/proc/sys/net/core/optmem_max")

SHAPES: dict[str, tuple[int, list[SockFilter]]] = {
    "nothing": (0, []),
    "ldb [0]": (12, [SockFilter(0x30, 0, 0, 0)]),
    "ldb [1]": (13, [SockFilter(0x30, 0, 0, 1)]),
    "ldh [0]": (13, [SockFilter(0x28, 0, 0, 0)]),
    "ld [12]": (14, [SockFilter(0x20, 0, 0, 12)]),
    "ld [32767]": (14, [SockFilter(0x20, 0, 0, 32767)]),
    "ld [32768]": (16, [SockFilter(0x20, 0, 0, 32768)]),
    "ldb [2**31 - 1]": (15, [SockFilter(0x30, 0, 0, 0x7FFF_FFFF)]),
    "ld [2**31]": (8, [SockFilter(0x20, 0, 0, 0x8000_0000)]),
    "ldb [link]": (8, [SockFilter(0x30, 0, 0, 0xFFE0_0000)]),
    "ldh [network]": (8, [SockFilter(0x28, 0, 0, 0xFFF0_0000)]),
    "ld [x]": (8, [SockFilter(0x40, 0, 0, 0)]),
    "ldb [x + 1]": (9, [SockFilter(0x50, 0, 0, 1)]),
    "ldh [x - 1]": (9, [SockFilter(0x48, 0, 0, 0xFFFF_FFFF)]),
    "ldxb [0]": (18, [SockFilter(0xB1, 0, 0, 0)]),
    "ldxb [14]": (19, [SockFilter(0xB1, 0, 0, 14)]),
    "ldxb [40000]": (21, [SockFilter(0xB1, 0, 0, 40000)]),
    "ldxb [metadata]": (14, [SockFilter(0xB1, 0, 0, 0xFFFF_F000)]),
    "div x": (5, [SockFilter(0x3C, 0, 0, 0)]),
    "mod x": (5, [SockFilter(0x9C, 0, 0, 0)]),
    "div #5": (1, [SockFilter(0x34, 0, 0, 5)]),
    "lsh x": (1, [SockFilter(0x6C, 0, 0, 0)]),
    "neg": (1, [SockFilter(0x84, 0, 0, 0)]),
    "add #2**31": (1, [SockFilter(0x04, 0, 0, 0x8000_0000)]),
    "st, ld M[3]": (2, [SockFilter(0x02, 0, 0, 3), SockFilter(0x60, 0, 0, 3)]),
    "stx, ldx M[3]": (2, [SockFilter(0x03, 0, 0, 3), SockFilter(0x61, 0, 0, 3)]),
    "ld #, ldx #": (2, [SockFilter(0x00, 0, 0, 0xFFFF_FFFF), SockFilter(0x01, 0, 0, 7)]),
    "len": (2, [SockFilter(0x80, 0, 0, 0), SockFilter(0x81, 0, 0, 0)]),
    "tax, txa": (2, [TAX, SockFilter(0x87, 0, 0, 0)]),
    "ret #k": (2, [RET]),
    "ret a": (1, [RET_A]),
    "ja": (3, [SockFilter(0x05, 0, 0, 1), RET]),
    **{
        f"metadata {name}": (ANCILLARY_SIZES[name], [SockFilter(0x20, 0, 0, offset)])
        for name, offset in ANCILLARY.items()
    },
}
JUMPS = [
    (code, jt, jf, k)
    for code in (0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D)
    for jt, jf in ((0, 0), (1, 0), (0, 1), (1, 1))
    for k in (0x7FFF_FFFF, 0x8000_0000)
]


def boundary(kernel: Kernel, shape: list[SockFilter]) -> tuple[int, list[SockFilter]]:
    """How many tax behind the shape the kernel just takes, and the program with them."""
    loads = [LOAD] * (room() // LOAD_SIZE - 20)
    taken, refused = 0, 4096 - len(loads) - len(shape)
    while refused - taken > 1:
        middle = (taken + refused) // 2
        answer = kernel.attach([*loads, *shape, *[TAX] * middle, RET_A])
        assert answer in (0, errno.ENOMEM)
        taken, refused = (middle, refused) if answer == 0 else (taken, middle)
    return taken, [*loads, *shape, *[TAX] * taken, RET_A]


def room() -> int:
    return int(OPTMEM_MAX.read_text()) // EBPF_INSTRUCTION_BYTES


@pytest.mark.parametrize(("size", "shape"), SHAPES.values(), ids=SHAPES)
def test_each_shape_has_its_size(size: int, shape: list[SockFilter]) -> None:
    alone = converted_size([LOAD, *shape, RET_A])
    assert alone == 7 + LOAD_SIZE + size + 1


def test_a_program_without_packet_loads_starts_with_three() -> None:
    metadata = SockFilter(0x20, 0, 0, ANCILLARY["mark"])
    assert [converted_size([RET]), converted_size([metadata, RET])] == [5, 6]


def test_the_charge_is_eight_bytes_each_and_the_header() -> None:
    assert optmem_charge([LOAD, RET]) == 8 * (7 + 14 + 2) + 96


@pytest.mark.oracle
@pytest.mark.skipif(not OPTMEM_MAX.exists(), reason="needs Linux with net.core.optmem_max")
@pytest.mark.parametrize("shape", [shape for _, shape in SHAPES.values()], ids=SHAPES)
def test_the_kernel_runs_out_of_memory_where_the_charge_says(
    shape: list[SockFilter], kernel: Kernel
) -> None:
    _, words = boundary(kernel, shape)
    assert optmem_charge(words) == (room() - 1) * EBPF_INSTRUCTION_BYTES


@pytest.mark.oracle
@pytest.mark.skipif(not OPTMEM_MAX.exists(), reason="needs Linux with net.core.optmem_max")
@pytest.mark.parametrize("jump", JUMPS, ids=[f"{c:x} {t} {f} {k:x}" for c, t, f, k in JUMPS])
def test_a_jump_has_the_size_the_kernel_gives_it(
    jump: tuple[int, int, int, int], kernel: Kernel
) -> None:
    _, words = boundary(kernel, [SockFilter(*jump), RET])
    assert optmem_charge(words) == (room() - 1) * EBPF_INSTRUCTION_BYTES
