"""A walk over the headers behind IP, which machines with loops make: a word of metadata by name.

    protochain 6 on XDP        Load(Metadata("chain ip6 6 14 8"), 0, 1) = 6

The word is the place of the byte that names the header where the walk ends: the protocol that is
looked for, one that no chain passes, or the last of so many.  A walk past the captured bytes
rejects the packet, as the load would.
"""

from __future__ import annotations

from bpfq.record import record

_WORD = "chain"


@record
class Chain:
    """family: "ip" or "ip6".  number: the protocol that is looked for.  network: where the header
    of IP starts, bytes.  most: headers that are passed.
    """

    family: str
    number: int
    network: int
    most: int

    @property
    def name(self) -> str:
        """The name of the word."""
        return f"{_WORD} {self.family} {self.number} {self.network} {self.most}"


def chain_named(name: str) -> Chain | None:
    """The chain that a word of metadata stands for; None for any other word."""
    word, *rest = name.split(" ")
    if word != _WORD:
        return None
    family, *numbers = rest
    number, network, most = map(int, numbers)
    return Chain(family, number, network, most)
