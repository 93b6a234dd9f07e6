"""``bpfq export``: object files that other loaders take, and what all formats share."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from kernel.namespaces import needs_root
from objfile.tools import needs_bpftool, output

import bpfq as library
from bpfq.export.formats import FORMATS
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
        (("export",), f"no format: the formats are {', '.join(FORMATS)}"),
        (("export", "efl"), f"cannot export 'efl'; the formats are {', '.join(FORMATS)}"),
        (("export", "elf", "arp"), "no file: give one with -o, - for standard output"),
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


# ---------------------------------------------------------------- text


def test_text_goes_to_a_file_when_one_is_named(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "arp.c"
    assert bpfq("export", "c", "-o", str(path), "arp") == (0, "", "")
    assert f"made by: bpfq export c -o {path} arp\n" in path.read_text()


@pytest.mark.parametrize(("format", "limit"), [("iptables", 64), ("tc", 4096)])
def test_a_line_without_comments_has_its_size_beside_it(bpfq: Run, format: str, limit: int) -> None:
    ran = bpfq("export", format, "udp")
    many = ran.out.count(",")
    assert (ran.code, ran.err) == (0, f"# {many} of {limit} instructions\n")
    assert bpfq("export", format, "-q", "udp") == (0, ran.out, "")


def test_one_family_of_iptables_is_less(bpfq: Run) -> None:
    words = ("export", "iptables", "tcp dst port 443 and tcp[tcpflags] = tcp-syn")
    assert bpfq(*words).err == "# 13 of 64 instructions\n"
    assert bpfq(*words, "-4").err == "# 10 of 64 instructions\n"


def test_json_holds_the_text_or_tells_of_the_file(bpfq: Run, tmp_path: Path) -> None:
    found = json.loads(bpfq("export", "iptables", "--json", "-4", "icmp").out)
    assert (found["file"], found["text"]) == (None, "4,48 0 0 9,21 0 1 1,6 0 0 1,6 0 0 0\n")
    assert found["programs"] == [
        {"name": None, "filter": "icmp", "target": "xt_bpf", "link": "IPV4", "instructions": 4}
    ]
    path = str(tmp_path / "f.c")
    found = json.loads(bpfq("export", "c", "--json", "-o", path, "dns=udp", "web=tcp").out)
    assert (found["file"], "text" in found) == (path, False)
    assert [each["name"] for each in found["programs"]] == ["dns", "web"]


HOSTS = " or ".join(f"host 10.{n * 7 % 50}.{n % 9}.{n * 3}" for n in range(46))


def instructions(text: str) -> int:
    """How many a filter comes to that is too long for iptables."""
    with pytest.raises(library.LimitError) as caught:
        library.compile(text, target="xt_bpf")
    return int(str(caught.value).split()[0])


def test_a_filter_too_long_for_iptables_names_its_largest_part(bpfq: Run) -> None:
    text = f"tcp port 443 and ({HOSTS})"
    ran = bpfq("export", "iptables", text)
    whole, part = instructions(text), instructions(HOSTS)
    first, quoted, carets, tried = ran.err.splitlines()
    assert (ran.code, ran.out) == (3, "")
    assert first.startswith(
        f"bpfq: {whole} instructions, {whole - 64} more than the 64 of 'xt_bpf'; the largest part "
        f"is '{HOSTS[:60]}...' with {part}; what would fit: "
    )
    assert quoted[carets.index("^") :].startswith(HOSTS[:50])
    assert tried.split("    ")[0] == (
        "  try:  bpfq export elf --target ebpf:socket -y RAW -o FILE ..."
    )


def test_a_family_that_fits_is_tried_with_its_size(bpfq: Run) -> None:
    text = f"ip6 host ::1 or {' or '.join(HOSTS.split(' or ')[:24])}"
    ran = bpfq("export", "iptables", text)
    fits = {each: len(library.compile(text, target="xt_bpf", family=each)) for each in (4, 6)}
    assert ran.code == 3
    assert ran.err.splitlines()[-3:-1] == [
        f"  try:  -4    {fits[4]} instructions, for IPv4 alone",
        f"        -6    {fits[6]} instructions, for IPv6 alone",
    ]
    assert bpfq("export", "iptables", "-4", text).err == f"# {fits[4]} of 64 instructions\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("elf", "arp", "-o", "-"),
            "an object file holds eBPF programs, target 'file' takes classic ones",
        ),
        (
            ("c", "--target", "ebpf:xdp", "arp"),
            "'c' holds classic programs, target 'ebpf:xdp' takes eBPF",
        ),
        (
            ("tc", "--target", "packet", "arp"),
            "'tc' is not for target 'packet': tc takes the number of a class where sockets take a "
            "length",
        ),
        (
            ("python", "--target", "udp", "arp"),
            "'python' is not for target 'udp': the script reads a packet socket with link headers",
        ),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    bpfq: Run, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq("export", *words)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines()[0] == f"bpfq: {message}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tc", "a=arp", "b=ip"), "'tc' holds one program, not 2; several: c, go, rust, json, elf"),
        (("go", "func=arp"), "'func' is a word of Go: give the program another name"),
        (("go", "main=arp"), "'main' is a word of Go: give the program another name"),
        (("rust", "_=arp"), "'_' is a word of Rust: give the program another name"),
        (("rust", "a=arp", "A=ip"), "two programs would be called A in Rust"),
        (
            ("c", "--name", "2b", "arp"),
            "'2b' cannot be a name in C: use letters, digits and _, not beginning with a digit",
        ),
        (("go", "--package", "a b", "arp"), "'a b' cannot be the name of a package in Go"),
        (("c", "a=tcp prot 80"), "filter 'a': unknown word 'prot'; did you mean 'port'?"),
    ],
)
def test_a_wrong_name_or_number_is_told(bpfq: Run, words: tuple[str, ...], message: str) -> None:
    ran = bpfq("export", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[0] == f"bpfq: {message}"


def test_only_what_is_proved_is_exported(
    bpfq: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bpfq("export", "tc", "--prove", "arp or vlan 7") == bpfq("export", "tc", "arp or vlan 7")

    def refuse(program: library.Program) -> None:
        raise library.UndecidedError(f"nobody knows whether {len(program)} instructions are right")

    monkeypatch.setattr(library.Program, "require_proof", refuse)
    path = tmp_path / "f.c"
    ran = bpfq("export", "c", "--prove", "arp", "-o", str(path))
    assert (ran.code, ran.err) == (5, "bpfq: nobody knows whether 4 instructions are right\n")
    assert not path.exists()


def test_a_program_that_is_no_known_filter_is_not_exported_as_proved(
    bpfq: Run, tmp_path: Path
) -> None:
    path = tmp_path / "odd.ddd"
    path.write_text("4\n32 0 0 4294963200\n21 0 1 7\n6 0 0 1\n6 0 0 0\n")  # ld [proto]; jeq #7
    plain = bpfq("export", "c", "--program", str(path))
    assert (plain.code, "{ 0x20, 0, 0, 0xfffff000 }" in plain.out) == (0, True)
    ran = bpfq("export", "c", "--prove", "--program", str(path))
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("bpfq: the program is not known to be a filter: ")


def test_the_interface_says_the_link_type(bpfq: Run) -> None:
    shown = bpfq("export", "json", "-i", "lo", "arp").out
    assert json.loads(shown)["programs"][0]["target"] == "packet"


def test_python_exports_object_files_as_well() -> None:
    program = library.compile("udp port 53", target="ebpf:xdp", action="drop")
    ((section, function),) = read_object(program.export("elf", name="dns")).functions
    assert (section, function.name) == ("xdp", "dns")
    assert function.instructions == tuple(program)


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
