"""TransNAS-Bench-101, small and whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_tables import DATA, needs

from bonas.benchmarks.tables import (
    problem,
)
from bonas.benchmarks.tables.transnas_bench_101 import MacroSpace
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph


def test_a_small_transnas_by_hand(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "transnas101.npz",
        tasks=np.array(["jigsaw", "normal"]),
        cell_ops=np.array([[3, 0, 0, 0, 1, 2], [2, 1, 0, 0, 0, 3], [0, 0, 0, 0, 0, 0]], np.int8),
        cell_score=np.array([[90.0, 0.5], [80.0, 0.7], [5.0, 0.1]], np.float32),
        macro_code=np.array([[1, 2, 3, 4, 0, 0], [1, 1, 1, 4, 2, 1]], np.int8),
        macro_score=np.array([[91.0, 0.4], [92.0, 0.3]], np.float32),
    )
    cells = problem("transnas-cell-normal", tmp_path)
    assert cells.optimum == (
        {
            "edge_0_1": "nor_conv_1x1",
            "edge_0_2": "skip_connect",
            "edge_1_2": "none",
            "edge_0_3": "none",
            "edge_1_3": "none",
            "edge_2_3": "nor_conv_3x3",
        },
        pytest.approx(0.7),
    )
    # Node 1 leads nowhere; the rest is the convolution on node 2, which is the input.
    graph = cells.space.architecture(cells.optimum[0]).graph
    assert graph == ArchitectureGraph([INPUT, "nor_conv_3x3", OUTPUT], [(0, 1), (1, 2)])

    macro = problem("transnas-macro-jigsaw", tmp_path)
    assert str(macro.objectives[0]) == "accuracy [%]"
    assert macro.rows == [
        ("plain", "widen", "shrink", "widen_shrink", "none", "none"),
        ("plain", "plain", "plain", "widen_shrink", "widen", "plain"),
    ]
    lengths = [len(macro.space.graph(choices).labels) - 2 for choices in macro.space]
    assert sorted(lengths) == [4, 6]


@needs("transnas101.npz")
@pytest.mark.parametrize(
    ("task", "unit", "cell", "macro"),
    [
        ("class_object", "accuracy [%]", 46.32, 47.96),
        ("autoencoder", "ssim", 0.5772, 0.7688),
        ("normal", "ssim", 0.5962, 0.6435),
        ("segmentsemantic", "miou [%]", 26.27, 29.66),
        ("jigsaw", "accuracy [%]", 95.37, 97.02),
        ("room_layout", "negative_loss", -0.5938, -0.5628),
    ],
)
def test_the_best_of_transnas_are_the_published_ones(
    task: str, unit: str, cell: float, macro: float
) -> None:
    tables = problem(f"transnas-cell-{task}", DATA), problem(f"transnas-macro-{task}", DATA)
    assert [len(table.rows) for table in tables] == [table.space.size for table in tables]
    assert [len(table.rows) for table in tables] == [4_096, 3_255]
    for table, best in zip(tables, (cell, macro), strict=True):
        assert str(table.objectives[0]) == unit
        assert table.optimum[1] == pytest.approx(best, abs=5e-5 if abs(best) < 1 else 5e-3)


def test_a_macro_network_is_the_chain_of_its_modules() -> None:
    space = MacroSpace()
    choices = {f"module_{i}": "plain" for i in range(1, 5)} | {"module_5": "widen"}
    graph = space.graph({**choices, "module_6": "none"})
    assert graph.labels == (INPUT, *["plain"] * 4, "widen", OUTPUT)
    assert graph.edges == tuple((i, i + 1) for i in range(6))
    assert space.parameters["module_6"][0] == "none"
    assert "none" not in space.parameters["module_4"]
