"""One matcher for each kind of packet in a file, and why nothing matched."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from bpfq.cli.request import compiled_for_file
from bpfq.cli.terminal import note
from bpfq.errors import BpfqError, UnsupportedError
from bpfq.tables import protocols as p
from bpfq.tables.linktypes import by_number

if TYPE_CHECKING:
    from bpfq.backends.pyfunc import Matcher

_NOTHING: Final[Mapping[str, int]] = {}
_SAMPLE: Final = 10_000  # packets kept to find out why nothing matches
_SHIMS: Final = {  # EtherType on Ethernet: what such frames are, and what looks below
    p.ETHERTYPE_8021Q: ("802.1Q-tagged", "vlan"),
    p.ETHERTYPE_8021AD: ("802.1ad-tagged", "qinq"),
    p.ETHERTYPE_MPLS: ("MPLS-labelled", "mpls"),
    p.ETHERTYPE_PPPOES: ("PPPoE sessions", "pppoe"),
}
_ETHERNET: Final = 1  # DLT_EN10MB
_TYPE_AT: Final = slice(12, 14)  # bytes


class Matchers:
    """Decides about packets of any link type and byte order; a program each, made when met."""

    def __init__(self, options: Namespace, text: str | None) -> None:
        self.options = options
        self.text = text
        self.seen = 0
        self.matched = 0
        self.sample: list[tuple[int, bool, bytes, int]] = []
        self.refused: dict[int, BpfqError] = {}  # by link type
        self._matchers: dict[tuple[int, bool], Matcher] = {}

    def rehearse(self, link: int | None) -> None:
        """Compile once before anything is written; raises BpfqError for a wrong filter.

        link: of all packets, None where each has its own, so that no refusal is final yet.
        """
        if link is not None:
            compiled_for_file(self.options, self.text, link, swapped=False)
            return
        options = Namespace(**{**vars(self.options), "allow_empty": True})
        try:
            compiled_for_file(options, self.text, _ETHERNET, swapped=False)
        except UnsupportedError:
            pass

    def accepts(self, link: int, swapped: bool, data: bytes, wire_length: int) -> bool:
        self.seen += 1
        matcher = self._matchers.get((link, swapped)) or self._met(link, swapped)
        if matcher(data, wire_length, _NOTHING):
            self.matched += 1
            return True
        if not self.matched and self.seen <= _SAMPLE:
            self.sample.append((link, swapped, data, wire_length))
        return False

    def _met(self, link: int, swapped: bool) -> Matcher:
        """A file may mix link types; what the filter cannot see on one of them does not match."""
        matcher: Matcher = _reject
        try:
            program = compiled_for_file(self.options, self.text, link, swapped)
            for each in program.notes if self.text is None and not self.options.quiet else ():
                note(each)
            matcher = program.matcher()
        except BpfqError as error:
            self.refused[link] = error
        self._matchers[link, swapped] = matcher
        return matcher

    def check(self) -> None:
        """Raise the error of a filter that suits no link type of the file; tell of the others."""
        if self.refused and all(matcher is _reject for matcher in self._matchers.values()):
            raise next(iter(self.refused.values()))
        for link, error in self.refused.items():
            if not self.options.quiet:
                note(f"no packet of link type {_name(link)} matched: {error.message}")


def _reject(data: bytes, wire_length: int, metadata: Mapping[str, int]) -> bool:
    return False


def _name(link: int) -> str:
    row = by_number().get(link)
    return str(link) if row is None else row.name


def why_none(matchers: Matchers) -> Iterator[str]:
    """What explains that no packet matched, tried out on the first packets of the file."""
    sample = matchers.sample
    if not matchers.seen:
        yield "the file has no packets"
        return
    if matchers.text is None:
        return  # a program is run as it is
    total = f"{matchers.seen:,}".replace(",", " ")
    if matchers.seen > len(sample):
        total = f"the first {len(sample):,}".replace(",", " ")
    for ethertype, (kind, word) in _SHIMS.items():
        octets = ethertype.to_bytes(2, "big")
        shimmed = [x for x in sample if x[0] == _ETHERNET and x[2][_TYPE_AT] == octets]
        if _would_match(matchers, shimmed, word):
            many = f"{len(shimmed):,}".replace(",", " ")
            yield f"no packet matched. {many} of {total} frames are {kind}; try --through {word}"
            return
    if not matchers.options.tcp6 and _would_match(matchers, sample, None):
        yield "no packet matched. tcp[...] and its kind read IPv4 only; try --tcp6"


def _would_match(
    matchers: Matchers, sample: list[tuple[int, bool, bytes, int]], word: str | None
) -> bool:
    """Whether some packet of the sample matches with one more option."""
    options = Namespace(**vars(matchers.options))
    if word is None:
        options.tcp6 = True
    else:
        options.through = f"{options.through},{word}"
    other = Matchers(options, matchers.text)
    return any(other.accepts(*packet) for packet in sample)
