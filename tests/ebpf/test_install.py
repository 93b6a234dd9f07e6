"""Whole modules in the kernel: types, maps, references and lines come to their places."""

from __future__ import annotations

import os
import struct

import pytest
from kernel.ebpf.programs import XDP_DROP, XDP_PASS, needs_bpf, refused
from objfile.modules import ADDRESSES, CALLS, COUNT_SIZES, DROP_UDP, MODULES, NETFILTER_UDP

from bpfq.ebpf.install import install
from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, R1, Exit, LoadMemory, Move
from bpfq.isa.ebpf.program import Module
from bpfq.kernel.maps import create
from bpfq.kernel.testrun import run
from bpfq.kernel.verifier import VerifierError
from bpfq.objfile.loading import prepare
from bpfq.record import replace

pytestmark = [pytest.mark.root, needs_bpf]

UDP = bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(40)
TCP = bytes(12) + b"\x08\x00\x45" + bytes(8) + b"\x06" + bytes(40)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_loaded_with_its_types(name: str) -> None:
    with install(MODULES[name]) as loaded:
        told = loaded.program.information()
    assert told.name == name[:15]
    assert loaded.program.closed


@pytest.mark.parametrize(
    "module, packets, verdicts",
    [
        (DROP_UDP, (UDP, TCP), [XDP_DROP, XDP_PASS]),
        (NETFILTER_UDP, (UDP[14:], TCP[14:]), [0, 1]),
        (CALLS, (UDP,), [(len(UDP) - 14) // 2]),
    ],
    ids=["xdp", "netfilter", "subprograms"],
)
def test_a_module_does_what_it_says(
    module: Module, packets: tuple[bytes, ...], verdicts: list[int]
) -> None:
    with install(module) as loaded:
        assert [run(loaded.program, packet).verdict for packet in packets] == verdicts


def test_a_module_counts_in_its_map() -> None:
    with install(COUNT_SIZES) as loaded:
        sizes = loaded.maps["sizes"]
        sizes.update(struct.pack("=I", len(UDP)), bytes(16))
        for packet in (UDP, UDP, UDP + b"!"):
            run(loaded.program, packet)
        assert [struct.unpack_from("=Q", value) for _, value in sizes.items()] == [(2,)]
        assert sizes.information.btf_id != 0
    assert sizes.closed


def test_a_map_that_exists_takes_the_place_of_the_modules_own() -> None:
    with create("hash", key_size=4, value_size=16, max_entries=1, name="others") as own:
        own.update(struct.pack("=I", len(UDP)), bytes(16))
        with install(COUNT_SIZES, maps={"sizes": own}) as loaded:
            run(loaded.program, UDP)
        assert not own.closed
        assert own.get(struct.pack("=I", len(UDP))) == struct.pack("=QQ", 1, 0)


def test_a_map_of_another_shape_is_refused() -> None:
    with create("hash", key_size=8, value_size=16, max_entries=1) as other:
        assert refused(lambda: install(COUNT_SIZES, maps={"sizes": other})) == (
            "map 'sizes' is a hash of 8 bytes to 16, the program needs a hash of 4 to 16",
            None,
        )


def test_a_trie_with_typed_keys_is_made() -> None:
    with install(replace(DROP_UDP, maps=(ADDRESSES,))) as loaded:
        told = loaded.maps["addresses"].information
    assert (told.kind, told.key_size, told.value_size) == ("lpm_trie", 8, 1)


def test_a_function_that_the_kernel_lacks_is_named() -> None:
    with pytest.raises(LoadError) as missing:
        install(NETFILTER_UDP, kernel_function=lambda _: None)
    assert str(missing.value) == "this kernel has no function bpf_dynptr_from_skb for programs"


def test_a_refused_module_names_the_clause_and_leaves_nothing() -> None:
    words = assemble([Move(R0, 0), LoadMemory(R0, R1, 4000, 4), Exit()])
    (half,) = (each for each in CALLS.subprograms if each.name == "half")
    half = replace(half, instructions=words, references=())
    module = replace(CALLS, subprograms=(half,), maps=(ADDRESSES,))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(VerifierError) as error:
        install(module)
    assert len(os.listdir("/proc/self/fd")) == before
    found = error.value
    assert (found.instruction, found.line) == (4, prepare(module).lines[1])
    assert "at instruction 4, for 'len / 2': " in str(found)
    assert "; keep what is long @ <filter>:1" in found.log  # the kernel was told, too
