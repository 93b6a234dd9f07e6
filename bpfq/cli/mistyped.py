"""What a mistyped command most likely was.

$ bpfq satus
bpfq: unknown word 'satus'
  satus
  ^^^^^
  try:  bpfq status
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from bpfq.cli.arguments import VERBS
from bpfq.errors import BpfqError
from bpfq.source import Suggestion, nearest

_OPTIONS: Final = ("help", "version")  # commands of other programs


def suggest_command(error: BpfqError, words: Sequence[str]) -> None:
    """Let the error suggest the command, where the first word is no part of a filter."""
    first = words[0] if words else ""
    unknown = not error.suggestions and error.message == f"unknown word '{first}'"
    strange = first not in VERBS and error.message.startswith("unknown option ")
    if not unknown and not strange:
        return
    meant = nearest(first, (*VERBS, *_OPTIONS))
    if meant in _OPTIONS:
        error.suggestions = (Suggestion(f"bpfq --{meant}"),)
    elif meant is not None:
        error.suggestions = (Suggestion(shlex.join(("bpfq", meant, *words[1:]))),)
