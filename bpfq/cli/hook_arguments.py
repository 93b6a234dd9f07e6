"""The options of the commands about programs in the kernel and in object files."""

from __future__ import annotations

from argparse import ArgumentParser


def attach_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the place, one of").add_argument
    add("--xdp", metavar="IF", help="what an interface receives, before all else")
    add("--tc", metavar="IF:WAY", help="what comes in, ingress, or goes out, egress")
    add("--cgroup", metavar="PATH", help="what sockets of its processes get; PATH:egress: send")
    add("--netfilter", metavar="FAMILY:HOOK", help="as inet:input, inet6:forward")
    add("--socket", metavar="IF", help="a packet socket of its own, which keeps what matches")
    add = parser.add_argument_group("how it is attached").add_argument
    add("--ttl", metavar="TIME", help="detach after so long: 90s, 10m, 2h")
    add("--pin", metavar="PATH", help="leave it attached, under this name in a bpf file system")
    add("--name", metavar="NAME", help="what status calls it, up to 10 letters")
    add("--dry-run", action="store_true", help="print program, maps and verdict; change nothing")
    add("--mode", default="auto", metavar="MODE", help="of XDP: native, generic; auto tries both")
    add("--priority", type=int, default=0, metavar="N", help="at netfilter: lower runs earlier")


def test_options(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the packets").add_argument
    add("-r", dest="read", metavar="FILE", help="of this file, - is stdin")
    add("-c", dest="limit", type=int, metavar="N", help="stop after N packets")
