"""The options of ``bpfq count``, and what its help says below them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Final

_HELP: Final = """\
examples:
  sudo bpfq count -i eth0 dns='udp port 53' syn='tcp[tcpflags] & tcp-syn != 0' all='*'
  sudo bpfq count -i eth0 --hook xdp --for 10s flood='udp src port 11211' | jq .filters.flood
  bpfq count -r big.pcap v4=ip v6=ip6

A packet counts for each filter that it matches, and passes; behind receive offload, packets are
what it has put together.  On a terminal a table, else a JSON object a line:
  {"type": "interval", "source": "eth0", "elapsed": 2.0, "seconds": 1.0, "filters": {"dns":
  {"packets": 17, "bytes": 1234, "packets_per_second": 9.0, "bits_per_second": 5200.0}, ...}}
packets and bytes are totals, the rates those of the last "seconds".  The last line has the type
"total" and rates over all the time "elapsed"; of a file these are null.

exit codes: 0 at the end of --for, of the file, or q; 2 filter or command line wrong, 4 the system
refused, 130 Ctrl-C, 143 SIGTERM; the totals come first
"""


def count_options(parser: ArgumentParser) -> None:
    parser.epilog = _HELP
    add = parser.add_argument_group("where it counts").add_argument
    add("-r", dest="read", metavar="FILE", help="count this capture file instead, - is stdin")
    add("--hook", metavar="HOOK", help="tc unless given; xdp counts before all else, if it is free")
    add("--direction", metavar="WAY", help="at tc: ingress unless given, egress, both")
    add = parser.add_argument_group("the counts").add_argument
    add(
        "-e", dest="expressions", action="append", default=[], metavar="NAME=EXPR",
        help="one of several filters; NAME=EXPR words do, too; NAME='*' counts all",
    )  # fmt: skip
    add("--interval", metavar="TIME", help="between two reports: 500ms, 10s; 1s unless given")
    add("-n", "--for", dest="duration", metavar="TIME", help="end after so long: 10, 90s, 10m")
