"""``bpfq attach --dry-run``: the program, its maps, what the verifier says; nothing changes."""

from __future__ import annotations

import json
from argparse import Namespace

from bpfq.cli.request import description
from bpfq.ebpf.install import install
from bpfq.ebpf.naming import program_name, renamed
from bpfq.ebpf.places import Place
from bpfq.isa.ebpf.program import MapSpec
from bpfq.kernel.programs import ProgramInformation
from bpfq.program.ebpf import EbpfProgram


def rehearse(options: Namespace, program: EbpfProgram, place: Place, text: str) -> int:
    """Load the program and let go of it; raises VerifierError or LoadError behind the listing."""
    if not options.json:
        print(program)
        for spec in program.module.maps:
            print(_map(spec))
    name = program_name(options.name or "")
    with install(renamed(program.module, name)) as installed:
        told = installed.program.information()
    if options.json:
        maps = [
            {"name": it.name, "kind": it.kind, "key": it.key_size, "value": it.value_size,
             "entries": it.max_entries}
            for it in program.module.maps
        ]  # fmt: skip
        fields = {**description(program, text, options), "place": str(place), "maps": maps,
                  "verified_instructions": told.verified_instructions,
                  "machine_code_bytes": told.jited_bytes or None}  # fmt: skip
        print(json.dumps(fields))
    else:
        print(f"{place}: {_verdict(told)}; nothing is attached")
    return 0


def _map(spec: MapSpec) -> str:
    entries = "1 entry" if spec.max_entries == 1 else f"{spec.max_entries} entries"
    return (
        f"map {spec.name}: {spec.kind}, {entries}, {spec.key_size} bytes to {spec.value_size} bytes"
    )


def _verdict(told: ProgramInformation) -> str:
    code = f", {told.jited_bytes} bytes of machine code" if told.jited_bytes else ""
    return f"the verifier accepts it after {told.verified_instructions} instructions{code}"
