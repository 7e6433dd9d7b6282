"""Facts about the short training of a candidate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate, candidate_of
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import Dataset

from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData
from bonas.evaluation import ACCURACY, ShortTraining
from bonas.evaluation import training as module
from bonas.spaces import CellSpace, NASBench201

Y = np.arange(100) % 2
X = np.random.default_rng(0).normal(size=(100, 4)) + 10 * Y[:, None]  # two heaps, far apart
PAIR = (X, Y)


def linear() -> nn.Module:
    return nn.Linear(4, 2)


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.1), nn.Linear(3, 2))


class Watched(nn.Module):
    """A linear network that remembers the batches it saw in training."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.batches: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.batches.append(x)
        out: Tensor = self.linear(x)
        return out


class Rows(Dataset[tuple[Tensor, int]]):
    """The rows of PAIR one by one; it remembers which were read."""

    targets = Y

    def __init__(self) -> None:
        self.read: set[int] = set()

    def __len__(self) -> int:
        return len(Y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.read.add(index)
        return torch.as_tensor(X[index]), int(Y[index])


def trained(
    training: ShortTraining, network: Callable[[], nn.Module], number: int = 0
) -> tuple[dict[str, float], nn.Module]:
    """What the training told, and the network it left."""
    built = []

    def build() -> nn.Module:
        built.append(network())
        return built[-1]

    return training(candidate(build, number)), built[0]


def weights(network: nn.Module) -> list[float]:
    return torch.cat([w.flatten() for w in network.state_dict().values()]).tolist()


@pytest.mark.parametrize("network", [linear, normalised])
@pytest.mark.parametrize("data", [PAIR, Rows()], ids=["pair", "data set"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_two_separate_heaps_are_told_apart(
    network: Callable[[], nn.Module], data: Any, optimizer: Any, schedule: Any
) -> None:
    training = ShortTraining(
        data, epochs=20, batch_size=8, optimizer=optimizer, schedule=schedule, learning_rate=0.05
    )
    assert training(candidate(network))["accuracy"] == 100.0


def test_accuracy_is_the_percentage_of_validation_rows_that_are_right() -> None:
    """By hand: 3 of 4 rows are of class 0, and the network always says so."""

    def always_0() -> nn.Module:
        network = nn.Linear(4, 2)
        nn.init.zeros_(network.weight)
        network.bias.data = torch.tensor([1.0, 0.0])
        return network

    data = (np.ones((80, 4)), np.repeat([0, 1], [60, 20]))
    training = ShortTraining(data, epochs=1, learning_rate=0)
    assert training(candidate(always_0))["accuracy"] == 75.0


def test_digits_are_learned() -> None:
    """Guessing gives 10 % with a standard error of 1.6 %: one epoch is five errors above it."""
    space = NASBench201(channels=4, cells=1)
    training = ShortTraining(epochs=1, learning_rate=0.02)
    told = training(candidate_of(space, dict.fromkeys(space.parameters, "nor_conv_3x3")))
    assert told.keys() == {"accuracy", "seconds"}
    assert told["accuracy"] > 10 + 5 * 100 * math.sqrt(0.1 * 0.9 / 360)
    assert (training.input_shape, training.classes) == ((1, 8, 8), 10)
    assert ShortTraining.objectives == (ACCURACY,)


@pytest.mark.parametrize("data", [PAIR, Rows()], ids=["pair", "data set"])
def test_the_same_seed_and_trial_give_the_same_network(data: Any) -> None:
    first, again = (trained(ShortTraining(data, epochs=1), normalised, 5) for _ in range(2))
    assert weights(first[1]) == weights(again[1])
    assert first[0]["accuracy"] == again[0]["accuracy"]


def test_another_seed_or_trial_gives_another_network() -> None:
    runs = [(0, 0), (0, 1), (1, 0)]
    left = [trained(ShortTraining(PAIR, epochs=1, seed=s), linear, n)[1] for s, n in runs]
    assert len({tuple(weights(network)) for network in left}) == 3


def test_the_global_random_state_has_no_effect_and_is_left_alone() -> None:
    left = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - watched
        left.append(trained(ShortTraining(PAIR, epochs=1), normalised)[1])
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002 - watched
    assert weights(left[0]) == weights(left[1])


@pytest.mark.parametrize(("threads", "inside"), [(1, 1), (3, 3), (None, 2)])
def test_threads_are_set_inside_and_put_back(threads: int | None, inside: int) -> None:
    seen = []

    def network() -> nn.Module:
        seen.append(torch.get_num_threads())
        return linear()

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        ShortTraining(PAIR, epochs=1, threads=threads)(candidate(network))
        with pytest.raises(InvalidData):
            ShortTraining(PAIR, epochs=1, threads=threads)(candidate(lambda: nn.Linear(4, 3)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [inside]


def test_a_default_type_of_double_does_not_disturb() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        network = trained(ShortTraining(PAIR, epochs=1), linear)[1]
    finally:
        torch.set_default_dtype(torch.float32)
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


def test_an_epoch_shows_every_training_row_once() -> None:
    training = ShortTraining(PAIR, epochs=2, batch_size=8)
    network = trained(training, Watched)[1]
    assert isinstance(network, Watched)
    epochs = [torch.cat(network.batches[i : i + 8]) for i in (0, 8)]
    rows = training.splits.train[:][0]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == sorted(rows.tolist())
    assert not torch.equal(*epochs)


@pytest.mark.parametrize("data", [PAIR, Rows()], ids=["pair", "data set"])
def test_a_last_batch_of_one_row_is_left_out(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 rows are 59 and 1: batch norm could not take the last, and it is no step."""
    planned = []

    def schedule(optimizer: Optimizer, rate: float, total_steps: int) -> OneCycleLR:
        planned.append(total_steps)
        return OneCycleLR(optimizer, rate, total_steps)

    monkeypatch.setattr(module, "OneCycleLR", schedule)
    training = ShortTraining(data, epochs=2, batch_size=59, schedule="one_cycle")
    network = trained(training, Watched)[1]
    assert isinstance(network, Watched)
    assert [len(batch) for batch in network.batches] == [59, 59]
    assert planned == [2]
    training(candidate(normalised))


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_a_training_may_have_a_single_step(schedule: Any) -> None:
    network = trained(ShortTraining(PAIR, epochs=1, schedule=schedule), Watched)[1]
    assert isinstance(network, Watched)
    assert [len(batch) for batch in network.batches] == [60]


def test_the_test_rows_are_never_read() -> None:
    data = Rows()
    training = ShortTraining(data, epochs=2)
    aside = set(training.splits.test.indices)  # type: ignore[union-attr]  # a data set has indices
    data.read.clear()
    training(candidate(linear))
    assert len(aside) == 20
    assert data.read == set(range(100)) - aside


def test_weights_without_a_gradient_are_fine() -> None:
    class Spare(Watched):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(7, 7)

    assert "accuracy" in ShortTraining(PAIR, epochs=1)(candidate(Spare))


class Odd(nn.Module):
    """A linear network whose outputs are bent: ``bend(outputs, network)``."""

    def __init__(self, bend: Callable[[Tensor, Odd], Any], outputs: int = 2) -> None:
        super().__init__()
        self.linear = nn.Linear(4, outputs)
        self.bend = bend
        self.was_trained = False

    @property
    def is_done(self) -> bool:
        return self.was_trained and not self.training

    def forward(self, x: Tensor) -> Any:
        self.was_trained |= self.training
        return self.bend(self.linear(x), self)


def odd(bend: Callable[[Tensor, Odd], Any], outputs: int = 2) -> Callable[[], nn.Module]:
    return lambda: Odd(bend, outputs)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            lambda: nn.Linear(4, 3),
            r"outputs of shape \(2, 2\) \(batch x classes\), got \(2, 3\) from the network of "
            r"trial 7 \(\{'which': 'this'\}\); end it with a linear layer of 2 outputs",
        ),
        (odd(lambda out, _: out.mean(1)), r"shape \(2, 2\) .*, got \(2,\) from"),
        (odd(lambda out, _: (out, out)), r"shape \(2, 2\) .*, got tuple from"),
        (odd(lambda out, _: out / 0), r"finite outputs before training, got \[\["),
        (odd(lambda out, _: out.round().long()), r"finite outputs before training, got \[\["),
        (lambda: nn.Linear(4, 2).requires_grad_(False), r"weights to train, got none from"),
        (
            lambda: nn.Linear(5, 2),
            r"takes a batch of shape \(2, 4\), .*trial 7 .*RuntimeError: mat1 .*; make the space's",
        ),
        (lambda: nn.Conv2d(1, 2, 3), r"takes a batch of shape \(2, 4\)"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    network: Callable[[], nn.Module], message: str
) -> None:
    with pytest.raises(InvalidData, match=message):
        ShortTraining(PAIR, epochs=1)(candidate(network, 7))


def test_the_cause_of_a_misfit_is_kept() -> None:
    with pytest.raises(InvalidData) as caught:
        ShortTraining(PAIR)(candidate(lambda: nn.Linear(5, 2)))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_what_a_space_says_of_a_misfit_is_told_as_it_is() -> None:
    space = CellSpace(nodes=2, stages=1, channels=2, classes=2)
    images = (np.zeros((20, 2, 4, 4)), np.arange(20) % 2)
    with pytest.raises(InvalidData, match=r"^expected images of shape batch x 3 .*in_channels"):
        ShortTraining(images)(candidate_of(space, {"edge_0_1": "none"}))


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (
            lambda out, network: out * (math.nan if network.training else 1.0),
            r"finite loss, got nan in epoch 1; lower the learning rate \(0\.02\)",
        ),
        (
            lambda out, network: out * (math.inf if network.training else 1.0),
            r"finite loss, got (nan|inf) in epoch 1",
        ),
        (
            lambda out, network: out * (math.nan if network.is_done else 1.0),
            r"finite outputs after training, got some that are not; lower the learning rate",
        ),
    ],
)
def test_a_training_that_diverges_fails(bend: Callable[[Tensor, Odd], Any], message: str) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        ShortTraining(PAIR, epochs=3, learning_rate=0.02)(candidate(odd(bend)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam"}, r"unknown optimizer 'adam'; expected one of 'adamw', 'sgd'"),
        ({"schedule": "step"}, r"unknown schedule 'step'; expected one of 'cosine', 'one_cycle'"),
        ({"epochs": 0}, r"epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 1.5}, r"epochs must be a whole number of at least 1, got 1\.5"),
        ({"epochs": True}, r"epochs must be a whole number of at least 1, got True"),
        ({"batch_size": 1}, r"batch_size must be a whole number of at least 2, got 1"),
        ({"threads": 0}, r"threads must be a whole number of at least 1, got 0"),
        ({"seed": -1}, r"seed must be a whole number of at least 0, got -1"),
        ({"learning_rate": math.nan}, r"learning_rate must be a number in \[0, 1000\), got nan"),
        ({"learning_rate": "0.1"}, r"learning_rate must be a number in \[0, 1000\), got '0\.1'"),
        ({"weight_decay": -0.1}, r"weight_decay must be a number in \[0, 1000\), got -0\.1"),
        ({"label_smoothing": 1}, r"label_smoothing must be a number in \[0, 1\), got 1"),
        ({"device": "tpu"}, r"expected a device out of \['cpu'.*, got 'tpu'; choose one of them"),
        ({"device": "cuda:99"}, r"expected a device out of \['cpu'.*, got 'cuda:99'"),
        ({"device": 1.5}, r"expected a device out of \['cpu'.*, got 1\.5"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ShortTraining(PAIR, **settings)


def test_the_description_is_plain_and_tells_trainings_apart() -> None:
    plain = ShortTraining(PAIR).describe()
    assert json.loads(json.dumps(plain)) == plain
    assert plain.keys() == {"accuracy"}
    assert plain["accuracy"]["learning_rate"] > 0
    same = [ShortTraining(PAIR, threads=None), ShortTraining(PAIR, device="cpu")]
    assert all(training.describe() == plain for training in same)
    others = [
        ShortTraining((X, 1 - Y)),
        ShortTraining(PAIR, epochs=99),
        ShortTraining(PAIR, optimizer="sgd"),
        ShortTraining(PAIR, learning_rate=0.5),
        ShortTraining(PAIR, test=0),
        ShortTraining(PAIR, seed=1),
    ]
    assert all(training.describe() != plain for training in others)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_learns_and_keeps_its_random_state() -> None:
    before = torch.cuda.get_rng_state()
    told = ShortTraining(PAIR, epochs=20, batch_size=8, learning_rate=0.05, device="cuda")(
        candidate(normalised)
    )
    assert told["accuracy"] == 100.0
    assert torch.equal(torch.cuda.get_rng_state(), before)
