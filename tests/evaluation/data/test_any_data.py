"""Facts about data of any shape: several inputs, images as targets, columns, pairs of data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from candidates import OneNetwork, candidate, candidate_of
from listed import Listed
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import ShortTraining, load

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(int)
IDS = RNG.integers(1, 9, (N, 5))
MASK = np.ones((N, 5), dtype=np.int64)
IMAGES = torch.rand(N, 1, 6, 6, generator=torch.Generator().manual_seed(0))
REGIONS = (IMAGES[:, 0] > 0.5).long()
SEVERAL = (X[:, :3] > 0).astype(int)
SEVERAL[0] = [1, 1, 0]


class Frame:
    """The part of a table or a series of pandas that bonas uses."""

    def __init__(self, values: Any, *, columns: bool = True) -> None:
        self.values = np.asarray(values)
        if columns:
            self.columns = list(range(self.values.shape[1]))

    def __len__(self) -> int:
        return len(self.values)

    def to_numpy(self) -> Any:
        return self.values


def measure(network: Any, data: Any, example: Any = None, **settings: Any) -> dict[str, float]:
    """Return the measurements of a short training, in a space with that example."""
    space = OneNetwork(network)
    if example is not None:
        space.input = example
    settings = {"epochs": 1, "batch_size": 8, **settings}
    return ShortTraining(data, **settings)(candidate_of(space, {"which": "this"}))


@pytest.mark.parametrize(
    "labels",
    [
        Y[:, None],
        Y[:, None].astype(float),
        Y[:, None].astype(bool),
        torch.tensor(Y[:, None]),
        Frame(Y[:, None]),
        Frame(Y, columns=False),
        Frame(Y.astype(object), columns=False),
    ],
    ids=["whole", "floats", "bool", "tensor", "table", "series", "objects"],
)
@pytest.mark.parametrize("rows", [False, True], ids=["pair", "data set"])
def test_a_column_of_labels_is_labels(labels: Any, rows: bool) -> None:
    if rows:
        labels = np.asarray(labels.to_numpy() if isinstance(labels, Frame) else labels)
        labels = labels.astype(int) if labels.dtype == np.dtype(object) else labels
    data = Listed(zip(X, labels, strict=True)) if rows else (X, labels)
    training = ShortTraining(data, epochs=1)
    assert (training.splits.task, training.classes) == ("classification", 2)
    assert [objective.name for objective in training.objectives] == ["accuracy"]
    assert "accuracy" in training(candidate(lambda: nn.Linear(4, 2)))


def test_a_column_of_amounts_is_a_regression() -> None:
    assert load((X, X[:, :1])).task == "regression"
    assert load((X, 10 * Y[:, None] + 0.5 * X[:, :1])).task == "regression"


def test_a_table_of_whole_numbers_is_no_sequence_of_tokens() -> None:
    splits = load((Frame(IDS), Y))
    assert (splits.vocabulary, splits.train[:][0].dtype) == (0, torch.float32)  # type: ignore[index]


class Classifier(nn.Module):
    """A classifier of token ids where the mask is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 6), nn.Linear(6, 2)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, scale: float = 1.0
    ) -> dict[str, Any]:
        assert input_ids.dtype == torch.int64
        x = self.embedding(input_ids) * scale
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        return {"loss": None, "logits": self.head((x * mask[..., None]).mean(1))}


NAMED = {"input_ids": IDS, "attention_mask": MASK}
TENSORS = {name: torch.as_tensor(array) for name, array in NAMED.items()}
BY_ROW = [
    {"input_ids": i, "attention_mask": m, "labels": int(y), "text": "no number"}
    for i, m, y in zip(IDS, MASK, Y, strict=True)
]
LISTS = [
    {"label": int(y), "input_ids": i.tolist(), "attention_mask": m.tolist()}
    for i, m, y in zip(IDS, MASK, Y, strict=True)
]


def loaders(rows: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(Listed(rows[:40]), 8, shuffle=True), DataLoader(Listed(rows[40:]), 8)


@pytest.mark.parametrize(
    "data",
    [
        (NAMED, Y),
        ((IDS, MASK), Y),
        Listed(BY_ROW),
        Listed(LISTS),
        Listed(((i, m), y) for i, m, y in zip(IDS, MASK, Y, strict=True)),
        loaders(BY_ROW),
        loaders([((i, m), y) for i, m, y in zip(IDS, MASK, Y, strict=True)]),
        ((NAMED, Y), (NAMED, Y)),
        (Listed(BY_ROW), Listed(BY_ROW[:20])),
        (IDS, Y),
    ],
    ids=[
        "mapping",
        "tuple",
        "rows by name",
        "rows of lists",
        "rows by place",
        "loaders by name",
        "loaders by place",
        "two mappings",
        "two data sets",
        "one input",
    ],
)
@pytest.mark.parametrize(
    "example", [None, TENSORS, {**TENSORS, "scale": 0.5}, tuple(TENSORS.values())]
)
def test_several_inputs_are_given_by_place_or_by_name(data: Any, example: Any) -> None:
    if isinstance(example, tuple) and isinstance(data, tuple) and data[0] is IDS:
        with pytest.raises(InvalidData, match="expected 2 inputs, as in the example of the space"):
            measure(Classifier, data, example)
        return
    found = measure(Classifier, data, example)
    assert 0 <= found["accuracy"] <= 100


def test_what_the_example_does_not_name_is_left_out() -> None:
    found = measure(Classifier, Listed(BY_ROW), {"input_ids": TENSORS["input_ids"]})
    assert "accuracy" in found
    with pytest.raises(InvalidData, match=r"named as in the example \['ids'\], got \['input_ids'"):
        measure(Classifier, Listed(BY_ROW), {"ids": TENSORS["input_ids"]})


class Typed(nn.Module):
    """A linear network that wants one type of inputs."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.kind = kind
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        assert x.dtype == self.kind
        out: Tensor = self.head(x.real.float() if x.is_complex() else x.float())
        return out


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (torch.complex64, (X + 1j * X, Y)),
        (torch.complex64, (torch.tensor(X) * 1j, Y)),
        (torch.complex64, Listed(zip(X + 1j * X, Y, strict=True))),
        (torch.bfloat16, (X, Y)),
        (torch.float64, (X, Y)),
        (torch.int32, (IDS[:, :4], Y)),
        (torch.uint8, (IDS[:, :4].astype(np.uint8), Y)),
        (torch.int64, (IDS[:, :4].astype(float), Y)),
        (torch.float32, (IDS[:, :4], Y)),
    ],
)
def test_inputs_have_the_type_of_the_example(kind: torch.dtype, data: Any) -> None:
    assert "accuracy" in measure(lambda: Typed(kind), data, torch.zeros(1, 4, dtype=kind))


def test_inputs_that_would_lose_their_values_are_refused() -> None:
    with pytest.raises(InvalidData, match=r"inputs of torch.int64, as in the example of the space"):
        measure(lambda: Typed(torch.int64), (X, Y), torch.zeros(1, 4, dtype=torch.int64))


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_network_is_trained_in_the_precision_of_its_weights(kind: torch.dtype) -> None:
    network = nn.Linear(4, 2).to(kind)
    assert "accuracy" in measure(lambda: network, (X, Y))
    assert network.weight.dtype == kind


def conv(outputs: int) -> Any:
    def network() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, outputs, 3, padding=1)
        )

    return network


@pytest.mark.parametrize(
    ("network", "targets", "name"),
    [
        (conv(1), IMAGES, "rmse"),
        (conv(1), IMAGES[:, 0], "rmse"),
        (conv(3), IMAGES.expand(-1, 3, -1, -1), "rmse"),
        (conv(2), REGIONS, "accuracy"),
        (conv(5), REGIONS, "accuracy"),
        (conv(1), REGIONS, "accuracy"),
        (conv(2), REGIONS[:, None], "accuracy"),
        (conv(2), torch.where(IMAGES[:, 0] > 0.9, -100, REGIONS), "accuracy"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), SEVERAL, "accuracy"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), SEVERAL.astype(float), "accuracy"),
    ],
)
@pytest.mark.parametrize("kind", ["pair", "data set", "loaders"])
def test_targets_may_have_any_shape(network: Any, targets: Any, name: str, kind: str) -> None:
    data: Any = (IMAGES, targets)
    if kind == "data set":
        data = Listed(zip(IMAGES, targets, strict=True))
    elif kind == "loaders":
        data = loaders(list(zip(IMAGES, torch.as_tensor(targets), strict=True)))
    found = measure(network, data)
    assert found.keys() == {name, "seconds"}


def test_untold_places_count_nowhere() -> None:
    """Check by hand: the network predicts 1 everywhere, and half of the known labels are 1."""

    class Ones(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.tensor([0.0, 5.0]))

        def forward(self, x: Tensor) -> Tensor:
            return self.bias[:, None, None].expand(len(x), 2, 6, 6)

    targets = torch.full((N, 6, 6), -100)
    targets[:, 0, 0], targets[:, 0, 1] = 0, 1
    found = measure(Ones, (IMAGES, targets), learning_rate=0)
    assert found["accuracy"] == 50.0


def test_an_image_is_judged_as_it_is() -> None:
    """Check by hand: an identity has no error, whatever the scale of the image."""

    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    assert measure(Same, (IMAGES * 7, IMAGES * 7), learning_rate=0)["rmse"] == 0


def test_labels_of_places_or_several_labels_are_told_by_the_inputs() -> None:
    sequences = np.zeros((N, 3, 2), dtype=np.float32)
    assert load((X, SEVERAL)).task == "multi_label"
    assert load((sequences, SEVERAL)).task == "classification"
    assert load((X, SEVERAL), task="regression").task == "regression"
    assert load((X, SEVERAL + SEVERAL[::-1])).target_shape == (3,)


def test_several_labels_are_judged_one_by_one() -> None:
    network = lambda: nn.Linear(4, 3)  # noqa: E731 - short
    settings = {"epochs": 40, "learning_rate": 0.05}
    assert measure(network, (X, SEVERAL), **settings)["accuracy"] > 85
    assert measure(network, (X, SEVERAL), metric="f1", **settings)["f1"] > 80
    assert measure(network, (X, SEVERAL), metric="cross_entropy")["cross_entropy"] > 0
    with pytest.raises(InvalidArgument, match="choose one of accuracy, f1, cross_entropy"):
        measure(network, (X, SEVERAL), metric="perplexity")


@pytest.mark.parametrize(
    "pair",
    [
        (TensorDataset(torch.tensor(X[:40]), torch.tensor(Y[:40])),) * 2,
        (Listed(zip(X[:40], Y[:40], strict=True)), Listed(zip(X[40:], Y[40:], strict=True))),
        ((X[:40], Y[:40]), (X[40:], Y[40:])),
        ((X[:40], Frame(Y[:40], columns=False)), (X[40:], Frame(Y[40:], columns=False))),
    ],
    ids=["tensors", "rows", "arrays", "series"],
)
def test_two_data_sets_are_used_as_they_are(pair: Any) -> None:
    splits = load(pair, validation=0.5)
    sizes = len(splits.train), len(splits.validation)
    assert sizes == (40, len(pair[1]) if len(pair[1]) > 2 else 20)
    assert splits.test is None
    assert splits.name.startswith("40 and ")
    assert "accuracy" in measure(lambda: nn.Linear(4, 2), pair)


def test_a_name_tells_two_data_sets_from_one() -> None:
    one, two = load((X, Y)), load(((X[:40], Y[:40]), (X[40:], Y[40:])))
    other = load(((X[:30], Y[:30]), (X[30:], Y[30:])))
    assert len({one.name, two.name, other.name}) == 3


def test_labels_of_a_causal_model_are_moved_by_one() -> None:
    """Learn that each token is followed by itself plus one, which is the next label."""

    class Next(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(12, 12)

        def forward(self, input_ids: Tensor) -> dict[str, Tensor]:
            return {"logits": self.table(input_ids)}

    ids = (np.arange(N)[:, None] + np.arange(6)) % 10
    rows = [{"input_ids": row, "labels": row.copy()} for row in ids]
    for data in (Listed(rows), loaders([{n: torch.tensor(a) for n, a in r.items()} for r in rows])):
        training = ShortTraining(data, epochs=40, batch_size=8, learning_rate=0.1)
        assert training.splits.task == "next_token"
        assert training(candidate(Next))["perplexity"] < 1.5


def test_frozen_and_complex_weights_are_kept_as_they_are() -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, dtype=torch.complex64))
            self.frozen, self.head = nn.Linear(4, 4).requires_grad_(False), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            spectrum = torch.fft.rfft(self.frozen(x)) * self.weight
            out: Tensor = self.head(torch.fft.irfft(spectrum, n=4))
            return out

    network = Spectral()
    before = network.frozen.weight.clone()
    assert "accuracy" in measure(lambda: network, (X, Y))
    assert network.weight.dtype == torch.complex64
    assert torch.equal(network.frozen.weight, before)
