"""The start of a short training from inherited weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.declared import input_shape_of, vocabulary_of
from bonas.evaluation.inheritance.start import start_from_parent
from bonas.evaluation.objective import Objective
from bonas.evaluation.training.feed import Feed
from bonas.spaces.example import Example

_ROWS = 64  # on which inherited weights are matched


def check_inherit(inherit: object, keep_weights: object) -> None:
    """Refuse to inherit without a folder of weights.

    Raises:
        InvalidArgument: also if ``inherit`` is neither True nor False.
    """
    if not isinstance(inherit, bool):
        raise InvalidArgument(f"expected inherit to be True or False, got {inherit!r}")
    if inherit and keep_weights is None:
        raise InvalidArgument(
            "expected a keep_weights folder to inherit from, got inherit=True without one; "
            "give a folder that all workers share"
        )


def start_inherited(
    candidate: Candidate,
    network: nn.Module,
    splits: Splits,
    feed: Feed,
    training: Mapping[str, Any],
    objective: Objective,
    seed: np.random.SeedSequence,
) -> None:
    """Give a network the weights of the nearest trained one, as ``start_from_parent`` does.

    Args:
        candidate: Of a trial that runs.
        network: Its network, on the device of the training.
        splits: The data, of whose training rows a few are an example.
        feed: Passes inputs to the network.
        training: The description of the training.
        objective: Decides between equally near parents.
        seed: Of the copies of widened layers.
    """
    device = next(network.parameters()).device
    example = _example(candidate, splits, feed, device)
    start_from_parent(candidate, network, example, training, objective, seed)


def _example(
    candidate: Candidate, splits: Splits, feed: Feed, device: torch.device
) -> Example | None:
    """Return inputs for one call of a network; None if nothing is known of them.

    Data that only the user's functions read are no inputs; then the space's example is one, or
    random numbers of its ``input_shape``.
    """
    if splits.task is not None:
        inputs, _ = next(iter(pairs(Batches(splits.train, _ROWS, device), splits)))
        return feed(rows_of(inputs, slice(0, _ROWS)))
    example, shape = candidate.space.example, input_shape_of(candidate.space)
    if example is None and shape is not None and vocabulary_of(candidate.space) is None:
        generator = torch.Generator().manual_seed(0)
        example = Example.of(torch.randn(_ROWS, *shape, generator=generator))
    return None if example is None else example.to(device)
