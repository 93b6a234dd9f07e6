"""What programs for a hook look like."""

from __future__ import annotations

import bpfq
from bpfq.api import query_of
from bpfq.backends.cbpf.emit import selections
from bpfq.backends.ebpf.emit import Verdicts, programs
from bpfq.graphs import ways
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.text import dump_bpftool
from bpfq.settings import settings_of


def listing(text: str, hook: str, verdicts: Verdicts) -> str:
    target = {"xdp": "file", "tc": "tc"}.get(hook, "packet")
    settings = settings_of(target, "EN10MB")
    graph = ways(query_of(text, None), settings)[0].graph
    found = [laid for each in selections(graph, 2) for laid in programs(each, hook, verdicts)]
    shortest = min(found, key=lambda laid: len(laid.instructions))
    return dump_bpftool(assemble(shortest.instructions)) + "\n"


def test_xdp_asks_once_for_what_every_match_needs_and_compares_in_the_order_of_the_packet() -> None:
    assert (
        listing("ip and udp", "xdp", Verdicts(1, 2))
        == """\
   0: (b4) w0 = 2
   1: (61) r2 = *(u32 *)(r1 +4)
   2: (61) r1 = *(u32 *)(r1 +0)
   3: (07) r1 += 24
   4: (2d) if r1 > r2 goto pc+5
   5: (69) r3 = *(u16 *)(r1 -12)
   6: (56) if w3 != 0x8 goto pc+3
   7: (71) r3 = *(u8 *)(r1 -1)
   8: (56) if w3 != 0x11 goto pc+1
   9: (b4) w0 = 1
  10: (95) exit
"""
    )


def test_tc_begins_again_once_with_what_it_may_read_brought_into_reach() -> None:
    assert (
        listing("ip", "tc", Verdicts(2, 0xFFFF_FFFF))
        == """\
   0: (b4) w0 = -1
   1: (61) r3 = *(u32 *)(r1 +80)
   2: (61) r2 = *(u32 *)(r1 +76)
   3: (07) r2 += 14
   4: (2d) if r2 > r3 goto pc+4
   5: (69) r4 = *(u16 *)(r2 -2)
   6: (56) if w4 != 0x8 goto pc+1
   7: (b4) w0 = 2
   8: (95) exit
   9: (15) if r1 == 0x0 goto pc-2
  10: (bf) r6 = r1
  11: (61) r2 = *(u32 *)(r1 +0)
  12: (61) r4 = *(u32 *)(r1 +76)
  13: (1f) r3 -= r4
  14: (3d) if r3 >= r2 goto pc-7
  15: (b5) if r2 <= 0xe goto pc+1
  16: (b4) w2 = 14
  17: (85) call bpf_skb_pull_data#39
  18: (b4) w0 = -1
  19: (61) r3 = *(u32 *)(r6 +80)
  20: (61) r2 = *(u32 *)(r6 +76)
  21: (07) r2 += 14
  22: (b4) w1 = 0
  23: (05) goto pc-20
"""
    )


def test_a_socket_reads_by_the_legacy_loads() -> None:
    assert (
        listing("ip and udp", "socket", Verdicts(1000, 0))
        == """\
   0: (bf) r6 = r1
   1: (28) r0 = *(u16 *)skb[12]
   2: (56) if w0 != 0x800 goto pc+4
   3: (30) r0 = *(u8 *)skb[23]
   4: (56) if w0 != 0x11 goto pc+2
   5: (b4) w0 = 1000
   6: (95) exit
   7: (b4) w0 = 0
   8: (95) exit
"""
    )


def test_a_pointer_to_the_payload_is_that_to_the_header_moved_on() -> None:
    text = "tcp port 80 and tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420"
    program = bpfq.compile(text, target="ebpf:xdp", action="drop")
    found = [line for line in str(program).splitlines() if not line.startswith(";")]
    assert [line.split(") ", 1)[1] for line in found[19:25]] == [
        "r4 = *(u8 *)(r1 -1)",
        "w4 &= 240",
        "w4 >>= 2",
        "r1 += r4",
        "r1 += -9",
        "if r1 > r2 goto pc+3",
    ]
    assert len(found) == 29
