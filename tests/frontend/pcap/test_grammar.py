"""The grammar has no conflicts, and the tables that are shipped are its tables."""

from __future__ import annotations

from pathlib import Path

from bpfq.frontend.pcap import automaton


class Collected:
    """A logger for PLY that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def _keep(self, message: str, *arguments: object) -> None:
        self.messages.append(message % arguments if arguments else message)

    warning = error = critical = _keep

    def info(self, message: str, *arguments: object) -> None: ...

    debug = info


def test_grammar_has_no_conflicts_and_no_unused_parts() -> None:
    log = Collected()
    automaton.generated(log)
    assert log.messages == ["no p_error() function is defined"]  # the automaton brings its own


def test_shipped_tables_are_those_of_the_grammar() -> None:
    shipped = Path(automaton.__file__).with_name("parsetab.py").read_text(encoding="ascii")
    assert automaton.generated() == shipped
