"""What scapy is given as ``filter=``, compiled for where it is used.

Text and expressions are compiled for the interface, with the VLAN tags where its sockets have them;
a program that was compiled for another place is compiled again for this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bpfq.api import compile as compile_filter
from bpfq.api import query_of
from bpfq.compiler import compile_query
from bpfq.errors import BpfqError
from bpfq.kernel.interfaces import interface as find_interface
from bpfq.kernel.interfaces import link_type_of
from bpfq.program.classic import Program
from bpfq.program.ebpf import EbpfProgram
from bpfq.query import build

if TYPE_CHECKING:
    from bpfq.frontend.dsl_handles import Cond

    Filter: TypeAlias = str | Cond | Program

_KEPT = 64  # programs; srloop and AsyncSniffer ask for the same one again and again


def live_program(filter: Filter, interface: str | None) -> Program:
    """The program for a packet socket on an interface, None for all: then with Ethernet headers.

    Raises FilterError and what else ``compile`` does, LoadError for an unknown interface.
    """
    link, netmask = "EN10MB", None
    if interface is not None:
        found = find_interface(interface)
        link, netmask = link_type_of(found.arphrd), found.netmask
    if isinstance(filter, EbpfProgram):
        raise TypeError(f"scapy's sockets take classic programs, this is one for {filter.target}")
    if isinstance(filter, Program):
        return filter.recompiled("packet", link)
    with pointing():
        query_of(filter, None)  # which refuses what is no filter before it is asked for its hash
        return _compiled(filter, link, netmask)


@lru_cache(maxsize=_KEPT)
def _compiled(filter: str | Cond, link: str, netmask: int | None) -> Program:
    return compile_filter(filter, target="packet", link=link, netmask=netmask)


@contextmanager
def pointing() -> Iterator[None]:
    """What is wrong with a filter is shown below it in tracebacks, too."""
    try:
        yield
    except BpfqError as error:
        shown = error.render().removeprefix(error.message).strip("\n")
        if shown and shown not in getattr(error, "__notes__", ()):
            error.add_note(shown)
        raise


def excepting(filter: Filter | None, exception: str | Cond | None) -> Filter | None:
    """The filter without what ``conf.except_filter`` says; two texts are put together as one text.

    In one text a word such as ``vlan`` counts for all that follows, as it does in scapy.
    """
    if exception is None or (isinstance(exception, str) and not exception):
        return filter
    if filter is None or (isinstance(filter, str) and not filter):
        return f"not ({exception})" if isinstance(exception, str) else ~exception
    if isinstance(filter, str) and isinstance(exception, str):
        return f"({filter}) and not ({exception})"
    rejected = build.negate(query_of(exception, None))
    if isinstance(filter, Program):
        query = build.all_of(filter.query, rejected)
        compiled = compile_query(query, filter.settings)
        return Program(compiled.words, query, filter.settings, compiled.graph)
    from bpfq.frontend.dsl_handles import Cond

    return Cond(build.all_of(query_of(filter, None), rejected))
