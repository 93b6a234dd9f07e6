"""What a program needs besides its instructions to be loaded by bpf(2).

    loadable = prepare(module)
    BTF_LOAD <- loadable.btf
    MAP_CREATE <- loadable.map_types["bad"]                       btf_key_type_id, btf_value_type_id
    PROG_LOAD <- loadable.instructions with maps and kernel functions put in at .references,
                 loadable.function_records, loadable.line_records

Records are packed in the byte order of the machine that loads.
"""

from __future__ import annotations

import sys

from bpfq.isa.ebpf.instructions import BpfInsn
from bpfq.isa.ebpf.program import Function, Module, Reference
from bpfq.objfile.annotations import Annotated, function_words, line_words
from bpfq.objfile.btf import Types, pack_words
from bpfq.objfile.kinds import Linkage
from bpfq.objfile.maps import KeyValue, key_value
from bpfq.objfile.signatures import function_type, subprogram_type
from bpfq.record import record, replace


@record
class Loadable:
    """A program with its functions in one row, and its types.

    ``references`` count slots of ``instructions``; calls between functions are already put in.
    ``function_records`` are struct bpf_func_info of 8 bytes each, ``line_records`` struct
    bpf_line_info of 16; there are no line records when no function has lines.
    """

    instructions: tuple[BpfInsn, ...]
    references: tuple[Reference, ...]
    btf: bytes
    function_records: bytes
    line_records: bytes
    map_types: dict[str, KeyValue]


def prepare(module: Module, byteorder: str = sys.byteorder) -> Loadable:
    """The module as bpf(2) takes it; raises KeyError for a call of a function it does not have."""
    functions = (module.function, *module.subprograms)
    starts = _starts(functions)
    types = Types()
    map_types = {spec.name: key_value(types, spec) for spec in module.maps}
    main = function_type(types, module.function.name, module.hook, Linkage.STATIC)
    numbers = [main, *(subprogram_type(types, each.name) for each in module.subprograms)]
    annotated = [
        Annotated(function, starts[function.name], number)
        for function, number in zip(functions, numbers, strict=True)
    ]
    lines = line_words(types, annotated, 1)
    return Loadable(
        instructions=_linked(functions, starts),
        references=tuple(
            replace(each, insn=starts[function.name] + each.insn)
            for function in functions
            for each in function.references
            if each.kind != "function"
        ),
        btf=types.blob(byteorder),
        function_records=pack_words(function_words(annotated, 1), byteorder),
        line_records=pack_words(lines, byteorder),
        map_types=map_types,
    )


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
