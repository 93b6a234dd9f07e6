"""JSON for programs that read programs; docs/exports.md says what each key is.

{"version": 1, "command": "bpfq export json arp", "programs": [
 {"name": "filter", "filter": "arp", "target": "file", "link": "EN10MB", "accept": 262144,
  "instructions": [
  [40, 0, 0, 12],
  ...
"""

from __future__ import annotations

from typing import Final

from bpfq.export.comments import shell_line
from bpfq.export.job import Job, Part
from bpfq.export.names import USUAL

_VERSION: Final = 1  # keys are only ever added to it


def json_text(job: Job) -> str:
    """An object, an instruction a line."""
    import json

    command = json.dumps(shell_line(job.command) if job.command else None)
    programs = ",\n ".join(map(_program, job.parts))
    return f'{{"version": {_VERSION}, "command": {command}, "programs": [\n {programs}\n]}}\n'


def _program(part: Part) -> str:
    import json

    fields = {
        "name": part.name or USUAL,
        "filter": part.text,
        "target": part.settings.target.name,
        "link": part.settings.link.name,
        "accept": part.settings.accept,
    }
    rows = ",\n  ".join(json.dumps(list(word)) for word in part.words)
    return f'{json.dumps(fields)[:-1]}, "instructions": [\n  {rows}\n ]}}'
