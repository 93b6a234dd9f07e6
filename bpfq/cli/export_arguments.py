"""The options of ``bpfq export``."""

from __future__ import annotations

from argparse import ArgumentParser


def export_options(parser: ArgumentParser) -> None:
    from bpfq.export.formats import FORMATS

    parser.epilog = "\n".join([
        "formats:",
        *(
            f"  {name:<10}{row.summary}{f'; target {row.target}' if row.target else ''}"
            for name, row in FORMATS.items()
        ),
        "",
        parser.epilog or "",
    ])  # fmt: skip
    add = parser.add_argument_group("the output").add_argument
    add("-o", dest="output", metavar="FILE", help="write it there, not to stdout; elf needs it")
    add(
        "-e", dest="expressions", action="append", default=[], metavar="NAME=EXPR",
        help="one of several programs; NAME=EXPR words do, too",
    )  # fmt: skip
    add("--name", metavar="NAME", help="of a single program")
    add("--package", default="main", metavar="NAME", help="go: of the file, main unless given")
    add("--big-endian", action="store_true", help="elf: for a machine with that byte order")
    add("--section", metavar="SECTION", help="elf: as tcx/ingress, xdp.frags, cgroup_skb/egress")
