"""``bpfq prove EXPRESSION [--program FILE]``: does the program do what the filter says?"""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from bpfq.analysis.prove import Counterexample, Proof
from bpfq.cli.given import given
from bpfq.cli.request import compiled, meaning, written_text
from bpfq.cli.terminal import BOLD, coloured, paint, standard_output
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.questions.filters import prove

_EXIT: Final = {"proved": 0, "refuted": 1, "undecided": 5}
_LABEL: Final = 10  # columns
_A_LINE: Final = 16  # bytes
_MOST_LINES: Final = 16
_MOST_FOLLOWING: Final = 32  # bytes shown of those that were cut off


def run(options: Namespace) -> int:
    text, brought = written_text(options), given(options)
    if brought is None:
        program = compiled(options, text)
        size, proof = len(program), program.prove()
    else:
        size, proof = len(brought.words), _foreign(options, text, brought.words)
    if options.json:
        import json

        print(json.dumps(_described(proof, size)))
    else:
        on = coloured(options.color, standard_output())
        print(paint(proof.verdict, BOLD, on))
        for label, line in _lines(proof, size):
            print(f"{label:<{_LABEL}}{line}".rstrip())
    return _EXIT[proof.verdict]


def _foreign(options: Namespace, text: str, words: tuple[SockFilter, ...]) -> Proof:
    return prove(text, words, strict=options.strict, **meaning(options))


def _lines(proof: Proof, size: int) -> list[tuple[str, str]]:
    """Labels and what stands behind them."""
    match proof.verdict:
        case "proved":
            return [("", f"{_many(size)}: accepts what the filter accepts, on every packet")]
        case "undecided":
            return [("", "the budget was spent: neither a proof nor a packet that shows otherwise")]
    shown = proof.counterexample
    assert shown is not None
    lines = [("packet", f"{shown.summary}, {_bytes_of(shown)}")]
    lines += _hexadecimal(shown.network_header, "before")
    lines += _hexadecimal(shown.octets, "")
    lines += [("metadata", f"{name} {value}") for name, value in shown.metadata.items() if value]
    lines += [
        (f"@{name}", " ".join(key.hex() for key in keys)) for name, keys in shown.sets.items()
    ]
    lines.append(("filter", "accepts" if shown.filter_accepts else "rejects"))
    following = _following(shown)
    if following is not None:
        lines.append(("", f"cut off at byte {len(shown.octets)}, completed by {following}"))
    says = "rejects" if shown.filter_accepts else "accepts"
    returned = "is refused" if shown.returned is None else f"{says}, returns {shown.returned}"
    lines.append(("program", returned))
    return lines


def _many(size: int) -> str:
    return f"{size} instruction{'' if size == 1 else 's'}"


def _bytes_of(shown: Counterexample) -> str:
    size = len(shown.octets)
    return f"{size} bytes" if size == shown.wire_length else f"{size} of {shown.wire_length} bytes"


def _hexadecimal(octets: bytes, label: str) -> list[tuple[str, str]]:
    rows = [octets[at : at + _A_LINE] for at in range(0, len(octets), _A_LINE)]
    lines = [("", row.hex(" ", 2)) for row in rows[:_MOST_LINES]]
    if len(rows) > _MOST_LINES:
        lines.append(("", f"... {len(octets) - _A_LINE * _MOST_LINES} more bytes; --json has all"))
    if lines and label:
        lines[0] = (label, lines[0][1])
    return lines


def _following(shown: Counterexample) -> str | None:
    """The bytes behind the captured ones, up to the last that is not 0."""
    if shown.completed is None:
        return None
    behind = shown.completed[len(shown.octets) :].rstrip(b"\0")
    if len(behind) > _MOST_FOLLOWING:
        return f"{behind[:_MOST_FOLLOWING].hex(' ', 2)} ... and zeros"
    return f"{behind.hex(' ', 2)} and zeros" if behind else "zeros"


def _described(proof: Proof, size: int) -> dict[str, Any]:
    """As ``--json`` prints it; keys are only ever added."""
    shown = proof.counterexample
    found = None
    if shown is not None:
        found = {
            "summary": shown.summary,
            "octets": shown.octets.hex(),
            "length": shown.wire_length,
            "metadata": shown.metadata,
            "network_header": shown.network_header.hex() or None,
            "filter_accepts": shown.filter_accepts,
            "program_returns": shown.returned,
            "sets": {name: [key.hex() for key in keys] for name, keys in shown.sets.items()},
            "completed": None if shown.completed is None else _completed(shown),
        }
    return {
        "verdict": proof.verdict,
        "instructions": size,
        "solved": proof.solved,
        "counterexample": found,
    }


def _completed(shown: Counterexample) -> str:
    """Without the zeros that a packet may end in."""
    assert shown.completed is not None
    kept = shown.completed.rstrip(b"\0")
    return kept.ljust(len(shown.octets) + 1, b"\0").hex()
