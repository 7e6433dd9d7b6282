"""Facts about the default evaluation of a space."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from candidates import candidate_of
from torch import nn

from bonas import space as family_of
from bonas.errors import InvalidArgument
from bonas.evaluation import Latency, ShortTraining, default_evaluation
from bonas.evaluation.default import digit_tokens, digits_like, digits_of
from bonas.spaces import CellSpace, MLPSpace, MobileSpace, RecurrentSpace, Space, TransformerSpace


@pytest.mark.parametrize(
    ("space", "shape"),
    [
        (CellSpace(channels=4, cells=1, stages=1), (1, 8, 8)),
        (MobileSpace(), (3, 32, 32)),
        (TransformerSpace(in_channels=1, image_size=16), (1, 16, 16)),
        (TransformerSpace(inputs=4, length=16), (16, 4)),
        (TransformerSpace(vocabulary=17), (64,)),
        (RecurrentSpace(), (8, 8)),
        (MLPSpace(64, 10), (64,)),
        (MLPSpace(13, 3), (13,)),
        (MLPSpace(100, 10), (100,)),
    ],
)
def test_the_data_have_the_shape_that_the_space_takes(space: Space, shape: tuple[int, ...]) -> None:
    training, latency = default_evaluation(space).evaluators
    assert isinstance(training, ShortTraining)
    assert isinstance(latency, Latency)
    assert training.input_shape == latency.input_shape == shape


def test_a_language_model_writes_text() -> None:
    space = TransformerSpace(task="language_model", vocabulary=96, length=32)
    joint = default_evaluation(space)
    assert [objective.name for objective in joint.objectives] == ["perplexity", "latency"]


def test_digits_keep_their_pixels_where_nothing_is_resized() -> None:
    image, labels = digits_of((3, 8, 8))
    row, again = digits_of((64,))
    assert torch.equal(image[:, 0].flatten(1), row)
    assert torch.equal(image[:, 0], image[:, 2])
    assert torch.equal(labels, again)
    assert torch.equal(digits_of((8, 8))[0], image[:, 1])


def test_tokens_are_the_levels_of_grey() -> None:
    tokens, labels = digit_tokens()
    assert (tokens.shape, tokens.dtype) == ((1797, 64), torch.int64)
    assert (int(tokens.min()), int(tokens.max())) == (0, 16)
    assert len(labels) == 1797


@pytest.mark.parametrize(
    "example",
    [
        torch.zeros(1, 2, 3, 4, 5),
        torch.zeros(1, 3, 8, 8, dtype=torch.complex64),
        torch.tensor([[0, 3, 200], [1, 2, 7]]),
        torch.zeros(1, 16, dtype=torch.int32),
        torch.ones(1, 1, 8, 8, dtype=torch.uint8),
        torch.ones(1, 12, dtype=torch.bool),
        torch.zeros(3),
    ],
    ids=["volume", "complex", "table", "zeros", "bytes", "bool", "scalars"],
)
def test_digits_take_the_type_the_shape_and_the_range_of_an_example(example: torch.Tensor) -> None:
    inputs, labels = digits_like(example)
    assert (inputs.dtype, inputs.shape[1:]) == (example.dtype, example.shape[1:])
    assert len(inputs) == len(labels) == 1797
    if not (example.is_floating_point() or example.is_complex()):
        top = example.int().amax(0).clamp(1, 16)
        assert bool((inputs.int().amin(0) >= 0).all())
        assert bool((inputs.int().amax(0) <= top).all())
        assert len(inputs.unique()) > 1


def test_a_family_of_one_input_is_timed_on_the_shape_of_its_data() -> None:
    """Check a description that stored studies have."""

    def built(choose: Any) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, choose("width", [10, 12])))

    joint = default_evaluation(family_of(built, input=torch.zeros(1, 1, 8, 8)))
    assert joint.describe()["latency"]["input_shape"] == [1, 8, 8]
    assert joint.describe()["accuracy"]["data"].startswith("1797 x 1 x 8 x 8, labels ")


class Several(nn.Module):
    """A classifier of tokens where a mask is 1, with a scale for all rows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, width), nn.Linear(width, 10)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, scale: Any, flag: Any) -> Any:
        assert (flag, mask.dtype, ids.shape) == (True, torch.bool, mask.shape)
        return {"logits": self.head((self.embedding(ids) * mask[..., None]).mean(1) * scale)}


IDS, MASK = torch.arange(9)[None], torch.ones(1, 9, dtype=torch.bool)
NAMED = {"mask": MASK, "ids": IDS, "scale": torch.ones(1, 1), "flag": True}


@pytest.mark.parametrize(
    "example", [(IDS, MASK, torch.ones(1, 1), True), {**NAMED, "ids": IDS.to(torch.int32)}]
)
def test_a_family_of_several_inputs_is_judged_on_digits(example: Any) -> None:
    if isinstance(example, dict):
        example = {"ids": example.pop("ids"), **example}

    def built(choose: Any) -> nn.Module:
        return Several(choose("width", [4, 6]))

    family = family_of(built, input=example)
    joint = default_evaluation(family)
    trained, timed = joint.evaluators
    assert isinstance(trained, ShortTraining)
    assert trained.splits.input_shape == (9,)
    assert trained(candidate_of(family, {"width": 4}))["accuracy"] > 0
    assert timed(candidate_of(family, {"width": 4}))["latency"] > 0


def test_an_example_that_digits_do_not_fit_is_refused() -> None:
    def built(choose: Any) -> nn.Module:
        return nn.Linear(3, choose("width", [4, 6]))

    graph = (torch.zeros(5, 3), torch.zeros(2, 8, dtype=torch.int64))
    with pytest.raises(InvalidArgument, match=r"got shapes \[\(5, 3\), \(2, 8\)\].*by evaluate="):
        default_evaluation(family_of(built, input=graph))


def test_a_space_with_an_input_is_judged_on_digits_of_its_shape() -> None:
    class Drawn(Space):
        parameters = {"width": [4, 6]}  # noqa: RUF012 - never changed, short to read
        input = torch.zeros(1, 2, 4, 4)

        def build(self, choices: Any) -> nn.Module:
            width = choices["width"]
            return nn.Sequential(nn.Flatten(), nn.Linear(32, width), nn.Linear(width, 10))

    training, timed = default_evaluation(Drawn()).evaluators
    assert training.input_shape == timed.input_shape == (2, 4, 4)  # type: ignore[attr-defined]  # both have one
