"""The batch of a space: the same for all of its networks."""

from __future__ import annotations

import numpy as np
import torch

from bonas.errors import InvalidData
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.data.load import load
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.declared import input_shape_of, vocabulary_of
from bonas.evaluation.default import default_data
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.zero_cost.batch import Batch
from bonas.evaluation.zero_cost.photographs import crops
from bonas.spaces import Space


def default_batch(space: Space, rows: int, seed: int) -> Batch:
    """Return ``rows`` inputs of the kind that a space takes.

    Images are crops of photographs; other inputs are those of the default evaluation: text for
    language models, else the bundled digits or tables, with the types of the space's example. Token
    ids are taken modulo the vocabulary. An example without a common batch, as of a graph, is taken
    as it is: one input. Draws from torch's generator.
    """
    example, shape = space.example, input_shape_of(space)
    if example is not None and example.rows is None:
        return Batch(example.mapped(torch.clone).filled(), seed=seed)
    if example is not None and len(example.tensors) == 1:
        shape = tuple(example.first.shape[1:])
    several = example is not None and len(example.tensors) > 1
    floating = example is None or example.first.is_floating_point()
    if shape is not None and len(shape) == 3 and floating and not several:
        images = crops(rows, (shape[0], shape[1], shape[2]), np.random.default_rng(seed))
        return Batch(Feed(example)(images), seed=seed)
    found = batch_of(load(default_data(space)), space, rows, seed)
    vocabulary, inputs = vocabulary_of(space), found.example
    if vocabulary is not None:
        inputs = inputs.mapped(lambda ids: ids if ids.is_floating_point() else ids % vocabulary)
    return Batch(inputs, seed=seed)


def batch_of(splits: Splits, space: Space, rows: int, seed: int) -> Batch:
    """Return ``rows`` random training rows, as a space's networks take them, and their targets.

    Raises:
        InvalidData: if there are fewer rows, or batches of fewer.
    """
    shuffler = torch.Generator().manual_seed(seed)
    batches = Batches(splits.train, rows, torch.device("cpu"), shuffler)
    for inputs, targets in pairs(batches, splits):
        if len(targets) < rows:
            break
        example = Feed(space.example)(rows_of(inputs, slice(0, rows)))
        return Batch(example, targets[:rows], splits, seed)
    raise InvalidData(
        f"expected data with at least {rows} rows in the first batch to score networks on, got "
        f"{splits.name} with fewer; take a smaller batch_size for the scores"
    )
