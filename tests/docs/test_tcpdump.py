"""docs/tcpdump.md: every flag of tcpdump has a row, and bpfq takes those that are "same"."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

from bpfq.cli import arguments
from bpfq.errors import BpfqError

from .pages import blocks, text_of
from .sessions import Shell, programs, steps

PAGE = "docs/tcpdump.md"
HERE = "tests/docs/test_tcpdump.py"
SHOWN = {PAGE: 2, "docs/semantics.md": 2}  # commands
STATES = ("same", "different", "not there")
ROWS = re.findall(r"^\| (`-.*?`) \| (.+?) \|", text_of(PAGE), re.MULTILINE)
FLAGS = [(flag, state) for flags, state in ROWS for flag in re.findall(r"`(.+?)`", flags)]
# tcpdump(8) of 4.99: its synopsis, and the letters that it repeats
SHORT = "AbdDefhHIJKlLnNOpqStuUvxX#BcCEFGijmMQrsTVwWyzZ"
REPEATED = ("-dd", "-ddd", "-tt", "-ttt", "-tttt", "-ttttt", "-vv", "-vvv", "-xx", "-XX")
LONG = """
--buffer-size --count --list-interfaces --help --version --interface --monitor-mode
--immediate-mode --time-stamp-type --list-time-stamp-types --time-stamp-precision --micro --nano
--dont-verify-checksums --list-data-link-types --number --no-optimize --no-promiscuous-mode --print
--direction --absolute-tcp-sequence-numbers --snapshot-length --packet-buffered --linktype
--relinquish-privileges
""".split()

needs_tcpdump = pytest.mark.skipif(
    shutil.which("tcpdump") is None, reason="needs tcpdump: install tcpdump"
)


def name_of(flag: str) -> str:
    return re.split("[ =]", flag)[0]


def words_of(flag: str) -> list[str]:
    """The flag with an argument where it takes one; a number is right for all of them."""
    name, *argument = re.split("[ =]", flag)
    if name.startswith("--") and argument:
        return [f"{name}=1"]
    return [name, "1"] if argument else [name]


def accepted(flag: str) -> bool:
    """Whether one of the commands that stand for tcpdump takes the flag."""
    verbs: tuple[list[str], ...] = ([], ["capture", "-i", "lo"], ["match", "-r", "x.pcap"])
    for verb in verbs:
        try:
            options = arguments.read([*verb, *words_of(flag), "ip"])
        except BpfqError:
            continue
        except SystemExit:  # it printed help or the version
            return True
        if options.words == ["ip"]:
            return True
    return False


def test_every_flag_has_one_row() -> None:
    wanted = [*(f"-{letter}" for letter in SHORT), *REPEATED, *LONG]
    assert sorted(name_of(flag) for flag, _ in FLAGS) == sorted(wanted)
    assert {state for _, state in ROWS} == set(STATES)


@pytest.mark.parametrize("flag", [flag for flag, state in FLAGS if state != "not there"])
def test_a_flag_that_is_there_is_taken(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert accepted(flag)


@pytest.mark.parametrize("flag", [flag for flag, state in FLAGS if state == "not there"])
def test_a_flag_that_is_not_there_is_refused(flag: str) -> None:
    assert not accepted(flag)


def test_what_is_not_there_has_a_reason() -> None:
    rows = re.findall(
        r"^\| `-.*?` \| (different|not there) \| *(.*?) *\|$", text_of(PAGE), re.MULTILINE
    )
    assert len(rows) > 30
    assert [state for state, why in rows if not why] == []


@pytest.mark.oracle
@needs_tcpdump
def test_tcpdump_itself_has_no_other_flag() -> None:
    usage = subprocess.run(
        ("tcpdump", "--help"), capture_output=True, text=True, check=False
    )  # fmt: skip
    said = re.sub(r"\s+", " ", usage.stdout + usage.stderr)
    letters = re.search(r"\[ ?-(\S+) ?\]", said)
    assert letters is not None and len(letters[1]) > 20
    others = re.findall(r"\[ (-{1,2}[\w-]+)", said)
    names = {name_of(flag) for flag, _ in FLAGS}
    known_later = {"--lengths", "--skip", "--time-t-size"}  # of 5.0
    assert {*(f"-{each}" for each in letters[1]), *others} - known_later - names == set()


@pytest.mark.oracle
@needs_tcpdump
@pytest.mark.parametrize("page", SHOWN)
def test_what_a_page_shows_of_tcpdump_is_true(page: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, programs(tmp_path))
    shown = [step for block in blocks(page) if block.run_by == HERE for step in steps(block.text)]
    assert len(shown) == SHOWN[page]
    for step in shown:
        assert (step.command, step.shown) == (step.command, shell.run(step))


def test_old_fingers_may_run_flags_together() -> None:
    for verb, words in product(("capture",), (["-lnni", "lo"], ["-pUni", "lo", "-c3"])):
        options = arguments.read([verb, *words, "tcp", "port", "80"])
        assert (options.interface, options.words) == ("lo", ["tcp", "port", "80"])
