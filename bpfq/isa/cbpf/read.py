"""Classic programs as text, read back: every form that ``text`` writes, and what others write.

Reads listings as ``tcpdump -d`` prints them, C arrays, JSON, decimal lines and the comma form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn

from bpfq.errors import FilterError
from bpfq.isa.cbpf import opcodes
from bpfq.isa.cbpf.instructions import ANCILLARY, SockFilter
from bpfq.isa.cbpf.mnemonics import MNEMONICS, Operand
from bpfq.operators import wrap
from bpfq.source import Span, nearest

_FIELDS: Final = ("code", "jt", "jf", "k")
_WIDTHS: Final = {"code": 16, "jt": 8, "jf": 8, "k": 32}
_LONGEST: Final = 20  # characters of a number; no field needs more

_NUMERIC = re.compile(r"[\d\s,]*")
_ITEM = re.compile(r"[^,\n]+")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|\d+")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_GROUP = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
_BETWEEN = re.compile(r"(?:[\s,;\[\](){}]|SockFilter)*")  # also what repr writes
_DECLARATION = re.compile(r"[\w\s]*(?:\[\w*\]\s*)?=")  # struct sock_filter code[] =
_ENTRY = re.compile(r"""\s*(?:\.?["']?(\w+)["']?\s*[:=]\s*)?([^\s].*?)\s*""", re.DOTALL)
_LINE = re.compile(
    r"\s*(?:\((?P<number>\d+)\)\s*)?(?P<mnemonic>\w+)(?:\s+(?P<operand>\S.*?))??"
    r"(?:\s+jt\s+(?P<jt>\d+)\s+jf\s+(?P<jf>\d+))?\s*"
)
_OPERANDS: Final[tuple[tuple[Operand, re.Pattern[str]], ...]] = (
    (Operand.NONE, re.compile(r"()")),
    (Operand.X, re.compile(r"(x)")),
    (Operand.LENGTH, re.compile(r"(#pktlen)")),
    (Operand.HEX, re.compile(r"#(0x[0-9a-fA-F]+)")),
    (Operand.DECIMAL, re.compile(r"#(-?\d+)")),
    (Operand.INDIRECT, re.compile(r"\[x \+ (-?\d+)\]")),
    (Operand.PACKET, re.compile(r"\[(-?\d+|[a-z]\w*)\]")),
    (Operand.SCRATCH, re.compile(r"M\[(-?\d+)\]")),
    (Operand.HEADER_LENGTH, re.compile(r"4\*\(\[(-?\d+)\]&0xf\)")),
    (Operand.TARGET, re.compile(r"(-?\d+)")),
)
_CODE_BY_TEXT: Final = {row: code for code, row in MNEMONICS.items()}


def parse_program(text: str) -> tuple[SockFilter, ...]:
    """The words that the text lists; the format is recognised.

    Raises FilterError with the span of what is wrong.
    """
    if not text.strip():
        _refuse(
            text, Span(0, len(text)), "empty program: give the output of tcpdump -d, -dd or -ddd"
        )
    if _NUMERIC.fullmatch(text):
        return _parse_numbers(text)
    if re.match(r"\s*\(\d+\)\s*[a-z]", text) or not re.search(r"[{]|^\s*[\[(]", text):
        return _parse_lines(text)
    return _parse_groups(text)


def _refuse(text: str, place: Span, message: str) -> NoReturn:
    raise FilterError(message, span=place, text=text)


def _parse_numbers(text: str) -> tuple[SockFilter, ...]:
    items = [item for item in _ITEM.finditer(text) if item[0].strip()]
    if not items:
        _refuse(text, Span(0, len(text)), "no numbers: the count comes first, then code jt jf k")
    count = items[0]
    if len(count[0].split()) != 1:
        _refuse(
            text, Span(*count.span()), "no count: the number of instructions comes first, alone"
        )
    place = _trimmed(count)
    if _field(text, "k", count[0].strip(), place) != len(items) - 1:
        follow = len(items) - 1
        _refuse(text, place, f"wrong count {count[0].strip()}: {follow} instructions follow")
    return tuple([_numeric_word(text, item) for item in items[1:]])


def _numeric_word(text: str, item: re.Match[str]) -> SockFilter:
    numbers = [
        (number[0], Span(item.start() + number.start(), item.start() + number.end()))
        for number in re.finditer(r"\S+", item[0])
    ]
    if len(numbers) != len(_FIELDS):
        _refuse(
            text, _trimmed(item), f"{len(numbers)} numbers in an instruction: code jt jf k are 4"
        )
    return SockFilter(
        *[_field(text, name, *number) for name, number in zip(_FIELDS, numbers, strict=True)]
    )


def _trimmed(found: re.Match[str]) -> Span:
    before = len(found[0]) - len(found[0].lstrip())
    return Span(found.start() + before, found.start() + len(found[0].rstrip()))


def _field(text: str, name: str, number: str, place: Span) -> int:
    """The value of an unsigned number, hexadecimal or decimal, that fits the field."""
    if not _NUMBER.fullmatch(number):
        _refuse(text, place, f"{name} is not a number: {number}, where 12 or 0xc would be")
    if len(number) > _LONGEST or _number(number) >> _WIDTHS[name]:
        _refuse(text, place, f"{name} {number} is too large: at most {(1 << _WIDTHS[name]) - 1}")
    return _number(number)


def _number(text: str) -> int:
    return int(text, 16 if "x" in text.lower() else 10)


def _parse_groups(text: str) -> tuple[SockFilter, ...]:
    plain = _COMMENT.sub(lambda comment: re.sub(r"\S", " ", comment[0]), text)
    declaration = _DECLARATION.match(plain)
    position = declaration.end() if declaration else 0
    words: list[SockFilter] = []
    for group in _GROUP.finditer(plain, position):
        _only_punctuation(text, plain, position, group.start())
        position = group.end()
        words.append(_group_word(text, group))
    _only_punctuation(text, plain, position, len(plain))
    if not words:
        _refuse(text, Span(0, len(text)), "no instructions: each is { code, jt, jf, k }")
    return tuple(words)


def _only_punctuation(text: str, plain: str, start: int, end: int) -> None:
    gap = _BETWEEN.match(plain, start, end)
    if gap is None or gap.end() == end:
        return
    rest = plain[gap.end() : end].rstrip()
    _refuse(
        text,
        Span(gap.end(), gap.end() + len(rest)),
        "not an instruction: each is { code, jt, jf, k }",
    )


def _group_word(text: str, group: re.Match[str]) -> SockFilter:
    values: dict[str, int] = {}
    items = re.findall(r"[^,]+", group[1].rstrip().removesuffix(","))
    position = group.start(1)
    for name, item in zip(_FIELDS, items, strict=False):
        entry = _ENTRY.fullmatch(item)
        if entry is None:
            break
        named = entry[1] or name
        if named not in _WIDTHS or named in values:
            place = Span(position + entry.start(1), position + entry.end(1))
            _refuse(text, place, f"field {named}: the fields are code, jt, jf, k, each once")
        place = Span(position + entry.start(2), position + entry.end(2))
        values[named] = _field(text, named, entry[2], place)
        position += len(item) + 1
    if len(items) != len(_FIELDS) or len(values) != len(_FIELDS):
        _refuse(
            text, Span(*group.span()), f"{len(items)} numbers in an instruction: code jt jf k are 4"
        )
    return SockFilter(**values)


def _parse_lines(text: str) -> tuple[SockFilter, ...]:
    return tuple(
        [_line_word(text, pc, start, line) for pc, (start, line) in enumerate(_lines(text))]
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Where each line with something on it starts, and its text."""
    for line in re.finditer(r"[^\n]+", text):
        if line[0].strip():
            yield line.start(), line[0]


def _line_word(text: str, pc: int, start: int, line: str) -> SockFilter:
    found = _LINE.fullmatch(line)
    if found is None:
        place = Span(start, start + len(line.rstrip()))
        _refuse(text, place, "not an instruction: a line is like (000) ldh [12]")

    def place_of(group: str) -> Span:
        return Span(start + found.start(group), start + found.end(group))

    if found["number"] is not None and found["number"].lstrip("0") != f"{pc or ''}":
        _refuse(
            text, place_of("number"), f"instruction number {found['number']}: {pc:03d} comes here"
        )
    code, value = _code_and_operand(text, found, place_of("mnemonic"), place_of("operand"))
    k = _operand_value(text, pc, code, value, place_of("operand"))
    if code not in opcodes.CONDITIONAL_JUMPS:
        if found["jt"] is not None:
            _refuse(text, place_of("jt"), f"{found['mnemonic']} has no jt and jf: leave them out")
        return SockFilter(code, 0, 0, k)
    if found["jt"] is None:
        _refuse(text, place_of("mnemonic"), f"{found['mnemonic']} without jt and jf: add them")
    skips = [_skip(text, pc, found[name], place_of(name)) for name in ("jt", "jf")]
    return SockFilter(code, skips[0], skips[1], k)


def _skip(text: str, pc: int, target: str, place: Span) -> int:
    skip = int(target[:_LONGEST]) - pc - 1
    if skip >> _WIDTHS["jt"]:
        last = pc + (1 << _WIDTHS["jt"])
        _refuse(text, place, f"jump to {target} is out of reach: {pc + 1} to {last} are in reach")
    return skip


def _code_and_operand(
    text: str, line: re.Match[str], mnemonic_at: Span, operand_at: Span
) -> tuple[int, str]:
    mnemonic, written = line["mnemonic"], line["operand"] or ""
    if mnemonic == "unimp":
        _refuse(text, mnemonic_at, "unimp leaves out jt, jf and k: give the output of tcpdump -dd")
    known = {name for name, _ in _CODE_BY_TEXT}
    if mnemonic not in known:
        close = nearest(mnemonic, known)
        hint = f"did you mean {close}?" if close else "the mnemonics are those of tcpdump -d"
        _refuse(text, mnemonic_at, f"unknown mnemonic {mnemonic}: {hint}")
    for operand, pattern in _OPERANDS:
        found = pattern.fullmatch(written)
        code = _CODE_BY_TEXT.get((mnemonic, operand)) if found else None
        if found is None:
            continue
        if code is None and operand in (Operand.HEX, Operand.DECIMAL):
            other = Operand.DECIMAL if operand is Operand.HEX else Operand.HEX
            code = _CODE_BY_TEXT.get((mnemonic, other))
        if code is not None:
            return code, found[1]
    place = operand_at if written else mnemonic_at
    _refuse(text, place, f"operand {written or 'missing'}: not one that {mnemonic} takes")


def _operand_value(text: str, pc: int, code: int, value: str, place: Span) -> int:
    operand = MNEMONICS[code][1]
    if operand in (Operand.NONE, Operand.X, Operand.LENGTH):
        return 0
    if operand is Operand.PACKET and not value.lstrip("-").isdigit():
        if value not in ANCILLARY:
            _refuse(text, place, f"no metadata {value}: known are {', '.join(ANCILLARY)}")
        return ANCILLARY[value]
    number = _number(value[:_LONGEST])
    if not -(1 << 31) <= number < 1 << 32:
        _refuse(text, place, f"{value} does not fit 32 bits: at most {(1 << 32) - 1}")
    return wrap(number - pc - 1 if operand is Operand.TARGET else number)
