"""Whatever finite values an evaluation gives, proposals are model-based and finite."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from optuna.trial import create_trial

import bonas
from bonas.encoders import Layout
from bonas.spaces import ArchitectureGraph, Choices
from bonas.studies.proposing.posterior import fit_posteriors
from bonas.studies.records import PREDICTION
from bonas.surrogates import fit_graph_gp
from bonas.surrogates.outcome_transform import choose_form, fit_outcome_transform
from bonas.surrogates.training_data import standardise


class Chain(bonas.Space):
    """Chains of three operations out of four."""

    parameters = dict.fromkeys(("a", "b", "c"), (1, 2, 3, 4))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", *(f"op{x}" for x in choices.values()), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(4)])


SPACE = Chain()
ROWS = list(SPACE)
SHUFFLED = [ROWS[i] for i in np.random.default_rng(0).permutation(len(ROWS))]
EXTREME = [0.0, -0.0, 5e-324, 1e-320, 1e-300, 1e300, 1.7e308, -1.7e308, -1e-300, -1e300, 1.0, -1.0]

numbers = st.sampled_from(EXTREME) | st.floats(0.1, 100.0) | st.floats(allow_nan=False)
finite = numbers.filter(math.isfinite)
columns = (
    st.lists(finite, min_size=12, max_size=12)
    | st.lists(st.sampled_from([1.0, 2.0]), min_size=12, max_size=12)
    | st.lists(st.floats(1e-320, 1e308), min_size=12, max_size=12)
    | finite.map(lambda value: [value] * 12)
    | finite.map(lambda value: [*map(float, range(1, 12)), value])
)


def study_of(values: Sequence[Sequence[float]], surrogate: str, n: int = 10) -> optuna.Study:
    """Return a study whose first trials have these values; its sampler models from ``n`` on."""
    sampler = bonas.ArchitectureSampler(SPACE, surrogate=surrogate, n_initial=n, seed=0)
    directions = ["minimize"] * len(values[0])
    study = optuna.create_study(directions=directions, sampler=sampler)
    for choices, row in zip(SHUFFLED, values, strict=False):
        study.add_trial(
            create_trial(values=row, params=dict(choices), distributions=SPACE.distributions)
        )
    return study


def check_proposal(study: optuna.Study) -> None:
    """Check that a model makes the next proposal, and that it expects finite values."""
    trial = study.ask(SPACE.distributions)
    attributes = study.get_trials(deepcopy=False)[trial.number].system_attrs
    assert PREDICTION.key in attributes, "the proposal is random"
    expected = json.loads(attributes[PREDICTION.key])
    assert all(map(math.isfinite, [*expected["mean"], *expected["sd"]]))
    study.tell(trial, state=optuna.trial.TrialState.FAIL)


@pytest.mark.parametrize("surrogate", ["gp", "forest"])
@settings(max_examples=12)
@given(st.lists(columns, min_size=1, max_size=2))
@example([[1.0] * 11 + [0.0], [1.0] * 12])
@example([[1e300] * 6 + [1.0] * 6, [1e-300, *[1e300] * 11]])
@example([[-1.7e308, 1.7e308] * 6])
@example([[1.0, math.nextafter(1.0, 2.0)] * 6])
@example([[5e-324, 1e-323] * 6, [5e-324] * 12])
def test_proposals_are_those_of_a_model(surrogate: str, rows: list[list[float]]) -> None:
    check_proposal(study_of(list(zip(*rows, strict=True)), surrogate))


@pytest.mark.parametrize("late", [0.0, -1.0, -1e300, 1e300, 5e-324])
def test_a_cost_that_is_no_longer_above_zero_is_modelled_at_once(
    late: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Choose the form at 30 trials; the 31st contradicts it."""
    rng = np.random.default_rng(0)
    values = [list(row) for row in rng.uniform(0.1, 1.0, (31, 2))]
    study = study_of(values[:30], "gp")
    check_proposal(study)
    study.add_trial(
        create_trial(
            values=[0.5, late], params=dict(SHUFFLED[40]), distributions=SPACE.distributions
        )
    )
    with caplog.at_level(logging.WARNING):
        check_proposal(study)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_posteriors_that_grew_past_a_contradiction_are_those_made_afresh() -> None:
    X = torch.randn(33, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    Y = -torch.stack([X[:, 0].exp(), X[:, 1].exp()], dim=1)
    Y[31, 1] = 0.0
    layout = Layout({"one_hot": slice(0, 3)}, {})
    grown = None
    for n in (30, 31, 32):
        grown = fit_posteriors(fit_graph_gp, X[:n], Y[:n], layout, 0, grown)
        fresh = fit_posteriors(fit_graph_gp, X[:n], Y[:n], layout, 0)
        for one, other in zip(grown.marginals(X), fresh.marginals(X), strict=True):
            torch.testing.assert_close(one, other)
    assert [each.outcome_transform.ceiling for each in fresh.objectives] == [0.0, None]


@given(columns, st.sampled_from(["plain", "regret", "logarithmic"]))
def test_modelled_values_are_finite_and_keep_their_order(values: list[float], form: Any) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    if form == "logarithmic":
        Y = -Y.abs().clamp_min(5e-324)
    outcome = fit_outcome_transform(Y, form)
    modelled = outcome.transform(Y)
    assert bool(modelled.isfinite().all())
    order = torch.argsort(Y, stable=True)
    assert bool((modelled[order].diff() >= 0).all())
    data = standardise(torch.zeros(len(Y), 1).double(), modelled.unsqueeze(1))
    assert bool(data.z.isfinite().all())
    spread = 4 * (1 + data.sd)
    far = torch.cat([modelled - spread, modelled + spread])
    median, variance = outcome.untransform_marginals(far, torch.full_like(far, spread))
    assert bool(median.isfinite().all())
    assert bool(variance.isfinite().all())
    assert bool(outcome.unscale(median).isfinite().all())


@given(columns)
def test_known_variances_of_any_size_leave_the_model_finite(values: list[float]) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    outcome = fit_outcome_transform(Y, choose_form(Y, alone=False))
    for variance in (0.0, 1e-300, 1.0, 1e300, math.inf):
        known = outcome.transform_variance(Y, torch.full_like(Y, variance)).unsqueeze(1)
        data = standardise(
            torch.zeros(len(Y), 1).double(), outcome.transform(Y).unsqueeze(1), known
        )
        assert not bool(data.noise.isinf().any())


@given(st.floats(-1e40, 1e40), st.lists(st.floats(-1e40, 1e40), min_size=1))
def test_ordinary_values_are_not_scaled(first: float, others: list[float]) -> None:
    Y = torch.tensor([1.0, first, *others], dtype=torch.float64)
    assert fit_outcome_transform(Y, "plain").scale == 1.0
