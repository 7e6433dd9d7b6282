"""Files of a folder that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bonas.benchmarks.tables import (
    SpikeNASBench,
)
from bonas.benchmarks.tables.folder import RecordedCells, Source
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


def test_recorded_cells_are_each_an_architecture_even_where_nothing_arrives() -> None:
    cells = RecordedCells(("none", "skip_connect", "conv"), nodes=3)
    assert list(cells.parameters) == ["edge_0_1", "edge_0_2", "edge_1_2"]
    assert cells.size == len(list(cells)) == 27
    dead = dict.fromkeys(cells.parameters, "none")
    assert cells.allows(dead)
    through = {**dead, "edge_0_2": "conv"}
    pruned = {**through, "edge_0_1": "conv"}  # node 1 leads nowhere
    assert cells.graph(through) == cells.graph(pruned)
    assert cells.architecture(through).key != cells.architecture(pruned).key


def test_a_source_reads_the_named_arrays_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.zeros(2))
    read = Source("a.npz", ("x",), "numbers").read(str(tmp_path))
    assert read.keys() == {"x"}
    np.testing.assert_array_equal(read["x"], [0, 1, 2])
