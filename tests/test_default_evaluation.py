"""What a space is judged by where the user says nothing."""

from __future__ import annotations

import pytest
import torch

from bonas.evaluation import Latency, ShortTraining, default_evaluation
from bonas.evaluation.default import digit_tokens, digits_of
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
