"""Files of a folder that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bonas.benchmarks.tables import (
    SpikeNASBench,
)
from bonas.errors import InvalidData


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spikenas.npz").write_bytes(content)
    with pytest.raises(InvalidData, match=r"cannot read the arrays ops, .*spikenas.npz'"):
        SpikeNASBench(tmp_path)


def test_an_array_that_is_not_there_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "spikenas.npz", ops=np.zeros((1, 6)))
    with pytest.raises(InvalidData, match=r"cannot read .*: 'final_val_acc is not a file"):
        SpikeNASBench(tmp_path)
