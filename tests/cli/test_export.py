"""``bpfq export elf``: object files that other loaders take."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from kernel.namespaces import needs_root
from objfile.tools import needs_bpftool, output

import bpfq as library
from bpfq.objfile.read import ObjectRead, read_object

from .running import BPFQ, Run, environment, process

XDP = ("export", "elf", "--target", "ebpf:xdp")
LOAD = """
mount -t bpf bpf "$1"
bpftool prog loadall "$2" "$1"/programs
for program in "$1"/programs/*; do bpftool prog show pinned "$program"; done
"""


def read(path: Path) -> ObjectRead:
    return read_object(path.read_bytes())


def places(path: Path) -> list[tuple[str, str]]:
    """Section and name of each program."""
    return [(section, function.name) for section, function in read(path).functions]


def test_one_program_is_the_one_that_compile_makes(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "f.o"
    ran = bpfq(*XDP, "--action", "drop", "udp", "port", "53", "-o", str(path))
    program = library.compile("udp port 53", target="ebpf:xdp", action="drop")
    ((section, function),) = read(path).functions
    assert (section, function.name) == ("xdp", "bpfq")
    assert len(function.instructions) == len(program)
    assert ran == (0, "", f"{path}: xdp bpfq, {len(program)} instructions\n")


def test_objects_for_big_endian_machines_hold_programs_for_them(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "f.o"
    assert bpfq(*XDP, "--action", "drop", "--big-endian", "udp", "-o", str(path)).code == 0
    program = library.compile("udp", target="ebpf:xdp", action="drop", byteorder="big")
    ((_, function),) = read(path).functions
    assert path.read_bytes()[5] == 2  # ELFDATA2MSB
    assert function.instructions == tuple(program)


def test_the_action_of_an_object_is_to_pass(bpfq: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "a.o", tmp_path / "b.o"
    bpfq(*XDP, "arp", "-o", str(first))
    bpfq(*XDP, "--action", "pass", "arp", "-o", str(second))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("dns=udp port 53", "lengths=len=60"),
        ("-e", "dns=udp port 53", "-e", "lengths=len=60"),
        ("-e", "dns=udp port 53", "lengths=len=60"),
    ],
    ids=["words", "-e", "both"],
)
def test_several_programs_stand_in_one_object(
    bpfq: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "f.o"
    assert bpfq(*XDP, *words, "-o", str(path)).code == 0
    assert places(path) == [("xdp", "dns"), ("xdp", "lengths")]


def test_an_expression_that_begins_like_a_name_is_an_expression(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "f.o"
    assert bpfq(*XDP, "--name", "long", "len=60", "-o", str(path)).code == 0
    assert places(path) == [("xdp", "long")]


@pytest.mark.parametrize(
    ("target", "section"),
    [
        ("tc", "tcx/ingress"),
        ("tc", "tcx/egress"),
        ("xdp", "xdp.frags"),
        ("cgroup_skb", "cgroup_skb/egress"),
    ],
)
def test_the_section_says_where_a_loader_puts_it(
    bpfq: Run, tmp_path: Path, target: str, section: str
) -> None:
    path = tmp_path / "f.o"
    words = ("export", "elf", "--target", f"ebpf:{target}", "udp", "-o", str(path))
    assert bpfq(*words, "--section", section).code == 0
    assert places(path) == [(section, "bpfq")]


def test_json_tells_what_the_file_holds(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "f.o"
    ran = bpfq(*XDP, "--json", "arp", "-o", str(path))
    found = json.loads(ran.out)
    assert (found["file"], found["bytes"]) == (str(path), path.stat().st_size)
    assert [(it["name"], it["section"]) for it in found["programs"]] == [("bpfq", "xdp")]


def test_standard_output_takes_the_bytes_unless_it_is_a_terminal() -> None:
    piped = process(*XDP, "arp", "-o", "-")
    assert (piped.returncode, piped.stdout[:4]) == (0, b"\x7fELF")
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb", 0) as reading, os.fdopen(terminal, "wb", 0) as writing:
        command = (*BPFQ, *XDP, "arp", "-o", "-", "--color=never")
        ran = subprocess.run(
            command, stdout=writing, stderr=writing, env=environment(), check=False
        )
        said = reading.read(1000).decode().strip()
    assert (ran.returncode, said) == (
        2,
        "bpfq: an object file is not for a terminal: give -o a file, or a pipe to -o -",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export",), "no format: the formats are elf"),
        (("export", "efl", "arp"), "cannot export 'efl'; the formats are elf"),
        (("export", "elf", "arp"), "no file: give one with -o, - for standard output"),
        (
            ("export", "elf", "arp", "-o", "F"),
            "an object file holds eBPF programs, target 'file' takes classic ones",
        ),
        (
            (*XDP, "--section", "tc", "arp", "-o", "F"),
            "a program for xdp cannot stand in section 'tc', use xdp or xdp.frags",
        ),
        ((*XDP, "a=arp", "a=ip", "-o", "F"), "two filters are called 'a'"),
        ((*XDP, "-e", "arp", "-o", "F"), "-e takes NAME=EXPRESSION, not 'arp'"),
        (
            (*XDP, "-e", "a=arp", "ip", "-o", "F"),
            "an expression and -e: give the others a name, too, as in NAME=EXPR",
        ),
        (
            (*XDP, "--name", "b", "a=arp", "-o", "F"),
            "--name and NAME=EXPRESSION both name the program: leave out --name",
        ),
        (
            (*XDP, "--name", "2b", "arp", "-o", "F"),
            "'2b' cannot be a name in an object file: use letters, digits and _, not beginning "
            "with a digit",
        ),
    ],
)
def test_a_wrong_command_line_writes_nothing(
    bpfq: Run, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    path = tmp_path / "f.o"
    ran = bpfq(*(str(path) if word == "F" else word for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == f"bpfq: {message}"
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_told(bpfq: Run) -> None:
    ran = bpfq(*XDP, "arp", "-o", "/nonexistent/f.o")
    assert (ran.code, ran.err) == (
        2,
        "bpfq: cannot open /nonexistent/f.o: no such file or directory\n",
    )


@pytest.mark.root
@pytest.mark.oracle
@needs_root
@needs_bpftool
@pytest.mark.parametrize("hook", ["socket", "xdp", "tc", "cgroup_skb"])  # bpftool 7.1 stops here
def test_bpftool_loads_the_objects(bpfq: Run, tmp_path: Path, hook: str) -> None:
    path = tmp_path / "f.o"
    words = ("export", "elf", "--target", f"ebpf:{hook}", "dns=udp port 53", "web=tcp port 80")
    assert bpfq(*words, "-o", str(path)).code == 0
    (tmp_path / "bpffs").mkdir()
    script = ["unshare", "-m", "bash", "-euc", LOAD, "bash", tmp_path / "bpffs", path]
    shown = output(script)
    assert " name dns " in shown and " name web " in shown
