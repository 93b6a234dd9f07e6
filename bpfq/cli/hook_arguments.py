"""The options of the commands about programs in the kernel and in object files."""

from __future__ import annotations

from argparse import ArgumentParser


def export_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the object file").add_argument
    add("-o", dest="output", metavar="FILE", help="write it there, - is stdout")
    add(
        "-e", dest="expressions", action="append", default=[], metavar="NAME=EXPR",
        help="one of several programs; NAME=EXPR words do, too",
    )  # fmt: skip
    add("--name", metavar="NAME", help="of a single program, bpfq unless given")
    add("--section", metavar="SECTION", help="as tcx/ingress, xdp.frags, cgroup_skb/egress")
