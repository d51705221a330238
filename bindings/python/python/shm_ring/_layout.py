"""Owns: how a dtype of numpy is a value of a ring: size, alignment, schema id. Knows nothing of: rings.

numpy is imported when a dtype is first used; a :class:`Layout` needs none.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ._errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike


@dataclasses.dataclass(frozen=True)
class Layout:
    """Values as bytes: their size and their alignment. For programs without numpy, and what an end has that was opened
    without saying what it carries.

    >>> Layout(16, 8)
    Layout(size=16, align=8)
    """

    size: int
    align: int = 1


def resolve(dtype: Any) -> tuple[int, int, Any, tuple[Any, Any, Any, Any] | None]:
    """Size, alignment, the dtype itself, and what numpy is called for, if it is one of numpy's."""
    if isinstance(dtype, Layout):
        return dtype.size, dtype.align, dtype, None
    if isinstance(dtype, int) or dtype is None:
        raise InvalidArgument(
            f"{dtype!r} is no dtype: give one of numpy, or shm_ring.Layout(size, align)"
        )
    import numpy as np

    found = np.dtype(dtype)
    return found.itemsize, alignment(found), found, (np.frombuffer, np.empty, as_array, check)


def alignment(dtype: DTypeLike) -> int:
    """The alignment in bytes that a ring gives values of ``dtype``: that of the same type in Rust or C.

    A structure whose fields stand where ``#[repr(C)]`` puts them is aligned as its most aligned field is; any other is
    packed, and aligned to 1. A field that may not cross, and a hole, are refused.

    >>> import numpy as np
    >>> alignment(np.dtype([("price", "f8"), ("size", "u4"), ("unused", "u4")]))
    8
    >>> alignment(np.dtype([("kind", "u1"), ("price", "f8")]))  # as #[repr(C, packed)]
    1
    >>> alignment(np.dtype([("price", "f8"), ("size", "u4")], align=True))
    Traceback (most recent call last):
      ...
    shm_ring._errors.InvalidArgument: 4 bytes of the dtype after 'size' belong to no field: name them, as in ("unused", "u1", 4)
    """
    import numpy as np

    found = np.dtype(dtype)
    if found.itemsize == 0:
        raise InvalidArgument(f"a value of dtype {found} has no bytes")
    return _alignment(found)


#: Kinds of scalars of which any bytes are a value: integers, floats, complex numbers, times, bytes.
_CROSSES = "iufcmMSV"


def _alignment(dtype: np.dtype[Any]) -> int:
    if dtype.subdtype is not None:
        return _alignment(dtype.subdtype[0])
    if dtype.fields is None:
        if dtype.hasobject or dtype.kind not in _CROSSES or dtype.char in "gG":
            raise InvalidArgument(
                f"values of dtype {dtype} cannot cross to another process: use integers, floats and bytes (u1 for a bool)"
            )
        # In bytes: the order of a number's bytes is no matter of alignment.
        return dtype.newbyteorder("=").alignment if dtype.kind not in "SV" else 1
    end, widest, natural, last = 0, 1, True, "the start"
    for name, (field, offset) in _fields(dtype):
        align = _alignment(field)
        if offset < end:
            raise InvalidArgument(f"the fields {last} and {name!r} of the dtype overlap")
        if offset > end:
            raise _hole(offset - end, last)
        natural = natural and offset % align == 0
        end, widest, last = offset + field.itemsize, max(widest, align), repr(name)
    if end < dtype.itemsize:
        raise _hole(dtype.itemsize - end, last)
    return widest if natural and dtype.itemsize % widest == 0 else 1


def _fields(dtype: np.dtype[Any]) -> list[tuple[str, tuple[np.dtype[Any], int]]]:
    named = [
        (name, (field[0], field[1]))
        for name, field in (dtype.fields or {}).items()
        if name in (dtype.names or ())
    ]
    return sorted(named, key=lambda field: field[1][1])


def _hole(size: int, last: str) -> InvalidArgument:
    return InvalidArgument(
        f'{size} bytes of the dtype after {last} belong to no field: name them, as in ("unused", "u1", {size})'
    )


def schema_text(dtype: DTypeLike) -> str:
    """What :func:`schema_id` counts: each field with its offset, and the size.

    A field is ``name:type@offset``, where type is numpy's code with the order of bytes (``<`` or ``>``, and ``|`` where there
    is none) and, for an array, its shape. A structure in a structure is in braces.

    >>> import numpy as np
    >>> schema_text(np.dtype([("price", "<f8"), ("sides", "<u4", 2)]))
    '{price:<f8@0,sides:<u4[2]@8}16'
    >>> schema_text("f4")
    '<f4'
    """
    import numpy as np

    found = np.dtype(dtype)
    if found.subdtype is not None:
        base, shape = found.subdtype
        return schema_text(base) + "[" + "x".join(map(str, shape)) + "]"
    if found.fields is None:
        return found.str
    fields = ",".join(
        f"{name}:{schema_text(field)}@{offset}" for name, (field, offset) in _fields(found)
    )
    return "{" + fields + "}" + str(found.itemsize)


def schema_id(dtype: DTypeLike) -> int:
    """A number of 64 bits that names ``dtype``, for the option ``schema``: FNV-1a of :func:`schema_text`.

    The ring holds the number; Rust and C give the same one as a constant, and an end with another one is refused.

    >>> import numpy as np
    >>> hex(schema_id(np.dtype([("price", "<f8"), ("sides", "<u4", 2)])))
    '0x28840e7a71804538'
    """
    number = 0xCBF29CE484222325
    for byte in schema_text(dtype).encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return number


def check(array: Any, dtype: np.dtype[Any]) -> None:
    """Refuses what is not of the ring's dtype: bytes of the same length would be taken for what they are not."""
    found = array.dtype
    if found == dtype:
        return
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        if found == base and array.shape[array.ndim - len(shape) :] == shape:
            return
        raise InvalidArgument(
            f"an array of dtype {found} and shape {array.shape}, and the ring carries {dtype}"
        )
    raise InvalidArgument(
        f"dtype {found}, and the ring carries {dtype}: convert it, such as by astype"
    )


def as_array(values: Any, dtype: np.dtype[Any]) -> Any:
    """An array of ``dtype`` of what is none: a number, a tuple, a list of them."""
    import numpy as np

    base = dtype if dtype.subdtype is None else dtype.subdtype[0]
    return np.ascontiguousarray(values, base)
