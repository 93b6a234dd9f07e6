"""``bpfq dump --stats EXPRESSION``: what the program costs, beside others of the same filter."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from bpfq.analysis.stats import Figures, Stats
from bpfq.cli.request import description
from bpfq.program.classic import Program
from bpfq.questions.programs import stats
from bpfq.record import fields


def run(options: Namespace, text: str | None, program: Program) -> int:
    found = stats(program, text=text)
    if options.json:
        import json

        print(json.dumps({**description(program, text, options), **_fields(found)}))
    else:
        print(found)
    return 0


def _fields(found: Stats) -> dict[str, Any]:
    """The figures as ``--json`` prints them; keys are only ever added."""
    return {
        "optimised_for": found.objective,
        "result": _figures(found.result),
        "models": {name: _figures(one) for name, one in found.models.items()},
        "written": _figures(found.written),
        "libpcap": None if found.libpcap is None else _figures(found.libpcap),
        "libpcap_says": found.libpcap_says,
        "profile": {"packets": found.packets, "own": found.own_profile},
    }


def _figures(one: Figures) -> dict[str, int | float | None]:
    return {field.name: getattr(one, field.name) for field in fields(Figures)}
