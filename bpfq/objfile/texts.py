"""Names and texts in files of others, made safe to print."""

from __future__ import annotations


def printable(octets: bytes) -> str:
    r"""The text, with escapes such as ``\n`` for what cannot be seen or is no UTF-8."""
    text = octets.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
