"""A drawing as a Mermaid flowchart, which Markdown pages show; a subgraph for each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bpfq.analysis.drawing.edges import caption, edges, legend, lines_of, verdict_lines
from bpfq.analysis.drawing.panel import Panel

_STYLES: Final = {
    "accept": "fill:#dafbe1,stroke:#1a7f37",
    "reject": "fill:#ffebe9,stroke:#cf222e",
    "new": "stroke:#1a7f37,stroke-width:3px",
    "led": "stroke:#bf8700,stroke-width:3px",
    "leaving": "stroke:#cf222e,stroke-dasharray:5 5",
}


def mermaid(title: str, panels: Sequence[Panel]) -> str:
    """Line by line: boxes, edges, and classes for what the passes changed."""
    lines = ["---", f"title: {_title(title)}", "---", "flowchart TD"]
    for number, panel in enumerate(panels):
        heading = (*[panel.heading] * bool(panel.heading), *legend(panel))
        framed = bool(heading)
        if framed:
            lines.append(f"  subgraph s{number}[{_quoted(heading)}]")
        lines += [f"  {'  ' * framed}{line}" for line in _body(panel, number)]
        if framed:
            lines.append("  end")
    lines += [f"  classDef {name} {style}" for name, style in _STYLES.items()]
    return "\n".join([*lines, ""])


def _body(panel: Panel, number: int) -> Iterator[str]:
    for one in panel.picture.decisions:
        mark = panel.mark(one.number)
        box = f"n{number}_{one.number}[{_quoted(lines_of(panel, one))}]"
        yield f"{box}{':::' * bool(mark)}{mark}"
    reached = {edge.target for edge in edges(panel)} | {panel.picture.start}
    for verdict in ("accept", "reject"):
        if verdict in reached:
            yield f"n{number}_{verdict}([{_quoted(verdict_lines(panel, verdict))}]):::{verdict}"
    for edge in edges(panel):
        arrow = "==>" if edge.led else "-->" if edge.yes else "-.->"
        yield (f"n{number}_{edge.source} {arrow}|{_quoted((edge.label,))}| n{number}_{edge.target}")


def _quoted(lines: Sequence[str]) -> str:
    """Text in quotes; what Mermaid or HTML would read otherwise is written by its number."""
    return '"' + "<br>".join("".join(map(_safe, " ".join(x.split()))) for x in lines) + '"'


def _safe(character: str) -> str:
    plain = character.isalnum() or character in " []().,:;+-*/=_|!"
    return character if plain else f"#{ord(character)};"


def _title(text: str) -> str:
    """A YAML string on one line."""
    escaped = caption(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
