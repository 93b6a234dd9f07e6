"""Wrong code that libpcap is known to have made: refuted, and the packet shows it.

What libpcap 1.10 still gets wrong is its own output; what other versions got wrong is written down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from oracles.libpcap import compiled, version

from bpfq.analysis.prove import prove
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.read import parse_program
from bpfq.settings import link_type

from .subjects import Subject

VERSION = "1.10.3"


class Case(NamedTuple):
    """optimised: which of libpcap's programs is wrong; proved: its other one is right."""

    text: str
    link: str
    optimised: bool
    proved: bool


LENGTH_IN_X = "((src portrange 0-80 and tcp[0:2] = len) and not tcp port 80)"
CASES = {
    # X holds len, from the comparison, when [x + 16] is read
    "value numbers of X": Case(LENGTH_IN_X, "EN10MB", optimised=True, proved=True),
    # a mask of all ones folded to "some bit is always set"
    "mask of all ones": Case("link[0:1] & 0xffffffff != 0", "EN10MB", optimised=True, proved=True),
    # the register with the length of the radio header is taken again for the comparison
    "radio header's register": Case(
        "(radio[16]&0x40)==0 and subtype probe-req", "IEEE802_11_RADIO", False, proved=False
    ),
    "radio header's register, optimised": Case(
        "(radio[16]&0x40)==0 and subtype probe-req", "IEEE802_11_RADIO", True, proved=False
    ),
    # a register that nothing has written
    "pppoes on radiotap": Case("pppoes", "IEEE802_11_RADIO", optimised=False, proved=False),
    # the protocol checks of the right operand are not made: any packet is read
    "right operand": Case("1 + tcp[13] = 3", "EN10MB", optimised=False, proved=False),
    "right operand, optimised": Case("1 + tcp[13] = 3", "EN10MB", optimised=True, proved=False),
    "right operand of two protocols": Case("ether[0] + udp[0] = 3", "EN10MB", True, proved=False),
}

# The block that stores where the inner frame begins is jumped over: M[1] is 0, and [0:2] is read.
VXLAN_AND_IP = """
(000) ldh      [12]
(001) jeq      #0x800           jt 2	jf 11
(002) ldb      [23]
(003) jeq      #0x11            jt 4	jf 22
(004) ldh      [20]
(005) jset     #0x1fff          jt 22	jf 6
(006) ldxb     4*([14]&0xf)
(007) ldh      [x + 16]
(008) jeq      #0x12b5          jt 9	jf 22
(009) ldb      [x + 22]
(010) jeq      #0x8             jt 18	jf 22
(011) jeq      #0x86dd          jt 12	jf 22
(012) ldb      [20]
(013) jeq      #0x11            jt 14	jf 22
(014) ldh      [56]
(015) jeq      #0x12b5          jt 16	jf 22
(016) ldb      [62]
(017) jeq      #0x8             jt 18	jf 22
(018) ldx      M[1]
(019) ldh      [x + 0]
(020) jeq      #0x800           jt 21	jf 22
(021) ret      #262144
(022) ret      #0
"""
# The type behind the tag is read at 16, where the kernel had moved the tag away, too.
IP_OR_VLAN_AND_IP = """
(000) ldh      [12]
(001) jeq      #0x800           jt 9	jf 2
(002) ldb      [-4048]
(003) jeq      #0x1             jt 7	jf 4
(004) ldh      [12]
(005) jeq      #0x8100          jt 7	jf 6
(006) jeq      #0x88a8          jt 7	jf 10
(007) ldh      [16]
(008) jeq      #0x800           jt 9	jf 10
(009) ret      #262144
(010) ret      #0
"""
# The header's length is not loaded: X is 0.
WITHOUT_HEADER_LENGTH = """
(000) ldh      [12]
(001) jeq      #0x800           jt 2	jf 8
(002) ldb      [23]
(003) jeq      #0x6             jt 4	jf 8
(004) ldh      [20]
(005) jset     #0x1fff          jt 8	jf 6
(006) ldh      [x + 16]
(007) jeq      #0x50            jt 9	jf 8
(008) ret      #0
(009) ret      #262144
"""
# A value that was kept in M[0] is read after its store was deleted.
WITHOUT_STORE = """
(000) ld       #pktlen
(001) add      #1
(002) tax
(003) ld       M[0]
(004) jeq      x                jt 5	jf 6
(005) ret      #262144
(006) ret      #0
"""
WRITTEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "vxlan and ip": ("vxlan and ip", {}, VXLAN_AND_IP),
    "ip or (vlan and ip)": ("ip or (vlan and ip)", {"target": "packet"}, IP_OR_VLAN_AND_IP),
    "X is 0": ("ip and tcp dst port 80", {}, WITHOUT_HEADER_LENGTH),
    "M[0] is 0": ("len = len + 1 - 1", {"link": "RAW"}, WITHOUT_STORE),
}


def of_libpcap(case: Case, optimised: bool) -> tuple[SockFilter, ...]:
    try:
        if version() != VERSION:
            pytest.skip(f"the code known to be wrong is that of libpcap {VERSION}")
    except OSError:
        pytest.skip("needs libpcap: install libpcap0.8")
    return compiled(case.text, link_type(case.link).number, optimise=optimised)


def is_refuted(subject: Subject, words: tuple[SockFilter, ...]) -> bool:
    """The prover has a packet, and interpreter and meaning differ on it."""
    proof = prove(subject.program.query, words, subject.program.settings)
    example = proof.counterexample
    if proof.verdict != "refuted" or example is None:
        return False
    return subject.confirms(words, subject.shown(example), example.filter_accepts)


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_wrong_code_of_libpcap_is_refuted(name: str) -> None:
    case = CASES[name]
    subject = Subject(case.text, (("link", case.link),))
    assert is_refuted(subject, of_libpcap(case, case.optimised))


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.proved])
def test_the_same_filter_s_right_code_of_libpcap_is_proved(name: str) -> None:
    case = CASES[name]
    subject = Subject(case.text, (("link", case.link), ("strict", True)))
    words = of_libpcap(case, not case.optimised)
    assert prove(subject.program.query, words, subject.program.settings).verdict == "proved"


@pytest.mark.parametrize("name", WRITTEN)
def test_wrong_code_of_other_versions_is_refuted(name: str) -> None:
    text, options, listing = WRITTEN[name]
    assert is_refuted(Subject(text, tuple(options.items())), parse_program(listing))
