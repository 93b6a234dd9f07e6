"""Layouts of records that maps hold."""

from __future__ import annotations

import pytest

from bpfq.errors import EncodingError
from bpfq.isa.ebpf.program import Field, Layout


def test_a_layout_has_the_offsets_and_the_size_that_c_gives() -> None:
    layout = Layout(
        "flow",
        (Field("address", 32, 4), Field("port", 16), Field("pad", 8, 6), Field("seen", 64)),
    )
    assert (layout.offsets, layout.size) == ((0, 16, 18, 24), 32)


def test_a_layout_without_fields_is_empty() -> None:
    assert (Layout("nothing", ()).offsets, Layout("nothing", ()).size) == ((), 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((Field("a", 8), Field("b", 32)), "it.b: 32 bits at byte 1 are not aligned"),
        ((Field("a", 32), Field("b", 8)), "it: 5 bytes are no multiple of its widest field, 4"),
        ((Field("a", 7),), "it.a: 1 numbers of 7 bits are not one or more of 8, 16, 32 or 64"),
        ((Field("a", 8, 0),), "it.a: 0 numbers of 8 bits are not one or more of 8, 16, 32 or 64"),
    ],
)
def test_a_layout_with_a_hole_is_refused(fields: tuple[Field, ...], message: str) -> None:
    with pytest.raises(EncodingError) as caught:
        Layout("it", fields)
    assert str(caught.value) == message
