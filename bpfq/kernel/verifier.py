"""What the verifier said: from its log to one sentence, an instruction and the line behind it.

    0: (71) r0 = *(u8 *)(r1 +0)          refusal(log) == Refusal(instruction=0,
    invalid bpf_context access                                   sentence="invalid bpf_context ...")
    processed 1 insns (limit 1000000)

Source: Linux kernel/bpf/verifier.c, kernel/bpf/log.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from bpfq.errors import LoadError
from bpfq.isa.ebpf.program import Line

_STEP: Final = re.compile(r"(\d+): \([0-9a-f]{2}\) ")  # 7: (61) r0 = *(u32 *)(r1 +76)
_NAMED: Final = re.compile(r"\binsn (\d+)")  # unreachable insn 5, jump out of range from insn 3
_EPILOGUE: Final = (
    *("processed ", "verification time ", "stack depth ", "max_states_per_insn ", "total_states "),
    *("mark_precise:", "insns_processed ", "peak_states "),
)


class Refusal(NamedTuple):
    """The verifier's last words."""

    instruction: int | None  # the slot that it looked at last, or names
    sentence: str  # empty where the log is


class VerifierError(LoadError):
    """The verifier refused a program.

    ``log`` is all that it said, ``instruction`` the slot, ``sentence`` its last sentence and
    ``line`` the part of the filter behind the slot; None where it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        errno: int | None = None,
        log: str = "",
        instruction: int | None = None,
        sentence: str = "",
        line: Line | None = None,
    ) -> None:
        super().__init__(message, errno=errno)
        self.log = log
        self.instruction = instruction
        self.sentence = sentence
        self.line = line


def verifier_error(log: str, errno: int | None, lines: Sequence[Line] = ()) -> VerifierError:
    """The error that a log tells of; ``lines`` say what part of the filter a slot belongs to."""
    slot, sentence = refusal(log)
    line = None if slot is None else line_of(lines, slot)
    where = "" if slot is None else f" at instruction {slot}"
    behind = "" if line is None else f", for {line.text!r}"
    return VerifierError(
        f"the verifier refused the program{where}{behind}: {sentence}",
        errno=errno, log=log, instruction=slot, sentence=sentence, line=line,
    )  # fmt: skip


def refusal(log: str) -> Refusal:
    """Why the verifier refused, from its whole log."""
    said = [text for text in map(str.strip, log.splitlines()) if text]
    said = [text for text in said if not text.startswith(_EPILOGUE)]
    sentence = said[-1] if said else ""
    steps = [match for text in said if (match := _STEP.match(text))]
    named = _NAMED.search(sentence)
    if named:
        return Refusal(int(named[1]), sentence)
    return Refusal(int(steps[-1][1]) if steps else None, sentence)


def line_of(lines: Sequence[Line], slot: int) -> Line | None:
    """The line that the slot belongs to: the last one that begins at it or before it."""
    before = [line for line in lines if line.insn <= slot]
    return max(before, key=lambda line: line.insn) if before else None
