"""The pages of the documentation and the code blocks in them.

A block is fenced by three backticks at the beginning of a line.  A comment above it, with nothing
between, says who runs it where the page cannot run by itself:

    <!-- run by tests/cli/test_count.py: needs privileges -->
    <!-- not run: needs a cluster -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bpfq.record import record

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN_BY = re.compile(r"<!-- run by (\S+): (.+?) -->\n\Z")
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\n\Z")


@record
class Block:
    """A code block.

    run_by: the file that runs it, "" where this page's own test does.  reason: why, or why nothing
    runs it.  after: the language of the block before, where only blank lines stand between.
    """

    page: str
    line: int
    language: str
    text: str
    run_by: str = ""
    not_run: bool = False
    reason: str = ""
    after: str = ""

    @property
    def marked(self) -> bool:
        return bool(self.run_by) or self.not_run

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def steps(self) -> bool:
        """A session: commands with what they print."""
        return self.text.startswith("$ ")

    @property
    def printed(self) -> bool:
        """What the Python block above it prints."""
        return self.language == "text" and self.after == "python" and not self.steps


def pages() -> tuple[str, ...]:
    """Every page, relative to the repository."""
    return ("README.md", *(f"docs/{path.name}" for path in sorted(ROOT.glob("docs/*.md"))))


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> Iterator[Block]:
    """The code blocks of a page; what Sphinx is told, ```{name}, is none."""
    text = text_of(page)
    language, end = "", 0
    for found in _FENCE.finditer(text):
        between = text[end : found.start()]
        after = language if not between.strip() else ""
        language, end = found[1].strip(), found.end()
        if language.startswith("{"):
            continue
        line = text.count("\n", 0, found.start()) + 1
        run_by, not_run = _RUN_BY.search(between), _NOT_RUN.search(between)
        yield Block(
            page, line, language, found[2],
            run_by=run_by[1] if run_by else "",
            not_run=not_run is not None,
            reason=run_by[2] if run_by else not_run[1] if not_run else "",
            after=after,
        )  # fmt: skip


def all_blocks() -> tuple[Block, ...]:
    return tuple(block for page in pages() for block in blocks(page))


def section(page: str, heading: str) -> str:
    """The text below a heading of the second level, up to the next."""
    found = re.search(
        rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text_of(page), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{page} has no heading {heading!r}"
    return found[1]
