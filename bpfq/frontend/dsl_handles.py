"""What Python operators do: ``Cond`` wraps a query, ``Value`` a number read from the packet.

    (tcp.dport == 443) & ~ip.src.in_("10.0.0.0/8")
     ^ Value.__eq__ gives a Cond  ^ Cond.__invert__

``and``, ``or``, ``not`` and chained comparisons cannot be overloaded, and Python's ``&`` binds
tighter than ``==``; each of these slips raises TypeError with the right spelling.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from bpfq.errors import FilterError
from bpfq.frontend import dsl_literals as literals
from bpfq.query import build, nodes, walk
from bpfq.query.nodes import Query, Under
from bpfq.query.text import to_pcap, to_python
from bpfq.record import field, record

if TYPE_CHECKING:
    from bpfq.matching import Matches, Matching

P = TypeVar("P")

NO_TRUTH = (
    "a filter has no truth value: use & | ~ with parentheses, "
    "and .between(low, high) for a chained comparison"
)
_LONGEST_SHOWN = 60  # characters of an operand in a message

ADDRESS_READS = {  # fields of 32 bits that are addresses -> protocol, direction
    **{"ip.src": ("ip", "src"), "ip.dst": ("ip", "dst")},
    **{"arp.spa": ("arp", "src"), "arp.tpa": ("arp", "dst")},
    **{"rarp.spa": ("rarp", "src"), "rarp.tpa": ("rarp", "dst")},
}
PORT_READS = {
    f"{protocol}.{name}": (protocol, direction)
    for protocol in ("tcp", "udp", "sctp")
    for name, direction in (("sport", "src"), ("dport", "dst"))
}
TCP_FLAG_LETTERS = {letter: 1 << bit for bit, letter in enumerate("FSRPAUEC")}


def shown(operand: object) -> str:
    """An operand as a message shows it."""
    text = repr(operand)
    return text if len(text) <= _LONGEST_SHOWN else "(...)"


def misuse(left: object, operator: str, right: object) -> TypeError:
    """The error for ``80 & udp``, ``ip & udp.dport`` and the like."""
    whole = f"{shown(left)} {operator} {shown(right)} is not a filter"
    binds = f"Python's {operator} binds tighter than =="
    if isinstance(right, Field):
        return TypeError(
            f"{whole}: {binds}, write {shown(left)} {operator} ({shown(right)} == ...)"
        )
    if isinstance(left, Field):
        return TypeError(
            f"{whole}: {binds}, write ({shown(left)} == ...) {operator} {shown(right)}"
        )
    if isinstance(left, int) and not isinstance(left, bool):
        field = "tcp.dport" if left <= literals.LAST_PORT else "ip.src"
        return TypeError(f"{whole}: {binds}, write ({field} == {left}) {operator} {shown(right)}")
    wrong = left if isinstance(right, Cond) else right
    return TypeError(f"{whole}: {shown(wrong)} is a {type(wrong).__name__}, not a filter")


@record(eq=False, repr=False)
class Cond:
    """A filter: combine with ``&``, ``|`` and ``~``; ``==`` compares two filters as trees.

    ``vlan / (ip & udp)`` tests ``vlan``, and the right side behind the tag; ``vlan & ip`` tests
    both at the same place, which no Ethernet frame passes.

    Called with a packet, bytes of an Ethernet frame or a scapy packet, it tells whether that
    matches.
    """

    query: Query
    _matching: Matching | None = field(default=None, kw_only=True, repr=False)

    def __call__(self, packet: object) -> bool:
        """Whether a packet matches: bytes from the Ethernet header on, or a scapy packet.

        A scapy packet may begin with any link layer, or with IP or IPv6.  What was cut off a
        captured packet counts for its length.  Raises UnsupportedError for what the filter cannot
        see there, TypeError for what is no packet.
        """
        return self._packets()(packet)

    def matches(self, packet: object) -> bool:
        """The same as a call, for what asks a function whether there is one before it calls it."""
        return self._packets()(packet)

    def filter(self, packets: Iterable[P]) -> list[P]:
        """The packets that match, in their order."""
        return self._packets().filter(packets)

    def _packets(self) -> Matching:
        made = self._matching
        if made is None:
            from bpfq.matching import Matching

            made = Matching(self._matcher)
            object.__setattr__(self, "_matching", made)
        return made

    def _matcher(self, link: str | None) -> Matches:
        import bpfq  # the facade, as a user calls it

        return bpfq.compile(self, link=link or "EN10MB", allow_empty=True).matcher()

    def __and__(self, other: Cond) -> Cond:
        if not isinstance(other, Cond):
            raise misuse(self, "&", other)
        return Cond(build.all_of(self.query, other.query))

    def __or__(self, other: Cond) -> Cond:
        if not isinstance(other, Cond):
            raise misuse(self, "|", other)
        return Cond(build.any_of(self.query, other.query))

    def __rand__(self, other: object) -> NoReturn:
        raise misuse(other, "&", self)

    def __ror__(self, other: object) -> NoReturn:
        raise misuse(other, "|", self)

    def __invert__(self) -> Cond:
        return Cond(build.negate(self.query))

    def __truediv__(self, inner: Cond) -> Cond:
        """This, and behind its innermost encapsulation the inner filter."""
        if not isinstance(inner, Cond):
            raise TypeError(f"behind / stands a filter, not {shown(inner)}")
        parts = self.query.operands if isinstance(self.query, nodes.And) else (self.query,)
        for part in reversed(parts):
            match part:
                case nodes.Encapsulation(kind=kind) if kind in walk.SHIFTING:
                    words = (*part.under, kind)
                    return Cond(build.all_of(self.query, walk.behind(inner.query, words)))
        raise TypeError(
            f"{shown(self)} has no inside: before / stands an encapsulation, as in vlan / ip"
        )

    def under(self, *words: str) -> Cond:
        """The same tests behind these encapsulations, outermost first, which are not tested."""
        return Cond(walk.behind(self.query, encapsulations(words)))

    def __bool__(self) -> NoReturn:
        raise TypeError(NO_TRUTH)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Cond):
            return self.query == other.query
        if isinstance(other, int | Field):
            raise TypeError(
                f"{shown(self)} is a filter, it cannot be compared with {shown(other)}; "
                "compare a field, as in tcp.dport == 443"
            )
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.query)

    def __repr__(self) -> str:
        return to_python(self.query)

    def __str__(self) -> str:
        """Pcap text; where that cannot say the filter, the Python expression."""
        try:
            return to_pcap(self.query)
        except FilterError:
            return to_python(self.query)


def encapsulations(words: tuple[str, ...]) -> Under:
    """The words, if each is an encapsulation."""
    for word in words:
        if word not in walk.SHIFTING:
            raise FilterError(
                f"'{word}' is not an encapsulation; one of {', '.join(walk.SHIFTING)} is"
            )
    return words


def query_of(cond: Cond, role: str) -> Query:
    """The tree of an argument; role is what the message calls it."""
    if not isinstance(cond, Cond):
        raise TypeError(f"{role} is a filter, not {shown(cond)}")
    return cond.query


class Field:
    """Comparisons, shared by everything that can be compared; each gives a Cond."""

    __slots__ = ()

    def _compare(self, relation: str, other: object) -> Query:
        raise NotImplementedError

    def _item(self, item: object) -> Query:
        """Membership in one item of ``in_``."""
        return self._compare("=", item)

    def __eq__(self, other: object) -> Cond:  # type: ignore[override]  # a filter, not a bool
        return Cond(self._compare("=", other))

    def __ne__(self, other: object) -> Cond:  # type: ignore[override]  # a filter, not a bool
        return Cond(self._compare("!=", other))

    def __lt__(self, other: object) -> Cond:
        return Cond(self._compare("<", other))

    def __le__(self, other: object) -> Cond:
        return Cond(self._compare("<=", other))

    def __gt__(self, other: object) -> Cond:
        return Cond(self._compare(">", other))

    def __ge__(self, other: object) -> Cond:
        return Cond(self._compare(">=", other))

    def between(self, low: int, high: int) -> Cond:
        """low, high, or a number between them."""
        return Cond(self._item((low, high)))

    def in_(self, *items: object) -> Cond:
        """One of the items: numbers, (first, last) pairs, ranges, lists; addresses as text."""
        return Cond(build.any_of(*(self._item(item) for item in literals.spread(items))))

    def __bool__(self) -> NoReturn:
        raise TypeError(NO_TRUTH)

    def __hash__(self) -> int:
        raise TypeError(f"{self!r} cannot be hashed: == gives a filter")


@record(eq=False, repr=False)
class AddressField(Field):
    """An address: equal to one, or in a prefix; no order, no arithmetic.

    protocol: "ip", "arp", "rarp", "ip6" or "link".
    """

    protocol: str
    direction: str

    def _compare(self, relation: str, other: object) -> Query:
        return address_test(self.protocol, self.direction, relation, other)

    def __repr__(self) -> str:
        word = "ether" if self.protocol == "link" else self.protocol
        return f"{word}.{'addr' if self.direction == 'src or dst' else self.direction}"


def address_test(
    protocol: str, direction: str, relation: str, other: object, under: Under = ()
) -> Query:
    """An address of a protocol is, or is not, in a network."""
    if relation not in ("=", "!="):
        raise TypeError(f"addresses have no order, {relation} cannot compare them; use .in_()")
    if protocol == "link":
        found: Query = build.mac_address(direction, (literals.mac(other),), under)
    else:
        family, network = literals.network(other)
        if (family == 6) != (protocol == "ip6"):
            raise FilterError(f"'{other}' is not an address that '{protocol}' packets carry")
        found = (
            build.address6(direction, (network,), under)
            if protocol == "ip6"
            else build.address4(protocol, direction, (network,), under)
        )
    if relation == "=":
        return found
    if direction == "src or dst":
        raise TypeError("!= could mean either address: write ~(... == ...) for neither")
    return build.all_of(
        *(() if protocol == "link" else (build.protocol(protocol, under),)), build.negate(found)
    )


@record(eq=False, repr=False)
class HardwareField(Field):
    """A MAC address inside an ARP packet, ``offset`` bytes from its start."""

    protocol: str
    name: str
    offset: int

    def _compare(self, relation: str, other: object) -> Query:
        if relation not in ("=", "!="):
            raise TypeError(f"addresses have no order, {relation} cannot compare them; use .in_()")
        mac = literals.mac(other)
        build.mac_address("src", (mac,))  # which checks the range
        halves = []
        for at, size, part in ((0, 4, mac >> 16), (4, 2, mac & 0xFFFF)):
            value = build.index(self.protocol, build.number(self.offset + at), size)
            halves.append(build.compare("=", value, build.number(part)))
        found = build.all_of(*halves)
        if relation == "=":
            return found
        return build.all_of(build.protocol(self.protocol), build.negate(found))

    def __repr__(self) -> str:
        return f"{self.protocol}.{self.name}"


@record(eq=False, repr=False)
class PortField(Field):
    """The source or the destination port."""

    protocol: str

    def _compare(self, relation: str, other: object) -> Query:
        if relation == "!=":
            raise TypeError("!= could mean either port: write ~(... == ...) for neither")
        number, _ = literals.port_number(other, self.protocol)
        return literals.ports(self.protocol, "src or dst", relation, number)

    def _item(self, item: object) -> Query:
        if isinstance(item, str):
            return self._compare("=", item)
        return build.port(self.protocol, "src or dst", *literals.bounds(item, repr(self)))

    def __repr__(self) -> str:
        return f"{self.protocol}.port"
