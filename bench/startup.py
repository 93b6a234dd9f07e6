"""How long does `bpfq "ip and udp" --dump` take as a whole process, against `python -c pass`?

Limit: 6 times; the aim is 4 times.  The two run in turn, so that a drifting machine hits both.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

from report import heading

RUNS = 25
BPFQ = [sys.executable, "-m", "bpfq", "ip and udp", "--dump"]
NOTHING = [sys.executable, "-c", "pass"]


def seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def main() -> None:
    heading('bpfq "ip and udp" --dump as a whole process')
    for command in (BPFQ, NOTHING):
        seconds(command)
    pairs = [(seconds(BPFQ), seconds(NOTHING)) for _ in range(RUNS)]
    ours, theirs = (median(times) for times in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"  bpfq {1e3 * ours:.1f} ms · python -c pass {1e3 * theirs:.1f} ms")
    print(f"  ratio {ratio:.2f} (median of {RUNS} pairs; limit 6, aim 4)")


if __name__ == "__main__":
    main()
