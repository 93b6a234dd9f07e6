"""Programs as propositions against the interpreter, on both machines."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from oracles import libpcap
from oracles.corpus import Line, filters
from oracles.directed import bases, search, truncations

import bpfq
from bpfq.errors import FilterError, UnsupportedError
from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import assemble
from bpfq.isa.cbpf.vm import Machine, run
from bpfq.operators import Operator, Relation
from bpfq.settings import link_type
from bpfq.symbolic.classic import encode
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition
from bpfq.symbolic.words import Draw, Either, Metadata

from . import programs
from .concrete import Concrete

SEEDS = 400  # programs
PACKETS = 12  # of each
CORPUS_PACKETS = 40  # of each filter, and as many cut short
EVERY = 6  # filters of the corpus
BEFORE = b"\x45abcdefghi"  # a network header in front of byte 0
DEEPEST = 300  # loads whose address is the one before; the reader here nests its calls


class Place(NamedTuple):
    """Where a program runs."""

    machine: Machine
    metadata: bool
    network_offset: int | None = None
    link_offset: int | None = 0
    network_header: bytes = b""


PLACES = {
    "libpcap": Place(Machine.LIBPCAP, metadata=False),
    "libpcap with metadata": Place(Machine.LIBPCAP, metadata=True),
    "kernel": Place(Machine.KERNEL, metadata=True, network_offset=4, link_offset=1),
    "kernel behind the network header": Place(Machine.KERNEL, True, None, None, BEFORE),
}


class Input(NamedTuple):
    octets: bytes
    length: int
    metadata: Mapping[str, int]


def encoded(
    words: Sequence[i.SockFilter], place: Place, packet: Packet | None = None
) -> Proposition:
    return encode(
        words,
        packet or Packet(),
        machine=place.machine,
        metadata=place.metadata,
        network_offset=place.network_offset,
        link_offset=place.link_offset,
    )


def verdict(words: Sequence[i.SockFilter], place: Place, one: Input) -> bool:
    return 0 < run(
        words,
        one.octets,
        wire_length=one.length,
        metadata=one.metadata if place.metadata else None,
        machine=place.machine,
        network_offset=place.network_offset or 0,
        link_offset=place.link_offset,
        network_header=place.network_header,
    )


def differing(words: Sequence[i.SockFilter], place: Place, inputs: Sequence[Input]) -> list[Input]:
    """The packets on which the proposition is not what the interpreter says."""
    proposition = encoded(words, place)
    return [
        one
        for one in inputs
        if verdict(words, place, one) != (outcome(proposition, place, one) is TRUE)
    ]


def outcome(proposition: Proposition, place: Place, one: Input) -> Proposition:
    return Concrete(
        one.octets,
        one.length,
        one.metadata,
        place.network_header,
        fill=lambda address: address * 7 + 3 & 0xFF,
        draws=one.metadata.get("random", 0),
    ).outcome(proposition)


def random_input(chance: random.Random) -> Input:
    octets = programs.packet(chance)
    packet = Packet()
    metadata = {}
    for name in i.ANCILLARY:
        word = packet.words.metadata(name)
        metadata[name] = chance.choice((0, 1, 2, 4, chance.randrange(2**32))) & word.most
    return Input(octets, len(octets) + chance.choice((0, 0, 7)), metadata)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("start", range(0, SEEDS, 50))
def test_random_programs_accept_what_the_interpreter_accepts(start: int, place: str) -> None:
    for seed in range(start, start + 50):
        chance = random.Random(f"{seed} {place}")
        words = programs.program(seed, chance.choice((4, 8, 14, 25, 60)))
        inputs = [random_input(chance) for _ in range(PACKETS)]
        assert (seed, differing(words, PLACES[place], inputs)) == (seed, [])


def test_random_programs_accept_and_reject_for_many_reasons() -> None:
    """Else the test above would compare little."""
    accepted = 0
    chance = random.Random(0)
    for seed in range(SEEDS):
        words = programs.program(seed, 14)
        accepted += verdict(words, PLACES["kernel"], random_input(chance))
    assert SEEDS // 5 < accepted < SEEDS // 2


def _directed(words: Sequence[i.SockFilter], seed: int) -> list[Input]:
    found = search(words, bases(seed), CORPUS_PACKETS)
    cut = [short for sample in found.new[-2:] for short in truncations(words, sample)]
    step = len(cut) // CORPUS_PACKETS + 1
    return [Input(one.packet, one.length, {}) for one in (*found.samples, *cut[::step])]


def _compiled(line: Line, optimise: bool) -> tuple[i.SockFilter, ...]:
    """libpcap's program; one that rejects everything where it makes none."""
    number = link_type(line.link).number
    try:
        return libpcap.compiled(
            line.text, number, optimise=optimise, netmask=0xFFFF_FF00, savefile=line.savefile
        )
    except libpcap.Refused:
        return shape(REJECT)
    except OSError:
        pytest.skip("needs libpcap: install libpcap0.8")


@pytest.mark.oracle
@pytest.mark.parametrize("optimise", [False, True])
@pytest.mark.parametrize(
    "line",
    [line for line in filters()[::EVERY] if "protochain" not in line.text],
    ids=lambda line: f"{line.link}-{' '.join(line.text.split())}",
)
def test_programs_of_libpcap_accept_what_the_interpreter_accepts(
    line: Line, optimise: bool
) -> None:
    words = _compiled(line, optimise)
    inputs = _directed(words, filters().index(line))
    assert differing(words, PLACES["libpcap"], inputs) == []


@pytest.mark.oracle
def test_the_loop_of_libpcap_is_refused() -> None:
    words = _compiled(Line("EN10MB", "ip protochain 51", None), optimise=False)
    with pytest.raises(UnsupportedError, match="only programs without loops are analysed"):
        encoded(words, PLACES["libpcap"])


@pytest.mark.parametrize("text", [
    "ip protochain 51", "ip6 protochain 51", "tcp[tcpflags] & tcp-syn != 0", "vlan 5 and vlan 6",
    "ip[ip[0] & 15] = 1", "host 1.2.3.4 or arp", "ether[ip[2:2]] / ip[5] = 3",
    "portrange 7-2000 and not port 80", "vxlan and ip6 and udp port 53", "mpls and ip and icmp",
])  # fmt: skip
@pytest.mark.parametrize("level", [0, 1, 2])
def test_programs_of_the_compiler_accept_what_the_interpreter_accepts(
    text: str, level: int
) -> None:
    words = bpfq.compile(text, level=level).words
    for place in PLACES.values():
        assert differing(words, place, _directed(words, level)) == []


# ---------------------------------------------------------------- shapes


A, X = i.LoadAbsolute(0, 1), i.LoadXImmediate(3)
ACCEPT, REJECT = i.Return(1), i.Return(0)


def shape(*body: i.Instruction) -> tuple[i.SockFilter, ...]:
    return assemble(body)


def _switch(cases: int) -> tuple[i.SockFilter, ...]:
    """X is the number of the case."""
    body: list[i.Instruction] = [i.LoadAbsolute(0, 2)]
    for case in range(cases):
        jump = i.Jump(3 * (cases - case) - 3)
        body += [i.JumpIf(Relation.EQ, case, 0, 2), i.LoadXImmediate(case + 5), jump]
    return shape(*body, i.Txa(), i.JumpIf(Relation.EQ, 7, 0, 1), ACCEPT, REJECT)


def _choices(count: int) -> tuple[i.SockFilter, ...]:
    """X is what the last of many tests left in it."""
    body: list[i.Instruction] = [A]
    for test in range(count):
        body += [i.JumpIf(Relation.EQ, test & 255, 0, 1), i.LoadXImmediate(test & 15)]
    return shape(*body, i.Txa(), i.JumpIf(Relation.EQ, 7, 0, 1), ACCEPT, REJECT)


def _sums(count: int) -> tuple[i.SockFilter, ...]:
    """Each test may add to M[0]: 2**count ways."""
    body: list[i.Instruction] = []
    for test in range(count):
        body += [
            i.LoadAbsolute(test % 8, 1), i.JumpIf(Relation.GT, test & 255, 0, 3), i.LoadScratch(0),
            i.Alu(Operator.ADD, 1 << test % 20), i.StoreA(0),
        ]  # fmt: skip
    return shape(*body, i.LoadScratch(0), i.JumpIf(Relation.GT, 77, 0, 1), ACCEPT, REJECT)


def _swaps(count: int) -> tuple[i.SockFilter, ...]:
    """M[0] and M[1] each become one of the two before, again and again."""
    body: list[i.Instruction] = [i.LoadImmediate(5), i.StoreA(0), A, i.StoreA(1)]
    for test in range(count):
        for slot in (2, 3):
            body += [
                i.LoadAbsolute((test + slot) % 8, 1), i.JumpIf(Relation.GT, test & 255, 0, 2),
                i.LoadScratch(0), i.Jump(1), i.LoadScratch(1), i.StoreA(slot),
            ]  # fmt: skip
        body += [i.LoadScratch(2), i.StoreA(0), i.LoadScratch(3), i.StoreA(1)]
    return shape(*body, i.LoadScratch(0), i.JumpIf(Relation.GT, 5, 0, 1), ACCEPT, REJECT)


def _chase(count: int) -> tuple[i.SockFilter, ...]:
    """Each load is where the one before said."""
    step = [i.LoadIndirect(0, 1), i.AluX(Operator.ADD), i.Alu(Operator.AND, 7), i.Tax()]
    return shape(*step * count, i.JumpIf(Relation.EQ, 3, 0, 1), ACCEPT, REJECT)


@pytest.mark.parametrize("words", [
    _switch(3), _switch(3000), _choices(3), _choices(6000), _sums(3), _sums(300), _swaps(4),
    _swaps(300), _chase(DEEPEST),
], ids=["small switch", "large switch", "few choices", "many choices", "few sums", "many sums",
        "few swaps", "many swaps", "loads one behind the other"])  # fmt: skip
def test_programs_of_many_ways_are_encoded_in_one_pass(words: tuple[i.SockFilter, ...]) -> None:
    chance = random.Random(0)
    inputs = [Input(bytes(chance.choices(range(9), k=8)), 8, {}) for _ in range(PACKETS)]
    assert differing(words, PLACES["kernel"], inputs) == []


def test_a_choice_holds_only_the_tests_between_its_ways() -> None:
    """The first test is on both ways, the last is on neither."""
    packet = Packet()
    words = shape(
        i.LoadAbsolute(0, 1), i.JumpIf(Relation.EQ, 1, 0, 6),
        i.LoadAbsolute(12, 2), i.JumpIf(Relation.EQ, 0x800, 2, 0),
        i.JumpIf(Relation.EQ, 0x806, 0, 3), i.LoadXImmediate(8),
        i.LoadIndirect(30, 4), i.ReturnA(), REJECT,
    )  # fmt: skip
    encoded(words, PLACES["libpcap"], packet)
    kind = packet.compare(packet.words.bytes("start", None, 12, 2), Relation.EQ,
                          packet.words.number(0x800))  # fmt: skip
    index = packet.words.either(kind, packet.words.number(0), packet.words.number(8))
    assert packet.words.bytes("start", index, 30, 4) in packet.words._made.values()


READERS: dict[str, tuple[i.Instruction, ...]] = {
    "txa": (i.Txa(),),
    "tax": (i.Tax(), i.LoadImmediate(0), i.Txa()),
    "load scratch": (i.LoadScratch(1),),
    "load x scratch": (i.LoadXScratch(1), i.Txa()),
    "store a": (i.StoreA(2), i.LoadScratch(2)),
    "store x": (i.StoreX(2), i.LoadScratch(2)),
    "load indirect": (i.LoadIndirect(0, 1),),
    "xor x": (i.LoadAbsolute(i.ANCILLARY["xor_x"], 4),),
    "a + k": (i.Alu(Operator.ADD, 1),),
    "a + x": (i.AluX(Operator.ADD),),
    "negate": (i.Negate(),),
    "a > k": (i.JumpIf(Relation.GT, 3, 0, 1), ACCEPT, REJECT),
    "a > x": (i.LoadImmediate(3), i.JumpIfX(Relation.GT, 0, 1), ACCEPT, REJECT),
    "ret a": (i.Alu(Operator.SUB, 2), i.ReturnA()),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [2, 3, 4, 5, 6, 8, 9, 2**32 - 2])
def test_what_an_instruction_reads_is_right_where_ways_meet(reader: str, value: int) -> None:
    words = shape(
        A, i.JumpIf(Relation.EQ, 1, 4, 0),
        i.LoadImmediate(6), i.StoreA(1), i.LoadXImmediate(5), i.Jump(3),
        i.LoadImmediate(2), i.StoreA(1), i.LoadXImmediate(2),
        *READERS[reader], i.JumpIf(Relation.EQ, value, 0, 1), ACCEPT, REJECT,
    )  # fmt: skip
    inputs = [Input(bytes((first, 0, 9, 0, 0, 4)), 6, {}) for first in (0, 1)]
    assert differing(words, PLACES["kernel"], inputs) == []


def test_registers_that_are_written_before_they_are_read_have_no_choice() -> None:
    packet = Packet()
    words = shape(
        A, i.JumpIf(Relation.EQ, 1, 0, 2), X, i.StoreX(0),
        i.LoadXImmediate(7), i.StoreX(0), i.LoadAbsolute(1, 1), i.AluX(Operator.ADD), i.ReturnA(),
    )  # fmt: skip
    encoded(words, PLACES["libpcap"], packet)
    assert not [word for word in packet.words._made.values() if isinstance(word, Either)]


def test_ways_that_no_packet_takes_are_left_out() -> None:
    words = shape(
        i.LoadImmediate(5), i.JumpIf(Relation.EQ, 5, 1, 0),
        i.LoadAbsolute(i.ANCILLARY["nla"], 4), i.ReturnA(),
    )  # fmt: skip
    assert encoded(words, PLACES["kernel"]) is TRUE


def test_a_division_by_the_constant_zero_rejects() -> None:
    words = shape(i.LoadImmediate(5), i.Alu(Operator.DIV, 0), ACCEPT)
    assert encoded(words, PLACES["kernel"]) is FALSE


def test_random_words_are_numbered_in_the_order_of_the_instructions() -> None:
    packet = Packet()
    draw = i.LoadAbsolute(i.ANCILLARY["random"], 4)
    words = shape(draw, i.JumpIf(Relation.GT, 9, 0, 2), draw, i.ReturnA(), REJECT)
    encoded(words, PLACES["kernel"], packet)
    drawn = [word.identity for word in packet.words._made.values() if isinstance(word, Draw)]
    assert drawn == [1, 2]


def test_ancillary_loads_of_a_file_are_loads_past_its_end() -> None:
    packet = Packet()
    words = shape(i.LoadAbsolute(i.ANCILLARY["mark"], 4), i.ReturnA())
    encoded(words, PLACES["libpcap"], packet)
    assert not [word for word in packet.words._made.values() if isinstance(word, Metadata)]


@pytest.mark.parametrize("words, message", [
    ((), "the program is empty: it needs at least a ret"),
    (shape(A),
     "instruction 0: goes on to instruction 1: the program has 1, 0 up, and must end with a ret"),
    (shape(i.JumpIf(Relation.EQ, 1, 0, 9), ACCEPT),
     "instruction 0: goes on to instruction 10: the program has 2, 0 up, and must end with a ret"),
    (shape(i.Raw(0xFFFF, 0, 0, 0), ACCEPT), "instruction 0: unknown opcode 0xffff"),
    (shape(i.StoreA(16), ACCEPT), "instruction 0: no scratch word M[16]: the last is M[15]"),
])  # fmt: skip
def test_a_program_that_no_machine_takes_is_refused(
    words: tuple[i.SockFilter, ...], message: str
) -> None:
    with pytest.raises(FilterError) as refusal:
        encoded(words, PLACES["libpcap"])
    assert str(refusal.value) == message


@pytest.mark.parametrize("words, message", [
    (shape(A, i.Jump(-2), ACCEPT),
     "instruction 1: jump back to instruction 0: only programs without loops are analysed"),
    (shape(i.LoadAbsolute(i.ANCILLARY["nlan"], 4), ACCEPT),
     "instruction 0: 'nlan' searches netlink attributes: "  # noqa: ISC004
     "only loads at computed offsets are analysed"),
])  # fmt: skip
def test_what_cannot_be_analysed_is_said(words: tuple[i.SockFilter, ...], message: str) -> None:
    with pytest.raises(UnsupportedError) as refusal:
        encoded(words, PLACES["kernel"])
    assert str(refusal.value) == message


def test_mistakes_in_code_that_is_never_reached_do_not_matter() -> None:
    words = shape(ACCEPT, i.Raw(0xFFFF, 0, 0, 0), i.Jump(-9), i.StoreA(99))
    assert encoded(words, PLACES["kernel"]) is TRUE
