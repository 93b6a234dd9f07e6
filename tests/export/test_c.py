"""Exported C, compiled by gcc, attached by its own functions, run by the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from objfile.tools import needs_gcc, output

import bpfq

from .corpus import answers, both_ways, built, name, programs, questions, source, wrong

pytestmark = [pytest.mark.oracle, needs_gcc]

STRICT = ("gcc", "-Wall", "-Wextra", "-Werror", "-pedantic")
HARNESS = """\
#include "filters.h"
#include <stdio.h>
#include <stdint.h>
#include <unistd.h>

static int (*const attach[])(int) = { %s };

int main(void)
{
    static unsigned char packet[1 << 16];
    uint32_t head[2], last = UINT32_MAX;
    int pair[2] = { -1, -1 };
    while (fread(head, 4, 2, stdin) == 2 && fread(packet, 1, head[1], stdin) == head[1]) {
        if (head[0] != last) {
            close(pair[0]), close(pair[1]);
            if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || attach[head[0]](pair[1]))
                return perror("attach"), 1;
            last = head[0];
        }
        send(pair[0], packet, head[1], 0);
        putchar(recv(pair[1], packet, sizeof packet, MSG_DONTWAIT) > 0 ? 'y' : 'n');
    }
    return 0;
}
"""


def test_the_kernel_decides_as_matches_does(tmp_path: Path) -> None:
    found = programs("packet", first=0)
    asked = questions(found)
    table = ", ".join(f"{name(number)}_attach" for number in range(len(found)))
    built(tmp_path, {"filters.h": source("c", found), "main.c": HARNESS % table})
    output([*STRICT, "-o", tmp_path / "main", tmp_path / "main.c"])
    assert both_ways(asked)
    assert wrong(found, asked, answers([tmp_path / "main"], asked)) == []


@pytest.mark.parametrize("standard", ["gnu99", "gnu17", "c++17"])
@pytest.mark.parametrize("target", ["packet", "file", "xt_bpf"])
def test_it_compiles_without_a_warning(tmp_path: Path, standard: str, target: str) -> None:
    text = bpfq.compile("tcp port 80", target=target).export("c", name="web")
    built(tmp_path, {"web.c": text})
    language = "c++" if standard.startswith("c++") else "c"
    output([*STRICT, "-x", language, f"-std={standard}", "-fsyntax-only", tmp_path / "web.c"])
    assert ("web_attach" in text) == (target == "packet")
