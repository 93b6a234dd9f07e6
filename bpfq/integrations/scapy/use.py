"""Tell scapy to filter with bpfq, and take it back.

``conf.L2listen`` and its kind are scapy's own switches for the sockets that ``sniff``, ``sr`` and
``srp`` open; ``patch=True`` also replaces the functions that other ways end in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import scapy.all  # noqa: F401  (copies names from the modules, those that are ours for a while)
from scapy import sendrecv, supersocket
from scapy.arch import linux
from scapy.config import conf
from scapy.interfaces import network_name
from scapy.supersocket import L3RawSocket, L3RawSocket6

from bpfq.api import attach, check_memory, query_of
from bpfq.closing import Closing
from bpfq.errors import LoadError
from bpfq.frontend.dsl_handles import Cond
from bpfq.integrations.scapy import hooks, sockets
from bpfq.integrations.scapy.filters import live_program, pointing
from bpfq.integrations.scapy.hooks import Hook
from bpfq.integrations.scapy.offline import offline_hook
from bpfq.pcap import rehearse


class Use(Closing):
    """In place from the start; ``undo()``, or the end of a with block, takes it back once."""

    def __init__(self, *, patch: bool) -> None:
        self._layers = hooks.install((*_switches(), *(_patches() if patch else ())))

    def undo(self) -> None:
        """scapy as it was before; other uses that are in place stay."""
        layers, self._layers = self._layers, ()
        hooks.remove(layers)

    def close(self) -> None:
        """As ``undo``."""
        self.undo()


def _switches() -> Iterator[Hook]:
    yield Hook(conf, "L2listen", lambda before: sockets.L2ListenSocket)
    yield Hook(conf, "L2socket", lambda before: sockets.L2Socket)
    yield Hook(conf, "L3socket", _layer3)
    yield Hook(conf, "L3socket6", lambda before: partial(sockets.L3Socket, filter="ip6"))
    # what sr() takes on the loopback interface; there is no switch for it
    yield Hook(supersocket, "L3RawSocket", lambda before: sockets.L3RawSocket)
    yield Hook(supersocket, "L3RawSocket6", lambda before: sockets.L3RawSocket6)
    # AsyncSniffer opens its sockets in a thread, where a wrong filter would end unheard
    yield Hook(sendrecv.AsyncSniffer, "__init__", _checked_when_made)
    yield Hook(sendrecv.AsyncSniffer, "start", _checked_when_started)
    yield Hook(sendrecv.AsyncSniffer, "_run", _asking_expressions)


def _patches() -> Iterator[Hook]:
    yield offline_hook()
    yield Hook(linux, "attach_filter", lambda before: _attach_filter)
    yield Hook(L3RawSocket, "__init__", _filtering)
    yield Hook(L3RawSocket6, "__init__", _filtering)


def _layer3(before: Any) -> Any:
    """Those who chose the raw socket, as for the loopback interface, keep it."""
    is_raw = before is L3RawSocket
    return sockets.L3RawSocket if is_raw else sockets.L3Socket


def _checked_when_made(before: Callable[..., None]) -> Callable[..., None]:
    @wraps(before)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        before(self, *arguments, **options)
        try:
            _check(options)
        except (LoadError, ValueError):  # an interface may come yet
            with pointing():
                query_of(options["filter"], None)

    return __init__


def _checked_when_started(before: Callable[..., None]) -> Callable[..., None]:
    @wraps(before)
    def start(self: Any) -> None:
        _check(self.kwargs)
        before(self)

    return start


def _asking_expressions(before: Callable[..., None]) -> Callable[..., None]:
    """Expressions as ``lfilter`` and ``stop_filter``, whose truth scapy asks for: they have none."""

    @wraps(before)
    def _run(self: Any, *arguments: Any, **options: Any) -> None:
        for name in ("lfilter", "stop_filter"):
            if isinstance(options.get(name), Cond):
                options[name] = options[name].matches
        before(self, *arguments, **options)

    return _run


def _check(options: dict[str, Any]) -> None:
    """Raise what a sniffer with these options would raise when it compiles its filter."""
    filter, offline, opened = (options.get(name) for name in ("filter", "offline", "opened_socket"))
    if filter is None:
        return
    if offline is not None:
        hook = offline_hook()
        if hooks.is_installed(hook.owner, hook.name):
            with pointing():
                rehearse(filter)
    elif opened is None and _filters(options.get("L2socket") or conf.L2listen):
        interfaces = options.get("iface")
        for each in interfaces if isinstance(interfaces, list | dict) else (interfaces,):
            program = sockets.program_of(filter, network_name(each or conf.iface), nofilter=0)
            if program is not None:
                check_memory(program)


def _filters(made_by: Any) -> bool:
    """Whether a class of sockets is ours, or scapy's that ends in our function."""
    ours = isinstance(made_by, type) and issubclass(made_by, sockets.FilteringSocket)
    if ours or not hooks.is_installed(linux, "attach_filter"):
        return ours
    return isinstance(made_by, type) and issubclass(made_by, linux.L2Socket)


def _attach_filter(sock: Any, bpf_filter: Any, iface: Any) -> None:
    """In place of scapy's; the socket is not bound yet, and is emptied when it is."""
    attach(sock, live_program(bpf_filter, network_name(iface)), drain=False)


def _filtering(before: Callable[..., None]) -> Callable[..., None]:
    """The raw sockets of scapy, whose filter it ignores, with the filter."""

    @wraps(before)
    def __init__(
        self: Any,
        type: int | None = None,
        filter: Any = None,
        iface: Any = None,
        promisc: Any = None,
        nofilter: Any = 0,
    ) -> None:
        bound = None if iface is None or isinstance(self, L3RawSocket6) else iface
        program = sockets.program_of(filter, bound and network_name(bound), nofilter)
        options = {} if type is None else {"type": type}
        before(self, filter=None, iface=iface, promisc=promisc, nofilter=1, **options)
        if program is not None:
            attach(self.ins, program)

    return __init__
