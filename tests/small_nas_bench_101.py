"""Small spaces of cells of NAS-Bench-101."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from bonas.spaces.nas_bench_101.space import NASBench101Space

C1, C3, POOL = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
SMALL = NASBench101Space.small()


FOUR = replace(SMALL, nodes=4)


CHAIN = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]  # input -> 1 -> output


def matrix_of(v: int, edges: set[tuple[int, int]]) -> list[list[int]]:
    """Return the adjacency matrix of ``v`` vertices."""
    return [[int((i, j) in edges) for j in range(v)] for i in range(v)]


@st.composite
def spaces(draw: st.DrawFn) -> NASBench101Space:
    """Draw small spaces of any shape; widths that do not divide equally are among them."""
    nodes = draw(st.integers(2, 7))
    return NASBench101Space(
        nodes,
        draw(st.integers(1, 9)),
        operations=draw(st.sampled_from([(C3, C1, POOL), (POOL, C1), (C3,)])),
        channels=draw(st.integers(max(1, nodes - 2), 9)),
        cells=draw(st.integers(1, 2)),
        stacks=draw(st.integers(1, 3)),
        classes=draw(st.integers(1, 4)),
        in_channels=draw(st.sampled_from([1, 3])),
        image_size=draw(st.sampled_from([4, 7, 9])),
    )
