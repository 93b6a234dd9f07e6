"""Programs loaded, described, refused, pinned and run on bytes."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, R1, BpfInsn, Exit, Jump, LoadMemory, Move
from bpfq.isa.ebpf.program import Line
from bpfq.kernel import objects
from bpfq.kernel.bpf import Attr, Command
from bpfq.kernel.hooks import HOOKS
from bpfq.kernel.objects import bpffs_of
from bpfq.kernel.programs import (
    load,
    load_btf,
    pinned_program,
    program_with_id,
    programs,
    statistics,
)
from bpfq.kernel.testrun import run, shortest
from bpfq.kernel.verifier import VerifierError

from ..namespaces import in_namespace
from .programs import (
    XDP_DROP,
    XDP_PASS,
    byte_is,
    in_the_end,
    mount_bpffs,
    needs_bpf,
    refused,
    returns,
    without,
)

pytestmark = [pytest.mark.root, needs_bpf]

NOBODY = 65534
OTHER = bytes(12) + b"\x88\xb5" + bytes(50)  # an ethertype for experiments
IPV4 = bytes(12) + b"\x08\x00\x45" + bytes(63)
IPV6 = bytes(12) + b"\x86\xdd\x60" + bytes(63)
READS_BEYOND = assemble([Move(R0, 0), LoadMemory(R0, R1, 4000, 4), Exit()])


def packet_for(hook: str, frame: bytes) -> bytes:
    return frame[14:] if hook == "netfilter" else frame


@pytest.mark.parametrize("hook", HOOKS)
def test_a_program_for_every_hook_loads_and_returns_its_verdict(hook: str) -> None:
    row = HOOKS[hook]
    with load(returns(row.passes), hook, name="on " + hook) as program:
        told = program.information()
        assert run(program, packet_for(hook, IPV4)).verdict == row.passes
    assert (told.program_type, told.name) == (row.program_type, f"on_{hook}")
    assert (told.translated_bytes, told.verified_instructions, len(told.tag)) == (16, 2, 16)


@pytest.mark.parametrize("hook, verdicts", [("xdp", (XDP_DROP, XDP_PASS)), ("tc", (2, -1))])
def test_a_run_returns_what_the_packet_calls_for(hook: str, verdicts: tuple[int, int]) -> None:
    words = byte_is(13, 0xB5, *verdicts, xdp=hook == "xdp")
    with load(words, hook) as program:
        found = [run(program, packet).verdict for packet in (OTHER, IPV4)]
        assert found == list(verdicts)
        assert run(program, OTHER, repeat=1000).packet == OTHER


@pytest.mark.parametrize("frame", [OTHER, IPV4, IPV6], ids=["other", "ipv4", "ipv6"])
@pytest.mark.parametrize("hook", HOOKS)
def test_the_shortest_packet_of_a_run_is_the_documented_one(hook: str, frame: bytes) -> None:
    packet = packet_for(hook, frame)
    if hook == "netfilter" and frame is OTHER:
        packet = IPV4[14:]
    least = shortest(hook, packet)
    with load(returns(0), hook) as program:
        assert run(program, packet[:least]).verdict == 0
        with pytest.raises(LoadError) as refused:
            run(program, packet[: least - 1])
    assert str(refused.value) == (
        f"the kernel refused to run the program: EINVAL, a packet of {least - 1} bytes is shorter "
        f"than the {least} that it takes"
    )


def test_a_packet_that_is_too_long_to_run_is_told() -> None:
    with load(returns(0), "tc") as program, pytest.raises(LoadError) as refused:
        run(program, bytes(4000))
    assert "a packet of 4000 bytes is longer than the 3520 that it takes" in str(refused.value)


def test_a_refusal_names_instruction_clause_and_sentence_and_keeps_the_log() -> None:
    lines = (Line(0, "udp", 1, 1), Line(1, "port 53", 1, 9))
    with pytest.raises(VerifierError) as refused:
        load(READS_BEYOND, "xdp", lines=lines)
    error = refused.value
    assert str(error) == (
        "the verifier refused the program at instruction 1, for 'port 53': "
        "invalid bpf_context access off=4000 size=4"
    )
    assert (error.instruction, error.line, error.errno) == (1, lines[1], errno.EACCES)
    assert "1: (61) r0 = *(u32 *)(r1 +4000)" in error.log
    assert error.exit_code == 4
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.log, again.line) == (str(error), error.log, lines[1])


@pytest.mark.parametrize(
    "words, message",
    [
        (assemble([Move(R0, 1), Jump(5), Exit()]), " at instruction 1: jump out of range from "),
        (assemble([Move(R0, 1)]), ": last insn is not an exit or jmp"),
        (assemble([Exit()]), " at instruction 0: R0 !read_ok"),
    ],
    ids=["jump", "end", "unset"],
)
def test_a_malformed_program_is_refused_in_a_sentence(
    words: tuple[BpfInsn, ...], message: str
) -> None:
    with pytest.raises(VerifierError) as refused:
        load(words, "tc")
    assert f"the verifier refused the program{message}" in str(refused.value)


def test_an_empty_program_and_an_unknown_hook_are_refused_without_the_kernel() -> None:
    with pytest.raises(LoadError) as refused:
        load((), "xdp")
    assert str(refused.value) == "the program is empty, it needs an exit"
    with pytest.raises(LoadError) as unknown:
        load(returns(0), "netfiltr")
    assert (
        str(unknown.value) == "no hook 'netfiltr'; there are socket, xdp, tc, cgroup_skb, netfilter"
    )
    assert [each.text for each in unknown.value.suggestions] == ["netfilter"]


def test_types_that_are_none_are_refused_with_the_last_sentence() -> None:
    with pytest.raises(LoadError) as refused:
        load_btf(bytes(24))
    assert str(refused.value) == "the kernel refused type information: EINVAL, Invalid magic"


def test_a_program_goes_with_its_owner() -> None:
    with load(returns(0), "xdp") as program:
        number = program.information().id
        assert number in {each.information().id for each in programs()}
        again = program_with_id(number)
        assert again is not None
        assert again.information().id == number
    assert program.closed
    assert again.information().id == number  # held by another owner
    again.close()
    assert program_with_id(number) is None
    with pytest.raises(LoadError) as closed:
        program.information()
    assert str(closed.value) == "the program is closed"


def test_a_program_that_nobody_refers_to_goes() -> None:
    number = load(returns(0), "xdp").information().id
    assert program_with_id(number) is None


def test_runs_are_counted_while_statistics_are_held() -> None:
    with load(returns(0), "tc") as program:
        run(program, OTHER)
        before = program.information().run_count
        with statistics():
            for _ in range(3):
                run(program, OTHER)
        assert (before, program.information().run_count) == (0, 3)


def test_a_pinned_program_is_opened_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = str(tmp_path_factory.mktemp("bpf"))

    def scenario() -> list[object]:
        mount_bpffs(root)
        path = f"{root}/kept"
        with load(returns(7), "tc", name="kept") as program:
            program.pin(path)
            failures = [refused(lambda: program.pin(path))[0]]
            failures += [refused(lambda: program.pin(f"{root}/none/kept"))[0]]
        with pinned_program(path) as again:
            found = (run(again, OTHER).verdict, again.information().name, bpffs_of(path) == root)
            number = again.information().id
        os.unlink(path)
        failures += [refused(lambda: pinned_program(path))[0]]
        return [found, in_the_end(lambda: program_with_id(number) is None), *failures]

    assert in_namespace(scenario) == [
        (7, "kept", True),
        True,
        f"{root}/kept exists already",
        f"the kernel refused to pin {root}/none/kept: ENOENT, there is no such directory",
        f"nothing is pinned at {root}/kept",
    ]


def test_a_pin_outside_a_bpf_file_system_says_how_to_mount_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "mounted", lambda kind: ())
    path = f"{tmp_path}/kept"
    with load(returns(0), "tc") as program, pytest.raises(LoadError) as refused:
        program.pin(path)
    assert refused.value.render() == (
        f"{path} is not in a mounted bpf file system\n  try:  mount -t bpf bpf /sys/fs/bpf"
    )
    assert not os.path.exists(path)


def test_a_pin_elsewhere_is_sent_to_the_bpf_file_system_that_is_mounted(tmp_path: Path) -> None:
    def scenario() -> list[str]:
        mount_bpffs("/sys/fs/bpf")
        with load(returns(0), "tc") as program:
            outside = [_rendered(program.pin, path) for path in (f"{tmp_path}/a.b", "")]
        return [*outside, _rendered(pinned_program, "/sys/fs/bpf")]

    assert in_namespace(scenario) == [
        f"{tmp_path}/a.b is not in a mounted bpf file system\n  try:  /sys/fs/bpf/a_b",
        "'' is not in a mounted bpf file system\n  try:  /sys/fs/bpf/NAME",
        "/sys/fs/bpf is a directory: name a file in it",
    ]


def _rendered(call: Callable[[str], object], path: str) -> str:
    with pytest.raises(LoadError) as refused:
        call(path)
    return refused.value.render()


def test_without_capabilities_the_error_names_them() -> None:
    def scenario() -> tuple[str, list[str], int | None]:
        os.setuid(NOBODY)
        with pytest.raises(LoadError) as refused:
            load(returns(0), "xdp")
        error = refused.value
        return str(error), [each.text for each in error.suggestions], error.errno

    with open("/proc/sys/kernel/unprivileged_bpf_disabled", encoding="ascii") as file:
        switch = file.read().strip()
    message, suggestions, number = in_namespace(scenario)
    needs = "CAP_BPF and CAP_NET_ADMIN"
    assert message == (
        f"the kernel refused an XDP program: EPERM, it needs {needs}, this process lacks {needs} "
        f"(kernel.unprivileged_bpf_disabled is {switch})"
    )
    assert suggestions[0] == "sudo"
    assert suggestions[1].startswith("sudo setcap cap_bpf,cap_net_admin+ep ")
    assert number == errno.EPERM


def test_a_kernel_without_the_hook_is_told() -> None:
    def of_netfilter(attr: Attr) -> bool:
        return attr.read_u32(0) == HOOKS["netfilter"].program_type

    kernel = without(Command.PROG_LOAD, errno.EINVAL, of_netfilter)
    load(returns(2), "xdp", call=kernel).close()
    with pytest.raises(LoadError) as refused:
        load(returns(1), "netfilter", call=kernel)
    assert str(refused.value) == (
        "the kernel refused a netfilter program: EINVAL, Linux 6.4 and later with this kind built "
        "in take it"
    )


def test_a_program_for_packets_in_several_buffers_takes_long_ones() -> None:
    with load(returns(XDP_PASS), "xdp", frags=True) as program:
        assert run(program, bytes(9000)).packet == bytes(9000)
