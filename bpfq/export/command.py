"""The command line that exports what a program in Python was compiled from.

bpfq.compile("arp", target="packet").export("c")       bpfq export c arp
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpfq.errors import FilterError
from bpfq.export.formats import format_of
from bpfq.export.job import Part
from bpfq.query.sets import names_sets
from bpfq.query.text import to_pcap
from bpfq.settings import DEFAULT_LEVEL, SEARCH_BUDGET, SNAPLEN, Settings, settings_of

_ETHERNET: Final = "EN10MB"


def command_of(format: str, part: Part, *options: str) -> tuple[str, ...]:
    """The words; empty where the command line cannot say the filter or an option.

    options: of the export itself, as they stand in the command line.
    """
    settings = part.settings
    if part.is_given or settings.savefile or settings.profile is not None:
        return ()
    query = part.query()
    if names_sets(query):
        return ()
    try:
        text = to_pcap(query)
    except FilterError:
        return ()
    words = [*options, *_place(settings, format_of(format).target), *_meaning(settings)]
    expression = f"{part.name}={text}" if part.name else text
    return (
        "bpfq",
        "export",
        format,
        *words,
        *(("--",) if text.startswith("-") else ()),
        expression,
    )


def _place(settings: Settings, usual: str) -> Iterator[str]:
    if settings.target.name != usual:
        yield from ("--target", settings.target.name)
    if settings.target.link is None and settings.link.name != _ETHERNET:
        yield from ("-y", settings.link.name)
    if settings.target.link == "RAW" and settings.link.name in ("IPV4", "IPV6"):
        yield f"-{settings.link.name[-1]}"


def _meaning(settings: Settings) -> Iterator[str]:
    """The options that differ from the usual ones."""
    usual = settings_of("file", _ETHERNET)
    options = settings.options
    if settings.snaplen != SNAPLEN:
        yield from ("-s", str(settings.snaplen))
    if options.netmask is not None:
        yield from ("--netmask", ".".join(map(str, options.netmask.to_bytes(4, "big"))))
    if settings.through:
        yield from ("--through", ",".join(settings.through))
    if options.tcp6:
        yield "--tcp6"
    if options.protochain != usual.options.protochain:
        yield from ("--protochain", str(options.protochain))
    if settings.strict:
        yield "--strict"
    if settings.allow_empty:
        yield "--allow-empty"
    if settings.level != DEFAULT_LEVEL:
        yield from ("--opt", str(settings.level))
    if settings.optimise_for != usual.optimise_for:
        yield from ("--optimise-for", settings.optimise_for)
    if settings.search_budget != SEARCH_BUDGET:
        yield from ("--search-budget", str(settings.search_budget))
