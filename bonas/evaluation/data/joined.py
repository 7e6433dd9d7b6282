"""Training and validation rows as one part, for the training of a network that is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
)

from bonas.errors import InvalidData
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.inputs import Inputs
from bonas.evaluation.data.rows import kind_of
from bonas.evaluation.data.splits import Part, Rows, Splits, TargetScale, in_memory
from bonas.evaluation.data.targets import IGNORE_INDEX
from bonas.spaces.example import mapped, tensors_in

_BATCH = 512  # rows at once of which the targets are read


def joined(splits: Splits) -> Splits:
    """Return splits whose training part has the validation rows, too.

    Class counts and the scale of targets are those of all these rows. ``validation`` is as it was:
    a score on it is one on rows that were trained on. Inputs are as they were.

    Raises:
        InvalidData: if the two parts are not of one kind, or a loader has a sampler of its own.
    """
    train = _joined_parts(splits.train, splits.validation)
    both = replace(splits, train=train, name=f"{splits.name}, training and validation rows")
    if not (splits.counts or splits.scale):
        return both
    targets = _targets(both)
    if splits.scale is not None:
        return replace(both, scale=TargetScale.of(targets))
    known = targets[targets != IGNORE_INDEX]
    return replace(both, counts=tuple(torch.bincount(known, minlength=splits.classes).tolist()))


def _joined_parts(first: Part, second: Part) -> Part:
    if isinstance(first, (TensorDataset, Rows)) and isinstance(second, (TensorDataset, Rows)):
        (x, y), (others, labels) = first.tensors, second.tensors
        return in_memory(_joined_inputs(x, others), torch.cat([y, labels]))
    if isinstance(first, Subset) and isinstance(second, Subset):
        if first.dataset is second.dataset:
            return Subset(first.dataset, [*first.indices, *second.indices])
        return _as_rows(ConcatDataset([first, second]))
    if isinstance(first, DataLoader) and isinstance(second, DataLoader):
        return _joined_loaders(first, second)
    loaded = isinstance(first, DataLoader) or isinstance(second, DataLoader)
    if not (loaded or isinstance(first, Dataset) or isinstance(second, Dataset)):
        return [*first, *second]  # batches
    raise InvalidData(
        f"expected training and validation rows of one kind, got {kind_of(first)} and "
        f'{kind_of(second)}; give both in one form, or retrain on the training rows: rows="train"'
    )


def _as_rows(dataset: Dataset[Any]) -> Subset[Any]:
    return Subset(dataset, range(len(dataset)))  # type: ignore[arg-type]  # it has a length


def _joined_inputs(first: Inputs, second: Inputs) -> Inputs:
    others = iter(tensor for _, tensor in tensors_in(second))
    inputs: Inputs = mapped(lambda tensor: torch.cat([tensor, next(others)]), first)
    return inputs


def _joined_loaders(first: DataLoader[Any], second: DataLoader[Any]) -> DataLoader[Any]:
    """Return a loader over the rows of both, shuffled and collated as the first does it."""
    known = (RandomSampler, SequentialSampler)
    streams = [isinstance(loader.dataset, IterableDataset) for loader in (first, second)]
    if any(streams) or first.batch_size is None or type(first.sampler) not in known:
        raise InvalidData(
            "expected DataLoaders over data sets with an index and torch's own order, so that "
            "their rows can be joined, got a stream, a sampler or a batch_sampler of your own; "
            'retrain on the training rows alone: rows="train"'
        )
    return DataLoader(
        ConcatDataset([first.dataset, second.dataset]),
        batch_size=first.batch_size,
        shuffle=isinstance(first.sampler, RandomSampler),
        num_workers=first.num_workers,
        collate_fn=first.collate_fn,
        pin_memory=first.pin_memory,
        drop_last=first.drop_last,
        worker_init_fn=first.worker_init_fn,
        generator=first.generator,
    )


def _targets(splits: Splits) -> Tensor:
    """Return the targets of all training rows, read once without any change of generators."""
    part = splits.train
    if isinstance(part, (TensorDataset, Rows)):
        return part.tensors[1]
    generator = part.generator if isinstance(part, DataLoader) else None
    state = None if generator is None else generator.get_state()
    with torch.random.fork_rng(devices=[]):
        batches = Batches(part, _BATCH, torch.device("cpu"))
        targets = [y for _, y in pairs(batches, splits)]
    if generator is not None and state is not None:
        generator.set_state(state)
    return torch.cat([y.flatten() if splits.scale is None else y for y in targets])
