"""Where and how a network runs: its device, its random numbers, its first pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from bonas.errors import BonasError, InvalidArgument, InvalidData
from bonas.evaluation.candidate import Candidate


def resolved_device(device: str | torch.device | None) -> torch.device:
    """The device of that name; None is the first CUDA device, or the CPU where there is none.

    Raises:
        InvalidArgument: if it is neither the CPU nor a CUDA device that is there.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise _no_device(device) from error
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found.type == "cpu" or (found.type == "cuda" and (found.index or 0) < there):
        return found
    raise _no_device(device)


def _no_device(device: object) -> InvalidArgument:
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return InvalidArgument(f"expected a device out of {there}, got {device!r}; choose one of them")


@contextmanager
def seeded(seed: np.random.SeedSequence, device: torch.device) -> Iterator[None]:
    """Torch draws from ``seed`` inside; outside, its global generators are as they were."""
    number = int(seed.generate_state(1, np.uint64)[0])
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(number)
            yield
    else:
        with torch.random.fork_rng(devices=[device]), torch.cuda.device(device):
            torch.default_generator.manual_seed(number)
            torch.cuda.manual_seed(number)
            yield


def first_pass(network: nn.Module, inputs: Tensor, candidate: Candidate) -> object:
    """What an untrained network makes of its first batch; it is left in evaluation mode.

    Raises:
        InvalidData: if the network cannot take the batch.
    """
    network.eval()
    try:
        with torch.no_grad():
            return network(inputs)
    except (BonasError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:
        raise InvalidData(
            f"expected a network that takes a batch of shape {tuple(inputs.shape)}, but that of "
            f"trial {candidate.number} ({dict(candidate.choices)}) fails with "
            f"{type(error).__name__}: {error}; make the space's build fit the data's shape"
        ) from error


def checked_whole(name: str, value: object, least: int) -> None:
    """Refuses what is not a whole number of at least ``least``.

    Raises:
        InvalidArgument: naming the argument and what came.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgument(f"{name} must be a whole number of at least {least}, got {value!r}")


def checked_range(name: str, value: object, low: float, below: float) -> None:
    """Refuses what is not a number in ``[low, below)``.

    Raises:
        InvalidArgument: naming the argument and what came.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value < below:
        raise InvalidArgument(f"{name} must be a number in [{low:g}, {below:g}), got {value!r}")
