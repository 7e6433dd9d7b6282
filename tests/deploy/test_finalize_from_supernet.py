"""Facts about a final network that is fine-tuned from the weights of a supernet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bonas
from bonas.deploy.final_result import FinalResult
from bonas.deploy.retraining import retrain
from bonas.errors import InvalidArgument, SealedRows, StudyMismatch
from bonas.evaluation import ParameterCount, ShortTraining
from bonas.supernets import InheritedLoss, Supernet
from tests.trained_supernets import BLOBS as SPACE
from tests.trained_supernets import ON_BLOBS as TRAINING
from tests.trained_supernets import X, Y, trained


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(SPACE, TRAINING, 60)


def searched(evaluate: Any, n: int = 6) -> bonas.SearchResult:
    return bonas.optimize(SPACE, n, evaluate=evaluate, surrogate="random", seed=0, progress=False)


def final(result: bonas.SearchResult, folder: Path, **settings: Any) -> FinalResult:
    given = {"top_k": 2, "epochs": 1, "seeds": 2, "folder": folder, "progress": False, **settings}
    return bonas.finalize(result, **given)


def test_the_best_inherited_losses_are_trained_and_tested_under_the_name_of_the_metric(
    supernet: Supernet, tmp_path: Path
) -> None:
    result = searched(InheritedLoss(supernet))
    found = final(result, tmp_path / "a", initial=supernet)
    ranked = sorted(result.candidates, key=lambda c: c.values["inherited_loss"])
    assert [each.number for each in found.finalists] == [c.trial.number for c in ranked[:2]]
    assert [each.short for each in found.finalists] == [
        c.values["inherited_loss"] for c in ranked[:2]
    ]
    assert found.objective.name == "accuracy"
    assert found.ranked_by is not None
    assert found.best.test is not None
    assert found.best.values["accuracy"] == found.best.test.mean
    assert "inherited_loss" not in found.best.measured
    header, *_, last = str(found).splitlines()
    assert "inherited_loss in the search" in header
    assert "accuracy [%], validation" in header
    assert last == "full trainings started from the weights of a supernet"
    assert len(found.plot().axes[0].get_xticks()) == 2  # a loss is not drawn among accuracies


def test_a_lower_loss_in_the_search_agrees_with_a_higher_accuracy(
    supernet: Supernet, tmp_path: Path
) -> None:
    found = final(searched(InheritedLoss(supernet), 10), tmp_path / "a", top_k=6, seeds=1)
    short = [-each.short for each in found.finalists]
    full = [each.validation[0] for each in found.finalists]
    pairs = [(i, j) for i in range(len(full)) for j in range(i)]
    signs = [np.sign((short[i] - short[j]) * (full[i] - full[j])) for i, j in pairs]
    assert found.agreement is not None
    if sum(signs) or not np.isnan(found.agreement.tau):
        assert np.sign(found.agreement.tau) == np.sign(sum(signs))


def test_a_single_finalist_without_a_comparison_has_no_accuracy_that_was_not_measured(
    supernet: Supernet, tmp_path: Path
) -> None:
    training = ShortTraining((X, Y), epochs=1, test=0.0)
    other = Supernet(SPACE, training)
    other.fit(20, progress=False)
    found = final(searched(InheritedLoss(other), 2), tmp_path / "a", top_k=1, initial=other)
    assert found.best.test is None
    assert "accuracy" not in found.best.values


def test_other_weights_are_another_comparison_and_the_test_rows_stay_sealed(
    supernet: Supernet, tmp_path: Path
) -> None:
    result = searched(TRAINING)
    first = final(result, tmp_path / "a", initial=supernet)
    again = final(result, tmp_path / "a", initial=supernet)
    assert (again.chosen, again.openings) == (first.chosen, first.openings)
    assert first.best.test is not None
    assert again.best.test == first.best.test
    with pytest.raises(SealedRows):
        final(result, tmp_path / "a")


def test_weights_that_saw_test_rows_are_refused_before_anything_is_trained(
    tmp_path: Path,
) -> None:
    leaked = Supernet(SPACE, ShortTraining((X, Y), epochs=1, seed=1))
    leaked.fit(8, progress=False)
    result = searched(TRAINING, 2)
    with pytest.raises(InvalidArgument, match="seed: 1 instead of 0"):
        final(result, tmp_path / "a", initial=leaked)
    assert not (tmp_path / "a").exists()
    assert not any("test_opened" in key for key in result.study.user_attrs)


def test_a_search_by_inherited_losses_is_finished_on_its_own_rows_only(
    supernet: Supernet, tmp_path: Path
) -> None:
    result = searched(InheritedLoss(supernet), 2)
    with pytest.raises(StudyMismatch, match="seed: 1 instead of 0"):
        final(result, tmp_path / "a", training=ShortTraining((X, Y), epochs=1, seed=1))


def test_a_search_by_a_training_from_a_supernet_is_finished_from_scratch_unless_asked(
    supernet: Supernet, tmp_path: Path
) -> None:
    result = searched(ShortTraining((X, Y), epochs=1, initial=supernet), 2)
    found = final(result, tmp_path / "a")
    assert found.best.training.initial is None
    assert found.ranked_by is None
    assert "started from" not in str(found)


def test_what_gives_no_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="expected initial weights of an object"):
        final(searched(TRAINING, 1), tmp_path / "a", initial="supernet.pt")


def test_a_retraining_starts_from_given_weights(supernet: Supernet) -> None:
    (candidate,) = searched(ParameterCount(), 1).candidates
    still = ShortTraining((X, Y), epochs=1, learning_rate=1e-9)
    made = retrain(candidate, still, epochs=1, rows="train", initial=supernet)
    own = candidate.build()
    supernet.copy_into(own, candidate.choices)
    pairs = zip(own.parameters(), made.network.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)
    assert made.training.initial is supernet


def test_the_card_of_an_export_says_where_the_weights_came_from(
    supernet: Supernet, tmp_path: Path
) -> None:
    found = final(searched(InheritedLoss(supernet), 2), tmp_path / "a", top_k=1, initial=supernet)
    folder = tmp_path / "network"
    found.best.export(folder, onnx=False, int8=False)
    text = "\n".join(p.read_text() for p in folder.iterdir() if p.suffix in (".md", ".json"))
    assert "from the weights of a supernet" in text
    assert json.dumps("accuracy above") not in text
