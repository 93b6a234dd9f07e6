"""bpfq, the packet-query compiler.

    >>> import bpfq
    >>> print(bpfq.compile("ip and udp"))
    (000) ldh      [12]
    (001) jeq      #0x800           jt 2	jf 5
    (002) ldb      [23]
    (003) jeq      #0x11            jt 4	jf 5
    (004) ret      #262144
    (005) ret      #0

Everything public is named here and imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module

from bpfq.version import __version__

# module -> the public names that it defines
_PUBLIC: dict[str, tuple[str, ...]] = {
    "bpfq.api": ("Program", "attach", "compile", "detach", "open_packet_socket", "parse"),
    "bpfq.errors": ("BpfqError", "FilterError", "LimitError", "LoadError", "UnsupportedError"),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'bpfq' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
