"""``bpfq man``: the manual page bpfq(1), made from the parsers.

bpfq man | man -l -                              read it
bpfq man > /usr/local/share/man/man1/bpfq.1      install it
"""

from __future__ import annotations

from argparse import Namespace

from bpfq.cli.shell.manual import page
from bpfq.cli.shell.outline import outline
from bpfq.errors import BpfqError


def run(options: Namespace) -> int:
    if options.words:
        raise BpfqError(f"man takes no words, not {options.words[0]!r}")
    print(page(outline()), end="")
    return 0
