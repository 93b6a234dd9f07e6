"""Which programs the kernel takes."""

from __future__ import annotations

import errno
import random
from typing import TYPE_CHECKING

import pytest

from bpfq.errors import BpfqError, FilterError, LimitError
from bpfq.isa.cbpf.check import check
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.opcodes import CONDITIONAL_JUMPS, KNOWN
from bpfq.isa.cbpf.read import parse_program

if TYPE_CHECKING:
    from conftest import Kernel

RET = SockFilter(0x06, 0, 0, 1)

GOOD = {
    "shortest": "ret #0",
    "ret a": "ret",
    "every kind of load": "ld [0]\nldh [x + 4]\nldx #pktlen\nldxb 4*([14]&0xf)\nret",
    "metadata": "\n".join([f"ld [{name}]" for name in ANCILLARY] + ["ret"]),
    "from the network header": "ld [-1048576]\nret",
    "division by one, shift by 31": "div #1\nmod #1\nlsh #31\nrsh #31\nret",
    "last scratch word": "st M[15]\nld M[15]\nret",
    "jump to the last": "jeq #1 jt 2 jf 1\nja 2\nret",
    "stored on both ways": "jeq #1 jt 1 jf 3\nst M[0]\nja 4\nst M[0]\nld M[0]\nret",
    "unreachable read behind ja": "ja 2\nld M[0]\nret",
}
BAD = {
    "unknown opcode": ([SockFilter(0x0E, 0, 0, 0), RET], "instruction 0: unknown opcode 0xe"),
    "ends without ret": (
        "ret\nneg",
        "instruction 1: the last one must be a ret",
    ),
    "div 0": (
        "neg\ndiv #0\nret",
        "instruction 1: division by the constant 0: the divisor must be 1 or more",
    ),
    "mod 0": (
        "mod #0\nret",
        "instruction 0: division by the constant 0: the divisor must be 1 or more",
    ),
    "shift": ("lsh #32\nret", "instruction 0: shift by 32: at most 31 bits"),
    "scratch": ("stx M[16]\nret", "instruction 0: no scratch word M[16]: the last is M[15]"),
    "jump out": (
        "ja 2\nret",
        "instruction 0: jump over 1 instructions: at most 0 stay in the program",
    ),
    "branch out": (
        "jset x jt 1 jf 4\nneg\nneg\nret",
        "instruction 0: jump over 3 instructions: at most 2 stay in the program",
    ),
    "jump back": (
        "neg\nja 0\nret",
        "instruction 1: jump back: the kernel only jumps forward",
    ),
    "metadata 64": (
        "ld [-4032]\nret",
        "instruction 0: no metadata at offset 64: a multiple of 4 up to 60",
    ),
    "metadata 1": (
        "ldb [-4095]\nret",
        "instruction 0: no metadata at offset 1: a multiple of 4 up to 60",
    ),
    "read before store": (
        "ld M[3]\nret",
        "instruction 0: M[3] is read but not stored on every way here, as the kernel counts: "
        "store it in front",
    ),
    "stored on one way": (
        "jeq #1 jt 1 jf 2\nst M[0]\nldx M[0]\nret",
        "instruction 2: M[0] is read but not stored on every way here, as the kernel counts: "
        "store it in front",
    ),
    # Only the jump at 1 leads to 5 and M[0] is stored on that way; the walk comes from the ret
    # at 4, where the branch at 2 said that nothing is stored.
    "read behind a ret": (
        "jeq #1 jt 1 jf 4\nst M[0]\nja 5\nneg\nret\nld M[0]\nret",
        "instruction 5: M[0] is read but not stored on every way here, as the kernel counts: "
        "store it in front",
    ),
}


def program(source: str | list[SockFilter]) -> tuple[SockFilter, ...]:
    return parse_program(source) if isinstance(source, str) else tuple(source)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_right_program_passes(text: str) -> None:
    check(parse_program(text))


@pytest.mark.parametrize(("source", "message"), BAD.values(), ids=BAD)
def test_a_wrong_program_is_refused(source: str | list[SockFilter], message: str) -> None:
    with pytest.raises(FilterError) as refused:
        check(program(source))
    assert refused.value.message == message


def test_an_empty_program_is_refused() -> None:
    with pytest.raises(FilterError) as refused:
        check([])
    assert refused.value.message == "the program is empty: it needs at least a ret"


@pytest.mark.parametrize("limit", [64, 4096])
def test_a_program_longer_than_the_limit_is_refused(limit: int) -> None:
    check([RET] * limit, limit=limit)
    with pytest.raises(LimitError) as refused:
        check([RET] * (limit + 1), limit=limit)
    assert refused.value.message == (
        f"the program has {limit + 1} instructions: at most {limit} are allowed"
    )


def answer(words: tuple[SockFilter, ...]) -> int:
    try:
        check(words)
    except BpfqError:
        return errno.EINVAL
    return 0


def random_word(rng: random.Random, following: int) -> SockFilter:
    """A word that is right more often than not, when ``following`` words follow it."""
    code = rng.choice(sorted(KNOWN))
    if code in CONDITIONAL_JUMPS:
        jt, jf = [rng.randrange(max(1, min(following, 256))) for _ in range(2)]
        return SockFilter(code, jt, jf, rng.getrandbits(32))
    if code == 0x05:
        return SockFilter(code, 0, 0, rng.randrange(max(1, following)))
    k = rng.choice(
        [
            1,
            rng.randrange(16),
            rng.randrange(34),
            rng.getrandbits(32),
            rng.choice(sorted(ANCILLARY.values())) + rng.choice([0, 0, 0, 4, 1]),
        ]
    )
    if code in (0x60, 0x61, 0x02, 0x03):
        k = rng.randrange(3)
    if code in (0x34, 0x94, 0x64, 0x74) and rng.random() < 0.9:
        k = rng.randrange(1, 32)
    return SockFilter(code, 0, 0, k)


def random_program(rng: random.Random) -> tuple[SockFilter, ...]:
    length = rng.randrange(1, 24)
    words = [SockFilter(0x02, 0, 0, 0)] * rng.randrange(2) + [SockFilter(0x03, 0, 0, 1)]
    words += [random_word(rng, length - i) for i in range(length)]
    words.append(RET)
    if rng.random() < 0.3:
        place = rng.randrange(len(words))
        field = rng.choice(["code", "jt", "jf", "k"])
        value = rng.choice([0, 1, 16, 32, 255, len(words) - place - 1, rng.getrandbits(8)])
        words[place] = words[place]._replace(**{field: value})
    return tuple(words)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(20))
def test_the_kernel_agrees_on_random_programs(seed: int, kernel: Kernel) -> None:
    rng = random.Random(seed)
    programs = [random_program(rng) for _ in range(500)]
    assert [answer(words) for words in programs] == [kernel.attach(words) for words in programs]


@pytest.mark.oracle
@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_the_kernel_takes_a_right_program(text: str, kernel: Kernel) -> None:
    assert kernel.attach(parse_program(text)) == 0


@pytest.mark.oracle
@pytest.mark.parametrize("source", [source for source, _ in BAD.values()], ids=BAD)
def test_the_kernel_refuses_a_wrong_program(source: str | list[SockFilter], kernel: Kernel) -> None:
    assert kernel.attach(program(source)) == errno.EINVAL


@pytest.mark.oracle
def test_the_kernel_agrees_on_every_opcode(kernel: Kernel) -> None:
    programs = [
        (SockFilter(0x02, 0, 0, 1), SockFilter(code, 0, 0, 1), RET, RET) for code in range(0x200)
    ]
    assert [answer(words) for words in programs] == [kernel.attach(words) for words in programs]


@pytest.mark.oracle
@pytest.mark.parametrize("offset", range(0, 72))
def test_the_kernel_agrees_on_every_metadata_offset(offset: int, kernel: Kernel) -> None:
    words = (SockFilter(0x20, 0, 0, 0xFFFF_F000 + offset), RET)
    assert answer(words) == kernel.attach(words)


@pytest.mark.oracle
@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 4097])
def test_the_kernel_agrees_on_the_length(length: int, kernel: Kernel) -> None:
    words = (RET,) * length
    assert answer(words) == kernel.attach(words)
