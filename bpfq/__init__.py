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
from typing import TYPE_CHECKING

from bpfq.version import __version__

if TYPE_CHECKING:  # the same names for type checkers; a test keeps the two lists equal
    from bpfq import pcap as pcap
    from bpfq.api import (
        attach as attach,
    )
    from bpfq.api import (
        compile as compile,
    )
    from bpfq.api import (
        detach as detach,
    )
    from bpfq.api import (
        open_packet_socket as open_packet_socket,
    )
    from bpfq.api import (
        parse as parse,
    )
    from bpfq.counting import (
        CountProgram as CountProgram,
    )
    from bpfq.counting import (
        count_program as count_program,
    )
    from bpfq.errors import (
        BpfqError as BpfqError,
    )
    from bpfq.errors import (
        FilterError as FilterError,
    )
    from bpfq.errors import (
        LimitError as LimitError,
    )
    from bpfq.errors import (
        LoadError as LoadError,
    )
    from bpfq.errors import (
        RefutedError as RefutedError,
    )
    from bpfq.errors import (
        UndecidedError as UndecidedError,
    )
    from bpfq.errors import (
        UnsupportedError as UnsupportedError,
    )
    from bpfq.frontend.dsl import (
        aarp as aarp,
    )
    from bpfq.frontend.dsl import (
        ah as ah,
    )
    from bpfq.frontend.dsl import (
        all_of as all_of,
    )
    from bpfq.frontend.dsl import (
        any_of as any_of,
    )
    from bpfq.frontend.dsl import (
        arp as arp,
    )
    from bpfq.frontend.dsl import (
        atalk as atalk,
    )
    from bpfq.frontend.dsl import (
        broadcast as broadcast,
    )
    from bpfq.frontend.dsl import (
        carp as carp,
    )
    from bpfq.frontend.dsl import (
        clnp as clnp,
    )
    from bpfq.frontend.dsl import (
        csnp as csnp,
    )
    from bpfq.frontend.dsl import (
        decnet as decnet,
    )
    from bpfq.frontend.dsl import (
        dst as dst,
    )
    from bpfq.frontend.dsl import (
        esis as esis,
    )
    from bpfq.frontend.dsl import (
        esp as esp,
    )
    from bpfq.frontend.dsl import (
        ether as ether,
    )
    from bpfq.frontend.dsl import (
        everything as everything,
    )
    from bpfq.frontend.dsl import (
        gateway as gateway,
    )
    from bpfq.frontend.dsl import (
        geneve as geneve,
    )
    from bpfq.frontend.dsl import (
        gre as gre,
    )
    from bpfq.frontend.dsl import (
        host as host,
    )
    from bpfq.frontend.dsl import (
        icmp as icmp,
    )
    from bpfq.frontend.dsl import (
        icmp6 as icmp6,
    )
    from bpfq.frontend.dsl import (
        ifindex as ifindex,
    )
    from bpfq.frontend.dsl import (
        igmp as igmp,
    )
    from bpfq.frontend.dsl import (
        igrp as igrp,
    )
    from bpfq.frontend.dsl import (
        iih as iih,
    )
    from bpfq.frontend.dsl import (
        inbound as inbound,
    )
    from bpfq.frontend.dsl import (
        ip as ip,
    )
    from bpfq.frontend.dsl import (
        ip6 as ip6,
    )
    from bpfq.frontend.dsl import (
        ipip as ipip,
    )
    from bpfq.frontend.dsl import (
        ipx as ipx,
    )
    from bpfq.frontend.dsl import (
        isis as isis,
    )
    from bpfq.frontend.dsl import (
        iso as iso,
    )
    from bpfq.frontend.dsl import (
        l1 as l1,
    )
    from bpfq.frontend.dsl import (
        l2 as l2,
    )
    from bpfq.frontend.dsl import (
        lat as lat,
    )
    from bpfq.frontend.dsl import (
        length as length,
    )
    from bpfq.frontend.dsl import (
        llc as llc,
    )
    from bpfq.frontend.dsl import (
        lsp as lsp,
    )
    from bpfq.frontend.dsl import (
        mopdl as mopdl,
    )
    from bpfq.frontend.dsl import (
        moprc as moprc,
    )
    from bpfq.frontend.dsl import (
        mpls as mpls,
    )
    from bpfq.frontend.dsl import (
        multicast as multicast,
    )
    from bpfq.frontend.dsl import (
        net as net,
    )
    from bpfq.frontend.dsl import (
        netbeui as netbeui,
    )
    from bpfq.frontend.dsl import (
        nothing as nothing,
    )
    from bpfq.frontend.dsl import (
        outbound as outbound,
    )
    from bpfq.frontend.dsl import (
        pim as pim,
    )
    from bpfq.frontend.dsl import (
        port as port,
    )
    from bpfq.frontend.dsl import (
        portrange as portrange,
    )
    from bpfq.frontend.dsl import (
        pppoed as pppoed,
    )
    from bpfq.frontend.dsl import (
        pppoes as pppoes,
    )
    from bpfq.frontend.dsl import (
        proto as proto,
    )
    from bpfq.frontend.dsl import (
        psnp as psnp,
    )
    from bpfq.frontend.dsl import (
        radio as radio,
    )
    from bpfq.frontend.dsl import (
        rand as rand,
    )
    from bpfq.frontend.dsl import (
        rarp as rarp,
    )
    from bpfq.frontend.dsl import (
        sca as sca,
    )
    from bpfq.frontend.dsl import (
        sctp as sctp,
    )
    from bpfq.frontend.dsl import (
        snp as snp,
    )
    from bpfq.frontend.dsl import (
        src as src,
    )
    from bpfq.frontend.dsl import (
        stp as stp,
    )
    from bpfq.frontend.dsl import (
        tcp as tcp,
    )
    from bpfq.frontend.dsl import (
        udp as udp,
    )
    from bpfq.frontend.dsl import (
        vlan as vlan,
    )
    from bpfq.frontend.dsl import (
        vrrp as vrrp,
    )
    from bpfq.frontend.dsl import (
        vxlan as vxlan,
    )
    from bpfq.frontend.dsl import (
        when as when,
    )
    from bpfq.frontend.dsl_handles import (
        Cond as Cond,
    )
    from bpfq.frontend.dsl_values import (
        Value as Value,
    )
    from bpfq.kernel.borrowed import (
        borrowed_socket as borrowed_socket,
    )
    from bpfq.live import (
        open_capture as open_capture,
    )
    from bpfq.query import nodes as nodes
    from bpfq.program.classic import (
        Program as Program,
    )
    from bpfq.program.ebpf import (
        EbpfProgram as EbpfProgram,
    )
    from bpfq.questions.filters import (
        compare as compare,
    )
    from bpfq.questions.filters import (
        decompile as decompile,
    )
    from bpfq.questions.filters import (
        lint as lint,
    )
    from bpfq.questions.filters import (
        prove as prove,
    )
    from bpfq.questions.texts import (
        fmt as fmt,
    )
    from bpfq.questions.packets import (
        branches as branches,
    )
    from bpfq.questions.packets import (
        near_misses as near_misses,
    )
    from bpfq.questions.packets import (
        why as why,
    )
    from bpfq.questions.packets import (
        witness as witness,
    )
    from bpfq.questions.programs import (
        draw as draw,
    )
    from bpfq.questions.programs import (
        stages as stages,
    )
    from bpfq.questions.programs import (
        stats as stats,
    )

# module -> the public names that it defines
_PUBLIC: dict[str, tuple[str, ...]] = {
    "bpfq.api": ("attach", "compile", "detach", "open_packet_socket", "parse"),
    "bpfq.counting": ("CountProgram", "count_program"),
    "bpfq.kernel.borrowed": ("borrowed_socket",),
    "bpfq.live": ("open_capture",),
    "bpfq.program.classic": ("Program",),
    "bpfq.program.ebpf": ("EbpfProgram",),
    "bpfq.questions.filters": ("compare", "decompile", "lint", "prove"),
    "bpfq.questions.packets": ("branches", "near_misses", "why", "witness"),
    "bpfq.questions.programs": ("draw", "stages", "stats"),
    "bpfq.questions.texts": ("fmt",),
    "bpfq": ("pcap",),
    "bpfq.query": ("nodes",),  # what the representation of a rare node spells out
    "bpfq.errors": (
        "BpfqError", "FilterError", "LimitError", "LoadError", "RefutedError", "UndecidedError",
        "UnsupportedError",
    ),  # fmt: skip
    "bpfq.frontend.dsl_handles": ("Cond",),
    "bpfq.frontend.dsl_values": ("Value",),
    "bpfq.frontend.dsl": (
        "aarp", "ah", "all_of", "any_of", "arp", "atalk", "broadcast", "carp", "clnp", "csnp",
        "decnet", "dst", "esis", "esp", "ether", "everything", "gateway", "geneve", "gre",
        "host", "icmp", "icmp6", "ifindex", "igmp", "igrp", "iih", "inbound", "ip", "ip6",
        "ipip", "ipx", "isis", "iso", "l1", "l2", "lat", "length", "llc", "lsp", "mopdl",
        "moprc", "mpls", "multicast", "net", "netbeui", "nothing", "outbound", "pim", "port",
        "portrange", "pppoed", "pppoes", "proto", "psnp", "radio", "rand", "rarp", "sca", "sctp",
        "snp", "src", "stp", "tcp", "udp", "vlan", "vrrp", "vxlan", "when",
    ),  # fmt: skip
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'bpfq' has no attribute {name!r}")
    if module in ("bpfq", "bpfq.query"):  # the name is a module
        value: object = import_module(f"{module}.{name}")
    else:
        value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
