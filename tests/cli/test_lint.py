"""``bpfq lint``: formats, exit codes, repairs, and files with comments."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bpfq.analysis.lint.oracle import Engine
from bpfq.frontend.pcap.parse import parse
from bpfq.settings import settings_of

from .running import Run

MIXED = "host 10.0.0.1 and tcp port 80 or 443"
LISTED = """\
# what the sensor does not look at
not (
  net 10.0.0.0/8   # ours
  or host 10.1.2.3 # the printer
  or (len > 100
      and less 50)
)
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "capture.bpf"
    path.write_text(LISTED)
    return path


def test_a_finding_has_its_place_what_else_was_meant_and_what_it_means(bpfq: Run) -> None:
    assert bpfq("lint", MIXED) == (
        1,
        "warning[P01] 'and' and 'or' have equal precedence and are read from left to right\n"
        "  host 10.0.0.1 and tcp port 80 or 443\n"
        "  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  try:  host 10.0.0.1 and (tcp port 80 or 443)    the other grouping: 'or' first\n"
        "  fix:  (host 10.0.0.1 and tcp port 80) or tcp port 443    means the same; --fix\n"
        "  e.g.  TCP 192.0.2.1:1024 > 192.0.2.2:443 S    matches as written, not as tried\n"
        "1 finding (1 warning)\n",
        "",
    )


def test_findings_in_a_file_have_lines(bpfq: Run, listed: Path) -> None:
    assert bpfq("lint", "-F", str(listed)) == (
        1,
        "warning[S03] line 4: 'host 10.1.2.3' is already covered by 'net 10.0.0.0/8' (line 3)\n"
        "    net 10.0.0.0/8   # ours\n"
        "    ^^^^^^^^^^^^^^\n"
        "    or host 10.1.2.3 # the printer\n"
        "       ^^^^^^^^^^^^^\n"
        "  fix:  without 'or host 10.1.2.3'    means the same; --fix\n"
        "error[S02] line 6: can never match: 'less 50' contradicts 'len > 100' (line 5)\n"
        "    or (len > 100\n"
        "        ^^^^^^^^^\n"
        "        and less 50)\n"
        "            ^^^^^^^\n"
        "2 findings (1 error, 1 warning)\n",
        "",
    )


def test_a_filter_without_findings(bpfq: Run) -> None:
    assert bpfq("lint", "tcp port 80") == (0, "no findings\n", "")
    assert bpfq("lint", "-q", "tcp port 80") == (0, "", "")


def test_what_is_no_filter_is_an_error_as_everywhere(bpfq: Run) -> None:
    ran = bpfq("lint", "tcp prot 80")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("bpfq: unknown word 'prot'; did you mean 'port'?\n  tcp prot 80\n")


def test_a_display_filter_is_a_finding(bpfq: Run) -> None:
    ran = bpfq("lint", "tcp.port == 80")
    assert ran.code == 1
    assert "error[D01] this looks like a Wireshark display filter" in ran.out
    assert "  try:  tcp port 80\n" in ran.out


def test_an_expression_and_a_file_is_too_much(bpfq: Run, listed: Path) -> None:
    assert bpfq("lint", "-F", str(listed), "ip").code == 2


def test_colours_are_only_added(bpfq: Run) -> None:
    ran = bpfq("lint", "--color=always", MIXED)
    assert ran.out.startswith("\x1b[1mwarning[P01]\x1b[0m 'and' and 'or'")
    assert "\x1b[32mfix:\x1b[0m  (host" in ran.out


# ---------------------------------------------------------------- formats


def test_json_has_everything(bpfq: Run, listed: Path) -> None:
    ran = bpfq("lint", "-F", str(listed), "--format", "json")
    report = json.loads(ran.out)
    assert (ran.code, report["file"], report["filter"]) == (1, str(listed), LISTED)
    assert (report["target"], report["link"]) == ("file", "EN10MB")
    assert report["counts"] == {"error": 1, "warning": 1, "note": 0}
    assert report["findings"][0] == {
        "code": "S03",
        "severity": "warning",
        "message": "'host 10.1.2.3' is already covered by 'net 10.0.0.0/8' (line 3)",
        "spans": [
            {
                "start": 72, "end": 85, "line": 4, "column": 6, "end_line": 4, "end_column": 19,
                "text": "host 10.1.2.3",
            },
            {
                "start": 43, "end": 57, "line": 3, "column": 3, "end_line": 3, "end_column": 17,
                "text": "net 10.0.0.0/8",
            },
        ],
        "fix": {"edits": [{"span": [69, 85], "text": ""}]},
        "suggestions": [],
        "witness": None,
    }  # fmt: skip


def test_json_is_the_same_by_either_option(bpfq: Run) -> None:
    assert bpfq("lint", "--json", MIXED) == bpfq("lint", "--format", "json", MIXED)


def test_json_without_findings_is_a_report_too(bpfq: Run) -> None:
    ran = bpfq("lint", "--json", "ip")
    assert (ran.code, json.loads(ran.out)["findings"]) == (0, [])


def test_sarif_names_rules_places_and_fixes(bpfq: Run, listed: Path) -> None:
    log = json.loads(bpfq("lint", "-F", str(listed), "--format", "sarif").out)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    first, second = run["results"]
    region = {"startLine": 4, "startColumn": 6, "endLine": 4, "endColumn": 19}
    artifact = {"uri": listed.as_uri(), "index": 0}
    assert log["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["artifacts"] == [
        {"location": {"uri": listed.as_uri()}, "contents": {"text": LISTED}}
    ]
    assert [rule["id"] for rule in rules] == [
        "P01", "P02", "V01", "V02", "V03", "S01", "S02", "S03", "I01", "I02", "N01", "L01", "L02",
        "L03", "L04", "T01", "D01",
    ]  # fmt: skip
    assert (first["ruleId"], rules[first["ruleIndex"]]["id"], first["level"]) == (
        "S03", "S03", "warning",
    )  # fmt: skip
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    ]
    assert first["fixes"] == [
        {
            "description": {"text": "the same meaning"},
            "artifactChanges": [
                {
                    "artifactLocation": artifact,
                    "replacements": [
                        {
                            "deletedRegion": {**region, "startColumn": 3},
                            "insertedContent": {"text": ""},
                        }
                    ],
                }
            ],
        }
    ]
    assert second["message"] == {
        "text": "can never match: 'less 50' contradicts 'len > 100' (line 5)"
    }


def test_sarif_of_an_expression_holds_the_expression(bpfq: Run) -> None:
    (run,) = json.loads(bpfq("lint", MIXED, "--format", "sarif").out)["runs"]
    assert run["artifacts"] == [{"location": {"uri": "expression"}, "contents": {"text": MIXED}}]
    assert "try: host 10.0.0.1 and (tcp port 80 or 443)" in run["results"][0]["message"]["text"]


def test_sarif_levels_are_those_of_the_format(bpfq: Run) -> None:
    (run,) = json.loads(bpfq("lint", "ip6 and udp port domain", "--format", "sarif").out)["runs"]
    assert [result["level"] for result in run["results"]] == ["note", "note"]


def test_github_annotations(bpfq: Run, listed: Path) -> None:
    ran = bpfq("lint", "-F", str(listed), "--format", "github")
    assert (ran.code, ran.out) == (
        1,
        f"::warning file={listed},line=4,endLine=4,col=6,endColumn=18,title=bpfq S03::"
        "'host 10.1.2.3' is already covered by 'net 10.0.0.0/8' (line 3)\n"
        f"::error file={listed},line=6,endLine=6,col=11,endColumn=17,title=bpfq S02::"
        "can never match: 'less 50' contradicts 'len > 100' (line 5)\n",
    )


def test_github_annotations_escape_what_the_format_reserves(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "a,b.bpf"
    path.write_text("port http\nor ip[0] % 5 = 4 and\narp")
    out = bpfq("lint", "-F", str(path), "--format", "github").out
    assert out.splitlines()[0].startswith(
        f"::warning file={tmp_path}/a%2Cb.bpf,line=1,endLine=3,title="
    )
    assert "ip[0] %25 5 = 4" in out
    assert out.splitlines()[1].startswith("::notice file=")


# ---------------------------------------------------------------- --fix


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (MIXED, "(host 10.0.0.1 and tcp port 80) or tcp port 443"),
        ("not port 22 and 23", "not port 22 and port 23"),
        ("port http or https", "tcp port 80 or port 443"),
        ("ip proto \\tcp", "ip proto 6"),
        ("host 10.1.2.3 or net 10.0.0.0/8 or host 10.0.0.1", "net 10.0.0.0/8"),
        ("not port 22 and 23 or tcp port smtp", "(not port 22 and port 23) or tcp port 25"),
        ("(tcp and tcp) and not udp", "(tcp)"),
        ("tcp port 80", "tcp port 80"),
    ],
)
def test_a_repaired_filter_is_printed_and_has_nothing_left(
    bpfq: Run, text: str, repaired: str
) -> None:
    note = "bpfq: note: nothing to fix\n" if text == repaired else "bpfq: note: fixed\n"
    assert bpfq("lint", "--fix", text) == (0, f"{repaired}\n", note)


@pytest.mark.parametrize(
    "text",
    [
        MIXED,
        "port http or https",
        "not host 10.1.2.3 and not net 10.0.0.0/8 or arp",
        "tcp and (tcp or udp) and not udp port 53",
        "port 80 or portrange 70-90 or host 10.0.0.1 or (ip and net 10.0.0.0/9)",
    ],
)
def test_a_repaired_filter_means_the_same(bpfq: Run, text: str) -> None:
    repaired = bpfq("lint", "-q", "--fix", text).out.strip()
    engine = Engine(settings_of("file", "EN10MB", level=1, allow_empty=True))
    before, after = parse(text), parse(repaired)
    assert repaired != text
    assert (engine.implies(before, after), engine.implies(after, before)) == (True, True)


def test_what_cannot_be_repaired_is_still_reported(bpfq: Run) -> None:
    ran = bpfq("lint", "--fix", "port http or (udp and tcp)")
    assert (ran.code, ran.out) == (1, "tcp port 80 or (udp and tcp)\n")
    assert ran.err.startswith("error[S02] can never match: 'tcp' contradicts 'udp'\n")


def test_a_file_is_repaired_in_place_and_keeps_its_comments(bpfq: Run, listed: Path) -> None:
    listed.chmod(0o640)
    ran = bpfq("lint", "--fix", "-F", str(listed))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error[S02] line 6: can never match")
    assert listed.read_text() == LISTED.replace("  or host 10.1.2.3 #", "   #")
    assert listed.stat().st_mode & 0o777 == 0o640


def test_line_ends_and_the_byte_order_mark_of_a_file_stay(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "windows.bpf"
    path.write_bytes(b"\xef\xbb\xbfport http # web\r\nor arp\r\n")
    assert bpfq("lint", "-q", "--fix", "-F", str(path)) == (0, "", "")
    assert path.read_bytes() == b"\xef\xbb\xbftcp port 80 # web\r\nor arp\r\n"


def test_a_file_without_mistakes_is_not_written(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "good.bpf"
    path.write_text("arp # all of it\n")
    os.utime(path, (1, 1))
    assert bpfq("lint", "--fix", "-F", str(path)) == (0, "", "bpfq: note: nothing to fix\n")
    assert path.stat().st_mtime == 1


def test_a_file_in_another_encoding_is_left_alone(bpfq: Run, tmp_path: Path) -> None:
    path = tmp_path / "latin.bpf"
    path.write_bytes(b"port http # caf\xe9\n")
    ran = bpfq("lint", "--fix", "-F", str(path))
    assert (ran.code, ran.err) == (2, f"bpfq: {path} is not UTF-8 at byte 15: not changed\n")
    assert path.read_bytes() == b"port http # caf\xe9\n"


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--target", "packet", "ether[14:2] & 0xfff = 10"), "V03"),
        (("--target", "xt_bpf", "-y", "RAW", "ether host 1:2:3:4:5:6"), "T01"),
        (("--target", "packet", "--optmem", "600", "tcp port 80"), "L03"),
        (("inbound",), "T01"),
        (("host example.com",), "N01"),
    ],
)
def test_the_options_decide_what_is_found(bpfq: Run, words: tuple[str, ...], code: str) -> None:
    ran = bpfq("lint", *words)
    assert (ran.code, f"[{code}]" in ran.out) == (1, True)


def test_options_that_make_a_finding_go(bpfq: Run) -> None:
    assert bpfq("lint", "-q", "--tcp6", "(ip or ip6) and tcp[13] = 2") == (0, "", "")
    assert bpfq("lint", "-q", "--target", "packet", "inbound") == (0, "", "")
    assert bpfq("lint", "-q", "--target", "packet", "--optmem", "2000", "tcp port 80").code == 0
