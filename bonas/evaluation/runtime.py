"""How a network runs: device, random numbers, precision, and the first forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from bonas.errors import BonasError, InvalidArgument, InvalidData
from bonas.evaluation.candidate import Candidate
from bonas.spaces import Example


def resolved_device(device: str | torch.device | None) -> torch.device:
    """Return the device of that name; None is the first CUDA device, or the CPU without one.

    Raises:
        InvalidArgument: if it is not the CPU, nor an available CUDA or MPS device.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise _no_device(device) from error
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = {"cpu": 1, "cuda": cuda, "mps": int(torch.backends.mps.is_available())}
    if found.type == "cpu" or (found.index or 0) < available.get(found.type, 0):
        return found
    raise _no_device(device)


def _no_device(device: object) -> InvalidArgument:
    available = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    available += ["mps"] * torch.backends.mps.is_available()
    return InvalidArgument(
        f"expected a device out of {available}, got {device!r}; choose one of them"
    )


@contextmanager
def seeded(seed: np.random.SeedSequence, device: torch.device) -> Iterator[None]:
    """Run the block with torch's generators seeded by ``seed``; restore their states afterwards."""
    number = int(seed.generate_state(1, np.uint64)[0])
    with ExitStack() as stack:
        cuda = device.type == "cuda"
        stack.enter_context(torch.random.fork_rng(devices=[device] if cuda else []))
        torch.default_generator.manual_seed(number)
        if cuda:
            stack.enter_context(torch.cuda.device(device))
            torch.cuda.manual_seed(number)
        elif device.type == "mps":
            stack.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
            torch.mps.manual_seed(number)
        yield


def in_precision(precision: str | None, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of a precision; "bf16" computes matrix products in bfloat16."""
    if precision is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def first_pass(network: nn.Module, example: Example, candidate: Candidate) -> object:
    """Return the output of an untrained network for one batch; it is left in evaluation mode.

    Raises:
        InvalidData: if the network cannot take the batch.
    """
    network.eval()
    try:
        with torch.no_grad():
            return example.call(network)
    except (BonasError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:
        raise InvalidData(
            f"expected a network that takes a batch of {_shapes(example)}, but that of "
            f"trial {candidate.number} ({dict(candidate.choices)}) fails with "
            f"{type(error).__name__}: {error}; make the space's build fit the data's shape and type"
        ) from error


def _shapes(example: Example) -> str:
    shapes = {name: tuple(x.shape) for name, x in zip(example.names, example.tensors, strict=True)}
    if len(shapes) == 1 and not example.named:
        return f"shape {tuple(example.first.shape)}"
    return "shapes " + ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
