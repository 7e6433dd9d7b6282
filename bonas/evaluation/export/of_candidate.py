"""Export of a candidate: what its trial and its data know goes into the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.export.builder import Builder
from bonas.evaluation.export.export import Export, export_network
from bonas.evaluation.export.facts import Facts, Value
from bonas.evaluation.export.staging import checked_target
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.short_training import ShortTraining
from bonas.spaces import Example

_BATCH, _BATCHES = 16, 8  # calibration rows
_SHOWN = ("epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "schedule", "seed")


def export_candidate(
    candidate: Candidate,
    folder: str | os.PathLike[str],
    *,
    network: nn.Module | None = None,
    data: ShortTraining | Splits | None = None,
    example: Any = None,
    calibration: Any = None,
    builder: str | None = None,
    onnx: bool | None = None,
    int8: bool | None = None,
    overwrite: bool = False,
) -> Export:
    """Export a candidate, see ``Candidate.export``."""
    checked_target(folder, overwrite=overwrite)  # before weights are loaded
    trained = candidate.trained() if network is None else checked_network(network)
    splits = _splits(data)
    calibrating = _calibration(candidate, trained, splits, calibration)
    facts = facts_of(candidate, data)
    found = Builder.of(candidate.space) if builder is None else Builder.named(builder)
    return export_network(
        folder,
        trained,
        _example(candidate, example, calibrating),
        facts=facts if splits is None else facts.on(splits),
        calibration=calibrating,
        builder=found,
        onnx=onnx,
        int8=int8,
        overwrite=overwrite,
    )


def facts_of(candidate: Candidate, data: ShortTraining | Splits | None = None) -> Facts:
    """Return what the trial of a candidate knows of it."""
    trial = candidate.trial
    details = {"search space": type(candidate.space).__name__}
    if trial.number >= 0:
        details["trial"] = str(trial.number)
    if isinstance(data, ShortTraining):
        settings = next(iter(data.describe().values()))
        shown = (f"{n} {settings[n]}" for n in _SHOWN if settings.get(n) is not None)
        details["training in the search"] = ", ".join(shown)
        details["device of the training"] = data.device or ("cuda" if _has_cuda() else "cpu")
    values = tuple(
        Value(name, float(value), candidate.unit_of(name), _spread(trial.user_attrs, name))
        for name, value in candidate.values.items()
    )
    numbers = {name: trial.params[name] for name in candidate.space.numeric if name in trial.params}
    return Facts(
        title=f"{details['search space']}, trial {trial.number}"
        if trial.number >= 0
        else details["search space"],
        choices={**candidate.choices, **numbers},
        values=values,
        details=details,
    )


def checked_network(network: object) -> nn.Module:
    """Return a network.

    Raises:
        InvalidArgument: if it is none.
    """
    if not isinstance(network, nn.Module):
        raise InvalidArgument(
            f"expected network to be a trained torch.nn.Module, got {type(network).__name__}"
        )
    return network


def calibration_of(splits: Splits, feed: Feed) -> list[Example]:
    """Return batches of training rows, at most 128 of them."""

    def rows() -> Iterator[Example]:
        for inputs, _ in pairs(Batches(splits.train, _BATCH, torch.device("cpu")), splits):
            yield feed(inputs)

    batches = list(islice(rows(), _BATCHES))
    whole = [batch for batch in batches if batch.rows == batches[0].rows]
    return whole or batches


def _splits(data: object) -> Splits | None:
    if isinstance(data, ShortTraining):
        return data.splits
    if data is None or isinstance(data, Splits):
        return data
    raise InvalidArgument(
        f"expected data to be the training of the search, or its splits, got {data!r}; as in "
        "data=training with training = ShortTraining(...)"
    )


def _calibration(
    candidate: Candidate, network: nn.Module, splits: Splits | None, given: Any
) -> Sequence[Example]:
    if given is not None:
        return [Example.of(batch) for batch in (given if isinstance(given, list) else [given])]
    if splits is None or splits.task is None:
        return ()
    return calibration_of(splits, Feed.of(candidate.space, network))


def _example(candidate: Candidate, given: Any, calibration: Sequence[Example]) -> Example:
    """Return the example of a call.

    Raises:
        InvalidArgument: if none is known.
    """
    if given is not None:
        return Example.of(given)
    if calibration:
        return calibration[0]
    if candidate.space.example is not None:
        return candidate.space.example
    raise InvalidArgument(
        "expected an example of the network's inputs, got none; give example=torch.zeros(1, 3, 32, "
        "32) or the like, or data=training with the ShortTraining of the search"
    )


def _spread(attributes: dict[str, Any], name: str) -> float | None:
    found: object = attributes.get(f"{name}_sd")
    return float(found) if isinstance(found, (int, float)) else None


def _has_cuda() -> bool:
    return torch.cuda.is_available()
