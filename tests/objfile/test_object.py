"""Object files, as pyelftools and llvm-objdump see them, and what cannot be written."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.program import Module
from bpfq.objfile.btf_read import TypesRead
from bpfq.objfile.elf_read import read_elf
from bpfq.objfile.object import object_file
from bpfq.objfile.read import read_object
from bpfq.record import replace

from .modules import (
    ADDRESSES,
    CALLS,
    COUNT_SIZES,
    DROP_UDP,
    MODULES,
    NETFILTER_UDP,
    PASS_ALL,
    SIZES,
)
from .tools import needs_bpftool, needs_objdump, needs_readelf, output

needs_pyelftools = pytest.mark.skipif(find_spec("elftools") is None, reason="needs pyelftools")
ALL = tuple(MODULES.values())
ORDERS: tuple[Endian, ...] = ("little", "big")


@pytest.mark.oracle
@needs_pyelftools
@pytest.mark.parametrize("byteorder", ORDERS)
def test_pyelftools_finds_sections_symbols_and_relocations(byteorder: Endian) -> None:
    from elftools.elf.elffile import ELFFile

    file = ELFFile(io.BytesIO(object_file(ALL, byteorder=byteorder)))
    assert (file.little_endian, file["e_machine"], file["e_type"]) == (
        byteorder == "little", "EM_BPF", "ET_REL",
    )  # fmt: skip
    assert [section.name for section in file.iter_sections()] == [
        "", ".text", "xdp", "tc", "netfilter", "socket", "cgroup_skb/ingress", ".maps", "license",
        ".BTF", ".BTF.ext", ".rel.text", ".reltc", ".relnetfilter", ".relsocket", ".symtab", ".strtab",
    ]  # fmt: skip
    table = file.get_section_by_name(".symtab")
    names = [section.name for section in file.iter_sections()]
    assert [
        (it.name, it["st_info"]["type"], it["st_info"]["bind"], it["st_size"],
         "undefined" if it["st_shndx"] == "SHN_UNDEF" else names[it["st_shndx"]])
        for it in table.iter_symbols()
    ] == [
        ("", "STT_NOTYPE", "STB_LOCAL", 0, "undefined"),
        ("zero", "STT_FUNC", "STB_LOCAL", 16, ".text"),
        ("same", "STT_FUNC", "STB_LOCAL", 16, ".text"),
        ("half", "STT_FUNC", "STB_LOCAL", 24, ".text"),
        ("drop_udp", "STT_FUNC", "STB_GLOBAL", 96, "xdp"),
        ("count_sizes", "STT_FUNC", "STB_GLOBAL", 96, "tc"),
        ("netfilter_udp", "STT_FUNC", "STB_GLOBAL", 160, "netfilter"),
        ("keep", "STT_FUNC", "STB_GLOBAL", 24, "socket"),
        ("pass_all", "STT_FUNC", "STB_GLOBAL", 16, "cgroup_skb/ingress"),
        ("sizes", "STT_OBJECT", "STB_GLOBAL", 32, ".maps"),
        ("bpf_dynptr_from_skb", "STT_NOTYPE", "STB_GLOBAL", 0, "undefined"),
        ("bpf_dynptr_slice", "STT_NOTYPE", "STB_GLOBAL", 0, "undefined"),
        ("_license", "STT_OBJECT", "STB_GLOBAL", 4, "license"),
    ]  # fmt: skip
    relocations = {
        (names[section["sh_info"]], it["r_offset"], it["r_info_type"],
         table.get_symbol(it["r_info_sym"]).name)
        for section in file.iter_sections("SHT_REL")
        for it in section.iter_relocations()
    }  # fmt: skip
    assert relocations == {
        (".text", 32, 10, "same"),
        ("tc", 16, 1, "sizes"),
        ("netfilter", 40, 10, "bpf_dynptr_from_skb"),
        ("netfilter", 96, 10, "bpf_dynptr_slice"),
        ("socket", 8, 10, "half"),
    }
    assert file.get_section_by_name("license").data() == b"GPL\0"


@pytest.mark.oracle
@needs_objdump
@pytest.mark.parametrize("byteorder", ORDERS)
def test_llvm_objdump_shows_the_filter_between_the_instructions(
    byteorder: Endian, tmp_path: Path
) -> None:
    (tmp_path / "f.o").write_bytes(object_file([DROP_UDP, COUNT_SIZES], byteorder=byteorder))
    options = ["-dr", "-S", "-l", "--no-show-raw-insn"]
    shown = output(["llvm-objdump-22", *options, tmp_path / "f.o"])
    assert "file format elf64-bpf" in shown
    lines = [re.sub(r"\s+", " ", line).strip() for line in shown.splitlines()]
    start = lines.index("0000000000000000 <drop_udp>:")
    assert lines[start + 1 : start + 19] == [
        "; <filter>:1",
        "; ip and udp -> 34 bytes are there",
        "0: w2 = *(u32 *)(r1 + 0x0)",
        "1: w3 = *(u32 *)(r1 + 0x4)",
        "2: w0 = 0x2",
        "3: r4 = r2",
        "4: r4 += 0x22",
        "5: if r4 > r3 goto +0x5 <drop_udp+0x58>",
        "; <filter>:1",
        "; ip -> ether[12:2] == 0x800",
        "6: w5 = *(u16 *)(r2 + 0xc)",
        "7: if r5 != 0x8 goto +0x3 <drop_udp+0x58>",
        "; <filter>:1",
        "; udp -> ip[9] == 17",
        "8: w5 = *(u8 *)(r2 + 0x17)",
        "9: if r5 != 0x11 goto +0x1 <drop_udp+0x58>",
        "10: w0 = 0x1",
        "11: exit",
    ]
    assert "0000000000000010: R_BPF_64_64 sizes" in lines


@pytest.mark.oracle
@needs_readelf
@pytest.mark.parametrize("byteorder", ORDERS)
def test_llvm_readelf_has_nothing_to_warn_of(byteorder: Endian, tmp_path: Path) -> None:
    (tmp_path / "f.o").write_bytes(object_file(ALL, byteorder=byteorder))
    words = ["llvm-readelf-22", "--all", str(tmp_path / "f.o")]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert "R_BPF_64_64            0000000000000000 sizes" in ran.stdout


@pytest.mark.oracle
@needs_bpftool
@pytest.mark.parametrize("byteorder", ORDERS)
def test_bpftool_finds_the_types(byteorder: Endian, tmp_path: Path) -> None:
    (tmp_path / "f.o").write_bytes(object_file(ALL, byteorder=byteorder))
    printed = output(["bpftool", "btf", "dump", "file", tmp_path / "f.o"])
    functions = re.findall(r"\] FUNC '(\w+)' .*linkage=(\w+)", printed)
    assert functions == [
        ("zero", "static"),
        ("same", "static"),
        ("half", "static"),
        ("drop_udp", "global"),
        ("count_sizes", "global"),
        ("netfilter_udp", "global"),
        ("keep", "global"),
        ("pass_all", "global"),
        ("bpf_dynptr_from_skb", "extern"),
        ("bpf_dynptr_slice", "extern"),
    ]
    sections = re.findall(r"DATASEC '(.*)' size=(\d+) vlen=(\d+)", printed)
    assert sections == [(".maps", "32", "1"), (".ksyms", "0", "2"), ("license", "4", "1")]
    declared = output(["bpftool", "btf", "dump", "file", tmp_path / "f.o", "format", "c"])
    assert (
        "struct size_count {\n\tunsigned long long packets;\n\tunsigned short spare[4];" in declared
    )


@pytest.mark.oracle
@needs_bpftool
def test_the_linker_of_libbpf_joins_objects(tmp_path: Path) -> None:
    parts = []
    for module in (DROP_UDP, COUNT_SIZES, NETFILTER_UDP, CALLS):
        parts.append(tmp_path / f"{module.function.name}.o")
        parts[-1].write_bytes(object_file([module]))
    output(["bpftool", "gen", "object", tmp_path / "joined", *parts])
    joined = read_object((tmp_path / "joined").read_bytes())
    again = {it.function.name: it for it in joined.functions}
    for module in (DROP_UDP, COUNT_SIZES, NETFILTER_UDP):
        section, function = again[module.function.name]
        assert section == module.hook
        assert function.lines == module.function.lines
        assert function.references == module.function.references


def types_of(octets: bytes) -> TypesRead:
    """The types in the section .BTF."""
    found = {section.name: section.content for section in read_elf(octets).sections}
    return TypesRead(found[".BTF"])


def test_the_same_modules_give_the_same_bytes() -> None:
    assert object_file(ALL) == object_file(ALL)


def test_programs_for_one_section_stand_one_behind_the_other() -> None:
    second = replace(DROP_UDP, function=replace(DROP_UDP.function, name="again"))
    read = read_object(object_file([DROP_UDP, second]))
    assert [(it.section, it.function) for it in read.functions] == [
        ("xdp", DROP_UDP.function),
        ("xdp", second.function),
    ]


def test_a_section_can_be_asked_for() -> None:
    egress = replace(COUNT_SIZES, function=replace(COUNT_SIZES.function, name="other"))
    octets = object_file([COUNT_SIZES, egress, DROP_UDP], sections=["tcx/ingress", "tcx/egress"])
    assert [(it.section, it.function.name) for it in read_object(octets).functions] == [
        ("tcx/ingress", "count_sizes"),
        ("tcx/egress", "other"),
        ("xdp", "drop_udp"),
    ]


def test_a_map_says_what_it_is_in_the_number_of_elements() -> None:
    types = types_of(object_file([replace(PASS_ALL, maps=(ADDRESSES, SIZES))]))
    names = ("type", "max_entries", "map_flags", "pinning", "key", "value")
    declared = []
    for number in range(1, len(types) + 1):
        record = types.record(number)
        if record.kind == 4 and not record.name and record.extra:
            members = [record.extra[at : at + 3] for at in range(0, len(record.extra), 3)]
            declared.append({types.string(name): to for name, to, _ in members})
    assert [tuple(each) for each in declared] == [names, ("type", "max_entries", "key", "value")]
    elements = [types.record(types.record(declared[0][name]).size_or_type) for name in names[:4]]
    assert [array.extra[2] for array in elements] == [11, 1000, 1, 1]


UNKNOWN_CALL = replace(
    NETFILTER_UDP,
    function=replace(
        NETFILTER_UDP.function,
        references=(replace(NETFILTER_UDP.function.references[0], symbol="bpf_magic"),),
    ),
)
BY_VALUE = replace(
    COUNT_SIZES,
    function=replace(
        COUNT_SIZES.function,
        references=(replace(COUNT_SIZES.function.references[0], kind="map_value"),),
    ),
)


@pytest.mark.parametrize(
    "modules, sections, message",
    [
        pytest.param(
            [DROP_UDP, DROP_UDP], [], "two things in the object file are called drop_udp: rename",
            id="two programs",
        ),
        pytest.param(
            [replace(PASS_ALL, maps=(SIZES, replace(SIZES, max_entries=9)))], [],
            "two different maps are called sizes: rename one", id="two maps",
        ),
        pytest.param(
            [CALLS, replace(PASS_ALL, license="MIT")], [],
            "one object file has one license, not GPL and MIT", id="two licenses",
        ),
        pytest.param(
            [COUNT_SIZES], ["xdp"],
            "a program for tc cannot stand in section 'xdp', use tc or tcx/ingress or tcx/egress",
            id="section of another hook",
        ),
        pytest.param(
            [replace(PASS_ALL, maps=(replace(SIZES, name="bad set"),))], [],
            "'bad set' cannot be a name in an object file: use letters, digits and _,",
            id="name",
        ),
        pytest.param(
            [replace(PASS_ALL, maps=(replace(SIZES, kind="cube"),))], [],
            "map sizes: the kind 'cube' is none of hash, array,", id="kind of map",
        ),
        pytest.param(
            [replace(PASS_ALL, maps=(replace(SIZES, name="_license"),))], [],
            "two things in the object file are called _license: rename one", id="license's name",
        ),
        pytest.param([], [], "one object file has one license, not none", id="no module"),
        pytest.param(
            [UNKNOWN_CALL], [], "the parameters of bpf_magic are not known, only those of bpf_d",
            id="kernel function",
        ),
        pytest.param(
            [BY_VALUE], [],
            "count_sizes addresses the value of map sizes, which an object file cannot say",
            id="map by value",
        ),
    ],
)  # fmt: skip
def test_what_does_not_go_into_one_file_is_told(
    modules: Sequence[Module], sections: Sequence[str], message: str
) -> None:
    with pytest.raises(ObjectError) as caught:
        object_file(modules, sections=sections)
    assert str(caught.value).startswith(message)
