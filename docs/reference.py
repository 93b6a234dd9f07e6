"""The reference: every public name from the table that ``import bpfq`` itself is made of.

    ```{public} bpfq.api
    ```

stands for all names of that row of bpfq/__init__.py, ``{results} bpfq.analysis.prove Proof`` for
what they return.  Types in signatures link to what is documented so; one that
is not is a warning, which ``-W`` makes an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from inspect import isclass, isfunction, ismodule, signature
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

import bpfq

# Types that are not linked: the standard library's, aliases, which docstrings explain, and what
# lies inside, which may change.
PLAIN = {
    *("Callable", "Iterable", "Iterator", "Literal", "Mapping", "Sequence", "TypeAlias", "socket"),
    *("PathLike", "Readable"),
    *("Filter", "Given", "Matcher", "Objective", "P", "Part", "ProfileSource", "Query", "_Options"),
    *("HasModule", "Installed", "Link", "Module", "Panel", "Picture", "Settings", "Verdicts"),
    "bpfq.analysis.decisions.counts.Counts",
}


class Public(SphinxDirective):
    """The public names of a module; of the words of expressions the "protocols", "words" and
    "functions" apart.  A star is all modules that the page does not name.
    """

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        module, *kind = self.arguments
        if module == "*":
            return self.parse_text_to_nodes(_restructured(map(_entry, self._others())))
        names = [name for name in bpfq._PUBLIC[module] if not kind or _kind(name) == kind[0]]
        return self.parse_text_to_nodes(_restructured(map(_entry, names)))

    def _others(self) -> list[str]:
        """The names of modules that the page does not name."""
        page = Path(self.env.doc2path(self.env.docname)).read_text(encoding="utf-8")
        named = re.findall(r"^```\{public\} (\S+)", page, re.MULTILINE)
        return [
            name for module, names in bpfq._PUBLIC.items() if module not in named for name in names
        ]


class Results(SphinxDirective):
    """Classes and functions of a module: those that are named, with a star all that it defines."""

    required_arguments = 1
    optional_arguments = 99

    def run(self) -> list[nodes.Node]:
        module, *names = self.arguments
        if names == ["*"]:
            names = [
                name for name, value in vars(import_module(module)).items() if _own(value, module)
            ]
        return self.parse_text_to_nodes(_restructured(_named(module, name) for name in names))


def _own(value: object, module: str) -> bool:
    return isclass(value) and value.__module__ == module and not value.__name__.startswith("_")


def _restructured(entries: Iterable[str]) -> str:
    """Entries of autodoc, on a page of Markdown."""
    return "\n".join(("```{eval-rst}", *entries, "```"))


def _kind(name: str) -> str:
    value = getattr(bpfq, name)
    if isfunction(value):
        return "functions"
    return "protocols" if hasattr(value, "__getitem__") else "words"


def _entry(name: str) -> str:
    value = getattr(bpfq, name)
    if isfunction(value):
        return f".. autofunction:: bpfq.{name}\n"
    if isclass(value):
        return _class(f"bpfq.{name}")
    return f".. py:data:: bpfq.{name}\n\n   {_words(name, value)}\n"


def _named(module: str, name: str) -> str:
    path = f"{module}.{name}"
    if isclass(getattr(import_module(module), name)):
        return _class(path)
    return f".. autofunction:: {path}\n"


def _class(path: str) -> str:
    return (
        f".. autoclass:: {path}\n   :members:\n   :undoc-members:\n   :exclude-members: __init__\n"
    )


def _words(name: str, value: Any) -> str:
    """What a word of expressions is, from its own fields."""
    if ismodule(value):
        return (value.__doc__ or "").split("\n\n")[0]
    if _kind(name) == "words":
        return f"``{value}``" if str(value) else "every packet"
    common = {"query", "filter", "under"}  # of every expression
    fields = [each for each in dir(value) if not each.startswith("_") and each not in common]
    return ", ".join(f"``{each}``" for each in fields)


def _bulleted(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Paragraphs that begin with a parameter, ``link: DLT name.  snaplen: bytes``, as a list."""
    if not callable(value) or isclass(value):
        return
    names = "|".join(map(re.escape, _parameters(value)))
    begins = (
        re.compile(rf"(?:^|(?<=\. )|(?<=\.  ))(?=(?:{names})(?:, [\w :]*?)*: )") if names else None
    )
    paragraphs = "\n".join(lines).split("\n\n")
    if begins is None or not any(begins.match(each) for each in paragraphs):
        return
    lines[:] = "\n\n".join(_list(each, begins) for each in paragraphs).split("\n")


def _parameters(value: Callable[..., object]) -> tuple[str, ...]:
    try:
        return tuple(name for name in signature(value).parameters if name != "self")
    except ValueError:  # a builtin
        return ()


def _list(paragraph: str, begins: re.Pattern[str]) -> str:
    joined = " ".join(line.strip() for line in paragraph.split("\n"))
    if not begins.match(joined):
        return paragraph
    joined, raises, errors = joined.partition(" Raises ")
    parts = (part.strip().partition(": ") for part in begins.split(joined) if part.strip())
    listed = "\n".join(f"* **{name}**: {text}" for name, _, text in parts)
    return f"{listed}\n\n{raises.lstrip()}{errors}"


def _link(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.Node | None:
    """A type by its short name: the documented class of that name, or plain text."""
    wanted = node.get("reftarget", "")
    if node.get("refdomain") != "py" or node.get("reftype") not in ("class", "data", "obj", "exc"):
        return None
    short = wanted.rpartition(".")[2]
    if not PLAIN.isdisjoint((wanted, short)) or wanted.startswith("collections.abc."):
        return text
    domain = env.domains.python_domain
    known = [name for name in domain.objects if name.rpartition(".")[2] == short]
    if len(known) != 1 or known[0] == wanted:
        return None
    docname = node["refdoc"]
    return domain.resolve_xref(env, docname, app.builder, node["reftype"], known[0], node, text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public", Public)
    app.add_directive("results", Results)
    app.connect("autodoc-process-docstring", _bulleted)
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True}
