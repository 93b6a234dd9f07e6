"""A drawing in the language of Graphviz; a cluster for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.drawing.edges import caption, edges, legend, lines_of, verdict_lines
from bpfq.analysis.drawing.panel import Panel

_MARKS: Final = {
    "new": 'color="#1a7f37", penwidth=2.5',
    "led": 'color="#bf8700", penwidth=2.5',
    "leaving": 'color="#cf222e", style="dashed"',
}
_VERDICTS: Final = {"accept": "#dafbe1", "reject": "#ffebe9"}


def dot(title: str, panels: Sequence[Panel]) -> str:
    """A digraph; Graphviz itself lays it out."""
    lines = ["digraph filter {", f"  label={_quoted((caption(title),))}; labelloc=t; fontname=sans"]
    lines.append('  node [shape=box, fontname="monospace"]; edge [fontname="sans", fontsize=10]')
    for number, panel in enumerate(panels):
        lines.append(f"  subgraph cluster_{number} {{")
        label = (panel.heading, *legend(panel))
        lines += [f"    {line}" for line in (f"label={_quoted(label)}", *_body(panel, number))]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _body(panel: Panel, cluster: int) -> Iterator[str]:
    for one in panel.picture.decisions:
        mark = _MARKS.get(panel.mark(one.number), "")
        attributes = f"label={_quoted(lines_of(panel, one))}{', ' * bool(mark)}{mark}"
        yield f"n{cluster}_{one.number} [{attributes}]"
    for verdict, colour in _VERDICTS.items():
        label = _quoted(verdict_lines(panel, verdict))
        yield (
            f'n{cluster}_{verdict} [label={label}, shape=oval, style=filled, fillcolor="{colour}"]'
        )
    yield f"{{ rank=max; n{cluster}_accept; n{cluster}_reject }}"
    yield f"n{cluster}_start [shape=point]; n{cluster}_start -> n{cluster}_{panel.picture.start}"
    for edge in edges(panel):
        colour = "#1a7f37" if edge.yes else "#cf222e"
        width = ", penwidth=2.5" if edge.led else ""
        yield (
            f"n{cluster}_{edge.source} -> n{cluster}_{edge.target} "
            f'[label={_quoted((edge.label,))}, color="{colour}"{width}]'
        )


def _quoted(lines: Sequence[str]) -> str:
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(" ".join(line.split()) for line in escaped) + '"'
