"""Blocks as lines: on one where they fit and have no comments, else one part a line.

tcp and not net 10.0.0.0/8       tcp
                                 and not net (
                                     10.0.0.0/8  # the lab
                                     or 192.168.0.0/16
                                 )
"""

from __future__ import annotations

from bpfq.analysis.formatting.blocks import Block
from bpfq.analysis.formatting.comments import Comment
from bpfq.record import field, record

_INDENT = 4  # columns


@record
class _Flat:
    """A block on one line; bare: a row without its parentheses."""

    block: Block
    bare: bool = False


@record
class _Laid:
    """A block in as many lines as it takes, which later ones begin at this indentation."""

    block: Block
    indent: int
    bare: bool = False


@record
class _Break:
    indent: int


_Work = str | Comment | _Flat | _Laid | _Break


def laid_out(block: Block, below: tuple[Comment, ...], width: int) -> str:
    """The lines, without an end to the last one; width: columns they may take, 0 for any."""
    writer = _Writer(width)
    writer.write(_part("", block, 0, bare=True))
    writer.write([item for comment in below for item in (_Break(0), comment)])
    return writer.text()


def only_comments(comments: tuple[Comment, ...]) -> str:
    """A filter of all packets has no words."""
    writer = _Writer(0)
    for comment in comments:
        writer.write([comment, _Break(0)])
    return writer.text()


@record(frozen=False)
class _Writer:
    width: int
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    indent: int = 0
    column: int = 0
    gap: bool = False  # an empty line comes before the next one

    def text(self) -> str:
        self._end(0)
        return "\n".join(self.lines)

    def write(self, work: list[_Work]) -> None:
        work.reverse()
        while work:
            match work.pop():
                case str() as text:
                    self._add(text)
                case _Break(indent):
                    self._end(indent)
                case Comment() as comment:
                    self._comment(comment)
                case _Flat(block, bare):
                    work += reversed(_flat(block, bare))
                case _Laid(block, indent, bare):
                    work += reversed(self._laid(block, indent, bare))

    def _add(self, text: str) -> None:
        if text and self.gap and not self.line:
            self.lines.append("")
            self.gap = False
        if text:
            self.line.append(text)
            self.column += len(text)

    def _end(self, indent: int) -> None:
        line = "".join(self.line)
        if line:
            self.lines.append(" " * self.indent + line)
        self.line, self.indent, self.column = [], indent, indent

    def _comment(self, comment: Comment) -> None:
        self.gap = self.gap or (comment.gap_above and bool(self.lines))
        self._add(comment.text)
        self.gap = comment.gap_below

    def _laid(self, block: Block, indent: int, bare: bool) -> list[_Work]:
        room = not self.width or self.column + block.width - 2 * bare <= self.width
        if not block.split and room:
            return [_Flat(block, bare)]
        if not block.parts:
            behind = [f"  {block.behind}"] if block.behind else []
            return [block.opening, block.text, *behind]
        bare = bare and not block.negated and not block.head
        inner = indent if bare else indent + _INDENT
        filled = block.is_list and not block.split
        lines = self._filled(block, inner) if filled else _rows(block, inner)
        if bare:
            return lines
        return [block.opening, "(", _Break(inner), *lines, _Break(indent), ")"]

    def _filled(self, block: Block, indent: int) -> list[_Work]:
        """As many entries a line as there is room for."""
        work: list[_Work] = []
        column = indent
        for number, entry in enumerate(block.parts):
            words = f"{block.word} {entry.text}" if number else entry.text
            if number and column + 1 + len(words) > self.width:
                work.append(_Break(indent))
                column = indent
            elif number:
                words = f" {words}"
            work.append(words)
            column += len(words)
        return work


def _rows(block: Block, indent: int) -> list[_Work]:
    work: list[_Work] = []
    for number, part in enumerate(block.parts):
        word = f"{block.word} " if number else ""
        work += ([_Break(indent)] if number else []) + _part(word, part, indent)
    return work


def _part(word: str, block: Block, indent: int, bare: bool = False) -> list[_Work]:
    above = [item for comment in block.above for item in (comment, _Break(indent))]
    return [*above, word, _Laid(block, indent, bare)]


def _flat(block: Block, bare: bool) -> list[_Work]:
    if not block.parts:
        return [block.opening, block.text]
    bare = bare and not block.negated and not block.head
    work: list[_Work] = [block.opening] if bare else [block.opening, "("]
    for number, part in enumerate(block.parts):
        work += [f" {block.word} "] if number else []
        work.append(_Flat(part))
    return work if bare else [*work, ")"]
