"""What an eBPF program finds when it is run: memory, its context, the packet, functions to call.

    xdp(packet)                      struct xdp_md, the packet in memory
    skb(packet, linear=54)           struct __sk_buff, of which 54 bytes lie in memory
    netfilter(packet)                struct bpf_nf_ctx, the packet behind its skb

Source: <linux/bpf.h>, net/core/filter.c of Linux 6.18.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from bpfq.errors import FilterError
from bpfq.isa.cbpf.instructions import LINK_BASE, NETWORK_BASE
from bpfq.isa.ebpf.encode import Endian
from bpfq.isa.ebpf.fields import signed
from bpfq.isa.ebpf.helpers import HELPERS
from bpfq.isa.ebpf.instructions import Immediate, LoadImmediate64
from bpfq.isa.ebpf.maps import Map, map_delete_elem, map_lookup_elem, map_update_elem
from bpfq.isa.ebpf.memory import Memory, Numbers, Octets
from bpfq.record import field, record

# A helper or a kernel function: the memory and R1 to R5, of which unwritten ones are 0; gives R0.
Function: TypeAlias = Callable[[Memory, int, int, int, int, int], int]

_ENOMEM: Final = 12
_EFAULT: Final = 14
_EINVAL: Final = 22
_NETWORK_HEADER: Final = 1  # BPF_HDR_START_NET

# Offset and size of the numbers in the contexts.
XDP_MD: Final[dict[str, tuple[int, int]]] = {
    "data": (0, 4),
    "data_end": (4, 4),
    "data_meta": (8, 4),
    "ingress_ifindex": (12, 4),
    "rx_queue_index": (16, 4),
    "egress_ifindex": (20, 4),
}
SK_BUFF: Final[dict[str, tuple[int, int]]] = {
    "len": (0, 4),
    "pkt_type": (4, 4),
    "mark": (8, 4),
    "queue_mapping": (12, 4),
    "protocol": (16, 4),
    "vlan_present": (20, 4),
    "vlan_tci": (24, 4),
    "vlan_proto": (28, 4),
    "priority": (32, 4),
    "ingress_ifindex": (36, 4),
    "ifindex": (40, 4),
    "tc_index": (44, 4),
    "hash": (68, 4),
    "tc_classid": (72, 4),
    "data": (76, 4),
    "data_end": (80, 4),
    "napi_id": (84, 4),
    "data_meta": (140, 4),
    "tstamp": (152, 8),
    "wire_len": (160, 4),
    "gso_segs": (164, 4),
    "gso_size": (176, 4),
}


@record
class Environment:
    """The memory, what R1 holds at the start, and what the program can call.

    ``packet`` is what the legacy packet loads read; offsets from 0 up count in it, those from
    SKF_NET_OFF and SKF_LL_OFF from network_offset and link_offset, which may lie before it, in
    ``before``; without a link header link_offset is None.  ``helpers`` are by helper id,
    ``kernel_functions`` by BTF id, ``maps`` by the number that a MAP_FD or MAP_VALUE has.
    """

    memory: Memory = field(default_factory=Memory)
    context: int = 0
    packet: bytes = b""
    before: bytes = b""
    network_offset: int = 0
    link_offset: int | None = 0
    helpers: Mapping[int, Function] = field(default_factory=dict)
    kernel_functions: Mapping[int, Function] = field(default_factory=dict)
    maps: Mapping[int, Map] = field(default_factory=dict)

    def packet_bytes(self, offset: int, size: int) -> bytes | None:
        """What a legacy load of size bytes at the signed offset reads, None outside."""
        start = self._start(offset)
        if start is None or not -len(self.before) <= start <= len(self.packet) - size:
            return None
        at = start + len(self.before)
        return (self.before + self.packet)[at : at + size]

    def resolve(self, load: LoadImmediate64) -> int:
        """What the 64-bit immediate is in this memory; raises FilterError for what is not known."""
        known = self.maps.get(load.value)
        match load.kind:
            case Immediate.PLAIN:
                return load.value
            case Immediate.MAP_FD if known is not None:
                return self.memory.place(known)
            case Immediate.MAP_VALUE if known is not None:
                return known.first(self.memory) + load.extra
            case _:
                raise FilterError(f"nothing says what {load.kind.name} {load.value} is")

    def _start(self, offset: int) -> int | None:
        network, link = signed(NETWORK_BASE, 32), signed(LINK_BASE, 32)
        if offset >= 0:
            return offset
        if offset >= network:
            return self.network_offset + offset - network
        if offset >= link and self.link_offset is not None:
            return self.link_offset + offset - link
        return None


def xdp(
    packet: bytes,
    *,
    linear: int | None = None,
    metadata: Mapping[str, int] | None = None,
    helpers: Mapping[int, Function] | None = None,
    kernel_functions: Mapping[int, Function] | None = None,
    maps: Mapping[int, Map] | None = None,
    byteorder: Endian = "little",
) -> Environment:
    """A run at XDP: linear bytes of the packet in memory, all unless said.

    ``metadata`` are fields of XDP_MD, 0 unless said.  xdp_load_bytes and those of maps are helpers;
    ``helpers`` are more of them.
    """
    memory = Memory(byteorder)
    context = _context(memory, "xdp_md", XDP_MD, packet[:linear], metadata)
    own = _map_helpers() | {HELPERS["xdp_load_bytes"]: _xdp_load_bytes(packet)}
    return Environment(
        memory=memory,
        context=context,
        helpers=own | dict(helpers or {}),
        kernel_functions=kernel_functions or {},
        maps=maps or {},
    )


def skb(
    packet: bytes,
    *,
    linear: int | None = None,
    before: bytes = b"",
    network_offset: int = 0,
    link_offset: int | None = 0,
    metadata: Mapping[str, int] | None = None,
    helpers: Mapping[int, Function] | None = None,
    kernel_functions: Mapping[int, Function] | None = None,
    maps: Mapping[int, Map] | None = None,
    byteorder: Endian = "little",
) -> Environment:
    """A run on a socket buffer: linear bytes of the packet in memory, all unless said.

    ``metadata`` are fields of SK_BUFF, 0 unless said; len is the length of the packet.
    ``before`` and the offsets are as of Environment.  skb_load_bytes, skb_load_bytes_relative,
    skb_pull_data and those of maps are helpers; ``helpers`` are more of them.
    """
    memory = Memory(byteorder)
    known = {"len": len(packet), **(metadata or {})}
    own = _map_helpers()
    environment = Environment(
        memory=memory,
        context=_context(memory, "__sk_buff", SK_BUFF, packet[:linear], known),
        packet=packet,
        before=before,
        network_offset=network_offset,
        link_offset=link_offset,
        helpers=own,
        kernel_functions=kernel_functions or {},
        maps=maps or {},
    )
    own[HELPERS["skb_load_bytes"]] = _skb_load_bytes(packet)
    own[HELPERS["skb_load_bytes_relative"]] = _skb_load_bytes_relative(environment)
    own[HELPERS["skb_pull_data"]] = _skb_pull_data(packet)
    own.update(helpers or {})
    return environment


def netfilter(
    packet: bytes,
    *,
    kernel_functions: Mapping[int, Function] | None = None,
    helpers: Mapping[int, Function] | None = None,
    maps: Mapping[int, Map] | None = None,
    byteorder: Endian = "little",
) -> Environment:
    """A run at netfilter, where the packet, from its network header, is read by dynptr only.

    Nothing of ``ctx->skb`` itself can be loaded.  See ``dynptr`` for the kernel functions.
    """
    memory = Memory(byteorder)
    buffer = memory.place(Numbers("sk_buff", {}))
    context = memory.place(Numbers("bpf_nf_ctx", {8: (8, buffer)}))
    return Environment(
        memory=memory,
        context=context,
        packet=packet,
        helpers=_map_helpers() | dict(helpers or {}),
        kernel_functions=kernel_functions or {},
        maps=maps or {},
    )


def _context(
    memory: Memory,
    name: str,
    fields: Mapping[str, tuple[int, int]],
    linear: bytes,
    metadata: Mapping[str, int] | None,
) -> int:
    data = memory.add("packet", linear, writable=True)
    known = dict.fromkeys(fields, 0) | dict(metadata or {})
    known |= {"data": data, "data_end": data + len(linear), "data_meta": data}
    numbers = {offset: (size, known[each]) for each, (offset, size) in fields.items()}
    return memory.place(Numbers(name, numbers))


def _map_helpers() -> dict[int, Function]:
    return {
        HELPERS["map_lookup_elem"]: map_lookup_elem,
        HELPERS["map_update_elem"]: map_update_elem,
        HELPERS["map_delete_elem"]: map_delete_elem,
    }


def _skb_load_bytes(packet: bytes) -> Function:
    def load(memory: Memory, context: int, offset: int, to: int, size: int, _: int) -> int:
        return _copy(memory, packet, offset & 0xFFFF_FFFF, to, size & 0xFFFF_FFFF)

    return load


def _skb_load_bytes_relative(environment: Environment) -> Function:
    whole, zero = environment.before + environment.packet, len(environment.before)

    def load(memory: Memory, context: int, offset: int, to: int, size: int, header: int) -> int:
        network, link = environment.network_offset, environment.link_offset
        base = network if header == _NETWORK_HEADER else link
        from_header = b"" if base is None else whole[zero + base :]
        return _copy(memory, from_header, offset & 0xFFFF_FFFF, to, size & 0xFFFF_FFFF)

    return load


def _skb_pull_data(packet: bytes) -> Function:
    """Nothing is left where the packet was: a pointer from before leads out of bounds."""

    def pull(memory: Memory, context: int, size: int, *_: int) -> int:
        buffer, _offset = memory.region(context)
        assert isinstance(buffer, Numbers)
        old, _offset = memory.region(buffer.load(SK_BUFF["data"][0], 4, memory.byteorder))
        assert isinstance(old, Octets)
        linear = max(size & 0xFFFF_FFFF, len(old.octets))
        found = linear <= len(packet)
        new = bytes(old.octets) + (packet[len(old.octets) : linear] if found else b"")
        old.octets.clear()
        data = memory.add("packet", new, writable=True)
        for name, address in (("data", data), ("data_end", data + len(new)), ("data_meta", data)):
            buffer.numbers[SK_BUFF[name][0]] = (4, address)
        return 0 if found else -_ENOMEM

    return pull


def _copy(memory: Memory, octets: bytes, offset: int, to: int, size: int) -> int:
    """What lies outside gives zeros and an error."""
    inside = offset + size <= len(octets)
    memory.write(to, octets[offset : offset + size] if inside else bytes(size))
    return 0 if inside else -_EFAULT


def _xdp_load_bytes(packet: bytes) -> Function:
    def load(memory: Memory, context: int, offset: int, to: int, size: int, _: int) -> int:
        start, count = offset & 0xFFFF_FFFF, size & 0xFFFF_FFFF
        if start > 0xFFFF or count > 0xFFFF:
            return -_EFAULT
        if start + count > len(packet):
            return -_EINVAL
        memory.write(to, packet[start : start + count])
        return 0

    return load
