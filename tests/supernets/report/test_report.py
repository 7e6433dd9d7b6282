"""The report of a supernet: what it reads of a study, and what it says."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from scipy import stats

from bonas.errors import InvalidArgument
from bonas.evaluation import Objective, ShortTraining
from bonas.evaluation.objective import ACCURACY
from bonas.result import SearchResult
from bonas.spaces import Choices, NASBench201
from bonas.supernets.report import Measured, Price, SupernetReport, report
from bonas.supernets.supernet import Supernet

_SPACE = NASBench201(channels=4, cells=1)
_TRAINING = ShortTraining(epochs=1)
_OWN = _TRAINING.objectives


def _networks(n: int) -> list[Choices]:
    rng, found = np.random.default_rng(0), {}
    while len(found) < n:
        choices = _SPACE.sample(rng)
        found.setdefault(_SPACE.architecture(choices).key, choices)
    return list(found.values())


_NETWORKS = _networks(12)
_VALUES = [float(90 + (7 * i) % 12) for i in range(12)]


def _study(
    values: Sequence[Sequence[float]],
    names: Sequence[str] = ("accuracy", "latency"),
    networks: Sequence[Choices] = _NETWORKS,
    **attributes: Any,
) -> optuna.Study:
    directions = ["maximize", "minimize"][: len(values[0])]
    study = optuna.create_study(directions=directions)
    if names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(names))
    for choices, row in zip(networks, values, strict=True):
        distributions = {name: _SPACE.distributions[name] for name in choices}
        study.add_trial(
            create_trial(
                params=dict(choices),
                distributions=distributions,
                values=list(row),
                user_attrs=attributes,
            )
        )
    return study


def _report(
    source: Any, score: Callable[[Choices], float], name: str | None = None, **settings: Any
) -> SupernetReport:
    measured = Measured.of(source, _SPACE, _OWN)
    given = {"seconds": 100.0, "training": _TRAINING, **settings}
    return report(score, _SPACE, measured, measured.chosen(name, _OWN), **given)


def _oracle(choices: Choices) -> float:
    return _VALUES[_NETWORKS.index(choices)]


def test_scores_are_correlated_with_what_a_study_measured() -> None:
    found = _report(_study([(v, i) for i, v in enumerate(_VALUES)]), _oracle)
    (ranking,) = found.rankings  # the training measures an accuracy; latency is left out
    assert ranking.objective.name == "accuracy"
    assert ranking.correlations["supernet"].spearman.value == pytest.approx(1.0)
    parameters = [_SPACE.costs(choices)["parameters"] for choices in _NETWORKS]
    assert ranking.correlations["parameters"].spearman.value == pytest.approx(
        stats.spearmanr(parameters, _VALUES).statistic
    )
    assert "multiply-adds" in ranking.correlations
    assert found.scores == _VALUES


def test_a_named_objective_is_correlated_in_its_direction() -> None:
    study = _study([(v, -v) for v in _VALUES])
    (ranking,) = _report(study, _oracle, "latency").rankings
    assert ranking.objective == Objective("latency", "minimize", "ms")
    assert ranking.correlations["supernet"].spearman.value == pytest.approx(1.0)


def test_all_objectives_are_compared_where_the_training_measures_none_of_them() -> None:
    study = _study([(v, v) for v in _VALUES], ("robustness", "energy"))
    names = [each.objective.name for each in _report(study, _oracle).rankings]
    assert names == ["robustness", "energy"]


def test_a_result_and_pairs_say_the_same_as_a_study() -> None:
    study = _study([(v,) for v in _VALUES], ("accuracy",))
    expected = _report(study, _oracle).rankings
    result = SearchResult(study, _SPACE, [ACCURACY])
    assert _report(result, _oracle).rankings == expected
    assert _report(zip(_NETWORKS, _VALUES, strict=True), _oracle).rankings == expected
    named = [(c, {"accuracy": v}) for c, v in zip(_NETWORKS, _VALUES, strict=True)]
    assert _report(named, _oracle).rankings == expected


def test_a_study_of_one_objective_needs_no_name() -> None:
    (ranking,) = _report(_study([(v,) for v in _VALUES], ()), _oracle).rankings
    assert ranking.objective.name == "accuracy"


def test_trials_that_say_nothing_are_left_out() -> None:
    study = _study([(v,) for v in _VALUES], ("accuracy",))
    study.add_trial(create_trial(state=TrialState.FAIL))
    other = {"width": optuna.distributions.IntDistribution(1, 9)}
    study.add_trial(create_trial(params={"width": 3}, distributions=other, value=50.0))
    infinite = dict(_NETWORKS[0])
    distributions = {name: _SPACE.distributions[name] for name in infinite}
    study.add_trial(create_trial(params=infinite, distributions=distributions, value=math.inf))
    assert len(_report(study, _oracle).networks) == 12


def test_networks_that_were_trained_twice_give_the_ceiling() -> None:
    again = [v + (i % 3) for i, v in enumerate(_VALUES)]
    study = _study([(v,) for v in _VALUES + again], ("accuracy",), _NETWORKS * 2)
    (ranking,) = _report(study, _oracle).rankings
    assert ranking.ceiling is not None
    expected = stats.spearmanr(_VALUES, again).statistic
    assert ranking.ceiling.spearman.value == pytest.approx(expected)
    means = [(a + b) / 2 for a, b in zip(_VALUES, again, strict=True)]
    assert ranking.correlations["supernet"].spearman.value == pytest.approx(
        stats.spearmanr(_VALUES, means).statistic
    )


def test_without_a_second_training_the_ceiling_is_not_known_and_the_report_says_how_to_get_it() -> (
    None
):
    found = _report(_study([(v,) for v in _VALUES], ("accuracy",)), _oracle)
    assert found.rankings[0].ceiling is None
    assert "retrain=20" in str(found)


def test_networks_can_be_trained_again_for_the_ceiling() -> None:
    study = _study([(v,) for v in _VALUES], ("accuracy",))
    found = _report(study, _oracle, retrain=5)
    ceiling = found.rankings[0].ceiling
    assert ceiling is not None
    assert ceiling.n == 5
    assert found.price.training_seconds is not None


def test_a_training_again_has_another_seed_and_the_same_rows() -> None:
    class Seen(ShortTraining):
        def on(self, splits: Any, **settings: Any) -> ShortTraining:
            assert splits is self.splits
            assert settings["seed"] != self.seed
            return replace(_TRAINING, epochs=1)

    study = _study([(v,) for v in _VALUES], ("accuracy",))
    assert _report(study, _oracle, retrain=5, training=Seen(epochs=1)).rankings[0].ceiling


def test_the_price_is_in_trainings_and_pays_up_to_twenty() -> None:
    study = _study([(v,) for v in _VALUES], ("accuracy",), seconds=10.0)
    price = _report(study, _oracle, seconds=100.0).price
    assert price.trainings == pytest.approx(10)
    assert price.pays
    assert not Price(1_000.0, 10.0).pays
    assert Price(None, 10.0).pays is None
    assert "97" in str(Price(97.0, 1.0))
    assert "does not pay" in str(Price(97.0, 1.0))


def test_the_verdict_says_whether_it_ranks_better_than_a_cost() -> None:
    study = _study([(v,) for v in _VALUES], ("accuracy",))
    best = _report(study, _oracle)
    assert "ranks better than counting" in str(best)
    worst = _report(study, lambda choices: -_oracle(choices))
    assert worst.rankings[0].lead.value < best.rankings[0].lead.value
    constant = _report(study, lambda choices: 0.0)
    assert "the same for all networks" in str(constant)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "expected a result"),
        ([1, 2], "expected a result"),
        ([({"edge": "x"}, 1.0)] * 9, "leave this network out"),
        ([(_NETWORKS[0], "good")], "expected a result"),
        ("study", "expected a result"),
        (zip(_NETWORKS[:4], _VALUES[:4], strict=True), "at least 5"),
    ],
    ids=["number", "numbers", "another space", "text", "a name", "few"],
)
def test_what_cannot_be_read_is_refused(source: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        _report(source, _oracle)


def test_an_objective_that_was_not_measured_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="latency"):
        _report(_study([(v,) for v in _VALUES], ("accuracy",)), _oracle, "latency")


def test_a_supernet_reports_what_its_own_scores_say() -> None:
    supernet = Supernet(_SPACE, _TRAINING)
    supernet.fit(10, progress=False)
    found = supernet.report(_study([(v,) for v in _VALUES], ("accuracy",), seconds=2.0))
    assert found.scores == [supernet.score(choices) for choices in _NETWORKS]
    (fit,) = supernet.fits
    assert found.price.seconds == fit.seconds


def test_a_supernet_without_a_training_cannot_report() -> None:
    with pytest.raises(InvalidArgument, match="training"):
        Supernet(_SPACE).report(zip(_NETWORKS, _VALUES, strict=True))
