"""Real shells that complete a command line, and what they offer.

bash and zsh run on a terminal of their own and are sent the keys; fish completes a line by itself.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

PATIENCE = 30  # seconds for one answer, on a machine that is busy
_DONE = "done."
# Instead of bpfq: it answers what the scripts ask, and tells what it was called with.
_STUB = r"""bpfq() {
    case "$*" in
        "completion attached") printf '%s\n' ntp /sys/fs/bpf/ntp ;;
        "completion sets") echo bad ;;
        *) printf '<%s>' "$@" > "$FOUND"; echo "done." >> "$FOUND" ;;
    esac
}
"""
_BASH = r"""PS1=; bind 'set bell-style none'
source "$SCRIPT"
_watched() { _bpfq; printf '%s\n' "${COMPREPLY[@]}" done. > "$FOUND"; }
complete -F _watched bpfq
echo done. > "$FOUND"
"""
_ZSH = r"""PS1=; autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' completer _complete
source "$SCRIPT"
compadd() {
    local -a hits
    if [[ " $* " != *' -'[OAD]' '* ]]; then
        builtin compadd -A hits "$@"
        print -rl -- $IPREFIX$^hits >> "$FOUND"
    fi
    builtin compadd "$@"
}
_watched() { : > "$FOUND"; _main_complete; compstate[list]=; echo done. >> "$FOUND"; }
zle -C watched complete-word _watched; bindkey '^I' watched
echo done. > "$FOUND"
"""
_FISH = r"""function bpfq
    switch "$argv"
        case "completion attached"; printf '%s\n' ntp /sys/fs/bpf/ntp
        case "completion sets"; echo bad
    end
end
source $SCRIPT
while read line; complete -C$line; echo done.; end
"""


class Terminal:
    """An interactive shell with the script of bpfq."""

    def __init__(self, shell: str, script: Path, place: Path) -> None:
        self.shell = shell
        self.found = place / "found"
        setup = place / "setup"
        setup.write_text(_STUB + {"bash": _BASH, "zsh": _ZSH}[shell])
        quiet = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",)}[shell]
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(place)
            variables = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(place),
                         "SCRIPT": str(script), "FOUND": str(self.found), "LANG": "C.UTF-8"}  # fmt: skip
            os.execvpe(shell, (shell, *quiet, "-i"), variables)
        self._sent(f"source {setup}\n")

    def completed(self, line: str) -> set[str]:
        """What is offered for the end of the line, as whole words."""
        offered = self._sent(f"{line}\t").splitlines()
        self._write("\x15")  # Ctrl-U: an empty line
        return {word for word in offered if word}

    def ran(self, keys: str) -> str:
        """The words that bpfq is called with after these keys, as <one><another>."""
        self._sent(keys)
        return self._sent("\n").strip()

    def close(self) -> None:
        os.close(self.terminal)
        os.waitpid(self.child, 0)

    def _sent(self, keys: str) -> str:
        """What the shell writes to the file for the keys."""
        self.found.unlink(missing_ok=True)
        self._write(keys)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self._drain()
            if self.found.exists() and (text := self.found.read_text()).endswith(f"{_DONE}\n"):
                return text.removesuffix(f"{_DONE}\n")
        raise AssertionError(f"no answer to {keys!r}")

    def _write(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def _drain(self) -> None:
        if select.select([self.terminal], [], [], 0.02)[0]:
            os.read(self.terminal, 65536)


class Fish:
    """A shell that completes lines which it reads."""

    def __init__(self, script: Path, place: Path) -> None:
        variables = {"PATH": os.environ["PATH"], "HOME": str(place), "SCRIPT": str(script)}
        self._process = subprocess.Popen(
            ("fish", "--no-config", "-c", _FISH), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=variables, cwd=place,
        )  # fmt: skip

    def completed(self, line: str) -> set[str]:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        offered = iter(process.stdout.readline, f"{_DONE}\n")
        return {each.rstrip("\n").split("\t")[0] for each in offered}

    def close(self) -> None:
        self._process.communicate()


def started(shell: str, script: Path, place: Path) -> Terminal | Fish:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: apt-get install {shell}")
    return Fish(script, place) if shell == "fish" else Terminal(shell, script, place)
