"""Facts of geometry that hold for every drawing."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from drawings.networks import SPACES, chain, outlines, random_graph

from bonas.drawings.columns import in_columns
from bonas.drawings.geometry import Frame, Picture, PlacedBox
from bonas.drawings.layers import layered
from bonas.drawings.network import as_outline, diagram_of


def pictures() -> list[Picture]:
    rng = np.random.default_rng(5)
    graphs = [random_graph(rng, v, more) for v in (5, 12, 40) for more in (0.0, 0.1, 0.3)]
    graphs.append(chain("input", *(f"op{i}" for i in range(100)), "output"))
    found = [as_outline(graph) for graph in graphs]
    found += [outline for name in SPACES for outline in outlines(name, 2)]
    return [
        in_columns(diagram_of(outline, fold=fold), layered)
        for outline in found
        for fold in (False, True)
    ]


@pytest.fixture(scope="module", name="drawn")
def drawn_fixture() -> list[Picture]:
    return pictures()


def overlap(a: PlacedBox | Frame, b: PlacedBox | Frame, air: float = 0.0) -> bool:
    return (
        a.x < b.x + b.width + air
        and b.x < a.x + a.width + air
        and a.y < b.y + b.height + air
        and b.y < a.y + a.height + air
    )


def test_boxes_keep_apart(drawn: list[Picture]) -> None:
    for picture in drawn:
        assert not any(overlap(a, b, 8) for a, b in combinations(picture.boxes, 2))


def test_frames_contain_boxes_whole_or_not_at_all(drawn: list[Picture]) -> None:
    for picture in drawn:
        for frame in picture.frames:
            for box in picture.boxes:
                inside = (
                    frame.x <= box.x
                    and box.x + box.width <= frame.x + frame.width
                    and frame.y <= box.y
                    and box.y + box.height <= frame.y + frame.height
                )
                assert inside or not overlap(frame, box)


def test_everything_lies_within_the_drawing(drawn: list[Picture]) -> None:
    for picture in drawn:
        for part in (*picture.boxes, *picture.frames):
            assert part.x >= 0
            assert part.y >= 0
            assert part.x + part.width <= picture.width + 0.2
            assert part.y + part.height <= picture.height + 0.2
        assert all(
            -0.1 <= x <= picture.width + 0.2 for line in picture.lines for x, _ in line.points
        )


def test_lines_lead_downwards(drawn: list[Picture]) -> None:
    for picture in drawn:
        for line in picture.lines:
            assert all(y <= below for (_, y), (_, below) in pairwise(line.points))
            assert line.points[0][1] < line.points[-1][1]


def test_lines_end_at_boxes_and_run_through_none(drawn: list[Picture]) -> None:
    for picture in drawn:
        for line in picture.lines:
            for (x, y), (to_x, to_y) in pairwise(line.points):
                for box in picture.boxes:
                    left, right = sorted((x, to_x))
                    beside = right <= box.x or left >= box.x + box.width
                    assert beside or to_y <= box.y or y >= box.y + box.height
            if line.ends:
                x, y = line.points[-1]
                assert any(
                    abs(box.y - y) < 0.2 and abs(box.x + box.width / 2 - x) < 0.2
                    for box in picture.boxes
                )


def test_a_deep_network_stands_in_columns() -> None:
    deep = chain("input", *(f"op{i}" for i in range(100)), "output")
    picture = in_columns(diagram_of(as_outline(deep)), layered)
    assert len(picture.turns) > 1
    assert picture.height < 2000
    assert 0.5 < picture.width / picture.height < 2.5
    assert len(picture.boxes) == 102
