"""``bpfq dump --stages EXPRESSION``: every stage between the filter and its program."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from bpfq.analysis.decisions.picture import Decision, Picture
from bpfq.analysis.stages import Stages, Step
from bpfq.cli.drawn import print_drawn
from bpfq.cli.request import description
from bpfq.cli.terminal import columns, standard_output
from bpfq.program.classic import Program
from bpfq.questions.programs import stages


def run(options: Namespace, text: str | None, program: Program) -> int:
    made = stages(program)
    if options.json:
        import json

        print(json.dumps({**description(program, text, options), **stages_fields(made)}))
    else:
        print_drawn(made.lines(columns(standard_output())), options.color)
    return 0


def stages_fields(made: Stages) -> dict[str, Any]:
    """The stages as ``--json`` prints them; keys are only ever added."""
    return {
        "query": made.query,
        "simplified": made.simplified,
        "made": made.made,
        "graph": picture_fields(made.graph),
        "passes": [_step(step) for step in made.steps],
        "searched": made.searched or None,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "about": step.about,
        "before": step.before,
        "after": len(step.after.decisions),
        "new": sorted(step.new),
        "gone": [one.number for one in step.gone],
        "led_elsewhere": [
            {"number": number, "yes_was": yes, "no_was": no}
            for number, (yes, no) in step.led.items()
        ],
        "graph": picture_fields(step.after),
    }


def picture_fields(picture: Picture) -> dict[str, Any]:
    """A graph as ``--json`` prints it."""
    return {
        "start": picture.start,
        "tests": [decision_fields(one) for one in picture.decisions],
        "letters": dict(picture.definitions),
    }


def decision_fields(one: Decision) -> dict[str, Any]:
    return {
        "number": one.number,
        "test": one.test,
        "meaning": one.meaning or None,
        "yes": one.yes,
        "no": one.no,
    }
