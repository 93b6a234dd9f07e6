"""Golden text: [filter] and [error] sections, one pair a case."""

from __future__ import annotations

from pathlib import Path

from bpfq.errors import BpfqError
from bpfq.frontend.pcap.parse import parse

MISTAKES = Path(__file__).with_name("golden") / "mistakes.txt"


def cases(text: str) -> list[tuple[str, str]]:
    """(filter, error) pairs."""
    pairs = []
    for part in text.split("[filter]\n")[1:]:
        filter_text, _, error = part.partition("\n[error]\n")
        pairs.append((filter_text, error.rstrip("\n")))
    return pairs


def rendered(filter_text: str) -> str:
    """The refusal as a user sees it."""
    try:
        query = parse(filter_text)
    except BpfqError as error:
        return error.render()
    return f"accepted: {query!r}"


def written(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"[filter]\n{text}\n[error]\n{error}\n" for text, error in pairs)
