from collections.abc import Sequence

import optuna
import torch
from curve_studies import SPACE, points, running, study_of
from optuna.distributions import FloatDistribution

from bonas.evaluation import Measurement
from bonas.studies.stopping.lessons import Lessons
from bonas.studies.stopping.rungs import Rung, rung_at
from bonas.surrogates.curve_features import curve_features

ENDS = [70.0 + number for number in range(6)]


def _lessons(study: optuna.Study, measured: Sequence[Measurement], at: float = 0.1) -> Lessons:
    candidate, record = running(study, measured)
    rung = rung_at(at, measured, {}, ["accuracy"])
    assert isinstance(rung, Rung)
    return Lessons.of(study, candidate, record.measurements, ["accuracy"], rung)


def test_each_finished_trial_is_an_example_with_its_curves_up_to_the_rung() -> None:
    lessons = _lessons(study_of(ENDS), points(80.0, epochs=2))
    assert [example.values for example in lessons.examples] == [[end] for end in ENDS]
    assert {len(curve) for e in lessons.examples for curve in e.curves.values()} == {2}


def test_rows_are_the_features_of_the_cut_curves_the_candidate_last() -> None:
    lessons = _lessons(study_of(ENDS), points(80.0, epochs=5), at=0.25)
    features, X, y = lessons.data(0, least=2)
    assert y.tolist() == ENDS
    assert X.shape == (7, lessons.layout.architecture["statistics"].stop)
    last = curve_features(lessons.curves["accuracy"], [lessons.curves["train_accuracy"]])
    assert features[-1].tolist() == last


def test_points_after_the_rung_are_not_read() -> None:
    early, late = (
        _lessons(study_of(ENDS), points(80.0, epochs=epochs)).data(0, 2)[0] for epochs in (2, 9)
    )
    torch.testing.assert_close(early, late)


def test_trials_without_curves_or_of_another_length_are_left_out() -> None:
    study = study_of(ENDS)
    for trial in study_of([90.0], length=40).trials:
        study.add_trial(trial)
    study.add_trial(
        optuna.create_trial(
            params=study.trials[0].params,
            distributions=dict(SPACE.distributions),
            values=[99.0],
        )
    )
    assert len(_lessons(study, points(80.0, epochs=2)).examples) == len(ENDS)


def test_candidate_without_a_validation_value_is_compared_by_its_training_curve() -> None:
    measured = [
        Measurement({"train_accuracy": m.values["train_accuracy"]}, m.step, fidelity=m.fidelity)
        for m in points(80.0, epochs=2)
    ]
    lessons = _lessons(study_of(ENDS), measured)
    assert lessons.own_curve(0) == "train_accuracy"
    features, _, y = lessons.data(0, least=2)
    assert len(y) == len(ENDS)
    assert features.isfinite().all()


def test_parameters_outside_the_space_are_a_block_of_the_encoding() -> None:
    study = optuna.create_study(direction="maximize")
    rate = {"rate": FloatDistribution(0.0, 1.0)}
    for number, trial in enumerate(study_of(ENDS).trials):
        trial.params = {**trial.params, "rate": 0.1 * number}
        trial.distributions = {**trial.distributions, **rate}
        study.add_trial(trial)
    candidate, record = running(study, points(80.0, epochs=2))
    candidate.trial.suggest_float("rate", 0.0, 1.0)
    rung = rung_at(0.1, record.measurements, {}, ["accuracy"])
    assert rung is not None
    lessons = Lessons.of(study, candidate, record.measurements, ["accuracy"], rung)
    X = lessons.data(0, least=2)[1]
    assert len(set(X[:-1, lessons.layout.architecture["parameters"]].squeeze(1).tolist())) == 6
