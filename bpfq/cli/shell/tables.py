"""What the scripts of all shells are made from: which options mean the same in which commands."""

from __future__ import annotations

from collections.abc import Mapping

from bpfq.cli.shell.outline import Command, Option
from bpfq.cli.shell.values import Values
from bpfq.record import record


@record
class Meant:
    """An option's spelling, what stands behind it, and the commands where that is so.

    commands: None for all that have the option.
    """

    name: str
    values: Values
    commands: tuple[str, ...] | None


def meant(commands: Mapping[str, Command]) -> tuple[Meant, ...]:
    """Every option that takes a value; those that differ from command to command come first."""
    found: dict[str, dict[Values | None, list[str]]] = {}
    for command in commands.values():
        for option in command.options:
            values = option.values if option.metavar else None
            for name in option.names:
                found.setdefault(name, {}).setdefault(values, []).append(command.name)
    several = [
        Meant(name, values, tuple(where))
        for name, ways in found.items()
        if len(ways) > 1
        for values, where in ways.items()
        if values is not None
    ]
    same = [
        Meant(name, values, None)
        for name, ways in found.items()
        if len(ways) == 1
        for values in ways
        if values is not None
    ]
    return (*several, *same)


def shared(commands: Mapping[str, Command]) -> dict[Option, tuple[str, ...]]:
    """Every option with the commands that have it just so."""
    found: dict[Option, list[str]] = {}
    for command in commands.values():
        for option in command.options:
            found.setdefault(option, []).append(command.name)
    return {option: tuple(where) for option, where in found.items()}
