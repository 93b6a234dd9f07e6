"""What may stand behind an option, or among the words of a command.

behind("target", "TARGET", None) -> Values(choices=("file", "packet", "ebpf:xdp", ...))
behind("interface", "IF", None)  -> Values(kind="interfaces"), which a shell looks up itself
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from bpfq.record import record

Kind = Literal["", "files", "directories", "interfaces", "attached", "sets"]

SHELLS: Final = ("bash", "zsh", "fish")
ACTIONS: Final = ("drop", "pass", "count")
_SET_VERBS: Final = ("list", "add", "del", "pin")
_CHECKED: Final = (  # by doctor, which finds them by asking the kernel, before the hooks
    *("kernel", "classic", "capabilities", "unprivileged", "jit", "optmem_max", "btf", "bpffs"),
    "cgroup2",
)
_EXPRESSION: Final = (  # words that filters are made of, the frequent ones
    *("and", "or", "not", "src", "dst", "host", "net", "port", "portrange", "proto", "ether"),
    *("ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "igmp", "sctp", "esp", "ah"),
    *("vrrp", "pim", "vlan", "mpls", "pppoes", "pppoed", "geneve", "vxlan", "broadcast"),
    *("multicast", "less", "greater", "len", "inbound", "outbound", "gateway", "protochain"),
)


@record
class Values:
    """choices: words to choose from.  kind: what else the shell looks up.

    after: what is joined to a choice or a found name, as eth0:ingress.  listed: several choices
    with commas between them.  expression: the choices are words of a filter, which stand in quotes
    among others.  named: it stands behind NAME=.
    """

    choices: tuple[str, ...] = ()
    kind: Kind = ""
    after: tuple[str, ...] = ()
    listed: bool = False
    expression: bool = False
    named: bool = False


NOTHING: Final = Values()
_FILES: Final = Values(kind="files")
_INTERFACES: Final = Values(kind="interfaces")
_BY_METAVAR: Final = {
    "FILE": _FILES,
    "PATH": _FILES,
    "IF": _INTERFACES,
    "NAME=FILE": Values(kind="files", named=True),
    "NAME=EXPR": Values(_EXPRESSION, expression=True, named=True),
}
_BY_NAME: Final = {  # an option's name in the program
    "objective": Values(("balanced", "size", "speed", "kernel-size")),
    "level": Values(("0", "1", "2", "3")),
    "mode": Values(("auto", "native", "generic")),
    "hook": Values(("tc", "xdp")),
    "direction": Values(("ingress", "egress", "both")),
    "action": Values(ACTIONS),
    "cgroup": Values(kind="directories"),
    "tc": Values(kind="interfaces", after=(":ingress", ":egress")),
}
_BY_COMMAND: Final = {
    "completion": Values(SHELLS),
    "man": NOTHING,
    "status": NOTHING,
    "disasm": _FILES,
    "detach": Values(kind="attached"),
    "set": Values(_SET_VERBS, kind="sets"),
}


def behind(name: str, metavar: str, choices: Iterable[object] | None) -> Values:
    """Of an option, by its name in the program and what its help calls the value."""
    if choices is not None:
        return Values(tuple(map(str, choices)))
    if metavar in ("LINK", "TARGET", "FAMILY:HOOK", "LIST"):
        return _tables(metavar)
    return _BY_NAME.get(name) or _BY_METAVAR.get(metavar, NOTHING)


def _tables(metavar: str) -> Values:
    """What stands in tables of bpfq."""
    match metavar:
        case "LINK":
            from bpfq.tables.linktypes import link_types

            return Values(tuple(link_types()))
        case "TARGET":
            from bpfq.targets import TARGETS

            return Values(tuple(TARGETS))
        case "LIST":
            from bpfq.query.through import THROUGH

            return Values(THROUGH, listed=True)
        case _:
            from bpfq.kernel.hooks import NETFILTER_FAMILIES, NETFILTER_HOOKS

            hooks = tuple(f":{hook}" for hook in NETFILTER_HOOKS)
            return Values(tuple(NETFILTER_FAMILIES), after=hooks)


def words_of(command: str) -> Values:
    """Of a command: those of a filter, unless it takes others."""
    match command:
        case "export":
            from bpfq.export.formats import FORMATS

            return Values((*FORMATS, *_EXPRESSION), expression=True)
        case "doctor":
            from bpfq.kernel.hooks import HOOKS

            return Values((*_CHECKED, *HOOKS))
        case "schema":
            from bpfq.cli.schemas.table import SCHEMAS

            return Values(tuple(SCHEMAS))
        case "lint" | "fmt":
            return Values(_EXPRESSION, kind="files", expression=True)
    return _BY_COMMAND.get(command) or Values(_EXPRESSION, expression=True)


def expanded(values: Values) -> tuple[str, ...]:
    """The choices with what is joined to them."""
    return tuple(f"{one}{end}" for one in values.choices for end in values.after or ("",))
