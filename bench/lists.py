"""How long do long lists take to compile?  Limit: 1000 hosts joined by `or` in under a second."""

from __future__ import annotations

from random import Random
from time import perf_counter

import rival
from report import heading

import bpfq


def hosts(count: int) -> str:
    draw = Random(count)
    addresses = (draw.getrandbits(32).to_bytes(4, "big") for _ in range(count))
    return " or ".join(f"host {'.'.join(map(str, address))}" for address in addresses)


def ports(count: int) -> str:
    return " or ".join(f"port {port}" for port in Random(count).sample(range(1, 65536), count))


def main() -> None:
    heading("long lists at the default level")
    for name, make, counts in (("host", hosts, (100, 1000, 5000, 20000)), ("port", ports, (1000,))):
        for count in counts:
            text = make(count)
            start = perf_counter()
            program = bpfq.compile(text)
            seconds = perf_counter() - start
            line = f"  {count:6} {name}: {seconds:6.2f} s, {len(program):6} instructions"
            if count <= 100:
                theirs = rival.compile_filter(text)
                if theirs:
                    line += f"; libpcap -O {theirs.seconds:.2f} s, {len(theirs.words)}"
            print(line + (" (limit 1 s)" if (name, count) == ("host", 1000) else ""))
            try:
                bpfq.compile(text, target="packet")
            except bpfq.LimitError as error:
                print(f"         on a packet socket: {error}")


if __name__ == "__main__":
    main()
