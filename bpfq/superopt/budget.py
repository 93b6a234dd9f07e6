"""How much may be tried.  Counted, so that the result does not depend on the machine."""

from __future__ import annotations

from bpfq.record import record

_PROOF = 500  # candidates that a proof counts as


@record(frozen=False)
class Budget:
    """limit: candidates, whole programs or steps of one; a proof counts as 500."""

    limit: int
    candidates: int = 0
    proofs: int = 0

    def spend(self) -> bool:
        """Whether one candidate more may be tried."""
        if self.is_spent:
            return False
        self.candidates += 1
        return True

    @property
    def is_spent(self) -> bool:
        return self.candidates + _PROOF * self.proofs >= self.limit


@record(frozen=False)
class Part:
    """Not more than so much of a budget, for one of several attempts."""

    whole: Budget
    limit: int
    candidates: int = 0

    def spend(self) -> bool:
        if self.is_spent or not self.whole.spend():
            return False
        self.candidates += 1
        return True

    @property
    def is_spent(self) -> bool:
        return self.candidates >= self.limit or self.whole.is_spent
