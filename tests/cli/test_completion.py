"""``bpfq completion``: real shells complete its command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from bpfq.__main__ import main
from bpfq.cli.shell.outline import ABOUT, outline
from bpfq.cli.shell.values import SHELLS, words_of
from bpfq.errors import LoadError
from bpfq.kernel.features import features
from bpfq.tables.linktypes import link_types
from bpfq.targets import TARGETS

from .running import Run
from .shells import Fish, Terminal, started

Shell = Terminal | Fish
COMMANDS = {name for name in ABOUT if name}
INTERFACES = {each.name for each in Path("/sys/class/net").iterdir() if each.is_symlink()}


@contextmanager
def running(name: str, place: Path) -> Iterator[Shell]:
    """A shell with the script that bpfq prints for it."""
    script = place / "script"
    (place / "dns.pcap").touch()
    (place / "dir").mkdir()
    with script.open("w") as file, redirect_stdout(file):
        assert main(["completion", name]) == 0
    shell = started(name, script, place)
    try:
        yield shell
    finally:
        shell.close()


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="module", params=("bash", "zsh"))
def terminal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A shell that is sent keys; fish is asked for candidates only."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def offered(shell: Shell, line: str) -> set[str]:
    """Of the last word what is offered, from the start of a value on, without what bash strips."""
    return {each.rpartition("=")[2].rstrip("/") for each in shell.completed(line)}


oracle = pytest.mark.oracle


@oracle
def test_the_first_word_is_a_command_or_begins_a_filter(shell: Shell) -> None:
    assert shell.completed("bpfq wh") == {"why"}
    assert shell.completed("bpfq di") >= {"diff", "disasm"}
    assert shell.completed("bpfq por") == {"port", "portrange"}
    assert COMMANDS | {"tcp", "host"} <= shell.completed("bpfq ")


@oracle
def test_options_are_those_of_the_command(shell: Shell) -> None:
    assert shell.completed("bpfq --targ") == {"--target"}
    assert shell.completed("bpfq witness --n") == {"--netmask", "--no-optimize", "--not"}
    assert shell.completed("bpfq attach --pri") == {"--priority"}
    assert shell.completed("bpfq lint --fi") == {"--files", "--fix"}
    assert shell.completed("bpfq why --fi") == set()


@oracle
def test_every_long_option_of_every_command_is_offered(shell: Shell) -> None:
    missing = {
        command.name: wanted - shell.completed(f"bpfq {command.name} --".replace("  ", " "))
        for command in outline().values()
        if (wanted := {name for it in command.options for name in it.names if name[:2] == "--"})
    }
    assert {name: options for name, options in missing.items() if options} == {}


@oracle
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bpfq -y ", set(link_types())),
        ("bpfq equiv --right-link EN", {name for name in link_types() if name.startswith("EN")}),
        ("bpfq --color ", {"auto", "always", "never"}),
        ("bpfq lint --format ", {"text", "json", "sarif", "github"}),
        ("bpfq disasm --to ", {"d", "dd", "ddd", "raw", "json"}),
        ("bpfq --optimise-for s", {"size", "speed"}),
        ("bpfq --opt ", {"0", "1", "2", "3"}),
        ("bpfq attach --action ", {"drop", "pass", "count"}),
        ("bpfq attach --mode ", {"auto", "native", "generic"}),
        ("bpfq count --hook ", {"tc", "xdp"}),
        ("bpfq count --direction ", {"ingress", "egress", "both"}),
        ("bpfq -i ", INTERFACES),
        ("bpfq attach --xdp ", INTERFACES),
        ("bpfq attach --tc ", {f"{it}:{way}" for it in INTERFACES for way in ("ingress", "egress")}),
        ("bpfq completion ", set(SHELLS)),
        ("bpfq detach ", {"ntp", "/sys/fs/bpf/ntp"}),
        ("bpfq set ", {"list", "add", "del", "pin", "bad"}),
        ("bpfq doctor x", {"xdp"}),
        ("bpfq -r dn", {"dns.pcap"}),
        ("bpfq disasm dn", {"dns.pcap"}),
        ("bpfq --set bad=dn", {"dns.pcap"}),
        ("bpfq lint dn", {"dns.pcap"}),
        ("bpfq attach --cgroup di", {"dir"}),
        ("bpfq status ", set()),
    ],
)  # fmt: skip
def test_values(shell: Shell, line: str, words: set[str]) -> None:
    assert offered(shell, line) == words


@oracle
def test_a_number_is_not_taken_for_a_word_of_the_filter(shell: Shell) -> None:
    assert "port" not in shell.completed("bpfq why -n ")
    assert "port" in shell.completed("bpfq -n po")


@oracle
def test_what_has_a_colon(shell: Shell) -> None:
    hooks = {name for name in TARGETS if name.startswith("ebpf:")}
    assert shell.completed("bpfq --target eb") == hooks
    end = "xdp" if isinstance(shell, Terminal) and shell.shell == "bash" else "ebpf:xdp"
    assert shell.completed("bpfq --target ebpf:x") == {end}
    assert {each[-3:] for each in shell.completed("bpfq --target=ebpf:x")} == {"xdp"}


@oracle
def test_words_of_a_filter_in_quotes(shell: Shell) -> None:
    wanted = {"tcp port", "tcp portrange"}
    assert shell.completed("bpfq why 'tcp por") in (wanted, {"port", "portrange"})
    assert shell.completed("bpfq tcp and por") == {"port", "portrange"}


@oracle
def test_lists_with_commas(shell: Shell) -> None:
    assert {each.rpartition(",")[2] for each in shell.completed("bpfq --through vlan,q")} == {
        "qinq"
    }


@oracle
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("bpfq --target ebpf:x\ttcp", "<--target><ebpf:xdp><tcp>"),
        ("bpfq --target=ebpf:x\ttcp", "<--target=ebpf:xdp><tcp>"),
        ("bpfq attach --tc lo:i\ttcp", "<attach><--tc><lo:ingress><tcp>"),
        ("bpfq why 'tcp portr\t 1-9'", "<why><tcp portrange 1-9>"),
        ("bpfq -d 'not (tcp and broa\t)'", "<-d><not (tcp and broadcast)>"),
        ("bpfq -r dn\ttcp", "<-r><dns.pcap><tcp>"),
        ("bpfq --set bad=dn\ttcp", "<--set><bad=dns.pcap><tcp>"),
        ("bpfq --through vlan,qi\t,mpls tcp", "<--through><vlan,qinq,mpls><tcp>"),
        ("bpfq count 'dns=udp portr\t 1-9'", "<count><dns=udp portrange 1-9>"),
    ],
)  # fmt: skip
def test_the_key_inserts_what_bpfq_takes(terminal: Terminal, keys: str, words: str) -> None:
    assert terminal.ran(keys) == words


# ---------------------------------------------------------------- without shells


def test_every_command_is_described_and_every_description_is_of_one() -> None:
    assert set(outline()) == set(ABOUT)


def test_the_words_of_doctor_are_what_it_looks_at() -> None:
    assert words_of("doctor").choices == tuple(row.name for row in features())


@pytest.mark.parametrize(
    "words", [("completion",), ("completion", "bahs"), ("completion", "a", "b")]
)
def test_another_shell_is_an_error(bpfq: Run, words: tuple[str, ...]) -> None:
    assert bpfq(*words) == (
        2, "",
        "bpfq: completion takes one shell: bash, zsh, fish\n"
        "  try:  bpfq completion bash\n",
    )  # fmt: skip


def refuse() -> None:
    raise LoadError("operation not permitted")


@pytest.mark.parametrize(
    ("what", "asked"),
    [("attached", "bpfq.ebpf.standing.standing"), ("sets", "bpfq.ebpf.sets.all_sets")],
)
def test_who_may_not_look_is_offered_nothing(
    bpfq: Run, monkeypatch: pytest.MonkeyPatch, what: str, asked: str
) -> None:
    monkeypatch.setattr(asked, refuse)
    assert bpfq("completion", what) == (0, "", "")
