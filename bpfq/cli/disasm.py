"""``bpfq disasm``: read a program in any text form, print another."""

from __future__ import annotations

from argparse import Namespace

from bpfq.cli.request import STANDARD_STREAM, read_text
from bpfq.errors import BpfqError
from bpfq.isa.cbpf.read import parse_program
from bpfq.output.formats import FORMATS


def run(options: Namespace) -> int:
    if len(options.words) > 1:
        raise BpfqError(f"one file at a time, not {len(options.words)}")
    text = read_text(options.words[0] if options.words else STANDARD_STREAM)
    print(FORMATS["json" if options.json else options.to](parse_program(text)))
    return 0
