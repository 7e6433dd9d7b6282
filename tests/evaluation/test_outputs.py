"""Facts about which part of what a network returns is its prediction."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from candidates import candidate
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation import ShortTraining
from bonas.evaluation.outputs import AUXILIARY, Reader, tensors_of

X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
Y = (X.sum(1) > 0).long()
LOGITS = torch.arange(6.0).reshape(2, 3)
OTHER = torch.zeros(2, 5)
LABELS = torch.tensor([0, 2])
Heads = namedtuple("Heads", ["logits", "aux_logits2", "aux_logits1"])


@dataclass
class Output:
    loss: Tensor | None
    logits: Tensor
    hidden: tuple[Tensor, ...] = ()


class ModelOutput(OrderedDict[str, Any]):
    """A mapping with attributes, like that of Hugging Face."""


class Slots:
    __slots__ = ("features", "logits")

    def __init__(self, features: Tensor, logits: Tensor) -> None:
        self.features, self.logits = features, logits


@pytest.mark.parametrize(
    "returned",
    [
        LOGITS,
        (LOGITS, OTHER),
        [OTHER, LOGITS],
        {"loss": torch.tensor(1.0), "scores": LOGITS},
        {"features": LOGITS + 1, "logits": LOGITS},
        ModelOutput(loss=torch.tensor(1.0), logits=LOGITS, past=((OTHER, OTHER),)),
        Output(torch.tensor(1.0), LOGITS, (OTHER, OTHER)),
        Heads(LOGITS, LOGITS + 1, LOGITS + 2),
        SimpleNamespace(features=OTHER, logits=LOGITS),
        Slots(OTHER, LOGITS),
        (None, (OTHER, (LOGITS,))),
        LOGITS.reshape(2, 3, 1, 1),
        LOGITS.to(torch.bfloat16),
    ],
)
def test_the_prediction_is_the_first_tensor_that_fits(returned: Any) -> None:
    found = Reader("classification", 3).prediction(returned, LABELS)
    assert torch.equal(found, LOGITS)
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("task", "classes", "targets", "shape", "expected"),
    [
        ("classification", 3, (2,), (2, 7), (2, 7)),
        ("classification", 2, (2,), (2,), (2, 2)),
        ("classification", 2, (2,), (2, 1), (2, 2)),
        ("classification", 3, (2, 5, 6), (2, 3, 5, 6), (2, 5, 6, 3)),
        ("classification", 3, (2, 5, 6), (2, 5, 6, 4), (2, 5, 6, 4)),
        ("classification", 3, (2, 3, 3), (2, 3, 3, 3), (2, 3, 3, 3)),
        ("classification", 2, (2, 5, 6), (2, 1, 5, 6), (2, 5, 6, 2)),
        ("classification", 2, (2, 5, 6), (2, 5, 6), (2, 5, 6, 2)),
        ("classification", 3, (2, 9), (2, 3, 9), (2, 9, 3)),
        ("next_token", 9, (2, 5), (2, 5, 11), (2, 5, 11)),
        ("multi_label", 4, (2, 4), (2, 4), (2, 4)),
        ("regression", 0, (2, 1), (2,), (2, 1)),
        ("regression", 0, (2, 1), (2, 1, 1, 1), (2, 1)),
        ("regression", 0, (2, 5, 6), (2, 1, 5, 6), (2, 5, 6)),
        ("regression", 0, (2, 3, 5, 6), (2, 3, 5, 6), (2, 3, 5, 6)),
    ],
)
def test_predictions_come_in_one_form(
    task: Any, classes: int, targets: Any, shape: Any, expected: Any
) -> None:
    kind = torch.int64 if task in ("classification", "next_token") else torch.float32
    found = Reader(task, classes).prediction(torch.randn(shape), torch.zeros(targets, dtype=kind))
    assert tuple(found.shape) == expected


def test_classes_of_positions_are_found_by_their_number() -> None:
    """Find three classes among four outputs and four positions: on axis 1 of an image."""
    outputs = torch.randn(2, 4, 4, 4)
    targets = torch.zeros(2, 4, 4, dtype=torch.int64)
    found = Reader("classification", 3).prediction(outputs, targets)
    assert torch.equal(found, outputs.movedim(1, -1))
    sequence = torch.randn(2, 4, 4)
    found = Reader("next_token", 3).prediction(sequence, targets[:, 0])
    assert torch.equal(found, sequence)


def test_one_output_for_two_classes_is_the_logit_of_the_second() -> None:
    """Check by hand: the cross-entropy of (0, z) is that of the sigmoid of z."""
    z, y = torch.tensor([0.3, -2.0]), torch.tensor([1, 0])
    found = Reader("classification", 2).prediction(z, y)
    expected = nn.functional.binary_cross_entropy_with_logits(z, y.float())
    torch.testing.assert_close(nn.functional.cross_entropy(found, y), expected)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "NoneType with no tensors"),
        ("text", "str with no tensors"),
        (OTHER[:1], r"\(1, 5\)"),
        (LOGITS.long(), r"\(2, 3\) of torch.int64"),
        ({"out": OTHER.long()}, r"dict with out: \(2, 5\)"),
        (Output(None, OTHER[:, :2]), r"Output with logits: \(2, 2\)"),
    ],
)
def test_what_does_not_fit_is_named_by_type_and_shape(returned: Any, message: str) -> None:
    with pytest.raises(InvalidData, match=rf"shape \(2, 3\) \(batch x classes\), got {message}$"):
        Reader("classification", 3).prediction(returned, LABELS)


def test_names_of_predictions_come_first() -> None:
    given = {"last_hidden_state": OTHER, "aux": OTHER, "out": OTHER}
    assert [path for path, _ in tensors_of(given)] == ["out", "last_hidden_state", "aux"]


def trained(forward: Any, **settings: Any) -> dict[str, float]:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.extra = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Any:
            return forward(self, x)

    networks = []

    def build() -> nn.Module:
        networks.append(Network())
        return networks[-1]

    found = ShortTraining((X, Y), epochs=1, batch_size=8, **settings)(candidate(build))
    moved = {
        name: bool(getattr(networks[0], name).bias.grad is not None) for name in ("head", "extra")
    }
    return {**found, **moved}


@pytest.mark.parametrize(
    ("forward", "extra"),
    [
        (lambda m, x: (m.head(x), m.extra(x)) if m.training else m.head(x), True),
        (lambda m, x: (m.head(x), m.extra(x)), False),
        (lambda m, x: {"out": m.head(x), "aux": m.extra(x)}, True),
        (lambda m, x: Heads(m.head(x), m.extra(x) if m.training else None, None), True),
        (lambda m, x: {"logits": m.head(x), "features": m.extra(x)}, False),
    ],
    ids=["in training", "always", "named aux", "a namedtuple", "features"],
)
def test_heads_of_training_mode_are_trained_along(forward: Any, extra: bool) -> None:
    found = trained(forward)
    assert (found["head"], found["extra"]) == (True, extra)
    assert 0 <= found["accuracy"] <= 100


def test_an_auxiliary_loss_weighs_less() -> None:
    """Check by hand: of two equal heads, the second has the gradient of the first, weighted."""
    grads = {}

    def forward(m: Any, x: Tensor) -> Any:
        if not m.training:
            return m.head(x)
        if not grads:
            m.extra.load_state_dict(m.head.state_dict())
            m.head.bias.register_hook(lambda grad: grads.setdefault("head", grad))
            m.extra.bias.register_hook(lambda grad: grads.setdefault("extra", grad))
            grads[""] = torch.zeros(())
        return m.head(x), m.extra(x)

    trained(forward)
    torch.testing.assert_close(grads["extra"], AUXILIARY * grads["head"])


@pytest.mark.parametrize(
    "network",
    [
        lambda: nn.Linear(4, 1),
        lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
        lambda: nn.Linear(4, 1000),
    ],
    ids=["batch x 1", "batch", "more outputs than labels"],
)
def test_heads_of_other_sizes_learn_labels(network: Any) -> None:
    training = ShortTraining((X, Y), epochs=30, batch_size=8, learning_rate=0.1)
    assert training(candidate(network))["accuracy"] > 90


def test_a_regression_may_have_one_number_a_row() -> None:
    training = ShortTraining((X, X[:, 0] * 50), epochs=40, batch_size=8, learning_rate=0.1)
    network = lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))  # noqa: E731 - short
    assert training(candidate(network))["rmse"] < 10
