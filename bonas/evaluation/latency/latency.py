"""Latency: how long a network takes for one batch, measured where it is to run.

The value is the median of many short timings, its spread their inter-quartile range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from bonas.arguments import check_count, check_range, is_count
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import SupportsInputShape, vocabulary_of
from bonas.evaluation.latency.timing import timings
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.runtime import first_pass, resolved_device, seeded
from bonas.settings import own_settings
from bonas.spaces import Example
from bonas.threads import limited_threads


@dataclass(frozen=True)
class Latency:
    """An evaluator: the milliseconds that an untrained network takes for one batch.

    Called with a candidate it returns ``latency`` (ms, the median) and ``latency_iqr`` (ms, the
    inter-quartile range of the timings). It sets torch's number of threads for the whole process
    and restores it afterwards.

    The network runs as ``build`` returned it, in its own precision. If the space has an example, as
    those of ``bonas.space`` do, that is the input: all the arguments, with their types and values,
    repeated or cut to ``batch_size`` rows (floats that are all 0 become random numbers in [0, 1)).
    An example whose tensors have no common first dimension is used as it is, for a batch of 1.

    Args:
        input_shape: Shape of one input, without the batch; None takes that of the space.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        batch_size: Number of inputs in the batch.
        threads: Number of CPU threads; None keeps torch's setting.
        warmup: Number of runs before the timings.
        repeats: Minimum number of timings; each covers one run, or several if one takes less than
            0.5 ms.
        seconds: Minimum duration of all timings.

    Raises:
        InvalidArgument: if a setting is out of its range, or no shape is known.
        InvalidData: if a network cannot take such a batch.
    """

    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    device: str = "cpu"
    batch_size: int = 1
    threads: int | None = 1
    warmup: int = 10
    repeats: int = 30
    seconds: float = 0.2

    objectives: ClassVar[tuple[Objective, ...]] = (LATENCY,)

    def __post_init__(self) -> None:
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", _checked_shape(self.input_shape))
        for name in ("batch_size", "warmup", "repeats"):
            check_count(name, getattr(self, name))
        if self.threads is not None:
            check_count("threads", self.threads)
        check_range("seconds", self.seconds, 0.0, math.inf)
        resolved_device(self.device)

    @property
    def cost(self) -> float:
        """Seconds per candidate, roughly: ``Stages`` measures latency before it trains."""
        return self.seconds

    def describe(self) -> dict[str, Any]:
        """Return what decides the latency, as JSON values under the objective's name.

        How long it is measured is left out: that changes the precision, not the value.
        """
        settings = {
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "device": str(self.device),
            "batch_size": self.batch_size,
            "threads": self.threads,
        }
        return {LATENCY.name: settings}

    @own_settings()
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``latency`` and ``latency_iqr`` in milliseconds."""
        device = resolved_device(self.device)
        with limited_threads(self.threads), seeded(np.random.SeedSequence(0), device):
            network = candidate.build().to(device)
            example = self._example_for(candidate).to(device)
            first_pass(network, example, candidate)
            with torch.inference_mode():
                found = timings(
                    lambda: example.call(network),
                    device,
                    warmup=self.warmup,
                    repeats=self.repeats,
                    seconds=self.seconds,
                )
        low, median, high = np.percentile(found, (25, 50, 75))
        return {LATENCY.name: float(median), "latency_iqr": float(high - low)}

    def _example_for(self, candidate: Candidate) -> Example:
        """Return a batch of its own for ``candidate``: a network may change its input in place."""
        example = candidate.space.example
        if example is None:
            shape = (self.batch_size, *self._shape_for(candidate))
            return Example((_inputs(shape, vocabulary_of(candidate.space)),))
        if self.input_shape is not None:
            example = example.reshaped(self.input_shape)
        return example.resized(self.batch_size).mapped(torch.clone).filled()

    def _shape_for(self, candidate: Candidate) -> tuple[int, ...]:
        if self.input_shape is not None:
            return tuple(self.input_shape)
        space = candidate.space
        shape = space.input_shape if isinstance(space, SupportsInputShape) else None
        if shape is None:
            raise InvalidArgument(
                "expected an input shape, got none from Latency and none from the space "
                f"{type(space).__name__}; give Latency(input_shape=...) the shape of "
                "one input, as in (3, 32, 32), or the space a property of that name, or an "
                "input, which is a batch as bonas.space takes it"
            )
        return _checked_shape(shape)


def _inputs(shape: Sequence[int], vocabulary: int | None) -> torch.Tensor:
    """Return random numbers, or random token ids for a space of ``vocabulary`` tokens."""
    if vocabulary is None:
        return torch.randn(*shape, dtype=torch.float32)
    return torch.randint(vocabulary, tuple(shape))


def _checked_shape(shape: object) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()  # torch.Size is a tuple
    if sizes and all(is_count(size, least=1) for size in sizes):
        return sizes
    raise InvalidArgument(
        "expected an input shape of whole numbers of at least 1, as in (3, 32, 32), "
        f"got {shape!r}; leave out the batch"
    )
