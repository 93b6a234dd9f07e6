"""Types that are written, as bpftool and our own reader see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfq.errors import EncodingError, ObjectError
from bpfq.objfile.btf import VOID, Member, Parameter, Placed, Types
from bpfq.objfile.btf_read import TypesRead, kernel_types
from bpfq.objfile.kinds import Linkage

from .tools import needs_bpftool, output

ORDERS = ("little", "big")


def samples() -> Types:
    """One type of each kind that the writer has."""
    types = Types()
    word = types.integer("unsigned int", 32)
    number = types.integer("int", 32, signed=True)
    types.typedef("u32", word)
    inner = types.structure("", [Member("high", word, 0), Member("low", number, 32)], 8)
    types.structure("outer", [Member("first", types.array(word, 3), 0), Member("", inner, 96)], 20)
    types.enumeration("choice", {"NO": 0, "YES": 1, "NEVER": -7})
    prototype = types.prototype(number, [Parameter("ctx", types.pointer(VOID))])
    types.function("local", prototype, Linkage.STATIC)
    types.function("shown", prototype, Linkage.GLOBAL)
    asked = types.function("asked", prototype, Linkage.EXTERN)
    variable = types.variable("table", word)
    types.section(".maps", [Placed(variable, 0, 4)], 4)
    types.section(".ksyms", [Placed(asked, 0, 0)], 0)
    return types


@pytest.mark.oracle
@needs_bpftool
@pytest.mark.parametrize("byteorder", ORDERS)
def test_bpftool_reads_every_kind(byteorder: str, tmp_path: Path) -> None:
    (tmp_path / "types").write_bytes(samples().blob(byteorder))
    printed = output(["bpftool", "btf", "dump", "file", tmp_path / "types"])
    assert printed.splitlines() == [
        "[1] INT 'unsigned int' size=4 bits_offset=0 nr_bits=32 encoding=(none)",
        "[2] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED",
        "[3] TYPEDEF 'u32' type_id=1",
        "[4] STRUCT '(anon)' size=8 vlen=2",
        "\t'high' type_id=1 bits_offset=0",
        "\t'low' type_id=2 bits_offset=32",
        "[5] INT '__ARRAY_SIZE_TYPE__' size=4 bits_offset=0 nr_bits=32 encoding=(none)",
        "[6] ARRAY '(anon)' type_id=1 index_type_id=5 nr_elems=3",
        "[7] STRUCT 'outer' size=20 vlen=2",
        "\t'first' type_id=6 bits_offset=0",
        "\t'(anon)' type_id=4 bits_offset=96",
        "[8] ENUM 'choice' encoding=SIGNED size=4 vlen=3",
        "\t'NO' val=0",
        "\t'YES' val=1",
        "\t'NEVER' val=-7",
        "[9] PTR '(anon)' type_id=0",
        "[10] FUNC_PROTO '(anon)' ret_type_id=2 vlen=1",
        "\t'ctx' type_id=9",
        "[11] FUNC 'local' type_id=10 linkage=static",
        "[12] FUNC 'shown' type_id=10 linkage=global",
        "[13] FUNC 'asked' type_id=10 linkage=extern",
        "[14] VAR 'table' type_id=1, linkage=global",
        "[15] DATASEC '.maps' size=4 vlen=1",
        "\ttype_id=14 offset=0 size=4 (VAR 'table')",
        "[16] DATASEC '.ksyms' size=0 vlen=1",
        "\ttype_id=13 offset=0 size=0 (FUNC 'asked')",
    ]


@pytest.mark.parametrize("byteorder", ORDERS)
def test_what_is_written_is_found_again(byteorder: str) -> None:
    read = TypesRead(samples().blob(byteorder))
    assert read.byteorder == byteorder
    assert [read.function(name) for name in ("local", "shown", "asked", "table")] == [
        11, 12, 13, None,
    ]  # fmt: skip
    assert read.enumerators("choice") == {"NO": 0, "YES": 1, "NEVER": -7}
    assert read.enumerators("outer") == {}
    offsets = [read.member_offset("outer", name) for name in ("first", "high", "low", "none")]
    assert offsets == [0, 96, 128, None]
    assert read.member_offset("choice", "NO") is None


def test_a_type_made_twice_is_one_type() -> None:
    types = Types()
    assert types.pointer(types.integer("int", 32)) == types.pointer(types.integer("int", 32))
    assert len(TypesRead(types.blob("little"))) == 2


def test_a_text_keeps_to_one_line_and_has_no_zero_byte() -> None:
    types = Types()
    text = "tcp\nor \0udp é \udc80"
    offset = types.string(text)
    assert TypesRead(types.blob("little")).string(offset) == "tcp or  udp é \\udc80"


def test_a_text_of_others_is_safe_to_print() -> None:
    types = Types()
    offset = types.string("red\x1b[31m")
    blob = types.blob("little").replace(b"[31m", b"\n\xff\r.")
    assert TypesRead(blob).string(offset) == "red\\x1b\\n\\xff\\r."


def test_more_members_than_a_count_can_say_are_refused() -> None:
    with pytest.raises(EncodingError, match="wide has 65536 members, BTF at most 65535"):
        Types().enumeration("wide", {f"n{i}": i for i in range(65536)})


@pytest.mark.parametrize(
    "blob, message",
    [
        (b"", "not BTF: it does not begin with the magic number 0xeb9f"),
        (b"\x7fELF" * 10, "not BTF: it does not begin with the magic number 0xeb9f"),
        (samples().blob("little")[:-1], "is cut: its header promises more bytes"),
        (samples().blob("little")[:-1] + b"x", "its strings do not begin and end with a zero"),
    ],
)
def test_what_is_no_btf_is_refused(blob: bytes, message: str) -> None:
    with pytest.raises(ObjectError, match=message):
        TypesRead(blob)


@pytest.mark.parametrize("word, message", [(0x1F00_0000, "of kind 31"), (0x0400_FFFF, "is cut")])
def test_damaged_types_are_refused(word: int, message: str) -> None:
    damaged = bytearray(samples().blob("little"))
    damaged[28:32] = word.to_bytes(4, "little")
    with pytest.raises(ObjectError, match=message):
        TypesRead(bytes(damaged)).function("local")


def vmlinux() -> bool:
    """Does the running kernel show its types?"""
    return Path("/sys/kernel/btf/vmlinux").exists()


@pytest.mark.oracle
@needs_bpftool
@pytest.mark.skipif(not vmlinux(), reason="needs /sys/kernel/btf/vmlinux: a kernel with BTF")
def test_the_kernel_s_types_are_the_ones_that_bpftool_finds() -> None:
    types = kernel_types()
    printed = output(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"])
    lines = printed.splitlines()
    assert len(types) == sum(line.startswith("[") for line in lines)
    tagged = [line.split("type_id=")[1].split()[0] for line in lines if " 'bpf_kfunc' " in line]
    called = {
        line.split("'")[1] for line in lines if line.startswith(tuple(f"[{n}] " for n in tagged))
    }
    for name in (*sorted(called)[::5], "bpf_dynptr_from_skb", "schedule", "printk"):
        functions = [line for line in lines if f"FUNC '{name}' " in line]
        found = types.function(name)
        assert found is None if not functions else functions[0].startswith(f"[{found}] ")
    values = dict(line.strip().split(" val=") for line in lines if line.startswith("\t'BPF_FUNC_"))
    found = types.enumerators("bpf_func_id")
    assert found.pop("__BPF_FUNC_MAX_ID") == len(found)
    assert found == {name.strip("'"): int(value) for name, value in values.items()}
    start = next(at for at, line in enumerate(lines) if "] STRUCT 'sk_buff' " in line)
    length = next(line for line in lines[start:] if line.startswith("\t'len' "))
    assert length.endswith(f"bits_offset={types.member_offset('sk_buff', 'len')}")
