"""How long do `bpfq "ip and udp" --dump` and `import bpfq` take, against `python -c pass`?

Whole processes.  Limits: 6 times for the command, the aim is 4 times; 3 times for the import, also
of `bpfq.scapy`, which imports scapy when it is used.  All run in turn, so that a drifting machine
hits each of them.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

from report import heading

RUNS = 25
NOTHING = [sys.executable, "-c", "pass"]
OURS = {  # what it is: the command, its limit
    'bpfq "ip and udp" --dump': ([sys.executable, "-m", "bpfq", "ip and udp", "--dump"], 6),
    "import bpfq": ([sys.executable, "-c", "import bpfq"], 3),
    "import bpfq.scapy": ([sys.executable, "-c", "import bpfq.scapy"], 3),
}


def seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start


def main() -> None:
    heading("start-up as a whole process, against python -c pass")
    commands = [NOTHING, *(command for command, _ in OURS.values())]
    for command in commands:
        seconds(command)
    rows = [[seconds(command) for command in commands] for _ in range(RUNS)]
    nothing, *ours = zip(*rows, strict=True)
    print(f"  {1e3 * median(nothing):6.1f} ms  python -c pass")
    for (name, (_, most)), times in zip(OURS.items(), ours, strict=True):
        ratio = median(a / b for a, b in zip(times, nothing, strict=True))
        print(f"  {1e3 * median(times):6.1f} ms  {name}: {ratio:.2f} times (limit {most})")


if __name__ == "__main__":
    main()
