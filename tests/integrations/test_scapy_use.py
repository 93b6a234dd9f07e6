"""scapy is told to use bpfq, and is as before when that ends; wrong filters are told at once."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from scapy import supersocket
from scapy.all import AsyncSniffer, IterSocket, conf, sniff, sr1, srp1
from scapy.arch import linux
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

import bpfq
import bpfq.scapy
from bpfq.integrations.scapy import sockets
from bpfq.integrations.scapy.filters import excepting, live_program
from bpfq.integrations.scapy.offline import offline_hook
from bpfq.kernel.limits import optmem_max

CONF = ("L2listen", "L2socket", "L3socket", "L3socket6")
STOCK_RAW = supersocket.L3RawSocket


def switches() -> dict[str, Any]:
    return {name: getattr(conf, name) for name in CONF}


def everything() -> dict[str, Any]:
    """All that use() may replace."""
    offline = offline_hook()
    sniffer = {name: getattr(AsyncSniffer, name) for name in ("__init__", "start", "_run")}
    return {
        **switches(),
        **sniffer,
        "L3RawSocket": supersocket.L3RawSocket,
        "L3RawSocket6": supersocket.L3RawSocket6,
        "raw": STOCK_RAW.__init__,
        "attach": linux.attach_filter,
        "offline": getattr(offline.owner, offline.name),
    }


@pytest.fixture(autouse=True)
def left_as_found() -> Any:
    before = everything()
    yield
    assert everything() == before


OURS = {
    "L2listen": sockets.L2ListenSocket,
    "L2socket": sockets.L2Socket,
    "L3socket": sockets.L3Socket,
}


def in_use() -> bool:
    return {name: getattr(conf, name) for name in OURS} == OURS


# ---------------------------------------------------------------- use and undo


@pytest.mark.parametrize("patch", [False, True])
def test_everything_is_undone_at_the_end(patch: bool) -> None:
    before = everything()
    with bpfq.scapy.use(patch=patch):
        changed = {name for name, value in everything().items() if value is not before[name]}
        assert in_use()
    patched = {"raw", "attach", "offline"}
    assert changed == before.keys() - (set() if patch else patched)


def test_everything_is_undone_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), bpfq.scapy.use(patch=True):
        1 / 0  # noqa: B018


def test_undo_of_a_call_and_again() -> None:
    used = bpfq.scapy.use()
    assert in_use()
    used.undo()
    assert not in_use()
    used.undo()


def test_nested_use_ends_with_the_last() -> None:
    with bpfq.scapy.use():
        with bpfq.scapy.use(patch=True):
            assert linux.attach_filter.__module__.startswith("bpfq.")
        assert in_use() and linux.attach_filter.__module__ == "scapy.arch.linux"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1)])
def test_undo_in_any_order(order: tuple[int, ...]) -> None:
    uses = [bpfq.scapy.use(), bpfq.scapy.use(patch=True), bpfq.scapy.use()]
    for number in order[:-1]:
        uses[number].undo()
        assert in_use()
    uses[order[-1]].undo()


def test_what_somebody_else_puts_there_stays() -> None:
    stock = conf.L2listen
    with bpfq.scapy.use():
        conf.L2listen = linux.L2Socket
    theirs, conf.L2listen = conf.L2listen, stock
    assert theirs is linux.L2Socket


def test_what_somebody_else_puts_between_comes_back() -> None:
    stock = conf.L2listen
    first = bpfq.scapy.use()
    conf.L2listen = linux.L2Socket
    second = bpfq.scapy.use()
    first.undo()
    ours = conf.L2listen
    second.undo()
    theirs, conf.L2listen = conf.L2listen, stock
    assert (ours, theirs) == (sockets.L2ListenSocket, linux.L2Socket)


def test_those_who_chose_the_raw_socket_keep_it() -> None:
    stock = conf.L3socket
    conf.L3socket = STOCK_RAW
    try:
        with bpfq.scapy.use():
            assert conf.L3socket is sockets.L3RawSocket
        assert conf.L3socket is STOCK_RAW
    finally:
        conf.L3socket = stock


def test_sockets_are_scapys_own() -> None:
    assert issubclass(bpfq.scapy.L2Socket, linux.L2Socket)
    assert issubclass(bpfq.scapy.L2ListenSocket, linux.L2ListenSocket)
    assert issubclass(bpfq.scapy.L3Socket, linux.L3PacketSocket)
    assert issubclass(bpfq.scapy.L3RawSocket, STOCK_RAW)
    assert "filtered by bpfq" in repr(bpfq.scapy.L2Socket)


def test_importing_imports_no_scapy() -> None:
    code = (
        "import sys, bpfq.scapy; "
        "names = [m for m in sys.modules if m.split('.')[0] == 'scapy']; "
        "print(names, 'bpfq.integrations.scapy' in sys.modules); "
        "bpfq.scapy.L2Socket; print('scapy' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[] False\nTrue\n"


def test_what_is_imported_meanwhile_is_undone_too() -> None:
    code = (
        "import bpfq.scapy\n"
        "with bpfq.scapy.use(patch=True): import scapy.all\n"
        "from scapy.supersocket import L3RawSocket\n"
        "names = vars(scapy.all).values()\n"
        "print(scapy.all.L3RawSocket is L3RawSocket)\n"
        "print([n for n in names if str(getattr(n, '__module__', '')).startswith('bpfq')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n[]\n"


def test_without_scapy_it_is_said() -> None:
    code = (
        "import sys; sys.modules['scapy'] = None\n"
        "import bpfq, bpfq.scapy\n"
        "try: bpfq.scapy.use()\n"
        "except bpfq.BpfqError as error: print(error)\n"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed == "scapy is not installed; pip install 'bpfq[scapy]'\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bpfq.scapy' has no attribute 'L2Sockets'"):
        bpfq.scapy.L2Sockets  # noqa: B018
    assert set(dir(bpfq.scapy)) >= {"use", "L2Socket", "L3Socket"}


# ---------------------------------------------------------------- wrong filters

WRONG = "tcp prot 80"
CARETS = "  tcp prot 80\n      ^^^^\n  try:  tcp port 80"
WAYS: dict[str, Callable[[], object]] = {
    "sniff": lambda: sniff(iface="lo", filter=WRONG, timeout=5),
    "AsyncSniffer": lambda: AsyncSniffer(iface="lo", filter=WRONG),
    "several interfaces": lambda: AsyncSniffer(iface=["lo"], filter=WRONG),
    "labelled interfaces": lambda: AsyncSniffer(iface={"lo": "here"}, filter=WRONG),
    "L2socket": lambda: AsyncSniffer(iface="lo", filter=WRONG, L2socket=bpfq.scapy.L2ListenSocket),
    "default interface": lambda: AsyncSniffer(filter=WRONG),
    "sr1": lambda: sr1(IP(dst="127.0.0.1") / ICMP(), filter=WRONG, timeout=5, verbose=0),
    "srp1": lambda: srp1(Ether() / IP(), iface="lo", filter=WRONG, timeout=5, verbose=0),
    "raw socket": lambda: supersocket.L3RawSocket(iface="lo", filter=WRONG),
}


@pytest.fixture
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "iface", conf.ifaces.dev_from_networkname("lo"))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.usefixtures("on_loopback")
def test_a_wrong_filter_is_raised_in_the_caller(way: Callable[[], object]) -> None:
    with bpfq.scapy.use(), pytest.raises(bpfq.FilterError) as caught:
        way()
    assert str(caught.value) == "unknown word 'prot'; did you mean 'port'?"
    assert caught.value.render().endswith(CARETS)


def test_a_traceback_shows_the_carets_once() -> None:
    with bpfq.scapy.use(), pytest.raises(bpfq.FilterError) as caught:
        sniff(iface="lo", filter=WRONG)
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("      ^^^^\n  try:  tcp port 80") == 1


def test_a_sniffer_made_before_is_told_when_it_starts() -> None:
    sniffer = AsyncSniffer(iface="lo", filter=WRONG)
    with bpfq.scapy.use(), pytest.raises(bpfq.FilterError):
        sniffer.start()
    assert sniffer.thread is None


def test_a_program_that_no_socket_has_room_for_is_told_in_the_caller() -> None:
    allowed = optmem_max()
    if allowed is None or allowed > 200_000:
        pytest.skip("net.core.optmem_max is too large to run into")
    text = " or ".join(f"ether[{k}:4] = {k}" for k in range(1950))
    with bpfq.scapy.use(), pytest.raises(bpfq.LimitError, match="socket option memory"):
        AsyncSniffer(iface="lo", filter=text)


def test_an_interface_may_come_after_the_sniffer_is_made() -> None:
    with bpfq.scapy.use():
        sniffer = AsyncSniffer(iface="nowhere", filter="tcp")
        with pytest.raises(ValueError, match="Interface 'nowhere' not found"):
            sniffer.start()
        with pytest.raises(bpfq.FilterError):
            AsyncSniffer(iface="nowhere", filter=WRONG)


def test_a_wrong_filter_for_a_file_is_raised_in_the_caller() -> None:
    with bpfq.scapy.use(patch=True):
        for way in (
            lambda: sniff(offline=[Ether() / IP()], filter=WRONG),
            lambda: AsyncSniffer(offline="nowhere.pcap", filter=WRONG),
        ):
            with pytest.raises(bpfq.FilterError, match="unknown word 'prot'"):
                way()


def test_what_others_filter_is_not_looked_at() -> None:
    """Files without patch=True, somebody's own sockets, sockets that are open."""
    opened = IterSocket([Ether() / IP()])
    with bpfq.scapy.use():
        AsyncSniffer(offline="x.pcap", filter=WRONG)
        AsyncSniffer(iface="lo", filter=WRONG, L2socket=linux.L2ListenSocket)
        AsyncSniffer(iface="lo", filter=WRONG, L2socket=lambda **options: None)
        assert len(sniff(opened_socket=opened, filter=WRONG)) == 1
    with bpfq.scapy.use(patch=True), pytest.raises(bpfq.FilterError):
        AsyncSniffer(iface="lo", filter=WRONG, L2socket=linux.L2ListenSocket)


@pytest.mark.parametrize(
    "filter, message",
    [
        (5, "a filter is pcap text or a bpfq expression, not int"),
        (["tcp"], "a filter is pcap text or a bpfq expression, not list"),
        (
            bpfq.compile("tcp", target="ebpf:socket"),
            "scapy's sockets take classic programs, this is one for ebpf:socket",
        ),
    ],
    ids=["number", "list", "eBPF"],
)
def test_what_is_no_filter_is_a_type_error(filter: object, message: str) -> None:
    with bpfq.scapy.use(), pytest.raises(TypeError, match=message):
        sniff(iface="lo", filter=filter)


# ---------------------------------------------------------------- what is compiled


def test_a_program_for_another_place_is_compiled_for_the_socket() -> None:
    program = live_program(bpfq.compile("vlan 295"), "lo")
    assert program == bpfq.compile("vlan 295", target="packet")
    same = bpfq.compile("vlan 295", target="packet")
    assert live_program(same, "lo") is same


def test_the_same_filter_is_compiled_once() -> None:
    assert live_program("udp port 77", "lo") is live_program("udp port 77", "lo")
    assert live_program(bpfq.udp.port == 77, "lo") is live_program(bpfq.udp.port == 77, "lo")


UDP, DNS = bpfq.udp, bpfq.port(53)


@pytest.mark.parametrize(
    "filter, exception, expected",
    [
        ("udp", "", "udp"),
        ("udp", None, "udp"),
        (None, "", None),
        (None, "port 53", "not (port 53)"),
        ("", "port 53", "not (port 53)"),
        ("udp or arp", "port 53", "(udp or arp) and not (port 53)"),
        (UDP, "port 53", UDP & ~bpfq.parse("port 53")),
        ("udp", DNS, UDP & ~DNS),
        (None, DNS, ~DNS),
    ],
)
def test_the_filter_without_what_scapy_excepts(filter: Any, exception: Any, expected: Any) -> None:
    assert excepting(filter, exception) == expected


def test_a_program_without_what_scapy_excepts() -> None:
    program = bpfq.compile("udp", target="packet", tcp6=True)
    made = excepting(program, "port 53")
    assert made == bpfq.compile(UDP & ~bpfq.parse("port 53"), target="packet")
    assert isinstance(made, bpfq.Program) and made.settings == program.settings
