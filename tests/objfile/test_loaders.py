"""Object files in the kernel, put there by other loaders: bpftool, libbpf, ip and tc."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from kernel.namespaces import in_namespace, needs_ip, needs_root, sender, veth_pair

from bpfq.isa.ebpf.program import Module
from bpfq.objfile.object import object_file
from bpfq.record import replace

from .modules import (
    ADDRESSES,
    CALLS,
    COUNT_SIZES,
    DROP_UDP,
    NETFILTER_UDP,
    PASS_ALL,
)
from .packets import TCP, UDP, packet
from .tools import needs_bpftool, needs_gcc, output

pytestmark = [pytest.mark.oracle, pytest.mark.root, needs_root]

LOADER = Path(__file__).parent / "load.c"
ALONE = ("unshare", "-m")  # these programs mount a bpf file system where there is none
DUMP = """
mount -t bpf bpf "$1"
bpftool prog loadall "$2" "$1"/programs pinmaps "$1"/maps
for program in "$1"/programs/*; do bpftool prog dump xlated pinned "$program" linum; done
for map in "$1"/maps/*; do [ -e "$map" ] && bpftool map show pinned "$map"; done
true
"""


# A map that asks for it stands by its name where everybody looks for such.
PINNED = """
mount -t bpf bpf /sys/fs/bpf
bpftool prog load "$1" /sys/fs/bpf/program
bpftool map show pinned /sys/fs/bpf/addresses
bpftool prog show pinned /sys/fs/bpf/program
"""


def loaded(module: Module, folder: Path) -> list[str]:
    """What bpftool shows of the program and its maps."""
    (folder / "f.o").write_bytes(object_file([module]))
    (folder / "bpffs").mkdir()
    names = [folder / "bpffs", folder / "f.o"]
    return output([*ALONE, "bash", "-euc", DUMP, "bash", *names]).splitlines()


@needs_bpftool
@pytest.mark.parametrize("module", [DROP_UDP, COUNT_SIZES, PASS_ALL], ids=lambda m: m.hook)
def test_bpftool_shows_the_text_of_the_filter(module: Module, tmp_path: Path) -> None:
    shown = [line for line in loaded(module, tmp_path) if line.startswith(";")]
    assert shown == [
        f"; {it.text} [file:<filter> line_num:{it.line} line_col:{it.column}]"
        for it in module.function.lines
    ]


@needs_bpftool
def test_bpftool_shows_functions_that_are_called(tmp_path: Path) -> None:
    shown = loaded(CALLS, tmp_path)
    assert [line for line in shown if line.endswith(":")] == [
        "int keep(struct __sk_buff * ctx):",
        "int half():",
        "int same():",
    ]
    assert "; len / 2 [file:<filter> line_num:1 line_col:6]" in shown


@needs_bpftool
def test_bpftool_makes_maps_of_every_kind_with_their_types(tmp_path: Path) -> None:
    plain = replace(ADDRESSES, pinned=False)
    maps = (
        plain,
        replace(plain, name="list", kind="array", key=32, value=64, flags=0),
        replace(plain, name="each", kind="percpu_array", key=32, flags=0),
        replace(plain, name="recent", kind="lru_hash", value=16, flags=0),
        replace(plain, name="events", kind="ringbuf", key=0, value=0, max_entries=4096, flags=0),
    )
    module = replace(COUNT_SIZES, maps=(*COUNT_SIZES.maps, *maps))
    shown = "\n".join(loaded(module, tmp_path))
    for kind, name in (
        ("hash", "sizes"), ("lpm_trie", "addresses"), ("array", "list"), ("percpu_array", "each"),
        ("lru_hash", "recent"), ("ringbuf", "events"),
    ):  # fmt: skip
        assert f": {kind}  name {name}  " in shown


@needs_bpftool
def test_a_pinned_map_is_pinned_by_its_name(tmp_path: Path) -> None:
    module = replace(COUNT_SIZES, maps=(*COUNT_SIZES.maps, ADDRESSES))
    (tmp_path / "f.o").write_bytes(object_file([module]))
    shown = output([*ALONE, "bash", "-euc", PINNED, "bash", tmp_path / "f.o"])
    assert ": lpm_trie  name addresses  flags 0x1\n\tkey 8B  value 1B  max_entries 1000" in shown


@pytest.fixture(scope="session")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program that loads with libbpf."""
    if not Path("/usr/include/bpf/libbpf.h").exists():
        pytest.skip("needs libbpf: install libbpf-dev")
    made: Path = tmp_path_factory.mktemp("loader") / "load"
    output(["gcc", "-Wall", "-Werror", "-o", made, LOADER, "-lbpf", "-lelf", "-lz"])
    return made


# Program and attach types, <linux/bpf.h>, of sections that libbpf 1.1 does not know.
NEWER = {"netfilter": (32, 45), "tcx/ingress": (3, 46), "tcx/egress": (3, 47)}


def run(
    loader: Path, module: Module, octets: bytes, folder: Path, *, map: str = "-", section: str = ""
) -> str:
    """What the C program prints for one packet."""
    (folder / "f.o").write_bytes(object_file([module], sections=[section]))
    kind = NEWER.get(section or module.hook, (0, 0))
    ran = subprocess.run(
        [str(loader), str(folder / "f.o"), module.function.name, *[str(n) for n in kind], map],
        input=octets, capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode()


@needs_gcc
@pytest.mark.parametrize(
    "module, octets, verdict",
    [
        pytest.param(DROP_UDP, packet(UDP), 1, id="xdp udp"),
        pytest.param(DROP_UDP, packet(TCP), 2, id="xdp tcp"),
        pytest.param(NETFILTER_UDP, packet(UDP)[14:], 0, id="netfilter udp"),
        pytest.param(NETFILTER_UDP, packet(TCP)[14:], 1, id="netfilter tcp"),
        pytest.param(CALLS, packet(TCP), 23, id="socket, half of what follows Ethernet"),
        pytest.param(PASS_ALL, packet(TCP), 1, id="cgroup_skb"),
    ],
)
def test_libbpf_loads_the_program(
    loader: Path, module: Module, octets: bytes, verdict: int, tmp_path: Path
) -> None:
    assert run(loader, module, octets, tmp_path) == f"verdict {verdict}\n"


@needs_gcc
@pytest.mark.parametrize(
    "module, section, verdict",
    [
        (DROP_UDP, "xdp.frags", 1),
        (COUNT_SIZES, "tcx/ingress", 0),
        (COUNT_SIZES, "tcx/egress", 0),
        (PASS_ALL, "cgroup_skb/egress", 1),
    ],
)
def test_libbpf_loads_from_every_section(
    loader: Path, module: Module, section: str, verdict: int, tmp_path: Path
) -> None:
    printed = run(loader, module, packet(UDP), tmp_path, section=section)
    assert printed == f"verdict {verdict}\n"


@needs_gcc
def test_libbpf_reads_what_the_program_put_in_its_map(loader: Path, tmp_path: Path) -> None:
    assert run(loader, COUNT_SIZES, packet(TCP), tmp_path, map="sizes") == (
        "verdict 0\nsizes: 4-byte keys, 16-byte values, 64 at most; 1\n"
    )


@needs_ip
def test_ip_attaches_an_object_that_then_drops_packets(tmp_path: Path) -> None:
    file = tmp_path / "f.o"
    file.write_bytes(object_file([DROP_UDP]))

    def scenario() -> list[int]:
        veth_pair()
        output([*ALONE, "ip", "link", "set", "dev", "far", "xdp", "obj", file, "sec", "xdp"])
        every = socket.htons(3)  # ETH_P_ALL
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, every) as sock, sender("near") as out:
            sock.bind(("far", 3))
            sock.settimeout(5)
            for protocol in (UDP, TCP, UDP, TCP):
                out.send(packet(protocol))
            return [sock.recv(2048)[23] for _ in range(2)]

    assert in_namespace(scenario) == [TCP, TCP]


@pytest.mark.skipif(shutil.which("tc") is None, reason="needs tc: install iproute2")
def test_tc_attaches_an_object(tmp_path: Path) -> None:
    (tmp_path / "f.o").write_bytes(object_file([COUNT_SIZES]))

    def scenario() -> str:
        veth_pair()
        output(["tc", "qdisc", "add", "dev", "near", "clsact"])
        attach = [*ALONE, "tc", "filter", "add", "dev", "near", "egress", "bpf", "direct-action"]
        output([*attach, "object-file", tmp_path / "f.o", "section", "tc"])
        return output(["tc", "filter", "show", "dev", "near", "egress"])

    assert "f.o:[tc] direct-action" in in_namespace(scenario)
