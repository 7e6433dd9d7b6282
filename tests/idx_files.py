"""IDX files as the MNIST family has them, written by tests."""

from __future__ import annotations

import struct
from typing import Any

CODES = {"u1": 8, "i1": 9, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def as_idx(array: Any) -> bytes:
    """Return the bytes of an IDX file with an array."""
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()
