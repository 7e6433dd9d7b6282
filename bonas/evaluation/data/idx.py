"""IDX, the file format of MNIST: a header of sizes, then the numbers of an array.

The header: two bytes 0, one byte for the dtype, one byte for the number of axes, and four bytes per
axis for its size. All numbers are big-endian. A file may be compressed by gzip.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidData

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read the array in the IDX file ``path``, gzipped or not.

    Raises:
        InvalidData: if it is not a complete IDX file.
    """
    data = _unpacked(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise InvalidData(
            f"expected an IDX file, which begins with 0, 0 and a type out of {sorted(_TYPES)}, got "
            f"{list(data[:4])} in {path}; get the file again"
        )
    kind, axes = np.dtype(_TYPES[data[2]]), data[3]
    head = 4 + 4 * axes
    if len(data) < head:
        raise InvalidData(
            f"expected {head} bytes before the numbers of {axes} axes, got {len(data)} in {path}; "
            "get the file again"
        )
    shape = struct.unpack(f">{axes}I", data[4:head])
    expected = head + math.prod(shape) * kind.itemsize
    if len(data) != expected:
        raise InvalidData(
            f"expected {expected} bytes for numbers of shape {shape}, got {len(data)} in {path}; "
            "get the file again"
        )
    return np.frombuffer(data, kind, offset=head).reshape(shape).astype(kind.newbyteorder("="))


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidData(
            f"expected a whole gzip file, got {path}, which is truncated or corrupt ({error}); "
            "get the file again"
        ) from error
