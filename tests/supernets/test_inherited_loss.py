"""Facts about the loss that a network has with inherited weights, as an evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bonas
from bonas.errors import EvaluationFailed, InvalidArgument, StudyMismatch
from bonas.evaluation import Candidate, ParameterCount, ShortTraining
from bonas.evaluation.evaluator import measured
from bonas.spaces import MLPSpace
from bonas.supernets import InheritedLoss, Supernet
from tests.trained_supernets import BLOBS as SPACE
from tests.trained_supernets import ON_BLOBS as TRAINING
from tests.trained_supernets import X, Y, trained


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(SPACE, TRAINING, 40)


def candidates(n: int) -> list[Candidate]:
    rng = np.random.default_rng(0)
    return [Candidate.without_trial(SPACE, SPACE.sample(rng)) for _ in range(n)]


def test_it_is_the_loss_that_the_supernet_scores_by_and_never_has_the_name_of_a_metric(
    supernet: Supernet,
) -> None:
    candidate, *_ = candidates(1)
    found = InheritedLoss(supernet)(candidate)
    assert found.keys() == {"inherited_loss", "inherited_accuracy"}
    assert found["inherited_loss"] == -supernet.score(candidate.choices)
    assert 0 <= found["inherited_accuracy"] <= 100


def test_its_description_has_the_rows_the_loss_and_the_weights_but_no_recipe(
    supernet: Supernet,
) -> None:
    (described,) = InheritedLoss(supernet).describe().values()
    assert described["initial"] == supernet.describe()
    assert {"data", "validation", "test", "seed", "label_smoothing"} <= described.keys()
    assert not {"epochs", "learning_rate", "optimizer"} & described.keys()


def test_a_study_of_it_is_resumed_with_the_same_weights_only(
    supernet: Supernet, tmp_path: Path
) -> None:
    def search(of: Supernet, budget: int) -> bonas.SearchResult:
        settings: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False}
        parts = [InheritedLoss(of), ParameterCount()]
        storage = str(tmp_path / "a.log")
        return bonas.optimize(SPACE, budget, evaluate=parts, storage=storage, **settings)

    search(supernet, 2)
    supernet.save(tmp_path / "supernet.pt")
    again = Supernet.load(tmp_path / "supernet.pt", SPACE, TRAINING)
    result = search(again, 4)
    assert [goal.name for goal in result.objectives] == ["inherited_loss", "parameters"]
    assert len(result.candidates) == 4
    other = Supernet(SPACE, TRAINING, seed=1)
    other.fit(20, progress=False)
    with pytest.raises(StudyMismatch, match=r"initial\.supernet was"):
        search(other, 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "expected a Supernet, got None"),
        (Supernet, "expected a Supernet, got <class"),
        (Supernet(SPACE), "expected a supernet with a training"),
    ],
)
def test_what_cannot_score_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        InheritedLoss(given)


def test_a_supernet_without_weights_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="got one without weights; call fit"):
        InheritedLoss(Supernet(SPACE, TRAINING)).describe()


def test_a_candidate_of_another_space_is_refused(supernet: Supernet) -> None:
    space = MLPSpace(4, 2, depths=(1, 2), widths=(4, 8, 16))
    other = Candidate.without_trial(space, space.sample(np.random.default_rng(0)))
    with pytest.raises(InvalidArgument, match="expected initial weights of networks of"):
        InheritedLoss(supernet)(other)


def test_a_loss_that_is_not_finite_is_a_failure() -> None:
    broken = Supernet(SPACE, TRAINING)
    broken.fit(8, progress=False)
    for weight in broken.store.parameters():
        weight.data.fill_(float("nan"))
    evaluate = InheritedLoss(broken)
    with pytest.raises(EvaluationFailed):
        measured(evaluate, candidates(1)[0], evaluate.objectives)


@pytest.mark.parametrize("settings", [{"n_jobs": 2}, {"isolation": "process"}])
def test_processes_give_the_values_of_one(supernet: Supernet, settings: dict[str, Any]) -> None:
    evaluate = InheritedLoss(supernet)
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **settings}
    result = bonas.optimize(SPACE, 3, evaluate=evaluate, **given)
    assert len(result.candidates) == 3
    for each in result.candidates:
        own = evaluate(Candidate.without_trial(SPACE, each.choices))
        assert each.values["inherited_loss"] == pytest.approx(own["inherited_loss"], rel=1e-6)


def test_a_training_starts_from_a_supernet_in_another_process(supernet: Supernet) -> None:
    training = ShortTraining((X, Y), epochs=1, initial=supernet)
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False}
    one = bonas.optimize(SPACE, 3, evaluate=training, **given)
    other = bonas.optimize(SPACE, 3, evaluate=training, isolation="process", **given)
    assert [c.values for c in one.candidates] == [c.values for c in other.candidates]
