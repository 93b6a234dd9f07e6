"""A program at its place, until the attachment closes.

    with attach(module, place_of("xdp", "eth0")) as attachment:
        attachment.counts()                     Counts(packets=17, bytes=1234)
        attachment.replace(better)              no packet meets neither of the two

An attachment ends with its owner, however that ends; a pin holds it.  What bpfq attaches is known
by the names of its programs, ``bpfq`` and ``bpfq_NAME``.
"""

from __future__ import annotations

import socket
from typing import Protocol

from bpfq.backends.ebpf.counter_map import MATCHES
from bpfq.closing import Closing
from bpfq.ebpf.counts import Counts, counts_in
from bpfq.ebpf.install import Installed, install
from bpfq.ebpf.naming import program_name, renamed
from bpfq.ebpf.places import Place, hold, hold_beside, is_somewhere
from bpfq.errors import FilterError
from bpfq.isa.ebpf.program import Module
from bpfq.kernel.attach import attach_socket
from bpfq.kernel.links import Link
from bpfq.kernel.packets import statistics


class HasModule(Protocol):
    """An EbpfProgram, for instance."""

    @property
    def module(self) -> Module: ...


class Attachment(Closing):
    """A program at its place; a context manager.  ``place``, ``name``, ``link``, ``socket``.

    One of ``link`` and ``socket`` is None.
    """

    def __init__(
        self, place: Place, name: str, installed: Installed, holder: Link | socket.socket
    ) -> None:
        self.place = place
        self.name = name
        self.link = holder if isinstance(holder, Link) else None
        self.socket = holder if isinstance(holder, socket.socket) else None
        self._installed = installed
        self._received = 0  # packets of a socket, read so far

    @property
    def id(self) -> int:
        """Of the link, of the program on a socket; raises LoadError when it is detached."""
        if self.link is not None:
            return self.link.information().id
        return self._installed.program.information().id

    @property
    def mode(self) -> str:
        """Of XDP: native or generic; empty elsewhere."""
        return "" if self.link is None else self.link.mode

    def counts(self) -> Counts | None:
        """Packets that matched so far; None where the program does not count.

        A socket knows how many packets it got.  Raises LoadError.
        """
        found = self._installed.maps.get(MATCHES)
        if found is not None:
            return counts_in(found)
        if self.socket is None:
            return None
        self._received += statistics(self.socket).received  # the kernel counts from 0 again
        return Counts(self._received, None)

    def is_attached(self) -> bool:
        """Whether the program is at its place still: others can detach it, an interface can go."""
        if self.link is None:
            sock = self.socket
            # a packet socket forgets the interface that it was bound to when that one goes
            return sock is not None and sock.fileno() >= 0 and sock.getsockname()[0] != ""
        return not self.link.closed and is_somewhere(self.link.information())

    def pin(self, path: str) -> None:
        """Keep it attached under a name in a bpf file system when its owner has gone.

        Raises LoadError, FilterError for a socket.
        """
        if self.link is None:
            raise FilterError("a socket cannot be pinned: its program goes with it")
        self.link.pin(path)

    def replace(self, program: HasModule) -> None:
        """Put another program in its place: every packet meets the old one or the new one.

        At netfilter both are at work for a moment.  Raises LoadError; the old one stays then.
        """
        module = program.module
        if module.hook != self.place.hook:
            raise FilterError(f"a program for {module.hook} cannot replace one for {self.place}")
        installed = install(renamed(module, program_name(self.name)))
        try:
            self._put(installed)
        except BaseException:
            installed.close()
            raise
        self._installed.close()
        self._installed = installed

    def _put(self, installed: Installed) -> None:
        if self.socket is not None:
            attach_socket(installed.program, self.socket)
        elif self.place.hook == "netfilter":
            old = self.link
            self.place, self.link = hold_beside(self.place, installed.program)
            if old is not None:
                old.close()
        elif self.link is not None:
            self.link.update(installed.program)

    def detach(self) -> None:
        """Take the program away; a pin of it stays attached.  Doing so twice does nothing."""
        for holder in (self.link, self.socket):
            if holder is not None:
                holder.close()
        self._installed.close()

    def close(self) -> None:
        """As ``detach``."""
        self.detach()


def attach(module: Module, place: Place, *, name: str = "") -> Attachment:
    """Load the module and put it at its place.

    name: what ``bpfq status`` calls it.  Raises FilterError for a wrong name, VerifierError with
    the clause of the filter, LoadError; nothing is left then.
    """
    installed = install(renamed(module, program_name(name)))
    try:
        return Attachment(place, name, installed, hold(place, installed.program))
    except BaseException:
        installed.close()
        raise
