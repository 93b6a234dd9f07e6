"""Maps created, changed, listed many entries at a time, frozen, pinned and opened again."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable

import pytest

from bpfq.isa.ebpf.program import Field, Layout, MapSpec
from bpfq.kernel import batches, cpus
from bpfq.kernel.bpf import Attr, Command
from bpfq.kernel.cpus import count, possible_cpus
from bpfq.kernel.maps import (
    ABSENT,
    PRESENT,
    Map,
    create,
    create_from,
    maps,
    pinned_map,
    prefix_key,
    spread,
)

from ..namespaces import in_namespace
from .programs import mount_bpffs, needs_bpf, refused, without

pytestmark = [pytest.mark.root, needs_bpf]

MANY = 10_000  # entries: more than one batch


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def wide(value: int) -> bytes:
    return struct.pack("=Q", value)


def numbers(kind: str = "hash", max_entries: int = MANY) -> Map:
    """A map from numbers of 4 bytes to numbers of 8."""
    return create(kind, key_size=4, value_size=8, max_entries=max_entries, name="numbers")


def refusal(attempt: Callable[..., object], *arguments: object) -> str:
    return refused(lambda: attempt(*arguments))[0]


def test_a_hash_takes_gives_and_loses_entries() -> None:
    with numbers() as table:
        table.update(number(1), wide(10))
        table.update(number(1), wide(11), PRESENT)
        table.update(number(2), wide(20), ABSENT)
        assert dict(table.items()) == {number(1): wide(11), number(2): wide(20)}
        assert (table.delete(number(1)), table.delete(number(1))) == (True, False)
        assert (table.get(number(1)), table.get(number(2))) == (None, wide(20))
        assert list(table.keys()) == [number(2)]


def test_what_a_hash_refuses_is_told() -> None:
    with numbers(max_entries=1) as table:
        table.update(number(1), wide(1))
        start = "the kernel refused to put a key: "
        assert refusal(table.update, number(1), wide(1), ABSENT) == (
            start + "EEXIST, the key is there already"
        )
        assert refusal(table.update, number(2), wide(1), PRESENT) == (
            start + "ENOENT, the key is not there"
        )
        assert refusal(table.update, number(2), wide(1)).startswith(
            start + "E2BIG, the map is full"
        )
        assert refusal(table.update, b"1", wide(1)) == "a key of this map has 4 bytes, not 1"
        assert refusal(table.get, bytes(5)) == "a key of this map has 4 bytes, not 5"
        assert refusal(table.update, number(1), b"") == "a value of this map has 8 bytes, not 0"


@pytest.mark.parametrize("kind", ["hash", "array", "percpu_hash", "percpu_array"])
def test_many_entries_go_in_and_come_out_in_batches(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with numbers(kind) as table:
        entries = {number(n): wide(n) * table.cpus for n in range(MANY)}
        monkeypatch.setattr(Map, "update", None)  # entry by entry is not needed
        monkeypatch.setattr(Map, "_one_by_one", None)
        table.update_all(entries.items())
        assert dict(table.items()) == entries


def test_many_keys_go_even_when_some_are_not_there() -> None:
    with numbers() as table:
        table.update_all((number(n), wide(n)) for n in range(0, MANY, 2))
        table.delete_all(number(n) for n in range(MANY - 2))
        assert dict(table.items()) == {number(MANY - 2): wide(MANY - 2)}


def test_a_batch_that_does_not_fit_says_why() -> None:
    with numbers(max_entries=100) as table:
        message = refusal(table.update_all, [(number(n), wide(n)) for n in range(101)])
        assert message.startswith("the kernel refused to put a key: E2BIG, the map is full")
        assert len(dict(table.items())) == 100


def test_a_kernel_without_batches_is_asked_entry_by_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = (Command.MAP_LOOKUP_BATCH, Command.MAP_UPDATE_BATCH)
    first = without(commands[0], errno.EINVAL, lambda _: True)

    def call(command: Command, attr: Attr) -> int:
        if command == commands[1]:
            raise OSError(errno.EINVAL, "EINVAL")
        return first(command, attr)

    monkeypatch.setattr(batches, "bpf", call)
    with numbers() as table:
        table.update_all((number(n), wide(n)) for n in range(10))
        assert dict(table.items()) == {number(n): wide(n) for n in range(10)}


def test_an_array_has_all_its_keys_from_the_start() -> None:
    with numbers("array", 3) as table:
        table.update(number(1), wide(7))
        assert dict(table.items()) == {number(0): wide(0), number(1): wide(7), number(2): wide(0)}
        assert refusal(table.delete, number(1)) == (
            "the kernel refused to delete a key: EINVAL, this kind of map keeps all its keys"
        )
        assert "the index is beyond its end" in refusal(table.update, number(3), wide(0))


def test_a_per_cpu_array_has_one_value_for_each_cpu() -> None:
    with create("percpu_array", key_size=4, value_size=4, max_entries=1) as table:
        values = tuple(number(100 + cpu) for cpu in range(possible_cpus()))
        table.update(number(0), spread(values))
        assert table.each_cpu(number(0)) == values
        assert table.get(number(0)) == b"".join(value + bytes(4) for value in values)


def test_the_longest_prefix_answers() -> None:
    def address(text: str) -> bytes:
        return socket.inet_aton(text)

    with create("lpm_trie", key_size=8, value_size=8, max_entries=10) as table:
        table.update_all(
            [
                (prefix_key(8, address("10.0.0.0")), wide(8)),
                (prefix_key(24, address("10.1.2.0")), wide(24)),
            ]
        )
        asked = ("10.1.2.3", "10.9.9.9", "11.0.0.1")
        found = [table.get(prefix_key(32, address(text))) for text in asked]
        assert found == [wide(24), wide(8), None]
        assert sorted(key[:4] for key, _ in table.items()) == [number(8), number(24)]
        table.delete(prefix_key(24, address("10.1.2.0")))
        assert table.get(prefix_key(32, address("10.1.2.3"))) == wide(8)


def test_a_specification_gives_sizes_name_and_kind() -> None:
    layout = Layout("traffic", (Field("packets", 64), Field("octets", 64)))
    with create_from(MapSpec("per source", "lru_hash", 32, layout, 64)) as table:
        told = table.information
    assert (told.kind, told.key_size, told.value_size, told.max_entries, told.name) == (
        "lru_hash", 4, 16, 64, "per_source",
    )  # fmt: skip


def test_a_frozen_map_stays_as_it_is() -> None:
    with numbers("array", 1) as table:
        table.update(number(0), wide(5))
        table.freeze()
        assert refusal(table.update, number(0), wide(6)) == (
            "the kernel refused to put a key: EPERM, the map is frozen"
        )
        assert table.get(number(0)) == wide(5)


def test_a_pinned_set_is_opened_and_changed_by_another_owner(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = str(tmp_path_factory.mktemp("bpf"))

    def scenario() -> tuple[bytes | None, str, dict[bytes, bytes]]:
        mount_bpffs(root)
        path = f"{root}/bad"
        with create("hash", key_size=4, value_size=8, max_entries=9, name="bad") as first:
            first.update(number(1), wide(1))
            first.pin(path)
            with pinned_map(path) as second:
                second.update(number(2), wide(2))
            seen = first.get(number(2))
        with pinned_map(path) as third:  # the first owner is gone
            found = (seen, third.information.name, dict(third.items()))
        os.unlink(path)
        return found

    entries = {number(1): wide(1), number(2): wide(2)}
    assert in_namespace(scenario) == (wide(2), "bad", entries)


def test_a_map_goes_with_its_owner() -> None:
    with numbers() as table:
        known = table.information.id
        assert known in {each.information.id for each in maps()}
    assert known not in {each.information.id for each in maps()}


def test_a_map_that_cannot_be_is_refused() -> None:
    assert refusal(lambda: create("hash", key_size=0, value_size=8, max_entries=1)) == (
        "the kernel refused a map of kind hash: EINVAL, a size or a flag does not suit this kind "
        "of map"
    )
    assert refusal(lambda: create("hsh", key_size=4, value_size=8, max_entries=1)).startswith(
        "no kind of map 'hsh'; there are hash, array, "
    )


@pytest.mark.parametrize("text, total", [("0", 1), ("0-3\n", 4), ("0-1,4,6-7", 5)])
def test_cpus_are_counted(text: str, total: int) -> None:
    assert count(text) == total


def test_without_a_list_of_cpus_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "POSSIBLE", "/nowhere/possible")
    assert refusal(cpus.possible_cpus.__wrapped__) == (
        "cannot tell how many CPUs there may be: /nowhere/possible is not there"
    )
