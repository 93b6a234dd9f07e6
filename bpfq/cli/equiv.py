"""``bpfq equiv A B``, alias diff: do two filters match the same packets?"""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Final

from bpfq.analysis.compare import Comparison
from bpfq.cli.given import given
from bpfq.cli.packets import packet_fields, print_beside, write_frames
from bpfq.cli.request import STANDARD_STREAM, meaning, read_text
from bpfq.cli.terminal import BOLD, coloured, note, paint, standard_output
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.given import lists_program
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.questions.filters import compare
from bpfq.source import blank_comments

_DIFFERENT: Final = 1
_UNDECIDED: Final = 5
_FILE: Final = "@"  # begins an argument that names a file
_LABELS: Final = ("only the first:", "only the second:", "both:")
_LABEL: Final = 17  # columns
_INSTEAD_OF_A_PACKET: Final = {  # by relation: only the first, only the second, both
    "equal": ("none", "none", "none: neither matches any packet"),
    "subset": ("none: the first is a subset", "", "none: the first matches no packet"),
    "superset": ("", "none: the second is a subset", "none: the second matches no packet"),
    "disjoint": ("", "", "none: they are disjoint"),
    "overlapping": ("", "", ""),
    "undecided": ("none was found", "none was found", "none was found"),
}


def run(options: Namespace) -> int:
    if options.file is not None:
        raise BpfqError(f"equiv takes two filters: write @{options.file} for one of them, not -F")
    wanted = "two filters, each" if options.program is None else "one filter beside --program,"
    if len(options.words) != (2 if options.program is None else 1):
        raise BpfqError(f"equiv takes {wanted} in quotes, not {len(options.words)} words")
    found = _compared(options)
    packets = [one for one in (found.only_left, found.only_right, found.both) if one is not None]
    if options.write is not None:
        write_frames(options.write, [packet.frame for packet in packets])
    if options.json:
        print_beside(options.write, _described(found))
    elif options.write != STANDARD_STREAM:
        _print(found, options)
    if found.only_left is not None or found.only_right is not None:
        return _DIFFERENT
    return _UNDECIDED if found.relation == "undecided" else 0


def _compared(options: Namespace) -> Comparison:
    sides: list[str | tuple[SockFilter, ...]] = [_given(word) for word in options.words]
    brought = given(options)
    if brought is not None:
        sides.append(brought.words)
    return compare(
        *sides,
        right_target=options.right_target,
        right_link=options.right_link,
        **meaning(options),
    )


def _given(word: str) -> str:
    """A filter or a program, or what the file has that the word names."""
    if word != STANDARD_STREAM and not word.startswith(_FILE):
        return word
    text = read_text(word.removeprefix(_FILE))
    return text if lists_program(text) else blank_comments(text)


# ---------------------------------------------------------------- out


def _print(found: Comparison, options: Namespace) -> None:
    on = coloured(options.color, standard_output())
    print(paint(_headline(found), BOLD, on))
    instead = _INSTEAD_OF_A_PACKET[found.relation]
    packets = (found.only_left, found.only_right, found.both)
    for label, packet, words in zip(_LABELS, packets, instead, strict=True):
        if found.relation == "equal" and label != "both:":
            continue
        line = words if packet is None else f"{packet.frame.length:>5} B  {packet.summary}"
        print(f"{label:<{_LABEL}}{line}")
    for packet in () if options.quiet else packets:
        for fault in () if packet is None else packet.faults:
            note(f"{fault}, but for the filters")


def _headline(found: Comparison) -> str:
    if found.relation == "equal":
        return "equal: the same packets, as far as their captured bytes tell"
    if found.only_left is None and found.only_right is None:
        return "undecided: the budget was spent"
    return "different" if found.relation != "undecided" else "different, the rest is undecided"


def _described(found: Comparison) -> dict[str, Any]:
    """As ``--json`` prints it; keys are only ever added."""
    return {
        "relation": found.relation,
        **{
            name: None if packet is None else packet_fields(packet)
            for name, packet in (
                ("only_left", found.only_left),
                ("only_right", found.only_right),
                ("both", found.both),
            )
        },
    }
