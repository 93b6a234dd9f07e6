"""What programs, subprograms and the kernel's own functions take and return, as BTF types.

    function_type(types, "drop", "xdp")      int drop(struct xdp_md *ctx)
    kernel_function(types, "bpf_dynptr_slice")

Structs of the kernel are named and left empty: loaders compare what kind of type an argument is.
"""

from __future__ import annotations

from typing import Final

from bpfq.errors import ObjectError
from bpfq.isa.ebpf.program import Hook
from bpfq.objfile.btf import VOID, Parameter, Types
from bpfq.objfile.kinds import Linkage

# What a program is called with; <linux/bpf.h>, include/linux/netfilter.h of Linux 6.18.
CONTEXTS: Final[dict[Hook, str]] = {
    "socket": "__sk_buff",
    "xdp": "xdp_md",
    "tc": "__sk_buff",
    "cgroup_skb": "__sk_buff",
    "netfilter": "bpf_nf_ctx",
}

# Result and parameters; kernel/bpf/helpers.c and net/core/filter.c of Linux 6.18.
KERNEL_FUNCTIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "bpf_dynptr_from_skb": ("int", ("struct __sk_buff *", "u64", "struct bpf_dynptr *")),
    "bpf_dynptr_from_xdp": ("int", ("struct xdp_md *", "u64", "struct bpf_dynptr *")),
    "bpf_dynptr_slice": ("void *", ("struct bpf_dynptr *", "u64", "void *", "u64")),
    "bpf_dynptr_size": ("u64", ("struct bpf_dynptr *",)),
    "bpf_dynptr_adjust": ("int", ("struct bpf_dynptr *", "u64", "u64")),
    "bpf_iter_num_new": ("int", ("struct bpf_iter_num *", "int", "int")),
    "bpf_iter_num_next": ("int *", ("struct bpf_iter_num *",)),
    "bpf_iter_num_destroy": ("void", ("struct bpf_iter_num *",)),
}

# The C names of unsigned numbers by their bits.
UNSIGNED: Final = {
    8: "unsigned char",
    16: "unsigned short",
    32: "unsigned int",
    64: "unsigned long long",
}


def unsigned(types: Types, bits: int) -> int:
    """An unsigned number of 8, 16, 32 or 64 bits."""
    return types.integer(UNSIGNED[bits], bits)


def function_type(types: Types, name: str, hook: Hook, linkage: Linkage) -> int:
    """A program for the hook."""
    context = types.pointer(types.structure(CONTEXTS[hook], (), 0))
    prototype = types.prototype(_int(types), [Parameter("ctx", context)])
    return types.function(name, prototype, linkage)


def subprogram_type(types: Types, name: str) -> int:
    """A function that only programs beside it call; its parameters are not told."""
    return types.function(name, types.prototype(_int(types), ()), Linkage.STATIC)


def kernel_function(types: Types, name: str) -> int:
    """A function that the kernel exports to programs; raises ObjectError for an unknown one."""
    if name not in KERNEL_FUNCTIONS:
        known = ", ".join(KERNEL_FUNCTIONS)
        raise ObjectError(f"the parameters of {name} are not known, only those of {known}")
    result, parameters = KERNEL_FUNCTIONS[name]
    taken = [Parameter(f"arg{i}", _type(types, text)) for i, text in enumerate(parameters)]
    return types.function(name, types.prototype(_type(types, result), taken), Linkage.EXTERN)


def _type(types: Types, text: str) -> int:
    """One of the few types of KERNEL_FUNCTIONS: a base and a star at most."""
    base = text.removesuffix(" *")
    match base:
        case "void":
            number = VOID
        case "int":
            number = _int(types)
        case "u64":
            number = unsigned(types, 64)
        case _:
            number = types.structure(base.removeprefix("struct "), (), 0)
    return number if base == text else types.pointer(number)


def _int(types: Types) -> int:
    return types.integer("int", 32, signed=True)
