"""``bpfq completion bash | zsh | fish``: a completion script for the shell, made from the parsers.

    bpfq completion bash > /etc/bash_completion.d/bpfq

The scripts ask ``bpfq completion attached`` and ``bpfq completion sets`` for the names of what is
at work; where the kernel does not tell there are none.
"""

from __future__ import annotations

from argparse import Namespace

from bpfq.cli.shell.values import SHELLS
from bpfq.errors import BpfqError
from bpfq.source import Suggestion, nearest


def run(options: Namespace) -> int:
    (word,) = options.words if len(options.words) == 1 else ("",)
    match word:
        case "attached":
            _print_lines(_attached())
        case "sets":
            _print_lines(_sets())
        case _:
            print(_script(word), end="")
    return 0


def _print_lines(names: list[str]) -> None:
    for name in names:
        print(name)


def _script(shell: str) -> str:
    if shell not in SHELLS:
        close = nearest(shell, SHELLS)
        raise BpfqError(
            f"completion takes one shell: {', '.join(SHELLS)}",
            suggestions=(Suggestion(f"bpfq completion {close or SHELLS[0]}"),),
        )
    match shell:
        case "bash":
            from bpfq.cli.shell.bash import script
        case "zsh":
            from bpfq.cli.shell.zsh import script
        case _:
            from bpfq.cli.shell.fish import script
    from bpfq.cli.shell.outline import outline

    return script(outline())


def _attached() -> list[str]:
    """What ``bpfq detach`` takes."""
    from bpfq.ebpf.standing import standing

    try:
        rows = standing()
    except BpfqError:
        return []
    return [name for row in rows for name in (row.name, *row.pins) if name]


def _sets() -> list[str]:
    from bpfq.ebpf.sets import all_sets

    try:
        rows = all_sets()
    except BpfqError:
        return []
    try:
        return list(dict.fromkeys(row.name for row in rows))
    finally:
        for row in rows:
            row.close()
