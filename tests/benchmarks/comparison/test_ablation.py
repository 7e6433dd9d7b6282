"""One part of the search replaced."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from comparisons import ONE, InOrder, ablated, many_rows
from optuna.storages import InMemoryStorage

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Measurement
from bonas.studies import SuccessiveHalving
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


def curves(candidate: Candidate) -> Iterator[Measurement]:
    """Train for four epochs, the values of which are those of the end from the first on."""
    value = 10.0 * float(str(candidate.choices["p"])) + float(str(candidate.choices["q"]))
    for epoch in range(1, 5):
        yield Measurement({"x": value}, step=epoch, fidelity=epoch / 4)


def test_a_variant_that_stops_evaluations_early_makes_more_of_them_within_the_budget() -> None:
    rule = SuccessiveHalving(rungs=(0.25,), unstopped=0.0)
    variants = {
        "to the end": {"surrogate": "random"},
        "stopped": {"surrogate": "random", "stopping": rule},
    }
    storage = InMemoryStorage()
    given = {"evaluate": curves, "objectives": {"x": "maximize"}, "storage": storage}
    found = ablated(variants, many_rows().space, budget=12, seeds=1, **given)
    whole, stopped = (run for run in found.runs.values())
    assert (len(whole), whole.stopped) == (12, 0)
    assert set(stopped.spent) == {0.25, 1.0}
    assert 11.0 < stopped.spent.sum() <= 12.0
    assert len(stopped) > 12
    assert stopped.failed == 0
    assert np.isnan(stopped.values[stopped.spent < 1.0]).all()
    again = ablated(variants, many_rows().space, budget=12, seeds=1, **given)  # nothing is left
    assert [len(run) for run in again.runs.values()] == [12, len(stopped)]


def test_an_unknown_setting_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidArgument, match=r"'odd': unknown settings \['kernel'\].*'stopping'"):
        ablated({"odd": {"kernel": "rbf"}})


def test_a_table_can_be_ablated() -> None:
    found = ablated({"in order": InOrder}, ONE, evaluate=None, objectives=None, budget=6)
    assert found.problems["one"].exact
    assert found.array("queries").ravel().tolist() == [5.0, 4.0]
