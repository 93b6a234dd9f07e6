"""libpcap's compiler, loaded where it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from oracles import libpcap as oracle

from bpfq.kernel import libpcap

SNAPLEN = 262144
needs_libpcap = pytest.mark.skipif(
    libpcap.version() is None, reason="needs libpcap: install libpcap0.8"
)


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without libpcap."""
    libpcap._library.cache_clear()
    monkeypatch.setattr(libpcap, "_NAMES", ("libnothing.so.0",))
    yield
    libpcap._library.cache_clear()


@pytest.mark.oracle
@needs_libpcap
@pytest.mark.parametrize("text", ["", "tcp port 80", "vlan 5 and net 10.0.0.0/8", "len > 100"])
def test_the_program_is_that_of_libpcap(text: str) -> None:
    assert libpcap.compiled(text, 1, SNAPLEN, None) == oracle.compiled(text, 1, optimise=True)
    assert libpcap.version() == oracle.version()


@pytest.mark.oracle
@needs_libpcap
def test_the_mask_of_the_network_reaches_it() -> None:
    assert libpcap.compiled("ip broadcast", 1, SNAPLEN, 0xFFFF_FF00)
    with pytest.raises(libpcap.Refused, match="netmask not known"):
        libpcap.compiled("ip broadcast", 1, SNAPLEN, None)


@pytest.mark.usefixtures("absent")
def test_without_libpcap_there_is_no_version_and_no_program() -> None:
    assert libpcap.version() is None
    with pytest.raises(libpcap.Refused, match="^libpcap is not installed$"):
        libpcap.compiled("ip", 1, SNAPLEN, None)
