"""The decisions of a filter as a picture, with the command that drew it inside.

dot        // made by: bpfq export dot arp
mermaid    %% made by: ...                        below its front matter
svg        <desc>made by: ...</desc>              behind its title
"""

from __future__ import annotations

from bpfq.analysis.drawing.drawing import Drawing, drawing
from bpfq.analysis.drawing.svg import escaped
from bpfq.analysis.stages import stages
from bpfq.export.comments import heading
from bpfq.export.job import Job


def dot(job: Job) -> str:
    """The graph in the language of Graphviz."""
    return f"{heading(job, '//')}\n{_drawing(job).dot()}"


def mermaid(job: Job) -> str:
    """A flowchart for Markdown pages."""
    front, mark, rest = _drawing(job).mermaid().partition("\n---\n")
    return f"{front}{mark}{heading(job, '%%')}\n{rest}"


def svg(job: Job) -> str:
    """A document of XML."""
    front, end, rest = _drawing(job).svg().partition("</title>")
    said = heading(job, "").strip()
    return f"{front}{end}\n<desc>{escaped(said)}</desc>{rest}"


def _drawing(job: Job) -> Drawing:
    part = job.only
    return drawing(part.text, stages(part.query(), part.settings))
