"""A search whose evaluations end their processes, or do not end, loses one trial to each."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

import bonas
from bonas.evaluation import Candidate
from bonas.studies.outcomes import failure_of
from tests.failing_evaluations import FAILURES, moves_away
from tests.small_searches import SPACE

WAYS = list(FAILURES)


def fails_half_of_the_time(candidate: Candidate) -> object:
    """Fail in one way after the other, at each second candidate."""
    way, is_well = divmod(candidate.number, 2)
    if is_well or way >= len(WAYS):
        return moves_away(candidate)
    given = WAYS[way](candidate)
    return {} if given is None else given


@pytest.mark.slow
def test_each_way_to_fail_costs_one_trial(tmp_path: Path) -> None:
    found = bonas.optimize(
        SPACE,
        60,
        evaluate=fails_half_of_the_time,  # type: ignore[arg-type]  # some return what they may not
        objectives={"accuracy": "maximize"},
        surrogate="random",
        isolation="process",
        time_limit=5,
        memory_limit=1e9,
        storage=str(tmp_path / "study.log"),
        seed=1,
        progress=False,
    )
    trials = found.study.trials
    assert (len(trials), found.missing) == (60, 0)
    assert len(found.candidates) == 60 - len(WAYS)
    failed = [trial for trial in trials if trial.number in found.failures]
    kinds = {WAYS[trial.number // 2].__name__: failure_of(trial) for trial in failed}
    assert {name: each and each.kind for name, each in kinds.items()} == {
        way.__name__: kind for way, kind in FAILURES.items()
    }
    assert Counter(found.failures.count()) == Counter(FAILURES.values())
    assert "BONAS_TEST" not in os.environ
    assert "29 failed (11 exception, 8 crash, 5 out of memory, 3 time limit, 2 nan)" in str(found)
