"""Baselines that fit a model per batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from baseline_searches import Numbers, params_of, search

from bonas.benchmarks.baselines import (
    Bananas,
    NasBowl,
)
from bonas.benchmarks.baselines.batched import BatchedBaseline
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.spaces import CellSpace, Choices


@pytest.mark.parametrize(("kind", "batch"), [(Bananas, 10), (NasBowl, 5)])
def test_a_model_is_fitted_once_a_batch(
    kind: type[Bananas] | type[NasBowl],
    batch: int,
    space: CellSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[int] = []
    rank = kind._rank

    def counted(self: Any, observed: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        fitted.append(len(observed.choices))
        return rank(self, observed, rng)

    monkeypatch.setattr(kind, "_rank", counted)
    search(space, kind(space, seed=0), 24)
    assert fitted == list(range(10, 24, batch))


class Fixed(BatchedBaseline):
    """Ranks the same two combinations for each batch."""

    ranked = ({"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 1, "c": 1})

    def _rank(self, observations: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        return self.ranked


def test_a_ranking_that_is_used_up_is_followed_by_random_proposals() -> None:
    study = search(
        Numbers(), Fixed(Numbers(), seed=0, initial=2, batch=4), 8, evaluate=lambda p: [0.0]
    )
    keys = [key(params) for params in params_of(study)]
    first = keys[:2]
    ranked = [key(choices) for choices in Fixed.ranked if key(choices) not in first]
    assert keys[2 : 2 + len(ranked)] == ranked
    assert len(set(keys)) == 8


def test_without_a_finished_trial_there_is_no_ranking() -> None:
    study = optuna.create_study(
        direction="maximize", sampler=Fixed(Numbers(), seed=3, initial=1, batch=2)
    )
    asked = [study.ask({**Numbers().distributions}).params for _ in range(4)]
    assert not {key(params) for params in asked} & {key(c) for c in Fixed.ranked}
