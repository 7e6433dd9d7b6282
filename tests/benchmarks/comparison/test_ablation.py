"""One part of the search replaced."""

from __future__ import annotations

import numpy as np
from comparisons import ONE, InOrder, ablated

from bonas.surrogates import fit_graph_gp


def test_variants_of_the_search_are_compared_on_a_space_of_ones_own() -> None:
    variants = {
        "gp": {"surrogate": "gp", "encoder": ["one_hot"], "n_initial": 2},
        "function": fit_graph_gp,
        "random": "random",
        "in order": InOrder,
    }
    found = ablated(variants)
    assert list(found.problems) == ["Widths"]
    assert list(found.methods) == list(variants)
    reference = found.problems["Widths"]
    assert not reference.exact
    evaluated = np.concatenate([run.values for run in found.runs.values()])
    assert reference.best.tolist() == [evaluated[:, 0].max(), evaluated[:, 1].min()]
    assert found.array("gap", 4).min() >= 0.0
    assert np.isfinite(found.array("gap", 4)).all()


def test_the_best_of_all_runs_together_has_no_gap() -> None:
    found = ablated({"one": InOrder, "other": lambda s, seed: InOrder(s, seed + 3)}, budget=6)
    # in the order of the space all six are evaluated by each
    assert found.array("gap", 6).max() == 0.0


def test_a_table_can_be_ablated() -> None:
    found = ablated({"in order": InOrder}, ONE, evaluate=None, objectives=None, budget=6)
    assert found.problems["one"].exact
    assert found.array("queries").ravel().tolist() == [5.0, 4.0]
