"""How fast does Program.matches decide, against interpreting the program?  Limit: 10 times.

All run over the same frames: everyday traffic, made here, with and without a match.  The second
figure is that of programs which came as instructions.
"""

from __future__ import annotations

from corpus import filters
from report import best_of, heading, mean

import bpfq
from bpfq.isa.cbpf.vm import run

FRAMES = 300


def frames() -> list[bytes]:
    """TCP, UDP, ICMP, ARP and IPv6 frames with changing addresses and ports."""
    made = []
    for number in range(FRAMES):
        low = number % 256
        ports = (1024 + number).to_bytes(2, "big") + (443, 53, 80, 22)[number % 4].to_bytes(
            2, "big"
        )
        source, destination = bytes((10, 0, low, 1)), bytes((192, 0, 2, low))
        macs = bytes.fromhex("001122334455") + bytes.fromhex("0a0b0c0d0e0f")
        protocol = (6, 17, 6, 1)[number % 4]
        ipv4 = bytes((0x45, 0, 0, 60, 0, number % 256, 0x40, 0, 64, protocol, 0, 0))
        ipv4 += source + destination + ports + bytes(40)
        ipv6 = (
            bytes((0x60, 0, 0, 0, 0, 20, protocol, 64)) + bytes(16) + bytes(16) + ports + bytes(20)
        )
        arp = bytes.fromhex("0001080006040001") + macs[:6] + source + bytes(6) + destination
        body = (b"\x08\x00" + ipv4, b"\x08\x00" + ipv4, b"\x86\xdd" + ipv6, b"\x08\x06" + arp)
        made.append(macs + body[number // 4 % 4])
    return made


def main() -> None:
    heading(f"deciding {FRAMES} frames, Program.matches against the interpreter")
    packets = frames()
    of_filters, of_words = _Figures(), _Figures()
    corpus = [text for link, text in filters() if link == "EN10MB"]
    for text in corpus:
        program = bpfq.compile(text, allow_empty=True)
        words = program.words
        wanted = [run(words, packet) != 0 for packet in packets]
        slow = best_of(1, lambda: [run(words, packet) for packet in packets])
        for made, figures in ((program, of_filters), (bpfq.Program.of(words), of_words)):
            match = made.matcher()
            if [match(packet, len(packet), {}) for packet in packets] != wanted:
                raise SystemExit(f"the two disagree on {text!r}")
            fast = best_of(3, lambda: [match(packet, len(packet), {}) for packet in packets])
            figures.add(fast, slow)
    of_filters.show(f"{len(corpus)} filters", len(corpus))
    of_words.show("as instructions", len(corpus))


class _Figures:
    """Seconds for the frames, filter by filter."""

    def __init__(self) -> None:
        self.ratios: list[float] = []
        self.ours = self.theirs = 0.0

    def add(self, fast: float, slow: float) -> None:
        self.ratios.append(slow / fast)
        self.ours, self.theirs = self.ours + fast, self.theirs + slow

    def show(self, name: str, filters: int) -> None:
        per_packet = 1e9 / (FRAMES * filters)
        print(
            f"  {name}: {self.ours * per_packet:.0f} ns a packet, "
            f"interpreter {self.theirs * per_packet:.0f} ns"
        )
        print(
            f"  ratio {mean(self.ratios):.1f} (geometric mean), {self.theirs / self.ours:.1f} "
            f"(in all), least {min(self.ratios):.1f}; limit 10"
        )


if __name__ == "__main__":
    main()
