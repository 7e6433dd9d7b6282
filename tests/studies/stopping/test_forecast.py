from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pytest
import torch
from curve_studies import accuracies, points, running, study_of

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.evaluation import Measurement
from bonas.studies.lineage.description import set_names
from bonas.studies.stopping.forecast import Belief, Forecast, improvement_probability
from bonas.studies.stopping.rivals import rivals_at
from bonas.studies.stopping.rule import Decision
from bonas.studies.stopping.rung_rule import Verdict
from bonas.surrogates.learning_curve import fit_learning_curve

ENDS = [70.0 + 0.9 * number for number in range(20)]  # 70 to 87.1
SIZES = [float(1 + number % 5) for number in range(20)]
RULE = Forecast(unstopped=0.0)


def _decided(
    study: optuna.Study,
    measured: Sequence[Measurement],
    known: Mapping[str, float] | None = None,
    rule: Forecast = RULE,
) -> Decision:
    candidate, record = running(study, measured, known)
    decision = rule(study, candidate, record)
    assert decision is not None
    return decision


def test_training_that_will_be_worse_than_the_best_is_stopped() -> None:
    decision = _decided(study_of(ENDS), points(72.0, epochs=2))
    assert decision.stops
    assert decision.compared["probability"] < 0.05
    assert decision.compared["examples"] == 20


def test_training_that_will_be_better_than_all_goes_on() -> None:
    decision = _decided(study_of(ENDS), points(92.0, epochs=2))
    assert not decision.stops
    assert decision.compared["probability"] > 0.5


def test_interval_of_the_final_value_is_stored_in_the_unit_of_the_objective() -> None:
    decision = _decided(study_of(ENDS), points(80.0, epochs=10))
    low, median, high = decision.compared["forecast"]["accuracy"]
    assert low < median < high
    assert median == pytest.approx(80.0, abs=1.0)


def test_nothing_is_stopped_before_enough_trainings_have_finished() -> None:
    decision = _decided(study_of(ENDS[:14]), points(10.0, epochs=2))
    assert not decision.stops
    assert "14 trials have finished" in decision.reason
    assert "probability" not in decision.compared


def test_smallest_network_so_far_goes_on_whatever_its_accuracy() -> None:
    study = study_of(ENDS, SIZES)
    worst = points(70.0, epochs=2)
    assert not _decided(study, worst, {"size": 0.5}).stops
    assert _decided(study, worst, {"size": 3.0}).stops


def test_accuracy_is_compared_with_networks_that_are_as_small() -> None:
    sizes = [9.0 if end > 75 else 1.0 for end in ENDS]
    study = study_of(ENDS, sizes)
    decided = [_decided(study, points(80.0, epochs=2), {"size": s}).stops for s in (2.0, 9.0)]
    assert decided == [False, True]


def test_higher_threshold_stops_what_a_lower_one_lets_go_on() -> None:
    study = study_of(ENDS)
    measured = points(86.5, epochs=2)
    chance = _decided(study, measured).compared["probability"]
    assert 0.0 < chance < 1.0
    below, above = Forecast(0.9 * chance, unstopped=0.0), Forecast(1.1 * chance, unstopped=0.0)
    assert not _decided(study, measured, rule=below).stops
    assert _decided(study, measured, rule=above).stops


def test_decision_follows_from_what_is_stored() -> None:
    decisions = [_decided(study_of(ENDS), points(84.0, epochs=5)) for _ in range(2)]
    assert decisions[0] == decisions[1]


def test_trainings_of_another_length_teach_nothing() -> None:
    study = study_of(ENDS, length=40)
    assert "0 trials have finished" in _decided(study, points(72.0, epochs=2)).reason


def test_curve_that_few_finished_trainings_have_is_left_out() -> None:
    study = study_of(ENDS)
    measured = [
        Measurement({**m.values, "gradient": 1.0}, m.step, fidelity=m.fidelity)
        for m in points(72.0, epochs=2)
    ]
    assert _decided(study, measured).compared["examples"] == 20


def test_minimised_objective_is_forecast_in_its_own_unit() -> None:
    errors = optuna.create_study(direction="minimize")
    set_names(errors, ["accuracy"])
    for trial in study_of(ENDS).get_trials():
        errors.add_trial(trial)
    decision = _decided(errors, points(90.0, epochs=2))
    assert decision.stops  # 90 is worse than the 70 of the first
    low, median, high = decision.compared["forecast"]["accuracy"]
    assert low < median < high


def test_verdict_needs_no_rivals() -> None:
    study = study_of(ENDS)
    candidate, record = running(study, points(72.0, epochs=2))
    rung = RULE.reached(record)
    assert rung is not None
    rivals = rivals_at(study, candidate, rung, record.names, True)
    assert RULE.verdict(study, candidate, record, rung, []) == RULE.verdict(
        study, candidate, record, rung, rivals
    )
    assert isinstance(RULE.verdict(study, candidate, record, rung, []), Verdict)


def _belief(center: float, seed: int) -> Belief:
    """Return the belief of a fitted model about a value near ``center``."""
    generator = torch.Generator().manual_seed(seed)
    features = center + torch.randn(30, 3, generator=generator, dtype=torch.float64)
    X = torch.zeros(30, 0, dtype=torch.float64)
    y = features[:, 0] + 0.5 * torch.randn(30, generator=generator, dtype=torch.float64)
    model = fit_learning_curve(features, X, y, Layout({}, {}))
    return Belief(model, features[:1], X[:1], 0.0, is_known=False, examples=30)


def test_probability_of_two_unknown_objectives_is_that_of_independent_draws() -> None:
    beliefs = [_belief(50.0, 0), _belief(10.0, 1)]
    front = torch.tensor([[49.0, 11.0], [50.5, 10.0], [52.0, 8.0]], dtype=torch.float64)
    rng = np.random.default_rng(7)
    n = 20_000
    draws = torch.stack(
        [belief.quantiles(torch.from_numpy(rng.random(n))) for belief in beliefs], dim=1
    )
    dominated = (front.unsqueeze(0) >= draws.unsqueeze(1)).all(2).any(1)
    expected = 1 - float(dominated.double().mean())
    five_errors = 5 * (0.25 / n + 0.25 / 1024) ** 0.5
    assert improvement_probability(beliefs, front) == pytest.approx(expected, abs=five_errors)


def test_probability_is_exact_for_one_unknown_objective() -> None:
    belief = _belief(50.0, 0)
    known = Belief(None, torch.zeros(1, 0), torch.zeros(1, 0), 2.0, is_known=True)
    front = torch.tensor([[50.0, 2.0], [60.0, 1.0]], dtype=torch.float64)
    assert improvement_probability([belief, known], front) == belief.probability_above(50.0)
    assert improvement_probability([belief, known], front[1:]) == 1.0


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "high"])
def test_threshold_is_a_probability(threshold: object) -> None:
    with pytest.raises(InvalidArgument, match="threshold"):
        Forecast(threshold)  # type: ignore[arg-type]  # that is the fault


def test_curves_of_the_tests_are_told_apart_by_their_first_points() -> None:
    assert accuracies(80.0)[1] > accuracies(70.0)[1] + 5
