"""Graph -> classic program: registers, scratch words, and jumps that are too far for a byte."""

from __future__ import annotations

from random import Random

import pytest

import bpfq
from bpfq.backends.cbpf.expression import Emitter
from bpfq.graph.nodes import Builder
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.encode import disassemble
from bpfq.isa.cbpf.instructions import Jump, Return, SockFilter
from bpfq.isa.cbpf.vm import run
from bpfq.operators import Operator


def hosts(count: int, seed: int = 1) -> list[bytes]:
    draw = Random(seed)
    return [draw.getrandbits(32).to_bytes(4, "big") for _ in range(count)]


def any_host(addresses: list[bytes]) -> str:
    return " or ".join(f"ip src host {'.'.join(map(str, address))}" for address in addresses)


def frame(source: bytes) -> bytes:
    return bytes(12) + b"\x08\x00\x45" + bytes(11) + source + bytes(4)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("count", [100, 127, 128, 129, 254, 255, 256, 257, 500, 1500])
def test_lists_across_the_reach_of_a_jump_match_exactly_their_members(
    count: int, level: int
) -> None:
    addresses = hosts(count)
    program = bpfq.compile(any_host(addresses), level=level)
    check(program.words, limit=len(program))
    sample = [addresses[0], addresses[-1], *Random(2).sample(addresses, 20)]
    assert all(run(program.words, frame(address)) == 262144 for address in sample)
    assert not any(run(program.words, frame(address)) for address in hosts(20, seed=3))


def far(words: tuple[SockFilter, ...]) -> tuple[int, int]:
    """Jumps, and returns beyond the two that every program has."""
    kinds = disassemble(words)
    return sum(isinstance(i, Jump) for i in kinds), sum(isinstance(i, Return) for i in kinds) - 2


def test_a_chain_shares_its_trampolines() -> None:
    program = bpfq.compile(any_host(hosts(2000)), level=1)
    assert sum(far(program.words)) <= len(program) // 240 + 1


def test_a_search_shares_its_trampolines() -> None:
    program = bpfq.compile(any_host(hosts(2000)))
    jumps, returns = far(program.words)
    assert jumps <= len(program) // 300  # over subtrees too long to skip
    assert returns <= 2 * len(program) // 240  # both verdicts within reach of every leaf


def test_a_search_of_a_thousand_values_needs_no_jumps() -> None:
    jumps, returns = far(bpfq.compile(any_host(hosts(1000))).words)
    assert jumps == 0
    assert returns <= 10  # both verdicts, each 255 instructions


def test_jumps_lead_to_code_and_not_to_jumps() -> None:
    text = any_host(hosts(2000)).replace("ip src", "ip")
    kinds = disassemble(bpfq.compile(text).words)
    targets = [kinds[at + 1 + each.skip] for at, each in enumerate(kinds) if isinstance(each, Jump)]
    assert len(targets) > 5
    assert not any(isinstance(target, Jump) for target in targets)


def test_no_list_length_makes_a_jump_too_far() -> None:
    for count in range(230, 275):
        words = bpfq.compile(any_host(hosts(count))).words
        check(words, limit=len(words))


def test_layout_grows_in_proportion_to_the_list() -> None:
    sizes = [len(bpfq.compile(any_host(hosts(count)))) for count in (500, 1000, 2000)]
    assert sizes[2] - sizes[1] <= 2.1 * (sizes[1] - sizes[0])


@pytest.mark.parametrize(
    "text, link",
    [
        ("ip6 protochain 6", "EN10MB"),
        ("protochain 17", "EN10MB"),
        ("geneve and geneve and ip", "EN10MB"),
        ("vxlan and tcp port 80", "EN10MB"),
        ("tcp port 80", "IEEE802_11_RADIO"),
        ("vlan and (ip or ip6) and portrange 1-1023", "IEEE802_11_RADIO"),
        (
            "ip[ip[2] + ip[3] * ip[4]] - (ip[5] / ip[6]) % (ip[7] | 1) = ip[8] << (ip[9] & 7)",
            "EN10MB",
        ),
    ],
)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_scratch_words_are_stored_before_they_are_read_on_every_path(
    text: str, link: str, level: int
) -> None:
    words = bpfq.compile(text, link=link, level=level).words
    check(words)  # the kernel's rule, which is stricter than the paths


def nested(pattern: str, depth: int) -> str:
    text = "ip[ip[0]]"
    for _ in range(depth):
        text = pattern.format(text)
    return f"{text} = 1"


@pytest.mark.parametrize("pattern", ["({} - ip[ip[1]])", "(ip[ip[1]] - {})", "ip[ip[1] - {}]"])
def test_expressions_nested_on_either_side_take_few_scratch_words(pattern: str) -> None:
    words = bpfq.compile(nested(pattern, 60)).words
    check(words)
    assert {word.k for word in words if word.code == 2} <= {15, 14}


def test_an_expression_that_needs_more_than_the_scratch_memory_is_refused_with_the_number() -> None:
    builder = Builder()
    level = [builder.load(builder.load(None, number, 1), number, 1) for number in range(1 << 17)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [builder.binary(Operator.SUB, left, right) for left, right in pairs]
    emitter = Emitter({}, {}, late_entries=False)
    with pytest.raises(bpfq.LimitError, match="more than the machine's 16 scratch words"):
        emitter.comparison(level[0], builder.constant(0), by_x=False)


def test_a_value_in_a_register_is_not_loaded_again() -> None:
    program = bpfq.compile("tcp dst portrange 10-20 or tcp dst port 80")
    loads = [word for word in program.words if word[:1] == (72,)]  # ldh [x + k]
    assert len(loads) <= 2
