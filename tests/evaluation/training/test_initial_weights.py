"""Facts about short trainings that start from given weights, such as those of a supernet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bonas
from bonas.errors import InvalidArgument, StudyMismatch
from bonas.evaluation import Candidate, ShortTraining
from bonas.evaluation.data.joined import joined
from bonas.spaces import Choices, MLPSpace, Space

SPACE = MLPSpace(
    4,
    2,
    depths=(1, 2),
    widths=(4,),
    activations=("relu",),
    norms=("batch_norm",),
    residual=(False,),
)
Y = np.arange(160) % 2
X = np.random.default_rng(0).normal(5.0, 2.0, size=(160, 4)) + Y[:, None]
TRAINING = ShortTraining((X, Y), epochs=1)
CHOICES = SPACE.sample(np.random.default_rng(0))
CANDIDATE = Candidate.without_trial(SPACE, CHOICES)


class Halves:
    """Initial weights that are all one number."""

    def __init__(
        self, number: float = 0.5, training: ShortTraining | None = None, space: Space = SPACE
    ) -> None:
        self.number, self.training, self.space = number, training, space

    def copy_into(self, network: nn.Module, choices: Choices) -> None:
        """Set all parameters."""
        for weight in network.parameters():
            weight.fill_(self.number)

    def describe(self) -> dict[str, Any]:
        """Return the number."""
        return {"number": self.number}


def barely(**settings: Any) -> ShortTraining:
    """Return a training whose learning rate is next to nothing."""
    return ShortTraining((X, Y), epochs=1, learning_rate=1e-9, **settings)


def all_are(network: nn.Module, number: float) -> bool:
    return all(torch.allclose(w, torch.tensor(number), atol=1e-6) for w in network.parameters())


def test_networks_start_from_the_given_weights() -> None:
    assert all_are(barely(initial=Halves()).train(CANDIDATE).network, 0.5)


def test_running_statistics_are_those_of_the_training_rows_before_the_first_step() -> None:
    seen: list[Tensor] = []

    class Watched(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            norm = self[0]
            assert isinstance(norm, nn.BatchNorm1d)
            assert norm.running_mean is not None
            if self.training:
                seen.append(norm.running_mean.clone())
            return super().forward(x)  # type: ignore[no-any-return]  # a Sequential returns Any

    class Normed(MLPSpace):
        def build(self, choices: Choices) -> nn.Module:
            return Watched(nn.BatchNorm1d(4), nn.Linear(4, 2))

    space = Normed(4, 2, depths=(1,), widths=(4,))
    candidate = Candidate.without_trial(space, space.sample(np.random.default_rng(0)))
    training = ShortTraining((X, Y), epochs=1, initial=Halves(space=space))
    training.train(candidate)
    rows = training.splits.train[:][0]  # type: ignore[index]  # rows in memory
    assert torch.allclose(seen[0], rows.mean(0), atol=0.3)  # of whole batches, in another order
    seen.clear()
    ShortTraining((X, Y), epochs=1).train(candidate)
    assert seen[0].tolist() == [0.0] * 4


@pytest.mark.parametrize("own", [False, True])
def test_rows_are_read_in_the_order_of_a_training_from_scratch(own: bool) -> None:
    seen: list[Tensor] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append(targets.clone())
        return nn.functional.cross_entropy(outputs, targets)

    def step(network: nn.Module, batch: Any) -> Tensor:
        return loss(network(batch[0].float()), batch[1])

    given: dict[str, Any] = {"step": step} if own else {"loss": loss}
    plain = ShortTraining((X, Y), epochs=2, **given)
    plain.train(CANDIDATE)
    before = [targets.tolist() for targets in seen]
    seen.clear()
    ShortTraining((X, Y), epochs=2, initial=Halves(), **given).train(CANDIDATE)
    assert [targets.tolist() for targets in seen][-len(before) :] == before


def test_the_rows_that_are_read_for_statistics_are_on_no_curve() -> None:
    plain = barely(initial=Halves(), batch_size=2)  # statistics take a part of the rows
    values = [m.values for m in plain.measurements(CANDIDATE) if m.step == 1]
    network = plain.train(CANDIDATE).network
    x, y = plain.splits.train[:]  # type: ignore[index,misc]  # rows in memory
    assert values[0]["train_accuracy"] == pytest.approx(
        100 * float((network(x.float()).argmax(1) == y).float().mean()), abs=1e-3
    )  # all outputs are equal, so that batches do not matter


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"initial": "supernet.pt"}, r"got 'supernet.pt'; as in .*Supernet.load\(path"),
        ({"initial": Halves}, "expected initial weights of an object such as a Supernet"),
        (
            {"initial": Halves(), "inherit": True, "keep_weights": "w"},
            "got both initial and inherit=True; leave one of them out",
        ),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ShortTraining((X, Y), **given)


def test_which_weights_is_described_where_there_are_some() -> None:
    assert "initial" not in TRAINING.describe()["accuracy"]
    described = ShortTraining((X, Y), initial=Halves(0.25)).describe()
    assert described["accuracy"]["initial"] == {"number": 0.25}


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"validation": 0.3},
        {"test": 0.1},
        {"data": (X + 1, Y)},
    ],
)
def test_weights_that_saw_other_rows_are_refused(other: dict[str, Any]) -> None:
    theirs = ShortTraining(**{"data": (X, Y), **other})
    training = ShortTraining((X, Y), initial=Halves(training=theirs))
    with pytest.raises(InvalidArgument, match=f"{next(iter(other))}: .* instead of"):
        training.describe()
    with pytest.raises(InvalidArgument, match="They may have seen rows that judge"):
        training(CANDIDATE)


def test_weights_of_a_training_that_differs_only_in_its_recipe_are_taken() -> None:
    theirs = ShortTraining((X, Y), epochs=7, metric="cross_entropy", label_smoothing=0.0)
    assert "accuracy" in ShortTraining((X, Y), initial=Halves(training=theirs)).describe()


def test_weights_of_another_space_are_refused() -> None:
    other = MLPSpace(4, 2, depths=(1, 2), widths=(4, 8))
    training = ShortTraining((X, Y), epochs=1, initial=Halves(space=other))
    with pytest.raises(InvalidArgument, match=r"got those of .*, which differs in"):
        training(CANDIDATE)


def test_weights_that_change_after_the_description_are_refused() -> None:
    initial = Halves()
    training = ShortTraining((X, Y), epochs=1, initial=initial)
    training.describe()
    initial.number = 0.75
    with pytest.raises(InvalidArgument, match="expected the initial weights to stay"):
        training(CANDIDATE)


def test_a_study_with_other_weights_is_another_study(tmp_path: Path) -> None:
    def search(initial: Halves | None, budget: int) -> bonas.SearchResult:
        training = ShortTraining((X, Y), epochs=1, initial=initial)
        storage = str(tmp_path / "a.log")
        settings: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False}
        return bonas.optimize(SPACE, budget, evaluate=training, storage=storage, **settings)

    search(Halves(0.5), 1)
    assert len(search(Halves(0.5), 2).candidates) == 2
    with pytest.raises(StudyMismatch, match=r"initial\.number was 0\.5, now 0\.25"):
        search(Halves(0.25), 3)
    with pytest.raises(StudyMismatch, match="initial is missing"):
        search(None, 3)


def test_on_other_rows_a_training_starts_from_scratch_unless_asked() -> None:
    training = barely(initial=Halves())
    both = joined(training.splits)
    assert training.on(both).initial is None
    initial = Halves(0.25, TRAINING)
    again = training.on(both, seed=3, initial=initial)
    assert again.describe()["accuracy"]["initial"] == {"number": 0.25}
    assert all_are(again.train(CANDIDATE).network, 0.25)
    with pytest.raises(InvalidArgument, match="seed: 9 instead of 0"):
        training.on(both, initial=Halves(training=ShortTraining((X, Y), seed=9)))
