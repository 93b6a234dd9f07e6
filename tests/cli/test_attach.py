"""``bpfq attach``, ``status`` and ``detach``, with real traffic in namespaces of their own."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from kernel.ebpf.programs import in_the_end, mount_bpffs, needs_bpf, without
from kernel.ebpf.traffic import delivered, needs_cgroup, network, offer, own_cgroup, receivers
from kernel.namespaces import in_namespace, ip, needs_ip, needs_root

from bpfq.program import ebpf as program_ebpf
from bpfq.__main__ import main
from bpfq.cli import status
from bpfq.ebpf import places
from bpfq.ebpf.counts import Counts
from bpfq.ebpf.places import Place
from bpfq.ebpf.standing import Standing
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, R1, Exit, LoadMemory, Move
from bpfq.isa.ebpf.program import Function, Module
from bpfq.kernel import objects
from bpfq.kernel.bpf import Command
from bpfq.kernel.links import link_with_id
from bpfq.program.ebpf import EbpfProgram
from bpfq.record import replace

from .running import BPFQ, Ran, Run, environment, process

live = [pytest.mark.root, needs_bpf, needs_ip]
NOBODY = 65534
OWN = f"t{os.getpid()}"[:10]  # what this machine calls nothing else
DATAGRAM = 28  # bytes of the datagrams that the tests send, from the IP header
PLACES = {
    "xdp": ("--xdp", "far"),
    "xdp generic": ("--xdp", "far", "--mode", "generic"),
    "tc": ("--tc", "far:ingress"),
    "netfilter": ("--netfilter", "inet:input"),
}
DROP = ("--action", "drop", "udp dst port 9")


def ran(*words: str) -> Ran:
    """A command that ends by itself."""
    done = process(*words)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def owner(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds an attachment, and what it said when it had it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore it
    child = subprocess.Popen(
        (*BPFQ, "attach", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    try:
        assert child.stderr is not None
        yield child, child.stderr.readline()
    finally:
        child.kill()
        child.communicate()


def ended(child: subprocess.Popen[str], number: signal.Signals) -> Ran:
    """The exit code and what was written since, when a signal has come."""
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    return Ran(child.returncode, out, err)


def listed() -> list[int]:
    """The links that status tells of."""
    rows = json.loads(ran("status", "--json").out)["attached"]
    return [row["link"] for row in rows]


def link_of(announced: str) -> int:
    found = re.search(r"link (\d+)", announced)
    assert found, announced
    return int(found[1])


def plain(text: str) -> str:
    """Numbers that differ from run to run as N."""
    return re.sub(r"\d+\.\d s", "N s", re.sub(r"(link|program) \d+", r"\1 N", text))


SAID = {
    "xdp": "XDP on far (link N, native)",
    "xdp generic": "XDP on far (link N, generic)",
    "tc": "tc ingress on far (link N)",
    "netfilter": "netfilter inet:input, priority 0 (link N)",
}


class TestInTheForeground:
    pytestmark = live

    @pytest.mark.parametrize("name", PLACES)
    def test_what_matches_is_dropped_until_ctrl_c(self, name: str) -> None:
        def scenario() -> tuple[str, list[bool], Ran, bool]:
            network()
            with receivers() as sockets:
                with owner(*PLACES[name], *DROP) as (child, said):
                    seen = [delivered(sockets)]
                    done = ended(child, signal.SIGINT)
                seen.append(delivered(sockets))
            return said, seen, done, link_with_id(link_of(said)) is None

        said, seen, done, gone = in_namespace(scenario)
        assert plain(said) == f"attached to {SAID[name]}; Ctrl-C detaches\n"
        assert (seen, gone) == ([False, True], True)
        size = DATAGRAM + (14 if name != "netfilter" else 0)
        assert (done.code, done.out) == (130, "")
        assert plain(done.err) == f"1 packet, {size} bytes matched in N s\n"

    @pytest.mark.parametrize("action", ["pass", "count"])
    def test_what_is_to_pass_passes(self, action: str) -> None:
        def scenario() -> tuple[bool, Ran]:
            network()
            words = ("--tc", "far:ingress", "--action", action, "udp dst port 9")
            with receivers() as sockets, owner(*words) as (child, _):
                passed = delivered(sockets)
                return passed, ended(child, signal.SIGINT)

        passed, done = in_namespace(scenario)
        assert passed
        assert plain(done.err) == "1 packet, 42 bytes matched in N s\n"

    @needs_cgroup
    def test_sockets_of_a_cgroup_do_not_get_what_matches(self) -> None:
        def scenario() -> tuple[str, list[bool]]:
            network()
            with own_cgroup() as path, receivers() as sockets:
                with owner("--cgroup", path, *DROP) as (child, said):
                    seen = [delivered(sockets)]
                    ended(child, signal.SIGINT)
                return said.replace(path, "PATH"), [*seen, delivered(sockets)]

        said, seen = in_namespace(scenario)
        assert plain(said).startswith("attached to ingress of the cgroup PATH (link N)")
        assert seen == [False, True]

    def test_a_socket_counts_what_it_was_offered(self) -> None:
        def scenario() -> Ran:
            network()
            with owner("--socket", "far", "udp dst port 9") as (child, _):
                for _ in range(3):
                    offer()
                return ended(child, signal.SIGINT)

        done = in_namespace(scenario)
        assert (done.code, plain(done.err)) == (130, "3 packets matched in N s\n")

    def test_the_time_to_live_ends_it(self) -> None:
        def scenario() -> tuple[Ran, bool]:
            network()
            with receivers() as sockets:
                return ran("attach", "--xdp", "far", *DROP, "--ttl", "1s"), delivered(sockets)

        done, behind = in_namespace(scenario)
        assert (done.code, behind) == (0, True)
        assert plain(done.err).startswith(
            "attached to XDP on far (link N, native); Ctrl-C or 1s detaches\n"
        )

    @pytest.mark.parametrize("name", PLACES)
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
    )
    def test_an_owner_that_is_ended_leaves_nothing(
        self, number: signal.Signals, code: int, name: str
    ) -> None:
        def scenario() -> tuple[bool, int, bool, bool]:
            network()
            with receivers() as sockets:
                with owner(*PLACES[name], *DROP) as (child, said):
                    during = delivered(sockets)
                    done = ended(child, number)
                gone = in_the_end(lambda: link_with_id(link_of(said)) is None)
                return during, done.code, gone, delivered(sockets)

        assert in_namespace(scenario) == (False, code, True, True)

    def test_of_two_owners_each_takes_its_own_away(self) -> None:
        def scenario() -> list[bool]:
            network()
            with receivers() as sockets:
                with owner("--tc", "far:ingress", *DROP) as (first, _):
                    with owner("--netfilter", "inet:input", *DROP) as (second, _):
                        seen = [delivered(sockets)]
                        ended(first, signal.SIGINT)
                        seen.append(delivered(sockets))
                        ended(second, signal.SIGINT)
                return [*seen, delivered(sockets)]

        assert in_namespace(scenario) == [False, False, True]

    def test_a_second_owner_of_xdp_is_refused(self) -> None:
        def scenario() -> tuple[Ran, bool]:
            network()
            with receivers() as sockets, owner("--xdp", "far", *DROP):
                done = ran("attach", "--xdp", "far", "--action", "pass", "arp")
                return done, delivered(sockets)

        done, during = in_namespace(scenario)
        assert done == (
            4,
            "",
            "bpfq: the kernel refused XDP on 'far': EBUSY, an XDP program is attached there "
            "already\n",
        )
        assert not during

    def test_native_xdp_that_the_driver_lacks_is_told(self) -> None:
        def scenario() -> Ran:
            network()
            ip("link", "set", "lo", "up")
            return ran("attach", "--xdp", "lo", "--mode", "native", *DROP)

        assert in_namespace(scenario) == (
            4,
            "",
            "bpfq: the kernel refused XDP on 'lo': EOPNOTSUPP, the driver has no native XDP, the "
            "mode generic works everywhere\n",
        )

    def test_json_is_a_line_at_the_start_and_one_at_the_end(self) -> None:
        def scenario() -> Ran:
            network()
            return ran("attach", "--json", "--tc", "far:egress", *DROP, "--ttl", "1")

        done = in_namespace(scenario)
        first, last = map(json.loads, done.out.splitlines())
        assert (done.code, done.err) == (0, "")
        assert (first["place"], first["action"]) == ("tc egress on far", "drop")
        assert (last["packets"], last["bytes"]) == (0, 0)
        assert last["seconds"] >= 1


class TestWithAPin:
    pytestmark = live

    def test_it_stays_and_the_next_takes_its_place(self, tmp_path: Path) -> None:
        def scenario() -> list[object]:
            network()
            mount_bpffs(str(tmp_path))
            path = f"{tmp_path}/dns"
            words = ("attach", "--tc", "far:ingress", "--name", OWN, "--pin", path)
            with receivers() as sockets:
                seen: list[object] = [ran(*words, *DROP), delivered(sockets)]
                seen += [ran(*words, "--action", "drop", "udp dst port 99"), delivered(sockets)]
                seen += [ran("detach", OWN), os.path.exists(path), listed()]
            return seen

        first, dropped, second, passed, taken, pinned, links = in_namespace(scenario)
        assert (dropped, passed, pinned) == (False, True, False)
        place, end = "tc ingress on far", f"bpfq detach {tmp_path}/dns takes it away\n"
        assert plain(first.err) == f"attached to {place} (link N); {end}"
        assert plain(second.err) == f"replaced the program of {place} (link N); {end}"
        assert link_of(first.err) == link_of(second.err)
        assert (first.code, second.code, taken.code) == (0, 0, 0)
        assert taken.err.startswith(f"detached {OWN} from {place}")
        assert link_of(first.err) not in links

    def test_a_pin_whose_interface_went_is_told_and_taken_away(self, tmp_path: Path) -> None:
        def scenario() -> tuple[Ran, int, bool]:
            network()
            mount_bpffs(str(tmp_path))
            path = f"{tmp_path}/dns"
            first = ran("attach", "--xdp", "far", "--pin", path, *DROP)
            ip("link", "del", "near")
            return ran("detach", path), link_of(first.err), os.path.exists(path)

        taken, number, pinned = in_namespace(scenario)
        assert (taken.code, pinned) == (0, False)
        assert taken.err == (
            f"detached link {number} from XDP on an interface that is gone; "
            "0 packets, 0 bytes matched\n"
        )

    def test_a_place_outside_a_bpf_file_system_says_how_to_mount_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(objects, "mounted", lambda kind: ())

        def scenario() -> tuple[Ran, bool]:
            network()
            path = f"{tmp_path}/dns"
            with receivers() as sockets:
                return ran("attach", "--xdp", "far", *DROP, "--pin", path), delivered(sockets)

        done, behind = in_namespace(scenario)
        assert (done, behind) == (
            Ran(
                4,
                "",
                f"bpfq: {tmp_path}/dns is not in a mounted bpf file system\n"
                "  try:  mount -t bpf bpf /sys/fs/bpf\n",
            ),
            True,
        )


class TestPriorities:
    pytestmark = live

    def test_one_that_is_taken_comes_with_the_one_before_it(self) -> None:
        there = ("attach", "--netfilter", "inet:input", *DROP, "--ttl", "100ms", "--priority")

        def scenario() -> tuple[Ran, Ran]:
            ip("link", "set", "lo", "up")
            with owner("--netfilter", "inet:input", "--priority", "3", *DROP):
                return ran(*there, "3"), ran(*there, "2")

        taken, free = in_namespace(scenario)
        assert (taken.code, taken.err.splitlines()[1]) == (
            4,
            "  try:  --priority 2    just before it",
        )
        assert free.code == 0


class TestStatusAndDetach:
    pytestmark = live

    def test_a_link_is_told_and_taken_away_from_its_owner(self) -> None:
        def scenario() -> list[object]:
            network()
            with receivers() as sockets:
                with owner("--tc", "far:ingress", "--name", OWN, *DROP) as (child, said):
                    dropped = delivered(sockets)
                    table, rows = ran("status"), ran("status", "--json")
                    taken = ran("detach", str(link_of(said)))
                    out, err = child.communicate(timeout=20)
                behind = delivered(sockets)
                return [table, rows, taken, child.returncode, err, dropped, behind, said]

        table, rows, taken, code, err, dropped, behind, said = in_namespace(scenario)
        number = link_of(said)
        head, *lines = table.out.splitlines()
        (row,) = (line for line in lines if line.startswith(f"{OWN} "))
        assert head.split()[:4] == ["name", "place", "link", "age"]
        assert re.split(r"  +", row)[:3] == [OWN, "tc ingress on far", str(number)]
        found = {row["link"]: row for row in json.loads(rows.out)["attached"]}[number]
        assert (found["hook"], found["name"], found["pins"]) == ("tc", OWN, [])
        assert (found["packets"], found["bytes"]) == (1, 42)
        assert taken.err == f"detached {OWN} from tc ingress on far; 1 packet, 42 bytes matched\n"
        assert err.startswith("detached by another process, or the interface or cgroup is gone\n")
        assert (taken.code, code, dropped, behind) == (0, 0, False, True)

    def test_programs_of_others_are_not_told(self) -> None:
        def scenario() -> tuple[bool, Ran]:
            from kernel.ebpf.traffic import passing

            from bpfq.kernel.attach import attach_xdp
            from bpfq.kernel.programs import load

            network()
            program = load(passing("xdp"), "xdp", name="others")
            with attach_xdp(program, "far") as link:
                number = str(link.information().id)
                told = ran("detach", number)
                return int(number) in listed(), told._replace(err=told.err.replace(number, "N"))

        is_told, told = in_namespace(scenario)
        assert (is_told, told.code) == (False, 4)
        assert told.err.startswith("bpfq: nothing that bpfq attached is called 'N'; there is ")

    def test_what_has_no_single_meaning_is_told(self) -> None:
        def scenario() -> list[Ran]:
            network()
            words = ("--name", OWN, *DROP)
            with (
                owner("--tc", "far:ingress", *words),
                owner("--xdp", "far", *words),
                owner("--socket", "far", "arp") as (_, said),
            ):
                return [ran("detach", word) for word in (OWN, f"{OWN}s", "/nowhere/x")]

        twice, close, nowhere = in_namespace(scenario)
        lines = twice.err.splitlines()
        assert lines[0] == f"bpfq: 2 of them are called '{OWN}': give the number of a link"
        assert [line.rpartition("    ")[2] for line in lines[1:]] == [
            "tc ingress on far",
            "XDP on far",
        ]
        assert close.err.startswith(
            f"bpfq: nothing that bpfq attached is called '{OWN}s'; there is "
        )
        assert close.err.endswith(f"\n  try:  bpfq detach {OWN}\n")
        assert nowhere.err == "bpfq: nothing that bpfq attached is pinned at /nowhere/x\n"
        assert [each.code for each in (twice, close, nowhere)] == [4, 4, 4]


class TestDryRun:
    pytestmark = live

    def test_program_and_verdict_are_printed_and_nothing_is_attached(self) -> None:
        def scenario() -> tuple[Ran, bool]:
            network()
            done = ran("attach", "--xdp", "far", *DROP, "--dry-run")
            with receivers() as sockets:
                return done, delivered(sockets)

        done, behind = in_namespace(scenario)
        *listing, counted, verdict = done.out.splitlines()
        assert (done.code, done.err, behind) == (0, "", True)
        assert listing[0].startswith("   0: (")
        assert counted == "map matches: percpu_array, 1 entry, 4 bytes to 16 bytes"
        assert re.fullmatch(
            r"XDP on far: the verifier accepts it after \d+ instructions(, \d+ bytes of machine "
            r"code)?; nothing is attached",
            verdict,
        )

    def test_json_has_the_maps_and_the_verdict(self) -> None:
        def scenario() -> Ran:
            network()
            return ran("attach", "--tc", "far:egress", *DROP, "--dry-run", "--json")

        found = json.loads(in_namespace(scenario).out)
        assert (found["place"], found["action"]) == ("tc egress on far", "drop")
        assert found["verified_instructions"] > 0
        assert [each["name"] for each in found["maps"]] == ["matches"]


@pytest.mark.root
@needs_bpf
def test_a_refused_program_shows_clause_instruction_and_sentence(
    bpfq: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = program_ebpf.compile_ebpf

    def broken(*arguments: Any, **options: Any) -> EbpfProgram:
        program = whole(*arguments, **options)
        words = assemble([Move(R0, 0), LoadMemory(R0, R1, 4000, 4), Exit()])
        line = replace(program.module.function.lines[0], insn=1, text="arp -> [12:2]")
        function = Function("bpfq", words, (line,))
        return replace(program, module=Module("xdp", function))

    monkeypatch.setattr(program_ebpf, "compile_ebpf", broken)
    ran = bpfq("attach", "--xdp", "lo", "--action", "drop", "--dry-run", "arp")
    first, shown, *_ = ran.err.splitlines()
    assert ran.code == 4
    assert first.startswith(
        "bpfq: the verifier refused the program at instruction 1, for 'arp -> [12:2]': "
    )
    assert shown == "  1: (61) r0 = *(u32 *)(r1 +4000)"


@pytest.mark.root
@needs_bpf
@pytest.mark.parametrize(
    ("function", "words", "since"),
    [
        ("attach_xdp", ("--xdp", "lo"), "5.9"),
        ("attach_tc", ("--tc", "lo:ingress"), "6.6"),
        ("attach_netfilter", ("--netfilter", "inet:input"), "6.4"),
    ],
)
def test_a_kernel_without_the_hook_says_since_when_there_is_one(
    bpfq: Run, monkeypatch: pytest.MonkeyPatch, function: str, words: tuple[str, ...], since: str
) -> None:
    older = without(Command.LINK_CREATE, errno.EINVAL, lambda _: True)
    monkeypatch.setattr(places, function, partial(getattr(places, function), call=older))
    before = len(os.listdir("/proc/self/fd"))
    ran = bpfq("attach", *words, *DROP)
    assert (ran.code, ran.out) == (4, "")
    assert "EINVAL, the kernel has no " in ran.err and f"Linux {since}" in ran.err
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.root
@needs_root
def test_an_ordinary_user_is_told_what_is_missing() -> None:
    def scenario() -> tuple[int, str]:
        os.setuid(NOBODY)
        said = StringIO()
        with redirect_stderr(said):
            code = main(("attach", "--xdp", "lo", *DROP))
        return code, said.getvalue()

    code, said = in_namespace(scenario)
    first, *rest = said.splitlines()
    assert code == 4
    assert first.startswith("bpfq: the kernel refused ")
    needs = "CAP_BPF and CAP_NET_ADMIN"  # not what the first system call needs alone
    assert f": EPERM, it needs {needs}, this process lacks {needs}" in first
    assert rest[0] == "  try:  sudo    run the same command as root"
    assert rest[1].startswith("        sudo setcap cap_bpf,cap_net_admin+ep ")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("arp",), 2, "no place: give one of --xdp IFACE, --tc IFACE:ingress|egress, --cgroup "
         "PATH, --netfilter inet|inet6:HOOK, --socket IFACE"),
        (("--xdp", "lo", "--socket", "lo", "arp"), 2,
         "--xdp and --socket are two places: give one"),
        (("--xdp", "lo", "arp"), 2, "no action: --action drop, pass or count is what is done with "
         "packets that match; all others pass"),
        (("--xdp", "lo", "--action", "drop"), 2,
         "no expression: give a filter, '' for all packets"),
        (("--xdp", "lo", "--action", "drop", "-F", os.devnull), 2,
         "no filter in /dev/null: give '' for all packets"),
        (("--xdp", "lo", "--action", "drpo", "arp"), 2,
         "'drpo' is no action of 'ebpf:xdp'; the actions are drop, pass, count"),
        (("--xdp", "lo", "--action", "drop", "tcp prot 80"), 2,
         "unknown word 'prot'; did you mean 'port'?"),
        (("--tc", "lo", "--action", "drop", "arp"), 2,
         "--tc lo lacks the direction: ingress is what comes in, egress what goes out"),
        (("--tc", ":ingress", "--action", "drop", "arp"), 2, "--tc :ingress lacks the interface"),
        (("--tc", "lo:in", "--action", "drop", "arp"), 2,
         "no direction 'in'; there are ingress, egress"),
        (("--netfilter", "inet", "--action", "drop", "arp"), 2,
         "--netfilter inet is no family and hook"),
        (("--netfilter", "inet:inptu", "--action", "drop", "ip"), 2,
         "no netfilter hook 'inptu'; there are prerouting, input, forward, output, postrouting"),
        (("--netfilter", "inet:input", "-6", "--action", "drop", "ip"), 2,
         "netfilter inet has IPv4 only: leave out -6"),
        (("--xdp", "lo", "--mode", "fast", "--action", "drop", "arp"), 2,
         "no mode of XDP 'fast'; there are auto, generic, native"),
        (("--tc", "lo:ingress", "--mode", "native", "--action", "drop", "arp"), 2,
         "mode 'native' is for XDP, not for tc"),
        (("--xdp", "lo", "--priority", "5", "--action", "drop", "arp"), 2,
         "a priority is for netfilter, not for xdp"),
        (("--netfilter", "inet:input", "--priority", "4294967296", "--action", "drop", "ip"), 2,
         "priority 4294967296 is not within -2147483648 and 2147483647"),
        (("--xdp", "lo", "--target", "ebpf:tc", "--action", "drop", "arp"), 2,
         "--xdp is target 'ebpf:xdp', not 'ebpf:tc'"),
        (("--xdp", "lo", "-i", "lo", "--action", "drop", "arp"), 2,
         "-i is for packet sockets: --xdp names the place"),
        (("--xdp", "lo", "--action", "drop", "--ttl", "soon", "arp"), 2,
         "--ttl soon is no time; write it as 500ms, 10s, 5m or 2h"),
        (("--xdp", "lo", "--action", "drop", "--ttl", "0", "arp"), 2,
         "--ttl 0 is no time; write it as 500ms, 10s, 5m or 2h"),
        (("--xdp", "lo", "--action", "drop", "--ttl", "-1", "arp"), 2,
         "--ttl -1 is no time; write it as 500ms, 10s, 5m or 2h"),
        (("--xdp", "lo", "--action", "drop", "--ttl", "", "arp"), 2,
         "--ttl '' is no time; write it as 500ms, 10s, 5m or 2h"),
        (("--xdp", "lo", "--action", "drop", "--ttl", "1m", "--pin", "/sys/fs/bpf/x", "arp"), 2,
         "--ttl ends with this process, which --pin does not wait for: give one"),
        (("--socket", "lo", "--pin", "/sys/fs/bpf/x", "arp"), 2,
         "a socket cannot be pinned: its program goes with it"),
        (("--xdp", "lo", "--action", "drop", "--name", "a b", "arp"), 2,
         "'a b' is no name: 1 to 10 of A-Z, a-z, 0-9 and _"),
        (("--xdp", "lo", "--action", "drop", "inbound"), 3, None),
        (("--xdp", "nonexistent0", "--action", "drop", "arp"), 4, None),
        (("--cgroup", "/nonexistent", "--action", "drop", "--dry-run", "ether[0] = 1"), 3, None),
    ],
)  # fmt: skip
def test_a_wrong_command_line_says_what_is_wrong(
    bpfq: Run, words: tuple[str, ...], code: int, message: str | None
) -> None:
    ran = bpfq("attach", *words)
    assert (ran.code, ran.out) == (code, "")
    assert message is None or ran.err.splitlines()[0] == f"bpfq: {message}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("detach",), "detach takes one name, pin or link number"),
        (("detach", "a", "b"), "detach takes one name, pin or link number"),
        (("status", "all"), "status takes no words, not 'all'"),
    ],
)
def test_status_and_detach_say_what_they_take(
    bpfq: Run, words: tuple[str, ...], message: str
) -> None:
    ran = bpfq(*words)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (2, "", f"bpfq: {message}")


ROWS = (
    Standing(
        "dns", "xdp", Place("xdp", "eth0"), 41, 7, 754.2, ("/sys/fs/bpf/dns",), 1204, 99,
        Counts(17, 1234),
    ),
    Standing("", "socket", None, 0, 8, 3.0, (), 0, 0, None),
)  # fmt: skip


def test_status_is_a_table_of_what_there_is(bpfq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "standing", lambda: ROWS)
    assert bpfq("status").out == (
        "name  place        link  age  matches                  runs  pin\n"
        "dns   XDP on eth0  41    12m  17 packets, 1 234 bytes  1204  /sys/fs/bpf/dns\n"
        "-     a socket     -     3s\n"
    )


def test_status_says_that_there_is_nothing(bpfq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "standing", lambda: ())
    assert bpfq("status") == (0, "", "bpfq has attached nothing here\n")
    assert bpfq("status", "-q") == (0, "", "")
    assert json.loads(bpfq("status", "--json").out) == {"attached": []}
