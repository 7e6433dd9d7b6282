"""Networks are scored once a search has time for it, once, and all processes read the same."""

from __future__ import annotations

import logging
import math
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from bonas.encoders.zero_cost import networks_to_score
from bonas.spaces import CellSpace, Choices, Space
from bonas.studies.architecture_measurements import (
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)
from bonas.studies.budget import Budget
from bonas.studies.proposing.scoring import Scored, Scoring, scored, stored_names
from bonas.studies.records import SCORED_NETWORKS

SPACE = CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))
_NOW = datetime(2026, 1, 1)


@dataclass
class Counted:
    """A source that counts its calls, and says what a network costs."""

    cost: float = 0.1
    broken: bool = False
    missing: frozenset[int] = frozenset()
    seed: int = 0
    names: Sequence[str] = ("synflow", "width")
    calls: list[Choices] = field(default_factory=list)

    def __call__(self, space: Space, choices: Choices) -> Mapping[str, float]:
        self.calls.append(choices)
        if self.broken:
            raise RuntimeError("no gradient")
        convolutions = sum(c == "nor_conv_3x3" for c in choices.values())
        lacks = len(self.calls) in self.missing
        return {"synflow": math.nan if lacks else convolutions, "width": 2.0 * convolutions}

    def describe(self) -> dict[str, Any]:
        return {"scores": "counted", "seed": self.seed}


def study_with(trials: int, seconds: float, budget: Budget | None = None) -> optuna.Study:
    """Return a study whose trials took so long each."""
    study = optuna.create_study(direction="maximize")
    if budget is not None:
        budget.write(study)
    distributions: dict[str, BaseDistribution] = dict(SPACE.distributions)
    for number, architecture in zip(range(trials), SPACE.reference, strict=False):
        study.add_trial(
            FrozenTrial(
                number=number,
                trial_id=number,
                state=TrialState.COMPLETE,
                value=0.5,
                datetime_start=_NOW,
                datetime_complete=_NOW + timedelta(seconds=seconds),
                params=dict(architecture.choices),
                distributions=distributions,
                user_attrs={},
                system_attrs={},
                intermediate_values={},
            )
        )
    return study


def test_free_scores_are_looked_up_before_the_first_trial() -> None:
    source = Counted(cost=0.0)
    networks = Scoring(source).networks(study_with(0, 0.0), SPACE)
    assert networks is not None
    assert len(networks.architectures) == len(SPACE.reference)
    other = SPACE.architecture(SPACE.reference[0].choices)
    assert networks.of(other).tolist() == networks.values[0].tolist()


@pytest.mark.parametrize("trials", [0, 1])
def test_nothing_is_scored_before_two_trials_have_finished(trials: int) -> None:
    source = Counted()
    assert Scoring(source).networks(study_with(trials, 600.0), SPACE) is None
    assert not source.calls


@pytest.mark.parametrize(
    ("seconds", "budget"),
    [
        pytest.param(1.0, None, id="short evaluations"),
        pytest.param(60.0, Budget(1), id="a small budget"),
        pytest.param(60.0, Budget(60.0, "seconds"), id="little time"),
    ],
)
def test_short_searches_score_nothing(seconds: float, budget: Budget | None) -> None:
    source = Counted()
    study = study_with(2, seconds, budget)
    assert Scoring(source).networks(study, SPACE) is None
    assert not source.calls
    assert SCORED_NETWORKS.read(study) is None


def test_as_many_networks_are_scored_as_the_expected_time_allows() -> None:
    # 5 % of 40 evaluations of 60 s are 120 s, and a network takes far less than that
    study, source = study_with(2, 60.0, Budget(40)), Counted()
    networks = Scoring(source).networks(study, SPACE)
    n = min(300, len(SPACE.reference))
    assert networks is not None
    assert SCORED_NETWORKS.read(study) == len(networks.architectures) == n
    assert len(source.calls) == n
    assert networks.architectures == networks_to_score(SPACE)[:n]


def test_a_slow_source_scores_fewer_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    study, source = study_with(2, 60.0, Budget(40)), Counted()
    monkeypatch.setattr(Scoring, "_seconds_each", lambda self, measuring: 120.0 / 70.5)
    networks = Scoring(source).networks(study, SPACE)
    assert networks is not None
    assert len(networks.architectures) == 70


def test_trials_that_are_long_for_their_proposals_change_nothing() -> None:
    source = Counted()
    slow = study_with(5, 1.0).trials
    late = study_with(20, 600.0).trials[5:]
    study = optuna.create_study(direction="maximize")
    Budget(40).write(study)
    study.add_trials([*slow, *late])
    assert Scoring(source).networks(study, SPACE) is None
    assert not source.calls


def test_one_network_is_enough_to_see_that_there_is_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study, source = study_with(2, 60.0, Budget(40)), Counted()
    seconds = iter([0.1, 120.0 / 50])  # as declared, and after the first network
    monkeypatch.setattr(Scoring, "_seconds_each", lambda self, measuring: next(seconds))
    assert Scoring(source).networks(study, SPACE) is None
    assert len(source.calls) == 1
    assert SCORED_NETWORKS.read(study) is None


def test_short_searches_do_not_even_draw_the_reference_set() -> None:
    study = study_with(2, 1.0)
    fresh = CellSpace(nodes=4, operations=("none", "nor_conv_3x3", "avg_pool_3x3"))
    assert Scoring(Counted()).networks(study, fresh) is None
    assert "reference" not in vars(fresh)


def test_another_process_computes_nothing_again() -> None:
    study = study_with(2, 60.0, Budget(40))
    first, second = Counted(), Counted()
    one = Scoring(first).networks(study, SPACE)
    two = Scoring(second).networks(study, SPACE)
    assert one is not None
    assert two is not None
    assert not second.calls
    assert one.values.tolist() == two.values.tolist()


def test_what_a_process_scored_before_it_died_is_not_scored_again() -> None:
    study = study_with(2, 60.0, Budget(40))
    died = Scoring(Counted())
    measuring = died._measuring(study, SPACE)
    measuring.measure(networks_to_score(SPACE)[:50])
    source = Counted()
    networks = Scoring(source).networks(study, SPACE)
    assert networks is not None
    assert len(source.calls) == len(networks.architectures) - 50


def test_the_same_scores_are_the_same_object_for_the_proposals_of_a_process() -> None:
    scoring, study = Scoring(Counted()), study_with(2, 60.0, Budget(40))
    assert scoring.networks(study, SPACE) is scoring.networks(study, SPACE)
    copy = pickle.loads(pickle.dumps(scoring))
    assert copy.networks(study, SPACE) is not scoring.networks(study, SPACE)


def test_scores_of_other_settings_are_not_mixed() -> None:
    study = study_with(2, 60.0, Budget(40))
    Scoring(Counted(seed=0)).networks(study, SPACE)
    other = Counted(seed=1)
    Scoring(other).networks(study, SPACE)
    assert other.calls
    known = ArchitectureMeasurements(study, SPACE)
    known.refresh()
    for seed in (0, 1):
        assert known.having(stored_names(Counted(seed=seed))[0])


def test_a_source_that_always_fails_is_given_up_after_a_few_networks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    study, source = study_with(2, 60.0, Budget(40)), Counted(broken=True)
    scoring = Scoring(source)
    with caplog.at_level(logging.WARNING):
        assert scoring.networks(study, SPACE) is None
        assert scoring.networks(study, SPACE) is None
    assert len(source.calls) <= 20
    assert "no gradient" in caplog.text
    assert Scoring(Counted(cost=0.0, broken=True)).networks(study, SPACE) is None


def test_missing_scores_are_counted_and_shown_once(caplog: pytest.LogCaptureFixture) -> None:
    study = study_with(2, 60.0, Budget(40))
    scoring = Scoring(Counted(missing=frozenset({2, 5})))
    with caplog.at_level(logging.WARNING):
        first, again = scoring.networks(study, SPACE), scoring.networks(study, SPACE)
    assert first is again
    assert caplog.text.count("networks have no score 'synflow'") == 1
    assert first is not None
    assert first.missing == {"synflow": 2}


def test_what_scoring_cost_is_known_afterwards() -> None:
    study = study_with(2, 60.0, Budget(40))
    assert scored(study, SPACE) == Scored(0, 0.0)
    values = dict.fromkeys(stored_names(Counted()), 1.0)
    choices = [a.choices for a in SPACE.reference[:2]]
    measured = [ArchitectureMeasurement(each, values, 2.5) for each in choices]
    cheap = ArchitectureMeasurement(choices[0], {"latency": 1.0}, 9.0)
    ArchitectureMeasurements(study, SPACE).add([*measured, cheap])
    assert scored(study, SPACE) == Scored(2, 5.0)


def test_small_spaces_are_not_scored() -> None:
    few = CellSpace(nodes=2, operations=("none", "nor_conv_3x3"))
    assert Scoring(Counted(cost=0.0)).networks(study_with(0, 0.0), few) is None
    assert Scoring(None).networks(study_with(0, 0.0), SPACE) is None


def test_an_encoder_that_is_asked_for_scores_at_once() -> None:
    study, source = study_with(0, 0.0), Counted()
    networks = Scoring(source, share=None).networks(study, SPACE)
    assert networks is not None
    assert len(source.calls) == len(networks.architectures) == min(300, len(SPACE.reference))
