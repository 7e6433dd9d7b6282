"""Cells of NAS-Bench-101: the widths of their vertices."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from bonas.spaces.nas_bench_101.cell import Cell

C1, C3, POOL = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"


def test_widths_by_hand() -> None:
    # Vertices 2, 3 and 4 share 128 channels at the output: 43 + 43 + 42. Vertex 1 goes to 3 and 4,
    # and is as wide as 3.
    cell = Cell((C3,) * 4, ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 5)))
    assert cell.widths(64, 128) == [64, 43, 43, 43, 42, 128]
    assert Cell((), ((0, 1),)).widths(64, 128) == [64, 128]


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Draw cells of up to seven vertices, connected or not."""
    operations = tuple(draw(st.lists(st.sampled_from([C3, C1, POOL]), max_size=5)))
    pairs = combinations(range(len(operations) + 2), 2)
    return Cell(operations, tuple(pair for pair in pairs if draw(st.booleans())))


@given(cells())
def test_a_pruned_cell_is_live_throughout_or_has_no_edge(cell: Cell) -> None:
    pruned = cell.pruned()
    assert pruned.pruned() == pruned
    assert pruned.live == (list(range(pruned.last + 1)) if cell.live else [])
    assert bool(pruned.edges) == bool(cell.live)
    assert len(cell.graph()) == len(pruned.graph()) == len(pruned.operations) + 2


@given(cells(), st.integers(5, 9))
def test_what_goes_to_the_output_shares_its_channels(cell: Cell, outputs: int) -> None:
    pruned = cell.pruned()
    if not pruned.edges:
        return
    widths = pruned.widths(3, outputs)
    ends = pruned.sources(pruned.last)
    assert widths[0] == 3
    assert not ends or sum(widths[vertex] for vertex in ends) == outputs
    assert all(widths[s] >= widths[t] for s, t in pruned.edges if s and t != pruned.last)


def test_sources_and_projections_by_hand() -> None:
    # 0 -> 1 -> 3, 0 -> 3; vertex 2 hangs on 1.
    cell = Cell((C3, C1), ((0, 1), (0, 3), (1, 2), (1, 3)))
    assert cell.live == [0, 1, 3]
    assert cell.pruned() == Cell((C3,), ((0, 1), (0, 2), (1, 2)))
    assert (cell.sources(3), cell.projects(3)) == ([1], True)
    assert (cell.sources(1), cell.projects(2)) == ([], False)
