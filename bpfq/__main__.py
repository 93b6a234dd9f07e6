"""The ``bpfq`` command: reads the arguments, runs one command, turns errors into exit codes.

Exit codes: 0 yes, found, done; 1 no, different, no packet matched; 2 the filter or the command
line is wrong; 3 right, but the target cannot; 4 the system refused; 5 undecided; 130 after Ctrl-C;
141 when the reader of standard output went away.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from bpfq.errors import BpfqError

if TYPE_CHECKING:
    from argparse import Namespace

SYSTEM_REFUSED = 4
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; ``argv`` is without the program's name.  Returns the exit code.

    As the program itself, without ``argv``, it does not return: the process ends here.
    """
    if argv is None:
        gc.disable()  # one run leaves little garbage, and looking for it takes a twentieth
        _leave(_finished(sys.argv[1:]))
    return _finished(list(argv))


def _leave(code: int) -> NoReturn:
    """End the process without taking down every module, which takes a tenth of a short run."""
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(code)


def _finished(words: list[str]) -> int:
    """The exit code, when everything is written."""
    try:
        code = _guarded(words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    except OSError as error:  # standard output is full
        from bpfq.cli.terminal import complain

        _forget_output()
        complain(BpfqError(f"cannot write: {error.strerror}"), words)
        return SYSTEM_REFUSED
    return code


def _guarded(words: list[str]) -> int:
    try:
        from bpfq.cli.arguments import read

        return _run(read(words))
    except SystemExit as done:  # argparse printed help or the version
        return int(done.code or 0)
    except BpfqError as error:
        from bpfq.cli.mistyped import suggest_command
        from bpfq.cli.terminal import complain

        suggest_command(error, words)
        complain(error, words)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(options: Namespace) -> int:
    match options.command:
        case "dump":
            from bpfq.cli.dump import run
        case "graph":
            from bpfq.cli.graph import run
        case "match":
            from bpfq.cli.match import run
        case "capture":
            from bpfq.cli.capture import run
        case "count":
            from bpfq.cli.count import run
        case "disasm":
            from bpfq.cli.disasm import run
        case "why":
            from bpfq.cli.why import run
        case "lint":
            from bpfq.cli.lint import run
        case "fmt":
            from bpfq.cli.fmt import run
        case "witness":
            from bpfq.cli.witness import run
        case "prove":
            from bpfq.cli.prove import run
        case "equiv" | "diff":
            from bpfq.cli.equiv import run
        case "attach":
            from bpfq.cli.attach import run
        case "test":
            from bpfq.cli.compare import run
        case "status":
            from bpfq.cli.status import run
        case "detach":
            from bpfq.cli.detach import run
        case "set":
            from bpfq.cli.sets import run
        case "export":
            from bpfq.cli.export import run
        case "doctor":
            from bpfq.cli.doctor import run
        case "completion":
            from bpfq.cli.completion import run
        case "man":
            from bpfq.cli.man import run
        case "schema":
            from bpfq.cli.schema import run
        case "links":
            from bpfq.cli.links import run
        case _:
            from bpfq.cli.explain import run
    return run(options)


def _forget_output() -> None:
    """Let nothing that is still buffered be written, or complained about, at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # not a real file


if __name__ == "__main__":
    sys.exit(main())
