"""Programs, lines and types of ``prepare`` in the running kernel, as bpftool shows them there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from kernel.ebpf.programs import needs_bpf

from bpfq.errors import LoadError
from bpfq.isa.ebpf.encode import assemble
from bpfq.isa.ebpf.instructions import R0, R1, R2, Exit, LoadMemory
from bpfq.isa.ebpf.program import Function, Line, Module
from bpfq.kernel.maps import Map, create_from
from bpfq.kernel.programs import Program, load, load_btf
from bpfq.kernel.testrun import run
from bpfq.kernel.verifier import VerifierError
from bpfq.objfile.loading import prepare, resolve
from bpfq.record import replace

from .modules import CALLS, COUNT_SIZES, DROP_UDP, MODULES, NETFILTER_UDP
from .packets import TCP, UDP, packet
from .tools import needs_bpftool, output

pytestmark = [pytest.mark.root, needs_bpf]


@contextmanager
def loaded(module: Module) -> Iterator[tuple[Program, dict[str, Map]]]:
    """The program and its maps in the kernel."""
    loadable = prepare(module)
    with ExitStack() as stack:
        btf = stack.enter_context(load_btf(loadable.btf))
        maps = {}
        for spec in module.maps:
            key, value = loadable.map_types[spec.name]
            made = create_from(spec, btf=btf, key_type=key, value_type=value)
            maps[spec.name] = stack.enter_context(made)
        words = resolve(loadable, {name: it.fd for name, it in maps.items()})
        program = load(
            words, module.hook, name=module.function.name, license=module.license, btf=btf,
            functions=loadable.function_records, line_records=loadable.line_records,
            lines=loadable.lines,
        )  # fmt: skip
        yield stack.enter_context(program), maps


@pytest.mark.oracle
@needs_bpftool
@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_bpftool_shows_the_text_of_the_filter(module: Module) -> None:
    with loaded(module) as (program, _):
        number = program.information().id
        shown = output(["bpftool", "prog", "dump", "xlated", "id", number, "linum"]).splitlines()
    context = {"netfilter": "bpf_nf_ctx", "xdp": "xdp_md"}.get(module.hook, "__sk_buff")
    assert shown[0] == f"int {module.function.name}(struct {context} * ctx):"
    texts = [line.partition(" [file:<filter> ") for line in shown if line.startswith(";")]
    assert {f"; {line.text}" for line in module.function.lines} <= {text for text, _, _ in texts}
    assert all(place for _, place, _ in texts)


@pytest.mark.oracle
@needs_bpftool
def test_bpftool_shows_the_entries_of_a_map_by_the_names_of_their_fields() -> None:
    with loaded(COUNT_SIZES) as (program, maps):
        sizes = maps["sizes"]
        sizes.update((60).to_bytes(4, "little"), bytes(16))
        for _ in range(3):
            run(program, packet(TCP))
        number = next(line.split()[1] for line in fdinfo(sizes.fd) if line.startswith("map_id:"))
        shown = "".join(output(["bpftool", "map", "dump", "id", number]).split())
    assert shown == ('[{"key":{"length":60},"value":{"packets":3,"spare":[0,0,0,0]}}]')


def fdinfo(fd: int) -> list[str]:
    """What /proc says of an open file."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as lines:
        return lines.read().splitlines()


@pytest.mark.parametrize(
    "module, octets, verdict",
    [
        pytest.param(DROP_UDP, packet(UDP), 1, id="xdp udp"),
        pytest.param(DROP_UDP, packet(TCP), 2, id="xdp tcp"),
        pytest.param(NETFILTER_UDP, packet(UDP)[14:], 0, id="netfilter udp"),
        pytest.param(NETFILTER_UDP, packet(TCP)[14:], 1, id="netfilter tcp"),
        pytest.param(CALLS, packet(TCP), 23, id="socket, half of what follows Ethernet"),
    ],
)
def test_the_program_runs(module: Module, octets: bytes, verdict: int) -> None:
    with loaded(module) as (program, _):
        assert run(program, octets).verdict == verdict


def test_the_verifier_names_the_line_of_the_filter() -> None:
    unchecked = Function(
        name="unchecked",
        instructions=assemble([LoadMemory(R2, R1, 0, 4), LoadMemory(R0, R2, 12, 2), Exit()]),
        lines=(Line(0, "start", 1, 1), Line(1, "tcp -> ether[12:2] == 0x800", 3, 7)),
    )
    with pytest.raises(VerifierError) as refused, loaded(Module("xdp", unchecked)):
        pass
    assert "; tcp -> ether[12:2] == 0x800 @ <filter>:3" in refused.value.log


def test_a_function_that_the_kernel_does_not_have_is_named() -> None:
    with pytest.raises(LoadError, match="this kernel has no function bpf_dynptr_from_skb for"):
        resolve(prepare(NETFILTER_UDP), {}, lambda name: None)


def test_maps_and_kernel_functions_are_put_in() -> None:
    numbers = {"bpf_dynptr_from_skb": 71, "bpf_dynptr_slice": 72}
    words = resolve(prepare(NETFILTER_UDP), {}, numbers.get)
    assert [words[at][2:] for at in (5, 12)] == [(2, 0, 71), (2, 0, 72)]
    assert resolve(prepare(COUNT_SIZES), {"sizes": 9})[2][2:] == (1, 0, 9)
    by_value = replace(
        COUNT_SIZES,
        function=replace(
            COUNT_SIZES.function,
            references=(replace(COUNT_SIZES.function.references[0], kind="map_value"),),
        ),
    )
    assert resolve(prepare(by_value), {"sizes": 9})[2][2:] == (2, 0, 9)
