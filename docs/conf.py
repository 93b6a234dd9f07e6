"""How Sphinx builds these pages: python -m sphinx -W -n docs build/docs"""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]

from bpfq.version import __version__

project = "bpfq"
copyright = "the bpfq authors"
release = version = __version__
extensions = ["sphinx.ext.autodoc", "myst_parser", "reference"]
myst_heading_anchors = 2  # pages link to each other's headings, as on any viewer of Markdown
suppress_warnings = ["misc.highlighting_failure"]  # listings are not always what a lexer expects
html_theme = "alabaster"
html_theme_options = {"description": "the packet-query compiler", "fixed_sidebar": True}
autodoc_class_signature = "separated"  # objects come from functions, not from constructors
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
