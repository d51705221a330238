"""How a dtype is a type of Rust and of C, and the number that names it."""

import subprocess
from collections.abc import Callable

import numpy as np
import pytest

import shm_ring


@pytest.mark.parametrize(
    ("dtype", "align"),
    [
        ("<u8", 8),
        (">u8", 8),
        ("<f4", 4),
        ("<c16", 8),
        ("S5", 1),
        ("V3", 1),
        ("<M8[ns]", 8),
        (("<f4", (3, 3)), 4),
        ([("a", "<u8"), ("b", "<u4"), ("c", "<u4")], 8),
        ([("a", "<u4"), ("b", "u1", 4)], 4),
        ([("a", [("x", "<u2"), ("y", "<u2")]), ("b", "<u4")], 4),
        # Where #[repr(C)] would have put a hole, it is packed.
        ([("a", "u1"), ("b", "<u8")], 1),
        ([("a", "<u8"), ("b", "u1")], 1),
        ([("a", "u1"), ("b", "<u4"), ("c", "u1", 3)], 1),
        (np.dtype([("a", "<u4"), ("b", "<u4")], align=True), 4),
    ],
)
def test_the_alignment_is_that_of_the_same_type_in_rust(dtype: object, align: int) -> None:
    assert shm_ring.alignment(dtype) == align  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dtype", "why"),
    [
        (
            np.dtype([("a", "<u8"), ("b", "<u4")], align=True),
            "4 bytes of the dtype after 'b' belong to no field",
        ),
        (np.dtype([("a", "u1"), ("b", "<u4")], align=True), "3 bytes of the dtype after 'a'"),
        (
            np.dtype({"names": ["a"], "formats": ["u1"], "offsets": [4]}),
            "4 bytes of the dtype after the start",
        ),
        (np.dtype({"names": ["a", "b"], "formats": ["<u4", "u1"], "offsets": [0, 2]}), "overlap"),
        ("?", "u1 for a bool"),
        ("O", "cannot cross"),
        ([("a", "O")], "cannot cross"),
        ("U4", "cannot cross"),
        ("g", "cannot cross"),
        ("V0", "no bytes"),
        (3, "no dtype"),
    ],
)
def test_what_may_not_cross_is_refused(dtype: object, why: str) -> None:
    with pytest.raises(shm_ring.InvalidArgument, match=why):
        shm_ring.pair(dtype)  # type: ignore[arg-type]


def test_the_schema_id_tells_types_apart_that_have_the_same_size() -> None:
    one = np.dtype([("a", "<u8"), ("b", "<u4", 2)])
    assert shm_ring.schema_text(one) == "{a:<u8@0,b:<u4[2]@8}16"
    same = np.dtype({"names": ["b", "a"], "formats": [("<u4", 2), "<u8"], "offsets": [8, 0]})
    assert shm_ring.schema_id(one) == shm_ring.schema_id(same)
    others = [
        "<u8",
        "<i8",
        ">u8",
        "<f8",
        [("a", "<u8")],
        [("b", "<u8")],
        [("a", "<u8"), ("b", "<i4", 2)],
        ("<u4", 2),
    ]
    assert len({shm_ring.schema_id(other) for other in others}) == len(others)  # type: ignore[arg-type]


def test_the_command_sees_the_same_size_alignment_and_schema(
    name: str, command: Callable[..., subprocess.Popen[bytes]]
) -> None:
    dtype = np.dtype([("a", "<u8"), ("b", "<u4"), ("c", "u1", 4)])
    schema = shm_ring.schema_id(dtype)
    created = command("create", name, "--item", "16:8", "--schema", str(schema), "--bytes", "4K")
    assert created.wait() == 0
    with shm_ring.Producer.open(name, dtype, schema=schema) as tx:
        assert tx.capacity == 256
    shm_ring.unlink(name)
    with shm_ring.Producer.create(name, dtype, schema=schema):
        shown = command("stat", name, stdout=subprocess.PIPE)
        text = shown.communicate()[0].decode()
        assert "16 B, aligned to 8" in text
        assert str(schema) in text or hex(schema) in text or f"{schema:x}" in text
