"""``bpfq -L``: the link types by name, or the one of a live interface."""

from __future__ import annotations

from argparse import Namespace

from bpfq.tables.linktypes import LinkType, link_types


def run(options: Namespace) -> int:
    names = link_types()
    if options.interface is None:
        print("Data link types (use option -y to set):")
        rows = list(names.values())
    else:
        from bpfq.kernel.interfaces import interface, link_type_of

        rows = [names[link_type_of(interface(options.interface).arphrd)]]
        print(f"Data link types for {options.interface} (use option -y to set):")
    for row in rows:
        print(f"  {_line(row)}")
    return 0


def _line(row: LinkType) -> str:
    return f"{row.name} ({row.description})" if row.description else row.name
