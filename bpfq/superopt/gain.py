"""What a search came to, as it is told.

level 3: 20 instructions, 23 at level 2; 1 412 candidates tried, 3 of 12 proved
"""

from __future__ import annotations

from bpfq.record import record


@record
class Gain:
    """What level 3 made of the program of level 2.

    before, after: how much there is of what it was optimised for; unit: "instructions",
    "eBPF instructions" or "ns a packet".  candidates: programs, or steps of one, that were tried
    on packets.  asked: programs that the prover was asked for; proved: those that it proved.
    shortest: none with fewer instructions can be made of the same loads and constants.
    """

    before: float
    after: float
    unit: str
    candidates: int = 0
    asked: int = 0
    proved: int = 0
    shortest: bool = False

    def __str__(self) -> str:
        if not self.candidates:
            return f"level 3: not searched, {self.after} {self.unit}"
        than = f"{self.before} at level 2" if self.after < self.before else "as at level 2"
        least = ", none shorter from the same loads and constants" if self.shortest else ""
        tried = f"{self.candidates:,}".replace(",", " ")
        return (
            f"level 3: {self.after} {self.unit}, {than}{least}; "
            f"{tried} candidates tried, {self.proved} of {self.asked} proved"
        )
