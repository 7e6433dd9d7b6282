"""Calibration rows: inputs that set the ranges of a quantised network.

In order: the rows that are given; those of the search's training data; those that stand for the
space's data where none are known (photographs, text or digits, as for zero-cost scores); random
numbers in the shape of the example. The last two are good for a latency or a size, which depend
little on the ranges, and not for what a network predicts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from bonas.errors import BonasError, InvalidArgument
from bonas.evaluation.data.splits import Splits
from bonas.spaces import Example, Space

ROWS = 32
"""Rows that are taken of data, or made; a batch of ``ShortTraining`` is as large."""
_logger = logging.getLogger(__name__)


def calibration_rows(space: Space, example: Example, given: object = None) -> Sequence[Example]:
    """Return the batches to calibrate the networks of a space with.

    Args:
        space: Its kind of data is taken where nothing is given.
        example: The batch that the networks take.
        given: Rows as the networks take them (as ``bonas.space`` takes an example, or a list of
            such batches), data as ``bonas.evaluation.load`` returns them, a function that loads
            such (whose rows are taken where they fit the example), or None.

    Raises:
        InvalidArgument: if it is of another kind, or has other shapes than the example.
    """
    if given is None:
        return [_stand_in(space, example)]
    if isinstance(given, Splits):
        return [_of_data(given, space)]
    if callable(given):
        return [_of_search(given, space, example) or _stand_in(space, example)]
    batches = given if isinstance(given, list) else [given]
    rows = [Example.of(batch) for batch in batches]
    for batch in rows:
        _check_fits(batch, example)
    return rows


def check_calibration(given: object) -> None:
    """Refuse calibration rows of a wrong kind before anything is trained.

    Raises:
        InvalidArgument: if they are no rows.
    """
    if given is None or isinstance(given, Splits) or callable(given):
        return
    batches: list[Any] = given if isinstance(given, list) else [given]
    if not batches:
        raise InvalidArgument("expected calibration rows, got none; give a hundred, or None")
    for batch in batches:
        Example.of(batch)


def _of_data(data: Splits, space: Space) -> Example:
    from bonas.evaluation.zero_cost.inputs import batch_of

    return batch_of(data, space, ROWS, seed=0).example


def _of_search(data: Callable[[], object], space: Space, example: Example) -> Example | None:
    """Return rows of the data that a search trains on; None where they are not of this kind."""
    try:
        splits = data()
        found = _of_data(splits, space) if isinstance(splits, Splits) else None
    except BonasError as error:  # fewer rows, or data that are read by the user's own functions
        _logger.debug("the data of the search give no calibration rows: %s", error)
        return None
    return found if found is not None and _fits(found, example) else None


def _stand_in(space: Space, example: Example) -> Example:
    _warn()
    found = None if _has_indices(space.example) else _default(space)
    if found is not None and _fits(found, example):
        return found
    return example if example.rows is None else example.resized(ROWS).mapped(_noise)


def _has_indices(example: Example | None) -> bool:
    """Return whether an example has integers, of which other values may not be valid."""
    return example is not None and not all(x.is_floating_point() for x in example.tensors)


def _default(space: Space) -> Example | None:
    """Return rows as for zero-cost scores; None for a space whose kind of data is not known."""
    from bonas.evaluation.zero_cost.inputs import default_batch

    try:
        with torch.random.fork_rng(devices=[]):
            return default_batch(space, ROWS, 0).example
    except Exception as error:  # whatever a space's own declarations raise
        _logger.debug("no rows stand for the data of the space: %s", error)
        return None


def _noise(tensor: torch.Tensor) -> torch.Tensor:
    """Return random numbers in [0, 1) in place of floats; integers may be indices."""
    return torch.rand_like(tensor) if tensor.is_floating_point() else tensor


def _fits(batch: Example, example: Example) -> bool:
    return [(x.shape[1:], x.dtype) for x in batch.tensors] == [
        (x.shape[1:], x.dtype) for x in example.tensors
    ]


def _check_fits(batch: Example, example: Example) -> None:
    if not _fits(batch, example):
        raise InvalidArgument(
            f"expected calibration rows like the example {example.describe()} in all but the "
            f"number of rows, got {batch.describe()}; give rows as the networks take them, with "
            "the same types"
        )


@cache
def _warn() -> None:
    _logger.warning(
        "INT8 ranges come from rows that stand for the data, which is enough for a latency or a "
        "size, not for predictions; give calibration= a hundred training rows or the data"
    )
