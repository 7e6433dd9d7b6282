"""Facts about losses, steps and scores of one's own, mixed precision, and weights that are kept."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from candidates import OneNetwork, candidate, candidate_of
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

import bonas
from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData, MissingData
from bonas.evaluation import Objective, ShortTraining, keep_weights
from bonas.evaluation.weights import WEIGHTS

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(int)


def linear(outputs: int = 2) -> nn.Module:
    return nn.Linear(4, outputs)


def scores(network: Any, data: Any = (X, Y), **settings: Any) -> dict[str, float]:
    """Return what a training of twenty epochs measures."""
    settings = {"epochs": 20, "batch_size": 8, "learning_rate": 0.1, **settings}
    return ShortTraining(data, **settings)(candidate(network))


class Margin(nn.Module):
    """A loss with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs * self.scale, targets)


def by_hand(outputs: Tensor, targets: Tensor) -> Tensor:
    assert (targets.dtype, targets.dim()) == (torch.int64, 1)
    return functional.cross_entropy(outputs, targets)


@pytest.mark.parametrize(
    "loss",
    [
        by_hand,
        functional.cross_entropy,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        partial(functional.cross_entropy, label_smoothing=0.1),
        Margin(),
    ],
)
def test_a_loss_of_ones_own_is_lowered(loss: Any) -> None:
    assert scores(linear, loss=loss)["accuracy"] > 90


def test_the_weights_of_a_loss_are_trained_in_a_copy() -> None:
    loss = Margin()
    first, second = (scores(linear, loss=loss) for _ in range(2))
    assert float(loss.scale.detach()) == 1.0
    assert first["accuracy"] == second["accuracy"]


def test_a_loss_of_torch_reads_the_prediction() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"features": x, "logits": self.head(x)}

    labels = Y[:, None].astype(np.float32)
    found = scores(Named, (X, labels), loss=nn.BCEWithLogitsLoss())
    assert found["accuracy"] > 90


def test_a_function_is_given_what_the_network_returns() -> None:
    """A variational autoencoder: its loss needs the mean and the variance, too."""

    class Variational(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.Linear(4, 4), nn.Linear(2, 4)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            mean, variance = self.encoder(x).chunk(2, dim=1)
            return self.decoder(mean), mean, variance

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        again, mean, variance = outputs
        return functional.mse_loss(again, targets) + 1e-3 * (mean**2 + variance**2).mean()

    assert scores(Variational, (X, X), loss=loss)["rmse"] < 1


@pytest.mark.parametrize(("targets", "shape"), [(X[:, 0], ()), (X[:, :1], (1,)), (X[:, :2], (2,))])
def test_a_loss_sees_targets_in_their_own_units_and_shape(targets: Any, shape: Any) -> None:
    seen = []

    def loss(outputs: Tensor, given: Tensor) -> Tensor:
        seen.append(given)
        return functional.mse_loss(outputs.reshape(given.shape), given)

    network = partial(linear, shape[0] if shape else 1)
    found = scores(network, (X, 50 + 10 * targets), loss=loss, epochs=100, learning_rate=2.0)
    assert {tuple(given.shape[1:]) for given in seen} == {shape}
    assert {given.dtype for given in seen} == {torch.float32}
    assert 30 < float(torch.cat(seen).mean()) < 70
    assert found["rmse"] < 5


class Rows(Dataset[Any]):
    """Rows that bonas knows nothing of."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        return {"features": X[index], "class": int(Y[index]), "name": f"row {index}"}


def by_name(network: nn.Module, batch: Any) -> Tensor:
    assert set(batch) == {"features", "class", "name"}
    return functional.cross_entropy(network(batch["features"]), batch["class"])


def share(network: nn.Module, batches: Any) -> dict[str, float]:
    assert not network.training
    assert not torch.is_grad_enabled()
    hits = [network(b["features"]).argmax(1) == b["class"] for b in batches]
    again = [len(b["class"]) for b in batches]
    assert [len(hit) for hit in hits] == again
    return {"share": float(torch.cat(hits).float().mean()), "batches": len(batches)}


@pytest.mark.parametrize(
    "data",
    [
        Rows(),
        (Rows(), Rows()),
        (DataLoader(Rows(), 8, shuffle=True), DataLoader(Rows(), 8)),
        ([next(iter(DataLoader(Rows(), 60)))],) * 2,
    ],
    ids=["data set", "two data sets", "loaders", "lists of batches"],
)
def test_a_step_and_a_score_take_any_batch(data: Any) -> None:
    training = ShortTraining(
        data,
        step=by_name,
        score=share,
        direction={"share": "maximize"},
        epochs=30,
        batch_size=8,
        learning_rate=0.1,
    )
    assert training.objectives == (Objective("share", "maximize"),)
    found = training(candidate(linear))
    assert found.keys() == {"seconds", "share", "batches"}
    assert found["share"] > 0.9
    described = training.describe()
    assert json.loads(json.dumps(described)) == described
    assert {"step", "score"} <= described["share"].keys()


def test_a_step_alone_is_judged_by_the_metric() -> None:
    def step(network: nn.Module, batch: Any) -> Tensor:
        inputs, labels = batch
        return functional.cross_entropy(network(inputs), labels)

    assert scores(linear, step=step)["accuracy"] > 90


def test_a_score_alone_judges_the_usual_training() -> None:
    def hits(network: nn.Module, batches: Any) -> float:
        return float(torch.cat([(network(x).argmax(1) == y).float() for x, y in batches]).mean())

    training = ShortTraining((X, Y), score=hits, direction="maximize", epochs=20, learning_rate=0.1)
    assert training.objectives == (Objective("hits", "maximize"),)
    assert training(candidate(linear))["hits"] > 0.9


def test_a_loss_and_a_score_take_any_targets() -> None:
    rows = [(x, {"label": int(y)}) for x, y in zip(X, Y, strict=True)]

    def loss(outputs: Tensor, targets: dict[str, Tensor]) -> Tensor:
        return functional.cross_entropy(outputs, targets["label"])

    def hits(network: nn.Module, batches: Any) -> float:
        return float(
            torch.cat([(network(x).argmax(1) == y["label"]).float() for x, y in batches]).mean()
        )

    loader = DataLoader(rows, 8)  # type: ignore[arg-type]  # a list is a data set to torch
    found = scores(linear, (loader, loader), loss=loss, score=hits, direction="maximize")
    assert found["hits"] > 0.9


def test_episodes_may_be_the_data() -> None:
    """A policy is rewarded for the sign of what it sees; a batch is the seed of an episode."""

    def played(network: nn.Module, seed: int) -> tuple[Tensor, Tensor]:
        seen = torch.randn(32, 4, generator=torch.Generator().manual_seed(seed))
        policy = torch.distributions.Categorical(logits=network(seen))
        actions = policy.sample()
        reward = (actions == (seen[:, 0] > 0)).float()
        return policy.log_prob(actions), reward

    def reinforce(network: nn.Module, seed: int) -> Tensor:
        chances, reward = played(network, seed)
        return -(chances * (reward - reward.mean())).mean()

    def reward(network: nn.Module, seeds: Any) -> float:
        return float(torch.stack([played(network, seed)[1].mean() for seed in seeds]).mean())

    data = (range(100), range(100, 110))
    found = scores(linear, data, step=reinforce, score=reward, direction="maximize", epochs=2)
    assert found["reward"] > 0.7


def test_trained_with_a_seed_a_step_gives_the_same_network() -> None:
    settings = {"step": by_name, "score": share, "direction": {"share": "maximize"}, "epochs": 2}
    first, second = (scores(linear, Rows(), **settings) for _ in range(2))
    assert first["share"] == second["share"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": 3}, "loss must be a function of outputs and targets, got 3"),
        ({"step": "fit"}, "step must be a function of a network and a batch, got 'fit'"),
        ({"score": {}}, "score must be a function of a network and batches, got {}"),
        ({"score": share}, r'as in direction=\{"dice": "maximize"\}'),
        ({"score": share, "direction": {}}, "objectives must map at least one name"),
        ({"score": share, "direction": "up"}, "unknown objective direction 'up'"),
        ({"direction": "maximize"}, "a direction with a metric of your own only"),
        ({"step": by_name, "loss": by_hand}, "expected no loss besides a step of one's own"),
        ({"step": by_name, "augment": abs}, "expected no augment besides a step"),
        ({"loss": by_hand, "label_smoothing": 0.1}, "expected no label_smoothing besides a loss"),
        (
            {"loss": by_hand, "class_weights": "balanced"},
            "no class_weights besides a loss",
        ),
        (
            {"score": share, "direction": "maximize", "metric": "f1"},
            "expected no metric besides a score",
        ),
        ({"precision": "fp8"}, "unknown precision 'fp8'; expected one of 'bf16'"),
        ({"keep_weights": 3}, "keep_weights must be the path of a folder, got 3"),
        ({"keep_weights": __file__}, "keep_weights must be the path of a folder, got the file"),
    ],
)
def test_settings_that_would_be_dropped_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ShortTraining((X, Y), **settings)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda network, batch: 3.0, "got float with no gradient"),
        (lambda network, batch: network(batch[0]), r"got shape \(8, 2\) with a gradient"),
        (lambda network, batch: torch.zeros(()), r"got shape \(\) with no gradient"),
    ],
)
def test_a_step_returns_a_loss(step: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"tensor of one number with a gradient, {message}"):
        scores(linear, step=step)


@pytest.mark.parametrize("value", [None, "good", [1.0]])
def test_a_score_returns_numbers(value: Any) -> None:
    with pytest.raises(EvaluationFailed, match=r"a mapping from \['score'\] to numbers, got"):
        scores(linear, score=lambda network, batches: value, direction="maximize", epochs=1)


@pytest.mark.parametrize("data", [(range(0), range(3)), (iter([1]), [2]), 5, (None, None)])
def test_what_cannot_be_gone_through_is_refused(data: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected data as two"):
        scores(linear, data, step=by_name, score=share, direction={"share": "maximize"})


def test_mixed_precision_trains_and_judges_in_bfloat16() -> None:
    seen = set()

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(x)
            seen.add((self.training, out.dtype, self.head.weight.dtype))
            return out

    training = ShortTraining((X, Y), precision="bf16", epochs=20, learning_rate=0.1)
    assert training(candidate(Watched))["accuracy"] > 90
    assert {(True, torch.bfloat16, torch.float32), (False, torch.bfloat16, torch.float32)} <= seen
    assert training.describe()["accuracy"]["precision"] == "bf16"


def normalised(choose: Any) -> nn.Module:
    width = choose("width", [3, 5])
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def test_weights_are_kept_and_found_by_the_candidates_of_a_result(tmp_path: Path) -> None:
    family = bonas.space(normalised, input=torch.zeros(2, 4))
    folder = tmp_path / "new" / "weights"
    training = ShortTraining((X, Y), epochs=20, learning_rate=0.1, keep_weights=folder)
    results = [
        bonas.optimize(family, 2, evaluate=training, progress=False, seed=seed) for seed in (0, 1)
    ]
    assert len(list(folder.iterdir())) == 4
    for result in results:
        for found in result.candidates:
            network = found.trained()
            assert not network.training
            x, y = training.splits.validation[:]  # type: ignore[index]  # it is in memory
            hits = network(x).argmax(1) == y
            assert float(hits.float().mean()) * 100 == pytest.approx(found.values["accuracy"])
            path = Path(found.trial.user_attrs[WEIGHTS])
            state = torch.load(path, weights_only=True)
            assert state.keys() == network.state_dict().keys()
    assert "keep_weights" not in json.dumps(training.describe())


def test_moved_weights_are_found_in_their_new_folder(tmp_path: Path) -> None:
    one = candidate(linear)
    path = keep_weights(one, linear(), tmp_path / "old")
    (tmp_path / "new").mkdir()
    path.rename(tmp_path / "new" / path.name)
    with pytest.raises(MissingData, match=r"got no such file; give the folder .*folder="):
        one.trained()
    assert isinstance(one.trained(tmp_path / "new"), nn.Linear)


def test_a_candidate_without_weights_says_how_to_keep_them() -> None:
    with pytest.raises(MissingData, match=r"trial 3, got none; evaluate with ShortTraining\(keep"):
        candidate(linear, 3).trained()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    one = candidate(linear)
    keep_weights(one, linear(3), tmp_path)
    with pytest.raises(InvalidData, match="build must be as it was when they were trained"):
        one.trained()


def test_a_name_is_never_used_twice_and_no_part_of_a_file_is_left(tmp_path: Path) -> None:
    one = candidate(linear)
    paths = {keep_weights(one, linear(), tmp_path) for _ in range(3)}
    assert set(tmp_path.iterdir()) == paths
    assert len(paths) == 3

    class Unsaved(nn.Linear):
        def state_dict(self, *args: Any, **settings: Any) -> Any:
            return {"weight": lambda: None}

    with pytest.raises(Exception, match="pickle"):
        keep_weights(one, Unsaved(4, 2), tmp_path)
    assert set(tmp_path.iterdir()) == paths


def test_building_a_trained_network_draws_from_no_global_state(tmp_path: Path) -> None:
    one = candidate(linear)
    keep_weights(one, linear(), tmp_path)
    before = torch.get_rng_state()
    one.trained()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_relative_folder_is_that_of_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    training = ShortTraining((X, Y), epochs=1, keep_weights="kept")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    one = candidate_of(OneNetwork(linear), {"which": "this"})
    training(one)
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert isinstance(one.trained(), nn.Linear)
