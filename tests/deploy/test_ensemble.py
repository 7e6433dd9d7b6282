"""An ensemble is chosen on the validation rows, under limits, and is a network like any other."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import Tensor, nn

import bonas
from bonas.deploy.ensemble import ensemble
from bonas.deploy.ensemble_network import EnsembleNetwork
from bonas.deploy.retraining import retrain
from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.evaluation import ParameterCount, ShortTraining
from bonas.evaluation.export import export
from bonas.result import SearchResult
from bonas.spaces import MLPSpace

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(90, 4)).astype(np.float32)
TARGETS: dict[str, Any] = {
    "classification": (INPUTS[:, 0] * INPUTS[:, 1] > 0).astype(np.int64),
    "multi_label": INPUTS[:, :3] > 0,
    "regression": 50 + 10 * INPUTS[:, 0] ** 2,
}


def searched(folder: Path, task: str, **settings: Any) -> tuple[SearchResult, ShortTraining]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    training = ShortTraining(
        (INPUTS, TARGETS[task]), epochs=8, keep_weights=folder / "kept", task=task, **settings
    )
    classes = training.splits.outputs
    space = MLPSpace(inputs=4, classes=classes, depths=(1, 2), widths=(8, 16, 32))
    found = bonas.optimize(
        space, 6, evaluate=[ParameterCount(), training], seed=0, progress=False, surrogate="random"
    )
    return found, training


def log_loss(outputs: Tensor, targets: Tensor) -> float:
    return float(nn.functional.cross_entropy(outputs, targets))


@pytest.mark.parametrize("task", TARGETS)
def test_an_ensemble_scores_what_its_selection_says(tmp_path: Path, task: str) -> None:
    found, training = searched(tmp_path, task)
    made = ensemble(found, training, size=6)
    assert made.validation.loss <= made.validation.single
    assert made.weights == made.validation.shares
    inputs, targets = training.splits.validation.tensors  # type: ignore[union-attr]  # in memory
    outputs = made(inputs).detach().double()
    if task == "classification":
        loss = log_loss(outputs, targets)
    elif task == "multi_label":
        loss = float(nn.functional.binary_cross_entropy_with_logits(outputs, targets.double()))
    else:
        scale = training.splits.scale
        assert scale is not None
        truth = scale.standardise(targets.view(-1, 1)).double()
        loss = float(((outputs.view(-1, 1) - truth) ** 2).mean())
    assert loss == pytest.approx(made.validation.loss, rel=1e-4)
    assert not made.training
    again = ensemble(found, training, size=6)
    assert again.validation == made.validation


def test_limits_bound_the_sum_over_the_members(tmp_path: Path) -> None:
    found, training = searched(tmp_path, "classification")
    sizes = sorted(c.values["parameters"] for c in found.candidates)
    limit = sizes[0] + sizes[1]
    made = ensemble(found, training, parameters=f"<= {limit}")
    assert made.costs["parameters"] == sum(c.values["parameters"] for c in made.members) <= limit
    with pytest.raises(InvalidArgument, match=f"the least of any network: parameters {sizes[0]:g}"):
        ensemble(found, training, parameters=f"<= {sizes[0] - 1}")
    with pytest.raises(InvalidArgument, match="latency never measured"):
        ensemble(found, training, latency="<= 10")
    with pytest.raises(InvalidArgument, match="expected limits such as"):
        ensemble(found, training, parameters=">= 10")


def test_the_test_rows_stay_sealed_and_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    found, training = searched(tmp_path, "classification")
    candidate = found.candidates[0]
    honest = [retrain(candidate, training, epochs=2, rows="train")]
    assert ensemble(found, training, retrained=honest).members == (candidate,)
    with pytest.raises(InvalidArgument, match='rows="train"'):
        ensemble(found, training, retrained=[retrain(candidate, training, epochs=2)])
    with pytest.raises(InvalidArgument, match="expected training"):
        ensemble(found, "digits")  # type: ignore[arg-type]  # a user's mistake
    with pytest.raises(InvalidArgument, match="size"):
        ensemble(found, training, size=0)


def test_without_weights_the_error_says_how_to_keep_them(tmp_path: Path) -> None:
    space = MLPSpace(inputs=4, classes=2, depths=(1,), widths=(8, 16))
    training = ShortTraining((INPUTS, TARGETS["classification"]), epochs=1)
    found = bonas.optimize(space, 2, evaluate=training, progress=False, surrogate="random")
    with pytest.raises(MissingData, match="keep_weights"):
        ensemble(found, training)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_an_ensemble_exports_like_a_network(
    tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "verify", lambda folder, *, without_bonas: None)
    found, training = searched(tmp_path, task)
    made = ensemble(found, training, parameters="<= 1e6").export(tmp_path / "out")
    assert made.readable
    assert made.difference < 1e-5
    assert made.onnx is not None
    card = (made.folder / "README.md").read_text()
    assert "Ensemble of" in card
    assert "member 1" in card


def test_probabilities_are_averaged_not_scores() -> None:
    class Fixed(nn.Module):
        def __init__(self, scores: list[float]) -> None:
            super().__init__()
            self.register_buffer("scores", torch.tensor([scores]).log())

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"loss": torch.zeros(()), "logits": self.scores + x}

    members = [Fixed([0.9, 0.1]), Fixed([0.2, 0.8])]
    made = EnsembleNetwork(members, [0.25, 0.75], "classes")
    torch.testing.assert_close(made(torch.zeros(1, 1)).exp(), torch.tensor([[0.375, 0.625]]))
    single = EnsembleNetwork([nn.Identity()], [1.0], "classes")
    torch.testing.assert_close(
        single(torch.tensor([[0.0], [2.0]])).exp()[:, 1], torch.tensor([0.0, 2.0]).sigmoid()
    )
    with pytest.raises(InvalidData, match="prediction"):
        EnsembleNetwork([nn.Identity()], [1.0], "numbers")({"none": torch.zeros(3).long()})
