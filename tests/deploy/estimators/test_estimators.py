from __future__ import annotations

import copy
import pickle
import signal
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bonas
from bonas.deploy.retraining import training_in
from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData, StudyMismatch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
QUICK: dict[str, Any] = {"budget": 2, "epochs": 4, "random_state": 0}


def classifier(**settings: Any) -> bonas.SearchClassifier:
    return bonas.SearchClassifier(**QUICK | settings)


def test_the_same_random_state_gives_the_same_network_bit_for_bit() -> None:
    one, two, other = (classifier(random_state=s).fit(X, Y).predict_proba(X) for s in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_what_is_learnt_is_learnt() -> None:
    fitted = classifier(epochs=40).fit(X, Y)
    assert fitted.score(X, Y) >= 0.95
    target = 1e6 + 100 * X[:, 0]
    assert bonas.SearchRegressor(**QUICK | {"epochs": 60}).fit(X, target).score(X, target) > 0.9


def test_the_best_candidate_is_retrained_on_all_rows() -> None:
    fitted = classifier().fit(X, Y)
    assert fitted.candidate_.number == fitted.result_.best().number
    assert len(fitted.result_.candidates) == 2
    outputs = fitted.network_(fitted.preparation_(X)).detach()
    assert np.allclose(outputs.softmax(1).numpy(), fitted.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [-3, 8]])
def test_labels_come_back_as_they_were_given(labels: list[Any]) -> None:
    fitted = classifier().fit(X, np.array(labels)[Y])
    assert fitted.classes_.tolist() == labels
    assert fitted.predict(X[:4]).dtype == np.array(labels).dtype


def test_several_labels_per_row_have_a_probability_each() -> None:
    several = np.c_[Y, X[:, 2] > 0]
    fitted = classifier(epochs=30).fit(X, several)
    assert fitted.predict(X).shape == fitted.predict_proba(X).shape == (60, 2)
    assert np.array_equal(fitted.predict(X), fitted.predict_proba(X) > 0.5)
    assert fitted.score(X, several) > 0.5


def test_several_numbers_per_row_are_predicted_in_their_units() -> None:
    targets = np.c_[1000 + X[:, 0], 1e-3 * X[:, 1]]
    fitted = bonas.SearchRegressor(**QUICK | {"epochs": 60}).fit(X, targets)
    assert fitted.predict(X).shape == (60, 2)
    assert fitted.score(X, targets) > 0.8


@pytest.mark.parametrize("inputs", ["tokens", None])
def test_sequences_are_classified(inputs: Any) -> None:
    rows = RNG.integers(0, 9, (40, 6)) if inputs else RNG.normal(size=(40, 6, 3))
    fitted = classifier(inputs=inputs).fit(rows, Y[:40])
    assert fitted.predict(rows).shape == (40,)


def test_images_of_bytes_with_channels_last_are_classified() -> None:
    rows = RNG.integers(0, 255, (40, 10, 9, 3), dtype=np.uint8)
    fitted = classifier().fit(rows, Y[:40])
    assert fitted.preparation_.shape == (3, 10, 9)
    assert fitted.predict(rows).shape == (40,)
    with pytest.raises(InvalidData, match="expected rows of shape"):
        fitted.predict(rows[:, :, :8])


@pytest.mark.parametrize("module", [pickle, cloudpickle])
def test_a_pickled_estimator_predicts_the_same_and_holds_no_rows(module: Any) -> None:
    many = np.tile(X, (200, 1))  # 480 kB
    small = bonas.spaces.MLPSpace(5, 2, depths=(1,), widths=(8, 16))
    fitted = classifier(space=small, epochs=1).fit(many, np.tile(Y, 200))
    dumped = module.dumps(fitted)
    again = module.loads(dumped)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert len(dumped) < many.nbytes / 2
    assert again.result_.best().values == fitted.result_.best().values
    assert not hasattr(again, "search_")


def test_joblib_and_a_copy_predict_the_same(tmp_path: Path) -> None:
    fitted = classifier().fit(X, Y)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for again in (joblib.load(tmp_path / "model.joblib"), copy.deepcopy(fitted)):
        assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_a_clone_has_the_parameters_and_nothing_that_was_fitted() -> None:
    fitted = classifier(latency="<= 50").fit(X, Y)
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_it_works_in_pipelines_grids_and_cross_validation() -> None:
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), classifier()),
        {"searchclassifier__epochs": [1, 20]},
        cv=2,
    ).fit(X, Y)
    assert grid.best_params_ == {"searchclassifier__epochs": 20}
    assert len(cross_val_score(bonas.SearchRegressor(**QUICK), X, X[:, 0], cv=3)) == 3


def test_frames_keep_their_names_and_categories_are_to_be_encoded() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    fitted = classifier().fit(frame, pandas.Series(Y))
    assert fitted.feature_names_in_.tolist() == list("abcde")
    with pytest.raises(InvalidData, match="same order"):
        fitted.predict(frame[list("edcba")])
    for column in (pandas.Categorical([1, 2] * 30), ["u", "v"] * 30):
        with pytest.raises(InvalidData, match=r"got others: 'kind'; encode them first"):
            classifier().fit(frame.assign(kind=column), Y)
    encoded = make_pipeline(OneHotEncoder(sparse_output=False), classifier())
    assert encoded.fit(frame.assign(kind=["u", "v"] * 30)[["kind"]], Y).score is not None


def test_a_refit_replaces_all_that_was_learnt() -> None:
    fitted = classifier().fit(X, Y)
    fitted.fit(X[:30, :2], np.array(["a", "b", "c"])[np.arange(30) % 3])
    fresh = classifier().fit(X[:30, :2], np.array(["a", "b", "c"])[np.arange(30) % 3])
    assert fitted.n_features_in_ == 2
    assert np.array_equal(fitted.predict_proba(X[:5, :2]), fresh.predict_proba(X[:5, :2]))


def test_a_storage_resumes_the_same_data_and_keeps_others_apart(tmp_path: Path) -> None:
    stored = {"storage": str(tmp_path / "study.log"), "random_state": None}
    first = classifier(**stored).fit(X, Y)
    again = (
        classifier(
            **stored,
        )
        .set_params(budget=3)
        .fit(X, Y)
    )
    assert [c.values for c in again.result_.candidates[:2]] == [
        c.values for c in first.result_.candidates
    ]
    assert len(again.result_.candidates) == 3
    other = classifier(**stored).fit(np.sin(X), Y)
    assert other.result_.study.study_name != first.result_.study.study_name
    named = {**stored, "study_name": "mine"}
    classifier(**named).fit(X, Y)
    with pytest.raises(StudyMismatch):
        classifier(**named).fit(np.sin(X), Y)


def test_a_stored_search_within_a_time_keeps_its_schedule(tmp_path: Path) -> None:
    stored = {"storage": str(tmp_path / "study.log"), "random_state": 0, "epochs": None}
    first = bonas.SearchClassifier(budget="0.2s", **stored).fit(X, Y)
    again = bonas.SearchClassifier(budget="2s", **stored).fit(X, Y)
    assert again.result_.study.study_name == first.result_.study.study_name
    assert training_in(again.search_.evaluate).epochs == training_in(first.search_.evaluate).epochs
    assert len(again.result_.candidates) >= len(first.result_.candidates)


def test_a_bound_on_latency_is_kept_or_the_least_violated_network_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = classifier(latency=1000).fit(X, Y)
    assert [str(c) for c in kept.result_.constraints] == ["latency <= 1000"]
    assert [o.name for o in kept.result_.objectives] == ["accuracy"]
    classifier(latency="<= 1e-9").fit(X, Y).predict(X)
    assert "no network keeps the constraints" in caplog.text


def test_with_latency_as_an_objective_another_candidate_may_be_selected() -> None:
    def fastest(result: bonas.SearchResult) -> bonas.Candidate:
        return result.best("latency")

    fitted = classifier(latency=True, select=fastest).fit(X, Y)
    assert fitted.candidate_.number == fitted.result_.best("latency").number
    assert len(fitted.result_.objectives) == 2


def test_weights_of_classes_move_the_predictions() -> None:
    overlapping = RNG.integers(0, 2, 60)
    shares = [
        classifier(class_weight={0: 1, 1: w}, epochs=20)
        .fit(X[:, :1], overlapping)
        .predict(X[:, :1])
        for w in (0.01, 100)
    ]
    assert shares[0].mean() < 0.2 < 0.8 < shares[1].mean()
    classifier(class_weight="balanced", metric="balanced_accuracy").fit(X, Y)


def test_a_column_of_targets_is_flattened_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning):
        fitted = bonas.SearchRegressor(**QUICK).fit(X, X[:, :1])
    assert fitted.predict(X).shape == (60,)


def test_a_space_of_the_user_is_searched() -> None:
    space = bonas.spaces.MLPSpace(5, 2, depths=(1,), widths=(3,), norms=("none",))
    fitted = classifier(space=space).fit(X, Y)
    assert fitted.network_.layers[0].body[0].out_features == 3
    with pytest.raises(EvaluationFailed, match=r"2 that failed, the last one by .*set inputs"):
        classifier(space=space).fit(X[:, :4], Y)


def test_ctrl_c_ends_the_search_and_the_best_so_far_is_retrained() -> None:
    seen = []

    class Interrupting(bonas.spaces.MLPSpace):
        def build(self, choices: Any) -> Any:
            seen.append(choices)
            if len(seen) == 4:
                signal.raise_signal(signal.SIGINT)
            return super().build(choices)

    assert threading.current_thread() is threading.main_thread()
    fitted = classifier(space=Interrupting(5, 2), budget=30).fit(X, Y)
    assert len(fitted.result_.candidates) == 3
    assert fitted.predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": bonas.spaces.MLPSpace}, "space must be a bonas.Space"),
        ({"budget": "soon"}, "expected a budget"),
        ({"metric": "auc"}, "unknown metric 'auc'"),
        ({"metric": "rmse"}, "expected a metric for the task"),
        ({"validation": 0}, "validation must be"),
        ({"inputs": "audio"}, "unknown kind of inputs"),
        ({"latency": "fast"}, "expected the bounds of 'latency'"),
        ({"select": 3}, "select must be a function"),
        ({"select": str}, "select must return a candidate"),
        ({"epochs": 0}, "epochs must be"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"n_jobs": -1}, "n_jobs must be"),
        ({"class_weight": "heavy"}, "class_weight must be"),
        ({"device": "tpu"}, "expected a device"),
    ],
)
def test_parameters_that_cannot_work_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        classifier(**settings).fit(X, Y)


@pytest.mark.parametrize(
    ("rows", "targets", "message"),
    [
        (X, Y * 0, "at least 2 classes"),
        (X, X[:, 0], "For amounts take bonas.SearchRegressor"),
        (X, np.c_[Y, 2 * Y], "n x labels of 0 and 1"),
        (np.where(X > 1, np.nan, X), Y, "NaN"),
        (X[:2], Y[:2], "minimum of 3"),
        (X[:3], [0, 1, 2], "two of one class"),
        (X, Y[:-1], "inconsistent numbers of samples"),
    ],
)
def test_data_that_cannot_be_used_are_refused(rows: Any, targets: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        classifier().fit(rows, targets)


def test_a_regression_of_texts_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"for labels take bonas\.SearchClassifier"):
        bonas.SearchRegressor(**QUICK).fit(X, ["a"] * 60)
