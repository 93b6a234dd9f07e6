"""``bpfq test EXPRESSION -r FILE --target ebpf:HOOK``: the loaded program beside the classic one.

Packets that the capture cut short may be decided differently: no program sees what they lack.
"""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import ExitStack
from typing import Any, Final

from bpfq.capture.blocks import PacketView
from bpfq.capture.files import open_capture
from bpfq.capture.summary import summary
from bpfq.cli.given import given
from bpfq.cli.request import compiled, filter_text, for_hook
from bpfq.cli.terminal import note, standard_output
from bpfq.ebpf.comparing import Compared, Comparison
from bpfq.errors import BpfqError
from bpfq.record import field, record
from bpfq.source import Suggestion
from bpfq.tables.linktypes import by_number

_DIFFERENT: Final = 1
_SHOWN: Final = 5  # packets
_DROP: Final = "drop"


@record(frozen=False)
class _Tally:
    """What came of a file; packets are numbered from 1."""

    seen: int = 0
    matched: int = 0
    elsewhere: int = 0
    interpreted: int = 0
    cut: int = 0
    different: int = 0
    examples: list[tuple[int, str, Compared]] = field(default_factory=list)


def run(options: Namespace) -> int:
    _check(options)
    text = filter_text(options)
    tally = _Tally()
    comparisons: dict[int, Comparison] = {}
    standard_output()
    with ExitStack() as stack, open_capture(options.read) as source:
        for block in source:
            packet = block.packet
            if packet is None:
                continue
            comparison = comparisons.get(packet.link_type)
            if comparison is None:
                comparison = stack.enter_context(_comparison(options, text, packet.link_type))
                comparisons[packet.link_type] = comparison
            _count(tally, packet, comparison.look(packet.data, _link(packet.link_type)))
            if tally.seen == options.limit:
                break
    _report(options, tally)
    return _DIFFERENT if tally.different else 0


def _check(options: Namespace) -> None:
    if options.read is None:
        raise BpfqError("no file: give one with -r, - for standard input")
    if options.interface is not None:
        raise BpfqError("-r reads a file: leave out -i")
    if options.limit is not None and options.limit < 1:
        raise BpfqError(f"-c {options.limit} is not a number of packets")
    if not (options.target or "").startswith("ebpf:"):
        raise BpfqError(
            "test runs an eBPF program beside the classic one: give its hook",
            suggestions=(Suggestion("--target ebpf:xdp"), Suggestion("--target ebpf:tc")),
        )
    if options.action is None and options.target != "ebpf:socket":
        options.action = _DROP


def _comparison(options: Namespace, text: str, link: int) -> Comparison:
    """The programs for packets of one link type; raises BpfqError."""
    wanted = {**vars(options), "link": link if options.link is None else options.link}
    program = for_hook(compiled(Namespace(**wanted), text))
    assert program is not None
    if program.verdicts.accept == program.verdicts.reject:
        raise BpfqError(
            f"action {options.action!r} returns the same for every packet: nothing to compare",
            suggestions=(Suggestion(f"--action {_DROP}"),),
        )
    brought = given(options)
    words = program.words if brought is None else brought.words
    return Comparison(program.module, program.verdicts, words)


def _link(number: int) -> str:
    row = by_number().get(number)
    return str(number) if row is None else row.name


def _count(tally: _Tally, packet: PacketView, found: Compared | None) -> None:
    tally.seen += 1
    if found is None:
        tally.elsewhere += 1
        return
    tally.interpreted += found.interpreted
    tally.matched += found.expected
    if found.same:
        return
    if len(packet.data) < packet.wire_length:
        tally.cut += 1
        return
    tally.different += 1
    if len(tally.examples) < _SHOWN:
        shown = f"{packet.wire_length:5}  {summary(_link(packet.link_type), packet.data)}"
        tally.examples.append((tally.seen, shown, found))


def _report(options: Namespace, tally: _Tally) -> None:
    if options.json:
        print(json.dumps(_fields(tally)))
        return
    for number, shown, found in tally.examples:
        print(f"packet {number}  {shown}")
        print(f"  {options.target} {_said(found)}; classic {_word(found.expected)}")
    compared = tally.seen - tally.elsewhere
    result = f"{tally.different} differ" if tally.different else "the same verdict for all"
    print(f"{_packets(compared)} compared, {tally.matched} matched: {result}")
    if options.quiet:
        return
    notes = {
        "too short or too long for BPF_PROG_TEST_RUN: the interpreter ran them": tally.interpreted,
        "without an IP header behind the Ethernet one: they never come to this hook": tally.elsewhere,
        "cut short by the capture and decided differently, as they may be": tally.cut,
    }
    for text, number in notes.items():
        if number:
            note(f"{_packets(number)} {text}")


def _packets(number: int) -> str:
    return f"{number} {'packet' if number == 1 else 'packets'}"


def _said(found: Compared) -> str:
    meaning = "returns" if found.accepts is None else f"{_word(found.accepts)}, returns"
    return f"{meaning} {found.returned}"


def _word(accepts: bool) -> str:
    return "accepts" if accepts else "rejects"


def _fields(tally: _Tally) -> dict[str, Any]:
    """The counts as ``--json`` prints them; keys are only ever added."""
    return {
        "packets": tally.seen,
        "compared": tally.seen - tally.elsewhere,
        "matched": tally.matched,
        "different": tally.different,
        "cut_and_different": tally.cut,
        "interpreted": tally.interpreted,
        "not_at_this_hook": tally.elsewhere,
        "examples": [
            {"packet": number, "returned": found.returned, "expected": found.expected}
            for number, _, found in tally.examples
        ],
    }
