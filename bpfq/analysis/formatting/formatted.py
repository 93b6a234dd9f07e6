"""The text of a filter in one layout, with the proof that it says the same.

    tcp port 80 or tcp port 443 and not(ip)   ->   tcp port (80 or 443) and not ip   (left to right)

The text is read back.  Where it does not test the same in the same order as the filter, which is
so for filters of Python nodes only, the two are decided to accept the same packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfq.analysis.formatting.blocks import block_of
from bpfq.analysis.formatting.comments import Comment, Comments, comments_of, no_comments
from bpfq.analysis.formatting.layout import laid_out, only_comments
from bpfq.analysis.formatting.portable import in_words
from bpfq.analysis.formatting.same import same_tests
from bpfq.errors import BpfqError, FilterError
from bpfq.frontend.pcap.parse import parse
from bpfq.query import build
from bpfq.query.nodes import Query
from bpfq.query.text import to_pcap
from bpfq.record import record
from bpfq.settings import Settings
from bpfq.source import blank_comments

if TYPE_CHECKING:
    from bpfq.frontend.pcap.names import Resolver


@record
class Formatted:
    """text: without a line end behind it.

    proved: that it says the same; False where nobody could decide it.
    """

    text: str
    proved: bool


@record
class Source:
    """What a filter was read from: text is None for a Python node; a file may have comments."""

    text: str | None = None
    resolver: Resolver | None = None
    is_file: bool = False

    @property
    def blanked(self) -> str | None:
        """The text without comments."""
        return blank_comments(self.text) if self.is_file and self.text is not None else self.text


def formatted_text(
    source: Source, settings: Settings, *, width: int = 0, sets: bool = False
) -> Formatted:
    """The filter of a text or a file; raises what ``parse`` and ``formatted`` raise."""
    query = parse(source.blanked or "", resolver=source.resolver)
    return formatted(query, source, settings, width=width, sets=sets)


def formatted(
    query: Query, source: Source, settings: Settings, *, width: int = 0, sets: bool = False
) -> Formatted:
    """settings: for which packets the text is compared with the filter, where it has to be.

    width: columns that lines may take, 0 for any.  sets: keep the names of sets, which only bpfq
    reads.  Raises FilterError for what pcap text cannot say.
    """
    _refuse_options(settings)
    comments = _comments(source, query)
    if query == build.everything():
        return Formatted(only_comments(comments.below), proved=True)
    words = in_words(query, sets=sets)
    if same_tests(words, query) or _accept_the_same(words, query, settings):
        return Formatted(_laid_out(words, source, comments, width), proved=True)
    return Formatted(_in_plain_words(words, source, comments), proved=False)


def _comments(source: Source, query: Query) -> Comments:
    blanked = source.blanked
    if source.text is None or blanked is None or source.text == blanked:
        return no_comments()
    return comments_of(source.text, blanked, query)


def _refuse_options(settings: Settings) -> None:
    for given, option in ((settings.through, "--through"), (settings.options.tcp6, "--tcp6")):
        if given:
            raise FilterError(
                f"cannot be written as pcap text: what {option} adds to the words of a filter"
            )


def _laid_out(words: Query, source: Source, comments: Comments, width: int) -> str:
    """The words in blocks and lines; in plain words where that did not come out as it should."""
    block = block_of(words, source.blanked, comments)
    text = laid_out(block, comments.below, width)
    if same_tests(_read(text, source), words):
        return text
    return _in_plain_words(words, source, comments)


def _in_plain_words(words: Query, source: Source, comments: Comments) -> str:
    """On one line, below its comments."""
    text = to_pcap(words)
    assert same_tests(_read(text, source), words), text
    said = [
        comment
        for each in comments.remarks.values()
        for comment in (*each.above, *map(Comment, each.behind))
    ]
    lines = only_comments((*said, *comments.below))
    return f"{lines}\n{text}" if lines else text


def _read(text: str, source: Source) -> Query:
    return parse(blank_comments(text), resolver=source.resolver)


def _accept_the_same(words: Query, query: Query, settings: Settings) -> bool:
    """Whether that is decided; raises FilterError where it is not so."""
    from bpfq.analysis.compare import compare
    from bpfq.analysis.sides import Side

    try:
        relation = compare(Side(words, settings), Side(query, settings)).relation
    except BpfqError:
        return False  # the target cannot see all of it
    if relation not in ("equal", "undecided"):
        raise FilterError("cannot be written as pcap text: the words found for it say less or more")
    return relation == "equal"
