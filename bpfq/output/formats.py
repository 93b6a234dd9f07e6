"""FORMATS: name -> function from instructions to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.text import dump_d, dump_dd, dump_ddd, dump_raw


def dump_json(words: Sequence[SockFilter]) -> str:
    """A JSON list of [code, jt, jf, k]."""
    import json

    return json.dumps([list(word) for word in words])


FORMATS: dict[str, Callable[[Sequence[SockFilter]], str]] = {
    "d": dump_d,
    "dd": dump_dd,
    "ddd": dump_ddd,
    "raw": dump_raw,
    "json": dump_json,
}
