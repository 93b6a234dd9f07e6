"""Drawings in every form: complete, well formed, and safe for any filter text."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

import bpfq
from bpfq.analysis.drawing.drawing import Drawing
from bpfq.analysis.drawing.mermaid import mermaid
from bpfq.analysis.drawing.dot import dot
from bpfq.analysis.drawing.panel import Panel
from bpfq.analysis.drawing.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
FILTERS = [
    "ip", "", "tcp port 80 or tcp port 443", "host 10.0.0.1 or net 10.1.0.0/16 and port 80",
    "not (vlan 5 and host 2001:db8::1) and len < 100", "tcp and udp",
]  # fmt: skip
HOSTILE = 'a <b> & "c" \\ ]]> \x00\x1b\ud800 %% #quot; -->'


def drawing(text: str, *, every: bool = False) -> Drawing:
    return bpfq.draw(text, level=2, every=every)


def boxes(root: ElementTree.Element) -> list[tuple[str, float, float, float, float]]:
    """Style, left, top, right, bottom of each."""
    found = []
    for rect in root.iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        found.append((rect.attrib["class"], x, y, x + width, y + height))
    return found


@pytest.mark.parametrize("text", FILTERS)
def test_svg_has_a_box_for_each_test_and_two_edges(text: str) -> None:
    made = drawing(text)
    root = ElementTree.fromstring(made.svg())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    rects = boxes(root)
    verdicts = {exit for one in made.tests for exit in (one.yes, one.no)} | {made.picture.start}
    verdicts &= {"accept", "reject"}
    assert len(rects) == len(made.tests) + len(verdicts)
    for one in made.tests:
        assert (one.test if len(one.test) <= 60 else f"{one.test[:59]}…") in texts
    assert texts.count("yes") == texts.count("no") == len(made.tests)


@pytest.mark.parametrize("text", FILTERS)
def test_no_two_boxes_of_a_picture_touch_and_all_are_inside(text: str) -> None:
    root = ElementTree.fromstring(drawing(text).svg())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for _, left, top, right, bottom in boxes(root):
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
    for first, second in combinations(boxes(root), 2):
        apart = first[3] < second[1] or second[3] < first[1]
        assert apart or first[4] < second[2] or second[4] < first[2]


def test_both_verdicts_stand_at_the_bottom() -> None:
    found = boxes(ElementTree.fromstring(drawing(FILTERS[3]).svg()))
    tops = {style: top for style, _, top, _, _ in found}
    assert tops["accept"] == tops["reject"] == max(top for _, _, top, _, _ in found)
    assert [top for _, _, top, _, _ in found].count(tops["accept"]) == 2


def test_stages_mark_what_each_pass_changed() -> None:
    made = drawing("tcp port 80 or tcp port 443", every=True)
    styles = [style for style, *_ in boxes(ElementTree.fromstring(made.svg()))]
    new = sum(len(panel.new) for panel in made.panels)
    assert len(made.panels) > 2 and styles.count("box new") == new > 0
    assert "box led" in styles and "box leaving" in styles
    assert sum(line.startswith("+") for line in made.lines()) == new


def test_edges_carry_the_packets_that_took_them() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(40)
    made = bpfq.draw("arp or ip", packets=[arp, arp, bytes(60)])
    texts = [x.text for x in ElementTree.fromstring(made.svg()).iter(f"{SVG}text")]
    assert {"yes 2", "no 1", "yes 0"} <= set(texts)
    assert texts[texts.index("accept") + 1] == "2 packets"
    assert '"yes 2"' in made.dot() and '"yes 2"' in made.mermaid()


@pytest.mark.parametrize("form", [svg, dot, mermaid])
def test_hostile_text_stays_text(form: object) -> None:
    (panel,) = drawing("ip").panels
    hostile = Panel(HOSTILE, panel.picture)
    written = form(HOSTILE, [hostile])  # type: ignore[operator]
    if form is svg:
        root = ElementTree.fromstring(written)
        assert root[0].text == 'a <b> & "c" \\ ]]> ??? %% #quot; -->'
    else:
        assert all(balanced(line) for line in written.split("\n"))


def balanced(line: str) -> bool:
    """Quotes that are not escaped come in pairs."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0


@pytest.mark.parametrize("text", FILTERS)
def test_dot_and_mermaid_have_each_edge_once(text: str) -> None:
    made = drawing(text)
    edges = sorted((str(one.number), str(exit)) for one in made.tests for exit in (one.yes, one.no))
    assert sorted(re.findall(r"n0_(\d+) -> n0_(\w+)", made.dot())) == edges
    found = re.findall(r'n0_(\d+) (?:-->|-\.->|==>)\|"\w+"\| n0_(\w+)', made.mermaid())
    assert sorted(found) == edges


@pytest.mark.parametrize("text", FILTERS)
def test_every_edge_of_mermaid_and_dot_ends_in_a_box(text: str) -> None:
    made = drawing(text, every=True)
    lines = made.mermaid().split("\n")
    declared = {found[1] for line in lines if (found := re.match(r"\s+(n\w+)[\[(]", line))}
    assert {end for line in lines for end in re.findall(r"\| (n\w+)$", line)} <= declared
    declared = set(re.findall(r"^\s+(n\w+) \[", made.dot(), re.MULTILINE))
    assert set(re.findall(r"-> (n\w+)", made.dot())) <= declared


def test_notebooks_show_the_picture() -> None:
    made = drawing("ip")
    assert made._repr_svg_() == made.svg()


def test_the_same_filter_gives_the_same_picture() -> None:
    assert drawing(FILTERS[3]).svg() == drawing(FILTERS[3]).svg()


@pytest.mark.parametrize("form", [svg, dot, mermaid])
def test_a_long_filter_is_a_short_caption(form: object) -> None:
    text = " or ".join(f"host 10.0.{number}.1" for number in range(0, 200, 2))
    written = form(text, drawing("ip").panels)  # type: ignore[operator]
    assert sum(len(line) > 500 for line in written.split("\n")) == (form is svg)  # its tooltip
