"""Inputs and a few rows of made-up data; nothing can be learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bonas.evaluation import ShortTraining

ROWS = 48
CLASSES = 10
VOCABULARY = 64


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def numbers(*shape: int) -> Tensor:
    """Return standard normal numbers, always the same."""
    return torch.randn(*shape, generator=_generator())


def tokens(*shape: int, below: int = VOCABULARY) -> Tensor:
    """Return whole numbers below a bound, always the same; no 0, which pads."""
    return torch.randint(1, below, shape, generator=_generator())


def labels(classes: int = CLASSES) -> Tensor:
    """Return a label per row; each class occurs."""
    return torch.arange(ROWS) % classes


def brief(inputs: Any, targets: Tensor, **settings: Any) -> ShortTraining:
    """Return a training of one epoch of small batches."""
    return ShortTraining((inputs, targets), epochs=1, batch_size=8, **settings)


def classifying(*shape: int, classes: int = CLASSES) -> ShortTraining:
    """Return a training on rows of numbers with labels."""
    return brief(numbers(ROWS, *shape), labels(classes))


def classifying_tokens(length: int, classes: int = CLASSES) -> ShortTraining:
    """Return a training on rows of tokens with labels."""
    return brief(tokens(ROWS, length), labels(classes))


def next_tokens(length: int) -> ShortTraining:
    """Return a training that predicts the next token."""
    text = tokens(ROWS, length + 1)
    return brief(text[:, :-1], text[:, 1:], task="next_token")


def regressing(shape: tuple[int, ...], columns: int) -> ShortTraining:
    """Return a training on rows of numbers with numbers as targets."""
    inputs = numbers(ROWS, *shape)
    return brief(inputs, inputs.flatten(1)[:, :columns].sin(), task="regression")


def places(*shape: int, classes: int) -> ShortTraining:
    """Return a training on images or volumes with a label per place."""
    inputs = numbers(12, *shape)
    return brief(inputs, inputs[:, 0].abs().long().clamp(max=classes - 1))


def copying(*inputs: Tensor) -> ShortTraining:
    """Return a training whose targets are the first of the inputs."""
    return brief(inputs if len(inputs) > 1 else inputs[0], inputs[0], task="regression")


def stepping(batch: Any, loss: Callable[[nn.Module, Any], Tensor]) -> ShortTraining:
    """Return a training on batches of any kind, by a loss of its own."""

    def score(network: nn.Module, batches: Iterable[Any]) -> dict[str, float]:
        losses = [float(loss(network, each)) for each in batches]
        return {"loss": sum(losses) / len(losses)}

    return ShortTraining(
        ([batch] * 2, [batch]), epochs=1, step=loss, score=score, direction={"loss": "minimize"}
    )
