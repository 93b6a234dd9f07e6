"""What ``bpfq doctor`` finds: here, without capabilities, and on kernels that lack things."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest

from bpfq.errors import LoadError
from bpfq.kernel.bpf import Attr, Command, bpf
from bpfq.kernel.features import Feature, Surface, features
from bpfq.kernel.hooks import HOOKS
from bpfq.kernel.privileges import missing, read_text
from bpfq.kernel.probes import probe

from ..namespaces import in_namespace
from .programs import needs_bpf, without

NOBODY = 65534
FILES = {
    "/proc/sys/kernel/unprivileged_bpf_disabled": "2",
    "/proc/sys/net/core/bpf_jit_enable": "1",
    "/proc/sys/net/core/optmem_max": "131072",
    "/proc/self/status": "Name:\tbpfq\nCapEff:\t000001ffffffffff",
    "/proc/self/mountinfo": (
        "24 1 0:22 / /sys/fs/bpf rw shared:9 - bpf bpf rw\n"
        "25 1 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
    ),
}


def absent(command: Command, attr: Attr) -> int:
    """A kernel without bpf(2)."""
    raise OSError(errno.ENOSYS, "ENOSYS")


def surface(
    call: Callable[[Command, Attr], int] = absent,
    *,
    classic: Callable[[], None] = lambda: None,
    btf: bool = True,
    files: Mapping[str, str | None] = MappingProxyType({}),
) -> Surface:
    """A kernel of our making; files by the last word of their path."""
    changed = {path: files.get(path.rpartition("/")[2], text) for path, text in FILES.items()}
    return Surface(
        call=call,
        read=changed.get,
        exists=lambda _: btf,
        kernel=lambda: "Linux 5.4.0 x86_64",
        classic=classic,
    )


def row(name: str, seen: Surface) -> Feature:
    return next(each for each in features(seen) if each.name == name)


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_of_this_kernel_works_and_nothing_is_left(hook: str) -> None:
    made: list[tuple[Command, int]] = []

    def call(command: Command, attr: Attr) -> int:
        made.append((command, bpf(command, attr)))
        return made[-1][1]

    assert probe(hook, call) is None
    assert [command for command, _ in made] == [Command.PROG_LOAD]  # and no link
    with pytest.raises(OSError):
        os.fstat(made[0][1])


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize("hook", ["xdp", "tc", "cgroup_skb", "netfilter"])
def test_a_kernel_without_links_of_a_hook_says_since_when_there_are(hook: str) -> None:
    seen = surface(without(Command.LINK_CREATE, errno.EINVAL, lambda _: True))
    since = HOOKS[hook].links_since
    assert row(hook, seen) == Feature(
        hook,
        False,
        "refused",
        f"the kernel refused links for {hook}: EINVAL, it has none, they came with Linux {since}",
    )


@pytest.mark.root
@needs_bpf
def test_a_kernel_without_one_kind_of_program_has_the_others() -> None:
    def of_netfilter(attr: Attr) -> bool:
        return attr.read_u32(0) == HOOKS["netfilter"].program_type

    seen = surface(without(Command.PROG_LOAD, errno.EINVAL, of_netfilter))
    found = {each.name: each.ok for each in features(seen)}
    assert [found[hook] for hook in HOOKS] == [True, True, True, True, False]
    assert row("netfilter", seen).reason == (
        "the kernel refused a netfilter program: EINVAL, Linux 6.4 and later with this kind built "
        "in take it"
    )


def test_a_kernel_without_the_system_call_says_so_for_every_hook() -> None:
    found = [row(hook, surface()) for hook in HOOKS]
    assert [each.ok for each in found] == [False] * 5
    assert found[1].reason == "the kernel refused an XDP program: ENOSYS, it has no bpf(2)"


@pytest.mark.root
@needs_bpf
def test_an_ordinary_user_is_told_what_is_missing() -> None:
    def scenario() -> list[tuple[str, bool | None, str]]:
        os.setuid(NOBODY)
        return [(each.name, each.ok, each.help) for each in features()]

    found = {name: (ok, help) for name, ok, help in in_namespace(scenario)}
    assert found["classic"] == (True, "")
    assert found["capabilities"] == (False, "sudo")
    if read_text("/proc/sys/kernel/unprivileged_bpf_disabled") != "0":
        assert [found[hook] for hook in HOOKS] == [(False, "sudo")] * 5


@pytest.mark.parametrize(
    "name, changes, ok, value",
    [
        ("bpffs", {}, True, "/sys/fs/bpf"),
        ("bpffs", {"mountinfo": ""}, False, "not mounted"),
        ("cgroup2", {}, True, "/sys/fs/cgroup"),
        ("cgroup2", {"mountinfo": None}, False, "not mounted"),
        ("jit", {}, True, "on"),
        ("jit", {"bpf_jit_enable": "0"}, False, "off"),
        ("jit", {"bpf_jit_enable": None}, None, "unknown"),
        ("optmem_max", {}, True, "131072 bytes"),
        ("optmem_max", {"optmem_max": "20480"}, False, "20480 bytes"),
        ("optmem_max", {"optmem_max": None}, None, "unknown"),
        ("unprivileged", {}, True, "root only (2)"),
        ("unprivileged", {"unprivileged_bpf_disabled": "0"}, True, "everybody may load (0)"),
        ("unprivileged", {"unprivileged_bpf_disabled": None}, None, "unknown"),
        (
            "capabilities", {"status": "CapEff:\t0000008000001000"},
            False, "CAP_NET_ADMIN, CAP_BPF",
        ),
        ("capabilities", {"status": None}, False, "none"),
        ("kernel", {}, True, "Linux 5.4.0 x86_64"),
    ],
)  # fmt: skip
def test_each_row_follows_what_the_kernel_says(
    name: str, changes: dict[str, str | None], ok: bool | None, value: str
) -> None:
    found = row(name, surface(files=changes))
    assert (found.ok, found.value) == (ok, value)
    assert bool(found.reason and found.help) == (ok is False)


def test_types_of_the_kernel_may_be_absent() -> None:
    assert (row("btf", surface()).ok, row("btf", surface(btf=False)).ok) == (True, False)


def test_classic_filters_may_be_refused() -> None:
    def refuse() -> None:
        raise LoadError("the kernel refused the program: EPERM, for a test")

    found = row("classic", surface(classic=refuse))
    assert found == Feature(
        "classic", False, "refused", "the kernel refused the program: EPERM, for a test", ""
    )


def test_an_administrator_of_everything_has_the_younger_capabilities() -> None:
    def read(_: str) -> str:
        return "CapEff:\t0000000000200000"  # CAP_SYS_ADMIN alone

    assert missing(("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"), read) == ("CAP_NET_ADMIN",)
