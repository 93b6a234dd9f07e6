"""Loads and stores, and what must hold for them.

r3 = *(u16 *)(r1 -12)        bytes of the packet; 24 were captured
r2 = *(u32 *)(r1 +0)         a field of the context
*(u64 *)(r10 -8) = r3        the stack
r0 = *(u16 *)skb[12]         a legacy load; the program returns 0 where they were not captured
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from bpfq.errors import UnsupportedError
from bpfq.isa.ebpf import instructions as e
from bpfq.isa.ebpf.environment import SK_BUFF, XDP_MD
from bpfq.isa.ebpf.instructions import Register
from bpfq.operators import Operator
from bpfq.record import record, replace
from bpfq.symbolic.ebpf.code import PULLED, stack
from bpfq.symbolic.ebpf.comparisons import reaches
from bpfq.symbolic.ebpf.numbers import immediate, number
from bpfq.symbolic.ebpf.values import (
    BYTE,
    Bits,
    Buffer,
    Context,
    Copied,
    Entry,
    Frame,
    Packed,
    Pointer,
    Scalar,
    Slice,
    Split,
    Stored,
    Table,
    Untold,
    Value,
    choose,
    low,
)
from bpfq.symbolic.propositions import FALSE, TRUE, Packet, Proposition
from bpfq.symbolic.words import START, Word

State: TypeAlias = tuple[Value, ...]

_WORD: Final = 8  # bytes of a register
_IN_PACKET_ORDER: Final = {"proto": 2, "vlan_tpid": 2}  # bytes, of fields that hold __be16
_SKB_WORDS: Final = {
    "pkt_type": "type", "mark": "mark", "queue_mapping": "queue", "protocol": "proto",
    "vlan_present": "vlanp", "vlan_tci": "vlan_tci", "vlan_proto": "vlan_tpid",
    "ifindex": "ifidx", "hash": "rxhash",
}  # fmt: skip
_NF_CTX: Final = {"skb": (8, 8)}  # of struct bpf_nf_ctx, <linux/netfilter.h>
_XDP_WORDS: Final = {"ingress_ifindex": "ifidx"}


@record
class Hook:
    """What the context holds: the words of the packet machine by the names of its fields.

    in_piece: all of a packet lies in one piece.  direct: the context has its start and end.
    legacy: LD_ABS and LD_IND work.  limit: no bytes behind these are captured.
    """

    context: Mapping[str, tuple[int, int]]
    words: Mapping[str, str]
    limit: int
    in_piece: bool = False
    direct: bool = True
    legacy: bool = False


_FURTHEST: Final = 0xFFFF  # MAX_PACKET_OFF of kernel/bpf/verifier.c: what pointers reach
_LONGEST: Final = 1 << 24  # far above GSO_MAX_SIZE of <linux/netdevice.h>, 512 KiB
_HEADERS: Final = 1 << 31  # from here on legacy loads count from a header

HOOKS: Final = {
    "socket": Hook(SK_BUFF, _SKB_WORDS, _LONGEST, direct=False, legacy=True),
    "xdp": Hook(XDP_MD, _XDP_WORDS, _FURTHEST, in_piece=True),
    "tc": Hook(SK_BUFF, _SKB_WORDS, _FURTHEST, legacy=True),
    "cgroup_skb": Hook(SK_BUFF, _SKB_WORDS, _LONGEST),
    "netfilter": Hook(_NF_CTX, {}, _LONGEST, direct=False),
}


def load(
    instruction: e.LoadMemory, state: State, packet: Packet, hook: Hook
) -> tuple[Value, Proposition]:
    """What is loaded, and where that is certain."""
    _, base, offset, size, signed = _fields(instruction)
    if signed:
        raise UnsupportedError("loads with a sign are not analysed")
    match state[base]:
        case Frame(start) if base is Register.R10:
            return _from_stack([state[place] for place in stack(start + offset, size)], packet)
        case Context():
            return _from_context(hook, packet, state, offset, size), TRUE
        case (Pointer() | Split()) as pointer:
            return _from_packet(packet, pointer, offset, size)
        case Entry():
            return Untold(), TRUE
        case Table() as table if (offset, size) == (0, _WORD):
            return Bits(table), TRUE
        case Slice(index, start, length, there) if 0 <= offset <= length - size:
            return _octets(packet, index, start + offset, size), there
        case _:
            raise UnsupportedError(f"what r{int(base)} points to is not known")


def _fields(load: e.LoadMemory) -> tuple[Register, Register, int, int, bool]:
    return load.dst, load.base, load.offset, load.size, load.signed


def store(instruction: e.StoreMemory, state: State) -> State:
    """The state with the low bytes of a register on the stack."""
    if isinstance(state[instruction.base], Entry):
        return state
    return _stored(instruction, state, state[instruction.src])


def store_number(instruction: e.StoreImmediate, state: State, packet: Packet) -> State:
    """The state with a number on the stack."""
    return _stored(instruction, state, immediate(packet.words, instruction.value, _WORD * BYTE))


def _stored(to: e.StoreMemory | e.StoreImmediate, state: State, value: Value) -> State:
    base = state[to.base]
    if to.base is not Register.R10 or not isinstance(base, Frame):
        raise UnsupportedError("only stores at r10 are analysed")
    changed = list(state)
    for byte, place in enumerate(stack(base.offset + to.offset, to.size)):
        changed[place] = Stored(value, byte)
    return tuple(changed)


def copy(state: State, to: Frame, size: int, origin: Copied) -> State:
    """The state with bytes of the packet on the stack, from the first of them on."""
    changed = list(state)
    for byte, place in enumerate(stack(to.offset, size)):
        changed[place] = replace(origin, offset=origin.offset + byte)
    return tuple(changed)


def legacy(
    instruction: e.LoadAbsolute | e.LoadIndirect, state: State, packet: Packet, hook: Hook
) -> tuple[Value, Proposition, Proposition]:
    """What is loaded, where the program goes on, and where that is certain."""
    if not hook.legacy or state[Register.R6] != Context():
        raise UnsupportedError("a legacy load needs a socket buffer in r6")
    offset, size = instruction.offset, instruction.size
    if offset < 0:
        raise UnsupportedError("loads that count from a header are not analysed")
    if isinstance(instruction, e.LoadAbsolute):
        word: Word | None = None
        known: Proposition = TRUE
    else:
        word = low(packet.words, number(state[instruction.src]))
        known = packet.member(word, (0, _HEADERS - offset))
    return (
        _octets(packet, word, offset, size, host_order=True),
        reaches(packet, word, offset + size),
        known,
    )


def _from_packet(
    packet: Packet, pointer: Pointer | Split, offset: int, size: int
) -> tuple[Value, Proposition]:
    if isinstance(pointer, Split):
        one, here = _from_packet(packet, pointer.then, offset, size)
        other, there = _from_packet(packet, pointer.otherwise, offset, size)
        return choose(packet, pointer.test, one, other), packet.choose(pointer.test, here, there)
    start = pointer.offset + offset
    there = reaches(packet, pointer.index, start + size)
    return _octets(packet, pointer.index, start, size), there


def _octets(
    packet: Packet, index: Word | None, offset: int, size: int, *, host_order: bool = False
) -> Value:
    if offset < 0:
        raise UnsupportedError("this lies in front of the packet")
    if size not in (1, 2, 4):
        raise UnsupportedError(f"a load of {size} bytes of the packet is not analysed")
    word = packet.words.bytes(START, index, offset, size)
    return Scalar(word) if host_order or size == 1 else Packed(word, size)


def _from_stack(cells: list[Value], packet: Packet) -> tuple[Value, Proposition]:
    match cells[0]:
        case Stored(value, 0) if len(cells) == _WORD:
            if cells == [Stored(value, byte) for byte in range(_WORD)]:
                return value, TRUE
        case Copied(index, offset):
            copied = [cell for cell in cells if isinstance(cell, Copied)]
            places = [(cell.index, cell.offset) for cell in copied]
            if places == [(index, offset + byte) for byte in range(len(cells))]:
                known: Proposition = TRUE
                for there in dict.fromkeys(cell.there for cell in copied):
                    known = packet.choose(there, known, FALSE)
                return _octets(packet, index, offset, len(cells)), known
    raise UnsupportedError("what lies there on the stack is not known")


def _from_context(hook: Hook, packet: Packet, state: State, offset: int, size: int) -> Value:
    names = {at: name for name, (at, bytes_there) in hook.context.items() if bytes_there == size}
    match names.get(offset):
        case "data" if hook.direct:
            return Pointer(None, 0)
        case "data_end" if hook.direct:
            return state[PULLED]
        case "skb":
            return Buffer()
        case "len":
            return Scalar(packet.words.length())
        case str(name) if name in hook.words:
            return _metadata(packet, hook.words[name])
        case _:
            raise UnsupportedError(f"the field at {offset} of the context is not known")


def _metadata(packet: Packet, name: str) -> Value:
    word = packet.words.metadata(name)
    size = _IN_PACKET_ORDER.get(name)
    if size is None:
        return Scalar(word)
    kept = packet.words.number((1 << 8 * size) - 1)
    return Packed(packet.words.operation(Operator.AND, word, kept), size)
