"""Facts about the stream of a training: its curves, and that they change nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Measurement, ShortTraining
from bonas.evaluation.curve import Curve
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.training.recipe import Recipe
from bonas.evaluation.training.scoring import affordable_interval, scored_epochs
from bonas.evaluation.training.trainer import Trainer

X = np.random.default_rng(0).normal(size=(100, 4))
Y = (X.sum(1) > 0).astype(int)


class Noisy(nn.Module):
    """A network that draws random numbers in evaluation mode, too."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.linear(x + torch.randn_like(x)))
        return out


def stream(network: Any = Noisy, data: Any = (X, Y), **settings: Any) -> list[Measurement]:
    """Return all measurements of a training of four epochs."""
    training = ShortTraining(data, **{"epochs": 4, "batch_size": 8, **settings})
    return list(training.measurements(candidate(network)))


def loaders(generator: torch.Generator | None) -> tuple[DataLoader[Any], DataLoader[Any]]:
    rows = TensorDataset(torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(Y))
    kinds: dict[str, Any] = {"shuffle": True, "generator": generator}
    return DataLoader(rows, 8, **kinds), DataLoader(rows, 8, **kinds)


def test_each_epoch_is_a_point_and_the_last_measurement_is_final() -> None:
    found = stream(validate_every=1)
    assert [m.step for m in found] == [1, 2, 3, 4, None]
    assert [m.fidelity for m in found] == [0.25, 0.5, 0.75, 1.0, None]
    names = {"train_loss", "train_accuracy", "accuracy"}
    assert all(m.values.keys() == names for m in found[:-1])
    assert found[-1].values.keys() == {"seconds", "accuracy"}
    assert found[-2].values["accuracy"] == found[-1].values["accuracy"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 0.5519846137613058),
        ({"optimizer": "sgd", "schedule": "one_cycle"}, 0.20976692545227707),
        ({"seed": 3}, 0.4084914535284042),
    ],
)
@pytest.mark.parametrize("every", [None, 0, 1])
def test_results_are_those_of_the_closed_loop_that_had_no_stream(
    settings: dict[str, Any], expected: float, every: int | None
) -> None:
    """Measured before trainings were streams; the tolerance is for another CPU's rounding."""

    def network() -> nn.Module:
        layers = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2)
        return nn.Sequential(*layers)

    training = ShortTraining(
        (X, Y), metric="cross_entropy", epochs=4, batch_size=8, validate_every=every, **settings
    )
    values = training(candidate(network, number=2))
    assert values["cross_entropy"] == pytest.approx(expected, rel=1e-3)


def test_the_training_loss_is_the_mean_over_the_batches_of_an_epoch() -> None:
    """By hand: without a learning rate, a network that says 0 has the loss log 2 in each batch."""

    def zero() -> nn.Module:
        network = nn.Linear(4, 2)
        nn.init.zeros_(network.weight)
        nn.init.zeros_(network.bias)
        return network

    curve = Curve.of(stream(zero, learning_rate=0), "train_loss")
    assert curve.values == pytest.approx([math.log(2)] * 4)


@pytest.mark.parametrize(
    ("every", "epochs"), [(None, (1, 4)), (0, (4,)), (1, (1, 2, 3, 4)), (3, (1, 4)), (9, (4,))]
)
def test_the_metric_has_as_many_points_as_were_asked_for(every: Any, epochs: Any) -> None:
    """By default: a pass over 20 rows in memory is 11 % of an epoch of 60, so every third epoch."""
    assert Curve.of(stream(validate_every=every), "accuracy").steps == epochs
    assert len(Curve.of(stream(validate_every=every), "train_loss")) == 4


@pytest.mark.parametrize("kind", ["arrays", "loaders", "loaders with one generator"])
def test_scoring_between_epochs_changes_no_result(kind: str) -> None:
    results = []
    for every in (0, 1, 2):
        generator = torch.Generator().manual_seed(5) if "one" in kind else None
        data = (X, Y) if kind == "arrays" else loaders(generator)
        settings = {"metric": "cross_entropy", "validate_every": every}
        found = stream(data=data, **settings)
        results.append(found[-1].values["cross_entropy"])
        losses = Curve.of(found, "train_loss").values
        results.append(losses[-1])
    assert results[0::2] == [results[0]] * 3
    assert results[1::2] == [results[1]] * 3


def test_a_score_of_ones_own_is_called_once_unless_asked_for_more() -> None:
    calls = []

    def score(network: nn.Module, batches: Batches) -> float:
        calls.append(network.training)
        return 1.0

    stream(score=score, direction="maximize")
    assert calls == [False]
    stream(score=score, direction="maximize", validate_every=2)
    assert calls == [False] * 3


def test_a_network_without_a_score_yet_leaves_out_a_point() -> None:
    """Its first epochs give outputs that are not finite, the last one does."""
    networks: list[Late] = []

    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.batches = nn.Linear(4, 2), 0
            networks.append(self)

        def forward(self, x: Tensor) -> Tensor:
            self.batches += self.training
            out: Tensor = self.linear(x)
            is_early = not self.training and 0 < self.batches < 30
            return out / 0 if is_early else out

    found = stream(Late, validate_every=1)
    assert Curve.of(found, "accuracy").steps == (4,)


def test_modes_that_a_step_has_set_are_put_back() -> None:
    seen = []

    def step(network: nn.Module, batch: Any) -> Tensor:
        assert isinstance(network, Noisy)
        seen.append((network.training, network.linear.training))
        network.linear.eval()
        inputs, labels = batch
        return nn.functional.cross_entropy(network(inputs), labels)

    stream(step=step, validate_every=1)
    assert seen == [(True, True), *[(True, False)] * (len(seen) - 1)]


def test_torch_is_as_the_program_left_it_between_two_measurements() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    threads = torch.get_num_threads()
    training = ShortTraining((X, Y), epochs=3, batch_size=8, threads=1)
    expected = list(training.measurements(candidate(Noisy)))
    try:
        torch.set_num_threads(2)
        found = []
        for measurement in training.measurements(candidate(Noisy)):
            assert torch.get_num_threads() == 2
            assert torch.equal(torch.get_rng_state(), before)
            torch.manual_seed(3)
            torch.randn(7)
            torch.manual_seed(3)
            found.append(measurement)
    finally:
        torch.set_num_threads(threads)
    losses = [Curve.of(each, "train_loss").values for each in (found, expected)]
    assert losses[0] == losses[1]


def test_closing_the_stream_puts_torch_back_and_trains_no_further() -> None:
    batches = []

    def step(network: nn.Module, batch: Any) -> Tensor:
        batches.append(1)
        return nn.functional.cross_entropy(network(batch[0]), batch[1])

    training = ShortTraining((X, Y), step=step, epochs=3, batch_size=8)
    before = torch.get_rng_state()
    found = training.measurements(candidate(Noisy))
    next(found)
    found.close()
    assert len(batches) == 8
    assert torch.equal(torch.get_rng_state(), before)


def test_seconds_are_those_of_the_training_alone() -> None:
    """The receiver of a measurement, and scores between the epochs, take time of their own."""

    def slow(outputs: Tensor, targets: Tensor) -> float:
        time.sleep(0.1)
        return 1.0

    training = ShortTraining(
        (X, Y), metric=slow, direction="maximize", epochs=3, batch_size=60, validate_every=1
    )
    began = time.perf_counter()
    found = []
    for measurement in training.measurements(candidate(Noisy)):
        time.sleep(0.1)
        found.append(measurement)
    taken = time.perf_counter() - began
    assert found[-1].values["seconds"] < taken - 7 * 0.1


@pytest.mark.parametrize(("epochs", "every"), [(1, 1), (2, 5), (5, 0)])
def test_no_epoch_but_the_last_is_scored_where_none_is_due(epochs: int, every: int) -> None:
    assert list(scored_epochs(epochs, every)) == []


@pytest.mark.parametrize(("rows", "interval"), [(9, 1), (10, 2), (60, 7)])
def test_scores_cost_about_a_twentieth_of_the_training(rows: int, interval: int) -> None:
    """By hand: of ``rows`` against 60 a third of the work, over the interval at most 5 %."""

    def part(n: int) -> TensorDataset:
        return TensorDataset(torch.zeros(n, 4), torch.zeros(n))

    cpu = torch.device("cpu")
    train, validation = Batches(part(60), 8, cpu), Batches(part(rows), 512, cpu)
    assert affordable_interval(train, validation) == interval


class Stream(IterableDataset[Any]):
    """The rows as a stream, which has no length."""

    def __iter__(self) -> Iterator[Any]:
        return iter(zip(torch.as_tensor(X, dtype=torch.float32), Y.tolist(), strict=True))


def test_validation_rows_that_are_not_counted_are_scored_once() -> None:
    train = loaders(None)[0]
    cpu = torch.device("cpu")
    assert (
        affordable_interval(Batches(train, 8, cpu), Batches(DataLoader(Stream(), 8), 8, cpu)) == 0
    )


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda out: out.detach().sum(), r"got shape \(\) with no gradient; return the mean of"),
        (lambda out: out, r"got shape \(8, 2\) with a gradient"),
        (lambda out: 0.5, "got float with no gradient"),
    ],
)
def test_a_step_must_return_a_loss(returned: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        stream(step=lambda network, batch: returned(network(batch[0])))


def test_a_trainer_yields_each_epoch_with_its_time() -> None:
    batches = Batches(TensorDataset(torch.randn(20, 4), torch.zeros(20)), 8, torch.device("cpu"))
    recipe = Recipe(3, "sgd", 0.01, 0.0, "cosine")
    trainer = Trainer(recipe, batches, lambda network, batch: network(batch[0]).mean(), nn.Module())
    epochs = list(trainer.epochs(nn.Linear(4, 1)))
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert [epoch.seconds for epoch in epochs] == sorted(epoch.seconds for epoch in epochs)


def test_an_epoch_whose_batches_are_all_left_out_has_no_loss() -> None:
    batches = Batches(TensorDataset(torch.randn(20, 4), torch.zeros(20)), 8, torch.device("cpu"))
    trainer = Trainer(
        Recipe(1, "adamw", 0.01, 0.0, "cosine"), batches, lambda *_: None, nn.Module()
    )
    assert [epoch.loss for epoch in trainer.epochs(nn.Linear(4, 1))] == [None]


def test_a_loss_that_is_not_finite_ends_the_stream_in_its_epoch() -> None:
    seen = []

    def step(network: nn.Module, batch: Any) -> Tensor:
        seen.append(1)
        loss: Tensor = network(batch[0]).mean() * (math.nan if len(seen) > 8 else 1.0)
        return loss

    training = ShortTraining((X, Y), step=step, epochs=4, batch_size=8)
    found = training.measurements(candidate(Noisy))
    assert next(found).step == 1
    with pytest.raises(EvaluationFailed, match="got nan in epoch 2"):
        next(found)


def test_an_interval_is_a_whole_number() -> None:
    with pytest.raises(InvalidArgument, match="validate_every must be a whole number of at least"):
        ShortTraining((X, Y), validate_every=-1)
