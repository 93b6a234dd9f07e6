"""Filters compiled for every target, and an opinion on their programs that is not the prover's.

The filter's side is its executable meaning, the program's side the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oracles.libpcap import Interpreter

import bpfq
from bpfq.analysis.prove import Counterexample
from bpfq.analysis.subject import machine_of, network_offset
from bpfq.isa.cbpf.instructions import SockFilter
from bpfq.isa.cbpf.vm import run
from bpfq.meaning import Meaning, Setting, meaning
from bpfq.program.classic import Program
from bpfq.query.through import look_through

NETMASK = 0xFFFF_FF00
FRAGMENT_OFFSET = 0x1FFF
METADATA = ("vlanp", "vlan_tci", "vlan_tpid", "type", "proto", "ifidx")
Fill = Callable[[int], int]

IPV4_HEADER = bytes.fromhex("4500003000010000401100000a000002c0a80101")
IPV6_HEADER = bytes.fromhex("600000000010114020010db8" + "00" * 12 + "ff02" + "00" * 14)
FILLS: tuple[Fill, ...] = (
    lambda address: 0,
    lambda address: 0xFF,
    lambda address: 0x45,
    lambda address: address * 167 + 13 & 0xFF,
    lambda address: address * 29 + 6 & 0xFF,
)


@dataclass(frozen=True)
class Trial:
    """A packet as a target sees it; origin: what it was cut from."""

    packet: bytes
    length: int
    metadata: tuple[tuple[str, int], ...] = ()
    network_header: bytes = b""
    origin: bytes = field(default=b"", compare=False)

    @property
    def words(self) -> dict[str, int]:
        return dict(self.metadata)


@dataclass(frozen=True)
class Subject:
    """A filter, what it is compiled for, and its program."""

    text: str
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        said = "".join(f" {name}={value}" for name, value in self.options)
        return " ".join(self.text.split()) + said

    @cached_property
    def program(self) -> Program:
        return bpfq.compile(
            self.text, netmask=NETMASK, allow_empty=True, search_budget=1000, **dict(self.options)
        )

    @property
    def header(self) -> bytes:
        """The network header where that lies before byte 0."""
        if self.program.settings.target.transport_at is None:
            return b""
        return IPV6_HEADER if self.program.link == "IPV6" else IPV4_HEADER

    @property
    def fixed(self) -> tuple[int, ...]:
        """The bytes of a network header before byte 0 that are the same with every packet.

        Version, header length, fragment and protocol of IPv4; version and, on UDP, protocol of IPv6.
        """
        if not self.header:
            return ()
        if self.header is IPV4_HEADER:
            return (0, 6, 7, 9)
        return (0,) if self.program.settings.target.transport is None else (0, 6)

    @property
    def has_metadata(self) -> bool:
        return self.program.settings.target.metadata

    @cached_property
    def meaning(self) -> Meaning:
        settings = self.program.settings
        target, options = settings.target, settings.options
        start = "network" if target.layer == 3 and settings.link.name != "COOKED" else "link"
        setting = Setting(
            settings.link.name,
            live=target.vlan == "metadata",
            ancillary=target.metadata,
            netmask=options.netmask,
            savefile=settings.savefile,
            tcp6=options.tcp6,
            family={"IPV4": 4, "IPV6": 6}.get(settings.link.name) if start != "link" else None,
            protochain=options.protochain,
            start="transport" if self.header else start,
        )
        return meaning(look_through(self.program.query, settings.through), setting)

    def arrives(self, trial: Trial) -> bool:
        """The kernel passes on no fragment where it puts packets together first."""
        if not self.program.settings.target.reassembled or self.program.link == "IPV6":
            return True
        first = (trial.network_header or trial.packet)[6:8]
        return not int.from_bytes(first, "big") & FRAGMENT_OFFSET

    def accepts(self, trial: Trial, fill: Fill | None = None) -> bool:
        """The filter in order, or with the bytes of fill behind the packet."""
        before = len(trial.network_header)
        return self.meaning.accepts(
            trial.packet,
            reading="sequential" if fill is None else "total",
            wire_length=trial.length,
            metadata=trial.words if self.has_metadata else None,
            fill=(lambda address: 0) if fill is None else lambda at: fill(at - before),
            network_header=trial.network_header,
        )

    def ran(self, words: tuple[SockFilter, ...], trial: Trial) -> bool:
        """What the interpreter makes of a program here."""
        settings = self.program.settings
        return bool(
            run(
                words,
                trial.packet,
                wire_length=trial.length,
                metadata=trial.words if self.has_metadata else None,
                machine=machine_of(settings.target),
                network_offset=network_offset(settings) or 0,
                network_header=trial.network_header,
            )
        )

    # ------------------------------------------------------------ counterexamples

    def shown(self, example: Counterexample) -> Trial:
        """A counterexample with a whole network header; words that it does not mention are 0."""
        words = dict.fromkeys(METADATA, 0) | example.metadata if self.has_metadata else {}
        header = bytearray(example.network_header + self.header[len(example.network_header) :])
        for at in self.fixed:
            header[at] = self.header[at]
        return Trial(
            example.octets, example.wire_length, tuple(sorted(words.items())), bytes(header),
            example.completed or example.octets,
        )  # fmt: skip

    def confirms(self, words: tuple[SockFilter, ...], trial: Trial, filter_accepts: bool) -> bool:
        """Filter and program differ here, and the filter says what it is said to say."""
        if self.ran(words, trial) == filter_accepts:
            return False
        if filter_accepts or self.program.settings.strict:
            return self.accepts(trial) == filter_accepts
        return not self.accepts(trial, behind(trial.origin))


class Judge:
    """What a subject's contract allows on each packet, worked out once for all its programs."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._least: dict[Trial, bool] = {}
        self._most: dict[Trial, bool] = {}

    def least(self, trial: Trial) -> bool:
        if trial not in self._least:
            self._least[trial] = self.subject.accepts(trial)
        return self._least[trial]

    def most(self, trial: Trial) -> bool:
        """Whether it would be accepted whatever followed, as far as some fills tell."""
        if self.subject.program.settings.strict:
            return self.least(trial)
        if trial not in self._most:
            fills = (*FILLS, behind(trial.origin), *_read(trial.packet))
            self._most[trial] = all(self.subject.accepts(trial, fill) for fill in fills)
        return self._most[trial]

    def wrong(self, words: tuple[SockFilter, ...], trials: Mapping[Trial, None]) -> list[str]:
        """Where a program does what the contract does not allow."""
        machine = None if self.subject.has_metadata else Interpreter(words)
        lines = []
        for trial in filter(self.subject.arrives, trials):
            if machine is None:
                accepted = self.subject.ran(words, trial)
            else:
                accepted = machine.verdict(trial.packet, trial.length) > 0
            least = self.least(trial)
            if accepted != least and (least or not self.most(trial)):
                lines.append(f"{accepted}, not {least}, on {trial}")
        return lines


def behind(octets: bytes) -> Fill:
    """The bytes of a longer packet, then zeroes."""
    return lambda address: octets[address] if address < len(octets) else 0


def _read(packet: bytes) -> tuple[Fill, ...]:
    """The packet's own bytes over again, as every header may follow every other."""
    if not packet:
        return ()
    return (lambda address: packet[address % len(packet)],)
