"""A drawing as an SVG document: boxes on levels, both verdicts at the bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.decisions.picture import Exit
from bpfq.analysis.drawing.abscissae import abscissae
from bpfq.analysis.drawing.edges import Edge, caption, edges, legend, lines_of, verdict_lines
from bpfq.analysis.drawing.layers import Bend, Key, layered
from bpfq.analysis.drawing.panel import Panel
from bpfq.record import record

_CHARACTER: Final = 7.3  # of 12 pixel monospace type, pixels
_LINE: Final = 16.0
_PADDING: Final = 10.0
_LEVEL: Final = 46.0  # between the boxes of two levels
_MARGIN: Final = 24.0
_HEADING: Final = 20.0
_BEND: Final = 10.0  # width of an edge that passes a level
_MOST: Final = 60  # characters of a line; all of it stands in its tooltip
_NARROWEST: Final = 100.0  # width of a box
_VERDICTS: Final = ("accept", "reject")
_MARKED: Final = "green: new · yellow: led elsewhere · dashed: left out by the next pass"
_STYLE: Final = """\
svg{background:#fff}
text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1f2328}
.title{font-size:15px;font-weight:bold} .heading{font-size:13px;font-weight:bold}
.small{fill:#59636e} .box{fill:#f6f8fa;stroke:#818b98}
.accept{fill:#dafbe1;stroke:#1a7f37} .reject{fill:#ffebe9;stroke:#cf222e}
.new{fill:#dafbe1;stroke:#1a7f37;stroke-width:2.5}
.led{fill:#fff8c5;stroke:#bf8700;stroke-width:2.5}
.leaving{stroke:#cf222e;stroke-dasharray:5 4}
.edge{fill:none;stroke:#818b98;stroke-width:1.3}
.yes{stroke:#1a7f37} .no{stroke:#cf222e} .moved{stroke-width:3} .idle{opacity:.35}
.label{font-size:11px;paint-order:stroke} .label.yes{fill:#1a7f37} .label.no{fill:#cf222e}
.label.yes,.label.no{stroke:#fff;stroke-width:3px}"""


def svg(title: str, panels: Sequence[Panel]) -> str:
    """An XML document; the panels stand below one another."""
    drawn = [_Plot(panel) for panel in panels]
    named = caption(title)
    width = max([plot.width for plot in drawn] + [len(named) * 9.5]) + 2 * _MARGIN
    body: list[str] = []
    explained = _MARKED if len(panels) > 1 else ""
    top = _MARGIN + _LINE * (2 if explained else 1)
    for plot in drawn:
        body.append(f'<g transform="translate({_MARGIN:g} {top:.1f})">')
        body += plot.elements()
        body.append("</g>")
        top += plot.height + _MARGIN
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{top:.0f}" '
        f'viewBox="0 0 {width:.0f} {top:.0f}">',
        f"<title>{escaped(' '.join(title.split()) or 'every packet')}</title>",
        f"<style>{_STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto" markerUnits="userSpaceOnUse">'
        '<path d="M0 0L8 4L0 8z" fill="#59636e"/></marker>',
        f'<text class="title" x="{_MARGIN:g}" y="{_MARGIN:g}">{escaped(named)}</text>',
        f'<text class="small" x="{_MARGIN:g}" y="{_MARGIN + _LINE + 4:g}">{explained}</text>',
        *body,
        "</svg>",
        "",
    ])  # fmt: skip


@record
class _Box:
    lines: tuple[str, ...]
    style: str
    width: float
    height: float


class _Plot:
    """One panel, laid out."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.edges = list(edges(panel))
        self.boxes = {key: _box(lines, style) for key, lines, style in _contents(panel)}
        ends = dict.fromkeys((edge.source, edge.target) for edge in self.edges)
        bottom = [verdict for verdict in _VERDICTS if verdict in self.boxes]
        self.layers = layered(list(self.boxes), list(ends), bottom)
        self.straight = frozenset(self.layers.straight)
        widths = {
            key: self.boxes[key].width if key in self.boxes else _BEND
            for row in self.layers.levels
            for key in row
        }
        self.x = abscissae(self.layers, widths)
        self.heading = [panel.heading] * bool(panel.heading) + list(legend(panel))
        self.tops, self.bottoms = self._rows()
        self.level = {key: n for n, row in enumerate(self.layers.levels) for key in row}
        right = max(self.x[key] + widths[key] / 2 for key in self.x)
        texts = [len(line) * 8.0 for line in self.heading]
        self.width = max([right, *texts])
        self.height = self.bottoms[-1]

    def _rows(self) -> tuple[list[float], list[float]]:
        """The upper and lower edge of each level."""
        y = _HEADING * len(self.heading) + _PADDING
        tops, bottoms = [], []
        for row in self.layers.levels:
            height = max((self.boxes[key].height for key in row if key in self.boxes), default=0.0)
            tops.append(y)
            bottoms.append(y + height)
            y += height + _LEVEL
        return tops, bottoms

    def elements(self) -> Iterator[str]:
        for number, line in enumerate(self.heading):
            style = "small" if number or line != self.panel.heading else "heading"
            y = _HEADING * number + _LINE
            yield f'<text class="{style}" x="0" y="{y:g}">{escaped(line)}</text>'
        yield from self._trunks()
        for yes, no in zip(self.edges[::2], self.edges[1::2], strict=True):
            yield from self._pair(yes, no)
        for key, box in self.boxes.items():
            yield from self._drawn(key, box)

    # ------------------------------------------------------------ boxes

    def _drawn(self, key: Key, box: _Box) -> Iterator[str]:
        left, top = self.x[key] - box.width / 2, self.tops[self.level[key]]
        round = box.height / 2 if key in _VERDICTS else 4
        yield f"<g><title>{escaped(' | '.join(box.lines))}</title>"
        yield (
            f'<rect class="{box.style}" x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:g}" rx="{round:g}"/>'
        )
        for number, line in enumerate(box.lines):
            y = top + _PADDING + _LINE * number + 9
            small = ' class="small"' if number and len(box.lines) > 1 else ""
            yield (
                f'<text{small} x="{self.x[key]:.1f}" y="{y:.1f}" text-anchor="middle">'
                f"{escaped(_cut(line))}</text>"
            )
        yield "</g>"

    # ------------------------------------------------------------ edges

    def _trunks(self) -> Iterator[str]:
        """The pieces that start at a bend: shared by all edges that pass it."""
        for upper, lower in self.layers.joints:
            if isinstance(upper, Bend):
                level = self.level[upper]
                start = f"M{self.x[upper]:.1f} {self.tops[level]:.1f}V{self.bottoms[level]:.1f}"
                style = upper.target if upper.target in _VERDICTS else ""
                colour = {"accept": " yes", "reject": " no"}.get(str(style), "")
                yield self._path(start, self.x[upper], level, lower, f"edge{colour}")

    def _pair(self, yes: Edge, no: Edge) -> Iterator[str]:
        """The two edges of a box; labels stand where the curves do not go, if there is room."""
        left, right = yes, no
        if self.x[self._next(yes)] > self.x[self._next(no)]:
            left, right = no, yes
        aside = self.boxes[yes.source].width / 4
        room = 2 * aside > (len(yes.label) + len(no.label)) * _CHARACTER + 8
        for edge, x in ((left, -aside), (right, aside)):
            x += self.x[edge.source]
            drifts = self.x[self._next(edge)] > x
            yield from self._edge(edge, x, drifts if room else edge is left)

    def _edge(self, edge: Edge, x: float, labelled_left: bool) -> Iterator[str]:
        """From its box to the next level, and its label.  x: where it starts."""
        bottom = self._bottom(edge.source)
        way = "yes" if edge.yes else "no"
        style = f"edge {way}{' moved' * edge.led}{' idle' * (edge.packets == 0)}"
        start = f"M{x:.1f} {bottom:.1f}"
        yield self._path(start, x, self.level[edge.source], self._next(edge), style)
        place, anchor = (x - 4, "end") if labelled_left else (x + 4, "start")
        yield (
            f'<text class="label {way}" x="{place:.1f}" y="{bottom + 13:.1f}" '
            f'text-anchor="{anchor}">{escaped(edge.label)}</text>'
        )

    def _next(self, edge: Edge) -> Key:
        """The box or the bend on a lower level that an edge goes to first."""
        level = self.level[edge.source] + 1
        if (edge.source, edge.target) in self.straight or self.level[edge.target] == level:
            return edge.target
        return Bend(edge.target, level)

    def _bottom(self, key: Key) -> float:
        return self.tops[self.level[key]] + self.boxes[key].height

    def _path(self, start: str, x: float, level: int, end: Key, style: str) -> str:
        """A curve from the bottom of a level to the top of what it leads to."""
        y = self.bottoms[level]
        to_x, to_y = self.x[end], self.tops[self.level[end]]
        middle = (y + to_y) / 2
        head = "" if isinstance(end, Bend) else ' marker-end="url(#head)"'
        curve = f"V{y:.1f}C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        return f'<path class="{style}" d="{start}{curve}"{head}/>'


def _contents(panel: Panel) -> Iterator[tuple[Key, tuple[str, ...], str]]:
    """What stands in each box, and its style; verdicts last."""
    reached: set[Exit] = {panel.picture.start}
    for one in panel.picture.decisions:
        reached |= {one.yes, one.no}
        mark = panel.mark(one.number)
        yield one.number, lines_of(panel, one), f"box {mark}" if mark else "box"
    for verdict in _VERDICTS:
        if verdict in reached:
            yield verdict, verdict_lines(panel, verdict), verdict


def _box(lines: tuple[str, ...], style: str) -> _Box:
    longest = max(len(_cut(line)) for line in lines)
    width = max(longest * _CHARACTER + 2 * _PADDING, _NARROWEST)
    return _Box(lines, style, width, len(lines) * _LINE + _PADDING)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def escaped(text: str) -> str:
    """Text of an XML 1.0 document; what none may hold becomes a question mark."""
    plain = "".join(one if _allowed(ord(one)) else "?" for one in text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _allowed(code: int) -> bool:
    """https://www.w3.org/TR/xml/#charsets"""
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF
