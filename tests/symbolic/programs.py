"""Random classic programs with joins, scratch memory and arithmetic; every one of them ends."""

from __future__ import annotations

import random
from collections.abc import Sequence

from bpfq.isa.cbpf import instructions as i
from bpfq.isa.cbpf.encode import assemble
from bpfq.operators import Operator, Relation

VALUES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 40, 0x80, 0xFF, 0x800, 0xFFFF, 2**31, 2**32 - 1)
MASKS = (1, 3, 0xF, 0xF0, 0xFF, 0x1FFF, 0xC0, 0x8001, 0xFFFF_FF00)
FACTORS = (1, 2, 3, 4, 6, 8, 256, 1 << 31)
ODD_OFFSETS = (2**31 - 1, 2**31, 2**32 - 2, 2**32 - 14, *(
    base + offset
    for base in (i.LINK_BASE, i.NETWORK_BASE)
    for offset in (-1, 0, 1, 4, 9)
))  # fmt: skip
WORDS = tuple(offset for name, offset in i.ANCILLARY.items() if name not in ("nla", "nlan"))
SCRATCH = (0, 1, 15)
NEAR = 24  # bytes: where loads mostly are


def program(seed: int, size: int) -> tuple[i.SockFilter, ...]:
    """size instructions and the returns behind them."""
    chance = random.Random(seed)
    odd = chance.random() < 0.3
    body: list[i.Instruction] = []
    for left in range(size, 0, -1):
        pick = chance.random()
        if pick < 0.28:
            body.append(_jump(chance, left))
        elif pick < 0.5:
            body.append(_load(chance, odd))
        elif pick < 0.75:
            body.append(_arithmetic(chance))
        else:
            body.append(_move(chance))
    ends = [i.ReturnA(), i.Return(0), i.Return(chance.choice((1, 262144)))]
    return assemble([*body, *chance.sample(ends, 3)])


def _jump(chance: random.Random, left: int) -> i.Instruction:
    most = min(left + 1, 255)
    near = min(4, most)
    yes, no = (chance.randint(0, chance.choice((near, near, most))) for _ in range(2))
    relation = chance.choice(tuple(Relation))
    if chance.random() < 0.15:
        return i.JumpIfX(relation, yes, no)
    if chance.random() < 0.05:
        return i.Jump(yes)
    return i.JumpIf(relation, chance.choice(VALUES), yes, no)


def _load(chance: random.Random, odd: bool) -> i.Instruction:
    size = chance.choice((1, 1, 2, 4))
    pick = chance.random()
    if odd and pick < 0.2:
        return chance.choice((i.LoadAbsolute, i.LoadIndirect))(chance.choice(ODD_OFFSETS), size)
    if odd and pick < 0.4:
        return i.LoadAbsolute(chance.choice(WORDS), 4)
    offset = chance.randrange(NEAR)
    if pick < 0.7:
        return i.LoadAbsolute(offset, size)
    return i.LoadXHeaderLength(offset) if pick < 0.8 else i.LoadIndirect(offset, size)


def _arithmetic(chance: random.Random) -> i.Instruction:
    operator = chance.choice(tuple(Operator))
    if chance.random() < 0.3:
        return i.AluX(operator)
    if chance.random() < 0.05:
        return i.Negate()
    return i.Alu(operator, chance.choice(_constants(operator)))


def _constants(operator: Operator) -> Sequence[int]:
    match operator:
        case Operator.AND | Operator.OR | Operator.XOR:
            return MASKS
        case Operator.MUL | Operator.DIV | Operator.MOD:
            return FACTORS
        case Operator.LSH | Operator.RSH:
            return (0, 1, 2, 4, 8, 31)
        case _:
            return VALUES


def _move(chance: random.Random) -> i.Instruction:
    slot = chance.choice(SCRATCH)
    moves = (
        i.Tax(), i.Txa(), i.StoreA(slot), i.StoreX(slot), i.LoadScratch(slot),
        i.LoadXScratch(slot), i.LoadImmediate(chance.choice(VALUES)), i.LoadLength(),
        i.LoadXImmediate(chance.randrange(NEAR)), i.LoadXLength(),
    )  # fmt: skip
    return chance.choice(moves)


def packet(chance: random.Random) -> bytes:
    """Short enough that loads fail, of bytes that comparisons meet."""
    octets = chance.choices((0, 1, 2, 4, 8, 0x45, 0x80, 0xFF, chance.randrange(256)), k=30)
    return bytes(octets[: chance.choice((0, 5, 12, 20, 26, 30))])
