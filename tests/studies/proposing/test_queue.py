"""Proposals are made ahead where evaluations are short, and only there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import torch
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.queue import ProposalQueue
from bonas.studies.proposing.recommendation import Recommendation

BEGAN = datetime(2026, 1, 1)
NOTHING = Parameters({})
EMPTY = Observations([], torch.zeros(0, 1), torch.zeros(0, 1), [], frozenset())


def trials(*seconds: float) -> list[FrozenTrial]:
    """Complete trials that took so long."""
    found = []
    for lasted in seconds:
        trial = create_trial(state=TrialState.COMPLETE, values=[1.0])
        trial.datetime_start, trial.datetime_complete = BEGAN, BEGAN + timedelta(seconds=lasted)
        found.append(trial)
    return found


def recommended(*numbers: float) -> list[Recommendation]:
    return [Recommendation(Point(None, {"x": x})) for x in numbers]


@pytest.mark.parametrize(
    ("asking", "evaluation", "workers", "missing"),
    [
        (1.0, 60.0, 8, 0),  # an ask is a sixtieth of an evaluation
        (1.0, 20.0, 8, 0),  # a twentieth: still worth waiting for
        (1.0, 10.0, 8, 2),  # one, and one more for the 0.8 workers that ask meanwhile
        (1.0, 2.0, 8, 5),
        (5.0, 1.0, 8, 8),  # at most one per worker
        (0.0, 0.0, 8, 0),
    ],
)
def test_as_many_wait_as_workers_ask_while_one_is_made(
    asking: float, evaluation: float, workers: int, missing: int
) -> None:
    queue = ProposalQueue()
    queue.seconds = asking
    assert queue.missing(trials(evaluation), workers) == missing


def test_nothing_is_made_ahead_before_an_evaluation_has_ended() -> None:
    queue = ProposalQueue()
    queue.seconds = 100.0
    assert queue.missing([], 4) == 0


def test_the_latest_evaluations_decide() -> None:
    queue = ProposalQueue()
    queue.seconds = 1.0
    assert queue.missing(trials(1.0, 1.0, 60.0, 60.0), workers=2) == 0
    assert queue.missing(trials(60.0, 60.0, 1.0, 1.0), workers=2) == 2


def test_what_waits_is_given_away_once_and_in_order() -> None:
    queue = ProposalQueue()
    queue.put(recommended(1, 2, 3), NOTHING)
    assert [r.point.params for r in queue.take(EMPTY, NOTHING, 2)] == [{"x": 1}, {"x": 2}]
    assert [r.point.params for r in queue.take(EMPTY, NOTHING, 2)] == [{"x": 3}]
    assert queue.take(EMPTY, NOTHING, 2) == []


def test_what_was_proposed_elsewhere_is_not_given_away() -> None:
    queue = ProposalQueue()
    queue.put(recommended(1, 2), NOTHING)
    observations = EMPTY.with_pending(Point(None, {"x": 1}))
    assert [r.point.params for r in queue.take(observations, NOTHING, 2)] == [{"x": 2}]


def test_what_waits_is_pending_for_what_is_made_next() -> None:
    queue = ProposalQueue()
    queue.put(recommended(1, 2), NOTHING)
    observations = queue.as_pending(EMPTY)
    assert [point.params for point in observations.pending] == [{"x": 1}, {"x": 2}]
    assert observations.excluded == {(("x", 1),), (("x", 2),)}


def test_other_parameters_drop_what_waits() -> None:
    queue, others = ProposalQueue(), Parameters({"x": FloatDistribution(0, 1)})
    queue.put(recommended(1), NOTHING)
    assert queue.take(EMPTY, others, 1) == []
    queue.put(recommended(2), NOTHING)
    queue.put(recommended(3), others)
    assert [r.point.params for r in queue.take(EMPTY, others, 9)] == [{"x": 3}]


def test_long_evaluations_drop_what_waits() -> None:
    queue = ProposalQueue()
    queue.seconds = 1.0
    queue.put(recommended(1), NOTHING)
    assert queue.missing(trials(60.0), workers=1) == 0
    assert queue.take(EMPTY, NOTHING, 1) == []
