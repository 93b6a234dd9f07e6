"""What a program needs besides its instructions to be loaded by bpf(2).

    loadable = prepare(module)
    BTF_LOAD <- loadable.btf
    MAP_CREATE <- loadable.map_types["bad"]            btf_key_type_id and btf_value_type_id
    PROG_LOAD <- resolve(loadable, {"bad": fd}), loadable.function_records, .line_records

Records are packed in the byte order of the machine that loads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import assert_never

from bpfq.errors import LoadError
from bpfq.isa.ebpf.instructions import BpfInsn, Immediate
from bpfq.isa.ebpf.opcodes import CALL_KERNEL
from bpfq.isa.ebpf.program import Function, Line, Module, Reference
from bpfq.objfile.annotations import Annotated, function_words, line_words
from bpfq.objfile.btf import Types, pack_words
from bpfq.objfile.btf_read import kernel_types
from bpfq.objfile.kinds import Linkage
from bpfq.objfile.maps import KeyValue, key_value
from bpfq.objfile.signatures import function_type, subprogram_type
from bpfq.record import record, replace


@record
class Loadable:
    """A program with its functions in one row, and its types.

    ``references`` and ``lines`` count slots of ``instructions``; calls between functions are
    already put in, maps and kernel functions are not: see ``resolve``.
    ``function_records`` are struct bpf_func_info of 8 bytes each, ``line_records`` struct
    bpf_line_info of 16; there are no line records when no function has lines.
    """

    instructions: tuple[BpfInsn, ...]
    references: tuple[Reference, ...]
    lines: tuple[Line, ...]
    btf: bytes
    function_records: bytes
    line_records: bytes
    map_types: dict[str, KeyValue]


def prepare(module: Module, byteorder: str = sys.byteorder) -> Loadable:
    """The module as bpf(2) takes it; raises KeyError for a call of a function it does not have."""
    functions = _called(module)
    starts = _starts(functions)
    types = Types()
    map_types = {spec.name: key_value(types, spec) for spec in module.maps}
    main = function_type(types, module.function.name, module.hook, Linkage.STATIC)
    numbers = [main, *(subprogram_type(types, each.name) for each in functions[1:])]
    annotated = [
        Annotated(function, starts[function.name], number)
        for function, number in zip(functions, numbers, strict=True)
    ]
    line_records = pack_words(line_words(types, annotated, 1), byteorder)
    return Loadable(
        instructions=_linked(functions, starts),
        references=tuple(
            replace(each, insn=starts[function.name] + each.insn)
            for function in functions
            for each in function.references
            if each.kind != "function"
        ),
        lines=tuple(
            replace(each, insn=starts[function.name] + each.insn)
            for function in functions
            for each in function.lines
        ),
        btf=types.blob(byteorder),
        function_records=pack_words(function_words(annotated, 1), byteorder),
        line_records=line_records,
        map_types=map_types,
    )


def resolve(
    loadable: Loadable,
    maps: Mapping[str, int],
    kernel_function: Callable[[str], int | None] | None = None,
) -> tuple[BpfInsn, ...]:
    """The instructions with the maps' descriptors and the numbers of kernel functions.

    ``kernel_function`` tells a function's number among the kernel's types, or None; by default
    the running kernel is asked.  Raises LoadError for a function that the kernel does not have,
    and KeyError for a map that is not given.
    """
    row = list(loadable.instructions)
    for reference in loadable.references:
        slot, symbol = row[reference.insn], reference.symbol
        match reference.kind:
            case "map":
                slot = slot._replace(src=Immediate.MAP_FD, imm=maps[symbol])
            case "map_value":
                slot = slot._replace(src=Immediate.MAP_VALUE, imm=maps[symbol])
            case "kfunc":
                number = (kernel_function or kernel_types().function)(symbol)
                if number is None:
                    raise LoadError(f"this kernel has no function {symbol} for programs")
                slot = slot._replace(src=CALL_KERNEL, off=0, imm=number)
            case "function":
                pass  # prepare() has put it in
            case _:
                assert_never(reference.kind)
        row[reference.insn] = slot
    return tuple(row)


def _called(module: Module) -> tuple[Function, ...]:
    """The program and the functions that it calls in the end: the kernel takes no others."""
    by_name = {each.name: each for each in module.subprograms}
    reached: dict[str, Function] = {}
    waiting = [module.function]
    while waiting:
        function = waiting.pop()
        for reference in function.references:
            if reference.kind == "function" and reference.symbol not in reached:
                reached[reference.symbol] = by_name[reference.symbol]
                waiting.append(by_name[reference.symbol])
    return (module.function, *(each for each in module.subprograms if each.name in reached))


def _starts(functions: tuple[Function, ...]) -> dict[str, int]:
    """The first slot of each function when they stand one behind the other."""
    starts, end = {}, 0
    for function in functions:
        starts[function.name] = end
        end += len(function.instructions)
    return starts


def _linked(functions: tuple[Function, ...], starts: dict[str, int]) -> tuple[BpfInsn, ...]:
    """The functions in one row, each call reaching its function."""
    row = [slot for function in functions for slot in function.instructions]
    for function in functions:
        for reference in function.references:
            if reference.kind == "function":
                at = starts[function.name] + reference.insn
                row[at] = row[at]._replace(imm=starts[reference.symbol] - at - 1)
    return tuple(row)
