"""Facts about IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from idx_files import CODES, as_idx

from bonas.errors import InvalidData
from bonas.evaluation.data.idx import read_idx

IDX_ARRAYS = st.sampled_from(sorted(CODES)).flatmap(
    lambda code: arrays(code, st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple))
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


@given(array=IDX_ARRAYS, packed=st.booleans())
def test_an_idx_file_gives_back_its_array(path: Path, array: Any, packed: bool) -> None:
    path.write_bytes(gzip.compress(as_idx(array)) if packed else as_idx(array))
    found = read_idx(path)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(array=IDX_ARRAYS, packed=st.booleans(), data=st.data())
def test_an_idx_file_that_is_cut_is_refused(
    path: Path, array: Any, packed: bool, data: Any
) -> None:
    whole = gzip.compress(as_idx(array)) if packed else as_idx(array)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InvalidData, match="get the file again"):
        read_idx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\x01\0\0\0\x02ab", None),
        (b"\0\0\x08\x01\0\0\0\x02abc", r"10 bytes for numbers of shape \(2,\), got 11 in"),
        (b"\0\0\x08\x01\0\0\0\x02a", r"10 bytes for numbers of shape \(2,\), got 9 in"),
        (b"\0\0\x07\x01\0\0\0\x02ab", r"begins with 0, 0 and a type .*, got \[0, 0, 7, 1\] in"),
        (b"PNG\x01", r"got \[80, 78, 71, 1\]"),
        (b"\0\0\x08\x02\0\0\0\x02", r"12 bytes before the numbers of 2 axes, got 8 in"),
        (b"\0\0\x08\x03" + 12 * b"\xff", r"numbers of shape \(4294967295, 4294967295, "),
        (b"\x1f\x8bnonsense", r"a whole gzip file, got .* is truncated or corrupt"),
    ],
)
def test_an_idx_file_is_checked(path: Path, content: bytes, message: str | None) -> None:
    path.write_bytes(content)
    if message is None:
        assert read_idx(path).tolist() == [97, 98]
        return
    with pytest.raises(InvalidData, match=message):
        read_idx(path)
