"""The language of the kernel's bpf_asm, with labels.

        ldh [12]
        jne #0x806, reject
        ret #262144
reject: ret #0

Source: tools/bpf/bpf_exp.l and bpf_exp.y of Linux; Documentation/networking/filter.rst.
"""

from __future__ import annotations

from typing import Final

from bpfq.export.comments import about, heading
from bpfq.export.job import Job
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.mnemonics import MNEMONICS, Operand

_EXTENSIONS: Final = {
    offset: {"vlanp": "vlan_avail", "random": "rand"}.get(name, name)
    for name, offset in ANCILLARY.items()
    if name != "xor_x"
}
_OTHERWISE: Final = {"jeq": "jne", "jgt": "jle", "jge": "jlt"}  # that jump where the first does not
_REJECT: Final = SockFilter(opcodes.RETURN, 0, 0, 0)


def bpf_asm(job: Job) -> str:
    """A source file; a comment begins with a semicolon."""
    words = job.only.words
    labels = _labels(words)
    width = max((len(name) for name in labels.values()), default=0) + 2
    lines = [heading(job, ";"), *about(job.only, ";"), ""]
    for pc, word in enumerate(words):
        label = f"{labels[pc]}:" if pc in labels else ""
        lines.append(f"{label:<{width}}{_line(pc, word, labels)}".rstrip())
    return "\n".join([*lines, ""])


def _labels(words: tuple[SockFilter, ...]) -> dict[int, str]:
    """Names for the instructions that others jump to."""
    targets = {target for pc, word in enumerate(words) for target in _targets(pc, word)}
    rejects = [pc for pc in sorted(targets) if words[pc] == _REJECT]
    names = {pc: "reject" for pc in rejects[:1]}
    return {pc: names.get(pc, f"L{pc:03d}") for pc in sorted(targets)}


def _targets(pc: int, word: SockFilter) -> tuple[int, ...]:
    """Where an instruction jumps to, but for a branch that goes on with the next one."""
    if word.code == opcodes.JUMP:
        return (pc + 1 + word.k,)
    if word.code not in opcodes.CONDITIONAL_JUMPS:
        return ()
    if word.jt == 0 and (word.jf == 0 or MNEMONICS[word.code][0] in _OTHERWISE):
        return (pc + 1 + word.jf,)
    return (pc + 1 + word.jt,) if word.jf == 0 else (pc + 1 + word.jt, pc + 1 + word.jf)


def _line(pc: int, word: SockFilter, labels: dict[int, str]) -> str:
    mnemonic, operand = MNEMONICS[word.code]
    targets = [labels[each] for each in _targets(pc, word)]
    if word.code == opcodes.JUMP:
        return f"ja {targets[0]}"
    written = _operand(operand, word.k)
    if word.code == opcodes.RETURN_A:
        return "ret a"
    if not targets:
        return f"{mnemonic} {written}".rstrip()
    if word.jt == 0 and word.jf != 0 and len(targets) == 1:
        mnemonic = _OTHERWISE[mnemonic]
    return f"{mnemonic} {', '.join((written, *targets))}"


def _operand(operand: Operand, k: int) -> str:
    match operand:
        case Operand.X:
            return "x"
        case Operand.LENGTH:
            return "len"
        case Operand.DECIMAL:
            return f"#{k}"
        case Operand.HEX:
            return f"#{k:#x}"
        case Operand.PACKET:
            return _EXTENSIONS.get(k) or f"[{_offset(k)}]"
        case Operand.INDIRECT:
            return f"[x + {_offset(k)}]"
        case Operand.SCRATCH:
            return f"M[{k}]"
        case Operand.HEADER_LENGTH:
            return f"4*([{_offset(k)}]&0xf)"
        case Operand.NONE | Operand.TARGET:
            return ""


def _offset(k: int) -> str:
    """An offset; those of the kernel's other bases are written in hexadecimal."""
    return f"{k:#x}" if k >> 31 else str(k)
