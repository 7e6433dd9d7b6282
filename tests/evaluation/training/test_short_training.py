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
from listed import Listed
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData
from bonas.evaluation import ACCURACY, Candidate, Objective, ShortTraining, measured
from bonas.evaluation.data.sealed import opened
from bonas.evaluation.training import recipe as module
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
    """Return what the training measured, and the network that it trained."""
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
def test_two_separate_heaps_are_classified(
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
    values = training(candidate_of(space, dict.fromkeys(space.parameters, "nor_conv_3x3")))
    assert values.keys() == {"accuracy", "seconds"}
    assert values["accuracy"] > 10 + 5 * 100 * math.sqrt(0.1 * 0.9 / 360)
    assert (training.input_shape, training.classes) == ((1, 8, 8), 10)
    assert training.objectives == (ACCURACY,)


@pytest.mark.parametrize("data", [PAIR, Rows()], ids=["pair", "data set"])
def test_the_same_seed_and_trial_give_the_same_network(data: Any) -> None:
    first, again = (trained(ShortTraining(data, epochs=1), normalised, 5) for _ in range(2))
    assert weights(first[1]) == weights(again[1])
    assert first[0]["accuracy"] == again[0]["accuracy"]


def test_a_candidate_without_a_trial_is_trained_as_the_first_one() -> None:
    training, first = ShortTraining(PAIR, epochs=1), candidate(normalised)
    alone = Candidate.without_trial(first.space, first.choices)
    assert training(alone)["accuracy"] == training(first)["accuracy"]


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
            ShortTraining(PAIR, epochs=1, threads=threads)(candidate(lambda: nn.Linear(5, 2)))
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
    assert training.splits.test is not None
    aside = set(opened(training.splits.test).indices)  # type: ignore[union-attr]  # of a data set
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
            lambda: nn.Unflatten(1, (2, 2)),
            r"outputs of shape \(2, 2\) \(batch x classes\), got \(2, 2, 2\) from the network of "
            r"trial 7 \(\{'which': 'this'\}\); end it with a linear layer of 2 outputs",
        ),
        (odd(lambda out, _: out.mean()), r"shape \(2, 2\) .*, got \(\) from"),
        (
            odd(lambda out, _: (out[:1], out[:1])),
            r"shape \(2, 2\) .*, got tuple with 0: \(1, 2\), 1: \(1, 2\) from",
        ),
        (odd(lambda out, _: None), r"shape \(2, 2\) .*, got NoneType with no tensors from"),
        (odd(lambda out, _: out / 0), r"finite outputs before training, got \[\["),
        (odd(lambda out, _: out.round().long()), r"got \(2, 2\) of torch.int64 from the network"),
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


def test_an_error_of_the_space_for_a_misfit_passes() -> None:
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


def test_the_description_is_plain_and_differs_between_trainings() -> None:
    plain = ShortTraining(PAIR).describe()
    assert json.loads(json.dumps(plain)) == plain
    assert plain.keys() == {"accuracy"}
    assert plain["accuracy"]["learning_rate"] > 0
    same = [ShortTraining(PAIR, threads=None), ShortTraining(PAIR, device="cpu")]
    assert all(training.describe() == plain for training in same)
    others = [
        ShortTraining((X, 1 - Y)),
        ShortTraining((2 * X, Y)),
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
    values = ShortTraining(PAIR, epochs=20, batch_size=8, learning_rate=0.05, device="cuda")(
        candidate(normalised)
    )
    assert values["accuracy"] == 100.0
    assert torch.equal(torch.cuda.get_rng_state(), before)


FLAT = np.random.default_rng(2).normal(size=(100, 4))
AMOUNTS = 50 + 100 * FLAT[:, :2]  # two columns, each a plain function of an input
TOKENS = np.random.default_rng(1).integers(0, 6, (80, 5))
NEXT = (TOKENS + 1) % 6  # the next token follows from this one alone


def bigram() -> nn.Module:
    return nn.Sequential(nn.Embedding(6, 8), nn.Linear(8, 6))


def pairs(rows: Any) -> DataLoader[Any]:
    x, y = torch.as_tensor(X[rows], dtype=torch.float32), torch.as_tensor(Y[rows])
    return DataLoader(TensorDataset(x, y), 8, shuffle=True)


@pytest.mark.parametrize(
    "data", [(FLAT, AMOUNTS), Listed(zip(FLAT, AMOUNTS, strict=True))], ids=["pair", "data set"]
)
def test_a_regression_is_learned_in_its_own_units(data: Any) -> None:
    """The targets' deviation is about 100, of which a linear network leaves next to nothing."""
    training = ShortTraining(data, epochs=30, batch_size=8, learning_rate=0.05)
    assert training.objectives == (Objective("rmse", "minimize"),)
    assert training(candidate(linear))["rmse"] < 5


def test_an_error_is_in_the_units_of_the_targets() -> None:
    """By hand: a network that always says 0 says the mean, 10, of targets 8 and 12."""

    def always_0() -> nn.Module:
        network = nn.Linear(4, 1)
        nn.init.zeros_(network.weight)
        nn.init.zeros_(network.bias)
        return network

    y = np.where(np.arange(100) < 50, 8.0, 12.0)
    seen = {"mae": 0.0, "rmse": 0.0, "r2": 0.0}
    for name in seen:
        training = ShortTraining((X, y), task="regression", metric=name, epochs=1, learning_rate=0)  # type: ignore[arg-type]
        mean = float(training.splits.train[:][1].mean())
        seen[name] = training(candidate(always_0))[name]
    truth = training.splits.validation[:][1]
    assert seen["mae"] == pytest.approx(float((truth - mean).abs().mean()))
    assert seen["rmse"] == pytest.approx(float((truth - mean).pow(2).mean().sqrt()))
    assert seen["r2"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "data", [(TOKENS, NEXT), Listed(zip(TOKENS, NEXT, strict=True))], ids=["pair", "data set"]
)
def test_next_tokens_are_learned(data: Any) -> None:
    """Guessing has perplexity 6; knowing the token before, it is 1."""
    training = ShortTraining(data, epochs=30, batch_size=8, learning_rate=0.05)
    assert training.objectives == (Objective("perplexity", "minimize"),)
    assert 1 <= training(candidate(bigram))["perplexity"] < 1.2
    assert ShortTraining(data, metric="accuracy").objectives == (ACCURACY,)


def test_labels_of_token_sequences_are_learned() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bag = nn.EmbeddingBag(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.bag(x)
            return out

    labels = (TOKENS.mean(axis=1) > 2.5).astype(int)
    training = ShortTraining((TOKENS, labels), epochs=40, batch_size=8, learning_rate=0.1)
    assert training(candidate(Bag))["accuracy"] > 80


def test_loaders_train_and_judge() -> None:
    training = ShortTraining((pairs(slice(0, 80)), pairs(slice(80, 100))), epochs=10)
    assert training.splits.test is None
    first, again = (trained(training, normalised, 3) for _ in range(2))
    assert first[0]["accuracy"] == 100.0
    assert weights(first[1]) == weights(again[1])


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_each_batch_of_a_loader_is_a_step(schedule: Any) -> None:
    """80 rows in batches of 8; the training's own batch size has no say."""
    loaders = (pairs(slice(0, 80)), pairs(slice(80, 100)))
    network = trained(ShortTraining(loaders, epochs=2, batch_size=50, schedule=schedule), Watched)
    assert isinstance(network[1], Watched)
    assert [len(batch) for batch in network[1].batches] == [8] * 20


@pytest.mark.parametrize(
    ("data", "network", "message"),
    [
        (
            (X, AMOUNTS),
            lambda: nn.Linear(4, 3),
            r"outputs of shape \(2, 2\) \(batch x outputs\), got \(2, 3\) .* layer of 2 outputs",
        ),
        (
            (X, AMOUNTS[:, 0]),
            lambda: nn.Sequential(nn.Linear(4, 2), nn.Flatten(0)),
            r"outputs of shape \(2, 1\) \(batch x outputs\), got \(4,\) .* layer of 1 outputs",
        ),
        (
            (TOKENS, NEXT),
            lambda: nn.Embedding(6, 5),
            r"shape \(2, 5, 6\) \(batch x length x vocabulary\), got \(2, 5, 5\) .* of 6 outputs",
        ),
        ((TOKENS, NEXT), linear, r"takes a batch of shape \(2, 5\)"),
    ],
)
def test_a_network_for_another_task_is_refused(data: Any, network: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        ShortTraining(data, epochs=1)(candidate(network))


RARE = np.repeat([0, 1], [90, 10])


def test_balanced_classes_weigh_the_same() -> None:
    """By hand: inputs say nothing, so the bias is each class' share of the weight."""
    data = (np.zeros((100, 4)), RARE)
    share = []
    for class_weights in (None, "balanced"):
        training = ShortTraining(
            data,
            class_weights=class_weights,  # type: ignore[arg-type]
            label_smoothing=0,
            epochs=60,
            batch_size=100,
            learning_rate=0.2,
            weight_decay=0,
        )
        network = trained(training, linear)[1]
        assert isinstance(network, nn.Linear)
        share.append(float(network.bias.detach().softmax(0)[1]))
    assert share == pytest.approx([0.1, 0.5], abs=0.01)


def test_weights_are_those_of_scikit_learn() -> None:
    training = ShortTraining((X, RARE), class_weights="balanced")
    labels = training.splits.train[:][1].numpy()
    expected = compute_class_weight("balanced", classes=np.arange(2), y=labels)
    assert training._loss.weights == pytest.approx(expected)


def noisy(x: Tensor) -> Tensor:
    return x + torch.randn_like(x)


def test_training_batches_are_augmented_and_no_others() -> None:
    seen: list[Tensor] = []

    class Judge(Watched):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                seen.append(x)
            return super().forward(x)

    training = ShortTraining(PAIR, epochs=1, augment=lambda x: -x)
    network = trained(training, Judge)[1]
    assert isinstance(network, Judge)
    assert sorted(torch.cat(network.batches).tolist()) == sorted(
        (-training.splits.train[:][0]).tolist()
    )
    assert torch.equal(seen[-1], training.splits.validation[:][0])


def test_an_augmentation_draws_from_the_training_seed() -> None:
    left = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        left.append(trained(ShortTraining(PAIR, epochs=3, augment=noisy), linear)[1])
    assert weights(left[0]) == weights(left[1])
    assert weights(left[0]) != weights(trained(ShortTraining(PAIR, epochs=3), linear)[1])


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda x: x[:, :3], r"inputs of shape \(60, 4\) back from augment, got \(60, 3\); let it"),
        (lambda x: None, r"back from augment, got NoneType"),
    ],
)
def test_an_augmentation_keeps_the_shape(augment: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        ShortTraining(PAIR, epochs=1, augment=augment)(candidate(linear))


def largest(outputs: Tensor, targets: Tensor) -> float:
    return float((outputs - targets).abs().max())


@pytest.mark.parametrize(
    ("data", "settings", "name", "unit"),
    [
        (PAIR, {"metric": "balanced_accuracy"}, "balanced_accuracy", "%"),
        (PAIR, {"metric": "f1"}, "f1", "%"),
        (PAIR, {"metric": "cross_entropy"}, "cross_entropy", "nats"),
        ((X, AMOUNTS), {"metric": "r2"}, "r2", ""),
        ((X, AMOUNTS), {"metric": largest, "direction": "minimize"}, "largest", ""),
    ],
)
def test_the_metric_is_the_objective(data: Any, settings: Any, name: str, unit: str) -> None:
    training = ShortTraining(data, epochs=1, **settings)
    (objective,) = training.objectives
    assert (objective.name, objective.unit) == (name, unit)
    assert training.describe().keys() == {name}
    values = measured(training, candidate(linear), training.objectives)
    assert values.keys() == {name, "seconds"}


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (PAIR, {"metric": "auc"}, r"unknown metric 'auc'"),
        (PAIR, {"metric": largest}, r"expected a direction for the metric .*largest"),
        (PAIR, {"task": "ranking"}, r"unknown task 'ranking'"),
        (PAIR, {"class_weights": "even"}, r"unknown class_weights 'even'; expected one of 'balan"),
        (PAIR, {"augment": "flip"}, r"augment must be a function of a batch of inputs, got 'flip'"),
        (PAIR, {"metric": "rmse"}, r"a metric for the task 'classification', got 'rmse'; choose"),
        ((X, AMOUNTS), {"class_weights": "balanced"}, r"class_weights for labels only, got 'regre"),
        ((X, AMOUNTS), {"label_smoothing": 0.2}, r"label_smoothing for labels and tokens only, g"),
    ],
)
def test_settings_that_do_not_suit_the_task_are_refused(
    data: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ShortTraining(data, **settings).describe()


def test_the_description_of_old_settings_is_as_it_was() -> None:
    """What studies in a storage were made with."""
    assert ShortTraining().describe() == {
        "accuracy": {
            "data": "digits",
            "epochs": 4,
            "batch_size": 64,
            "optimizer": "adamw",
            "label_smoothing": 0.1,
            "schedule": "cosine",
            "validation": 0.2,
            "test": 0.2,
            "seed": 0,
            "learning_rate": 0.003,
            "weight_decay": 0.01,
        }
    }


def test_new_settings_are_described_where_they_are_used() -> None:
    plain = ShortTraining(PAIR).describe()["accuracy"]
    used = ShortTraining(PAIR, class_weights="balanced", augment=noisy).describe()["accuracy"]
    assert used.items() - plain.items() == {
        ("class_weights", "balanced"),
        ("augment", "<function noisy>"),
    }
    own = ShortTraining(PAIR, metric=largest, direction="minimize").describe()
    assert own["largest"].items() - plain.items() == {("metric", "<function largest>")}
    tokens = ShortTraining((TOKENS, NEXT)).describe()["perplexity"]
    assert (tokens["task"], tokens["label_smoothing"]) == ("next_token", 0.0)
    assert json.loads(json.dumps([used, own, tokens])) == [used, own, tokens]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("data", "network", "settings"),
    [
        ((X, AMOUNTS), linear, {}),
        ((TOKENS, NEXT), bigram, {}),
        ((X, RARE), linear, {"class_weights": "balanced", "metric": "f1", "augment": noisy}),
    ],
)
def test_every_task_trains_on_a_cuda_device(data: Any, network: Any, settings: Any) -> None:
    training = ShortTraining(data, epochs=1, device="cuda", **settings)
    measured(training, candidate(network), training.objectives)
