"""Facts about the comparison of zero-cost scores with published ones."""

from __future__ import annotations

import math

import pytest
from published_tables import DATA, needs, needs_package

from bonas.benchmarks.scores import agreement_table, score_agreements, scored_cells
from bonas.benchmarks.tables import NASBench201Table
from bonas.errors import InvalidArgument
from bonas.evaluation.zero_cost import ZeroCost
from bonas.spaces import NASBench201

pytestmark = [needs_package, needs("nb201_zero_cost.npz", "nb201.npz")]

SMALL = NASBench201(channels=4, cells=1, image_size=16)


@pytest.fixture(scope="module")
def table() -> NASBench201Table:
    return scored_cells(DATA)


def test_scores_of_small_networks_agree_with_those_published(table: NASBench201Table) -> None:
    names = ["synflow", "naswot", "l2_norm", "meco"]
    found = score_agreements(table, ZeroCost(names), 24, space=SMALL)
    assert [each.score for each in found] == names
    assert all(each.cells == 24 for each in found)
    published = {each.score: each.published for each in found}
    assert published["synflow"] > 0.9
    assert published["naswot"] > 0.7
    assert published["l2_norm"] > 0.7
    assert math.isnan(published["meco"])
    assert all(each.kendall > 0.2 for each in found)
    lines = agreement_table(found).splitlines()
    assert len(lines) == 2 + len(names)
    assert lines[2].split()[:3] == ["synflow", "24", f"{published['synflow']:.3f}"]


def test_more_cells_than_there_are_cannot_be_scored(table: NASBench201Table) -> None:
    with pytest.raises(InvalidArgument, match=r"expected at most [0-9]+ cells, got 20000"):
        score_agreements(table, ZeroCost(["l2_norm"]), 20_000, space=SMALL)
