"""``bpfq EXPRESSION``: the printed explanation."""

from __future__ import annotations

import json

from .running import Run

PORT_AND_HOST = """\
In full   (ip proto tcp, udp or sctp, first fragment) or (ip6 next header tcp, udp or sctp): \
src or dst port 53
          and not ((ip or arp or rarp) src or dst host 10.0.0.1)
English   Packets that are TCP, UDP or SCTP from or to port 53 (domain), except those that
          are IPv4, ARP or RARP from or to 10.0.0.1.
Not seen  frames with an 802.1Q tag · MPLS and PPPoE frames · IPv6 with extension headers
          2nd and later fragments of IPv4
Program   27 instructions for target 'file', DLT_EN10MB
          more: -d listing · --through vlan · --through mpls,pppoe · -r FILE filter a file
                bpfq why -r FILE one packet · --json
"""
ALL = """\
In full   every packet
Program   1 instruction for target 'file', DLT_EN10MB
          it accepts every packet
"""


def test_expression_alone_is_explained(bpfq: Run) -> None:
    assert bpfq("port 53 and not host 10.0.0.1") == (0, PORT_AND_HOST, "")
    assert bpfq("explain", "port", "53", "and", "not", "host", "10.0.0.1").out == PORT_AND_HOST


def test_filter_that_matches_everything_gets_a_note(bpfq: Run) -> None:
    assert bpfq("-q", "") == (0, ALL, "")
    assert bpfq("-q", "len >= 0").out.endswith(ALL[ALL.index("Program") :])


def test_live_target_tells_the_option_memory(bpfq: Run) -> None:
    lines = bpfq("-q", "-i", "lo", "arp").out.splitlines()
    assert lines[-2:] == [
        "Program   4 instructions for target 'packet', DLT_EN10MB",
        "          304 bytes of a socket's option memory",
    ]


def test_layer_3_target_has_no_link_type(bpfq: Run) -> None:
    lines = bpfq("-q", "-4", "--target", "xt_bpf", "udp").out.splitlines()
    assert lines[-2].startswith("Program   ")
    assert lines[-2].endswith("for target 'xt_bpf', its network header")


def test_long_filter_is_cut(bpfq: Run) -> None:
    text = " or ".join(f"host 10.0.{n // 256}.{n % 256}" for n in range(300))
    lines = bpfq(text).out.splitlines()
    assert lines[60].strip() == "... and 241 more lines; --json has all"
    assert len(json.loads(bpfq("--json", text).out)["in_full"]) == 301


def test_json_has_all_that_is_printed(bpfq: Run) -> None:
    found = json.loads(bpfq("--json", "not port 22").out)
    assert found["let_in"][0] == {
        "what": "frames with an 802.1Q tag",
        "option": "--through vlan",
    }
    assert (found["not_seen"], found["notes"], found["instructions"]) == ([], [], 18)


def test_colour_is_bold_labels(bpfq: Run) -> None:
    assert bpfq("--color", "always", "ip").out.startswith("\x1b[1mIn full   \x1b[0mip (")
