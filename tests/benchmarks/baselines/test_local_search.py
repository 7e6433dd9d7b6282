"""Local search does what its paper says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from baseline_searches import Numbers, params_of, search
from optuna.trial import TrialState, create_trial

from bonas.benchmarks.baselines import (
    LocalSearch,
)
from bonas.benchmarks.baselines.observations import key


@pytest.mark.parametrize("whole", [False, True])
def test_local_search_climbs_and_then_starts_anew(whole: bool) -> None:
    """Followed step by step: where it is, and what it may evaluate there."""
    space = Numbers()

    def value(params: Mapping[str, Any]) -> list[float]:
        return [float(-abs(params["a"] - 2) - 2 * abs(params["b"] - 1) + 0.1 * params["c"])]

    params = params_of(
        search(space, LocalSearch(space, seed=1, initial=4, whole=whole), 48, evaluate=value)
    )
    seen = {key(p): value(p)[0] for p in params[:4]}
    place = max(params[:4], key=lambda p: value(p)[0])
    restarts = 0
    for proposal in params[4:]:
        around = [key(near) for near in space.neighbours(place)]
        fresh = [near for near in around if near not in seen]
        if key(proposal) in around:
            seen[key(proposal)] = value(proposal)[0]
            fresh.remove(key(proposal))
        else:
            assert not fresh
            assert all(seen[near] <= value(place)[0] for near in around)
            seen[key(proposal)] = value(proposal)[0]
            place = proposal
            restarts += 1
        while True:  # move on, maybe to a place whose neighbours are all known
            around = [key(near) for near in space.neighbours(place)]
            known = [near for near in around if near in seen]
            best = max(known, key=lambda near: seen[near], default=key(place))
            done = len(known) == len(around)
            if seen[best] <= value(place)[0] or (whole and not done):
                break
            place = dict(best)
    assert restarts > 0


def test_a_failed_neighbour_is_not_evaluated_again_and_never_the_incumbent() -> None:
    space = Numbers()
    study = optuna.create_study(direction="maximize")
    start = {"a": 3, "b": 3, "c": 3}
    near = [dict(choices) for choices in space.neighbours(start)]
    for params, value in [(start, 9.0), *((choices, None) for choices in near[:-1])]:
        state = TrialState.COMPLETE if value is not None else TrialState.FAIL
        study.add_trial(
            create_trial(
                params=params, distributions={**space.distributions}, value=value, state=state
            )
        )
    study.sampler = LocalSearch(space, seed=0, initial=1)
    assert study.ask({**space.distributions}).params == near[-1]
