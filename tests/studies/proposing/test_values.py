"""Whatever finite values an evaluation gives, proposals are model-based and finite."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence

import numpy as np
import optuna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from optuna.trial import create_trial
from strategies import measured_columns

import bonas
from bonas.spaces import ArchitectureGraph, Choices
from bonas.studies.records import PREDICTION


class Chain(bonas.Space):
    """Chains of three operations out of four."""

    parameters = dict.fromkeys(("a", "b", "c"), (1, 2, 3, 4))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", *(f"op{x}" for x in choices.values()), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(4)])


SPACE = Chain()
ROWS = list(SPACE)
SHUFFLED = [ROWS[i] for i in np.random.default_rng(0).permutation(len(ROWS))]


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
@given(st.lists(measured_columns(), min_size=1, max_size=2))
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
