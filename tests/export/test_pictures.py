"""Exported pictures, read by Graphviz and as XML."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from objfile.tools import needs, output

import bpfq

needs_graphviz = needs("dot", "graphviz")
TEXTS = ("", "tcp port 80", "vlan 3 and (arp or not ip6 proto 58)", "ether host 02:00:00:00:00:01")


@pytest.mark.oracle
@needs_graphviz
@pytest.mark.parametrize("text", TEXTS)
def test_graphviz_reads_every_edge(tmp_path: Path, text: str) -> None:
    program = bpfq.compile(text)
    path = tmp_path / "a.dot"
    path.write_text(program.export("dot"))
    edges = re.findall(
        r"^edge (\w+) (\w+) .* (yes|no) ", output(["dot", "-Tplain", path]), re.MULTILINE
    )
    assert sorted(edges) == sorted(
        (f"n0_{test.number}", f"n0_{target}", label)
        for test in bpfq.draw(program).tests
        for label, target in (("yes", test.yes), ("no", test.no))
    )


@pytest.mark.parametrize("text", TEXTS)
def test_every_picture_is_that_of_the_graph_command(text: str) -> None:
    program = bpfq.compile(text)
    drawn = bpfq.draw(program)
    without = re.sub(r"^(//|%%) made by: .*\n", "", program.export("dot"))
    assert without == drawn.dot()
    front, said, rest = re.split(r"^(%% made by: .*\n)", program.export("mermaid"), 1, re.MULTILINE)
    assert (front + rest, front.endswith("---\n")) == (drawn.mermaid(), True)
    svg = ElementTree.fromstring(program.export("svg"))
    assert [each.tag.partition("}")[2] for each in svg][:2] == ["title", "desc"]
