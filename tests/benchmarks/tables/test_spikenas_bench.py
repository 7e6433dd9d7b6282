"""SpikeNAS-Bench, small and whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_tables import DATA, needs

from bonas.benchmarks.tables import (
    SpikeNASBench,
    problem,
)
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph


def test_a_small_spikenas_by_hand(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "spikenas.npz",
        ops=np.array([[2, 0, 0, 0, 4, 0], [0, 0, 0, 1, 0, 0]], np.int8),
        final_val_acc=np.array([70.0, 30.0], np.float32),
    )
    table = problem("spikenas", tmp_path)
    choices, value = table.optimum
    assert value == 70.0
    assert table.space.architecture(choices).graph == ArchitectureGraph(
        [INPUT, "spike_low_3x3", "spike_high_3x3", OUTPUT], [(0, 1), (1, 2), (2, 3)]
    )
    ends = table.space.architecture(dict.fromkeys(choices, "none") | {"edge_0_3": "identity"})
    assert ends.graph == ArchitectureGraph([INPUT, OUTPUT], [(0, 1)])


@needs("spikenas.npz")
def test_the_whole_of_spikenas() -> None:
    table = SpikeNASBench(DATA)
    assert len(table.rows) == table.space.size == 15_625
    assert table.optimum[1] == pytest.approx(89.132, abs=5e-4)
    assert table.space.members is not None
    assert len(table.space.members) == 15_625
