"""``bpfq -L``: the link types by name, or the one of a live interface."""

from __future__ import annotations

from argparse import Namespace

from bpfq.tables.linktypes import LinkType, link_types


def run(options: Namespace) -> int:
    names = link_types()
    if options.interface is None:
        rows, where = list(names.values()), ""
    else:
        rows = [names[_delivered(options.interface)]]
        where = f" for {options.interface}"
    if options.json:
        import json

        print(json.dumps({"links": [_fields(row) for row in rows]}))
        return 0
    print(f"Data link types{where} (use option -y to set):")
    for row in rows:
        print(f"  {_line(row)}")
    return 0


def _delivered(name: str) -> str:
    """The link type of a live interface; raises LoadError, UnsupportedError."""
    from bpfq.kernel.interfaces import interface, link_type_of
    from bpfq.kernel.live import COOKED_LINK
    from bpfq.kernel.sockets import ANY_INTERFACE

    return COOKED_LINK if name == ANY_INTERFACE else link_type_of(interface(name).arphrd)


def _fields(row: LinkType) -> dict[str, str | int]:
    """One link type as ``--json`` prints it; keys are only ever added."""
    return {"name": row.name, "number": row.number, "description": row.description}


def _line(row: LinkType) -> str:
    return f"{row.name} ({row.description})" if row.description else row.name
