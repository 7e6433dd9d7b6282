"""Peak memory of a network: an objective or a constraint, measured where it is to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import CHEAP, input_shape_of, vocabulary_of
from bonas.evaluation.memory.estimate import train_steps
from bonas.evaluation.memory.peak import check_measurable, measure_peak
from bonas.evaluation.objective import Objective
from bonas.evaluation.runtime import first_pass, resolved_device, seeded
from bonas.evaluation.training.recipe import Recipe, default_rates
from bonas.settings import own_settings
from bonas.spaces import Example
from bonas.threads import limited_threads

PEAK_MEMORY = Objective("peak_memory", "minimize", "MB")
TRAINING_MEMORY = Objective("training_memory", "minimize", "MB")
_OBJECTIVES = {"inference": PEAK_MEMORY, "training": TRAINING_MEMORY}
_MB = 1e6


@dataclass(frozen=True)
class PeakMemory:
    """An evaluator: the megabytes (1e6 bytes) that a network takes at its peak, weights included.

    Called with a candidate it returns ``peak_memory``, of an inference, or ``training_memory``, of
    two steps of a training with a cross entropy. It is how far the memory of the process (on CUDA,
    of torch's allocator) rises above what is in use before the network is built; a first run, not
    counted, loads code. What other threads of the process allocate meanwhile is counted, too.

    Args:
        input_shape: Shape of one input, without the batch; None takes that of the space, or its
            example.
        of: ``"inference"`` or ``"training"``.
        batch_size: Number of inputs in the batch.
        device: ``"cpu"`` (on Linux) or ``"cuda"``.
        threads: Number of CPU threads; None keeps torch's setting.
        optimizer: ``"adamw"`` or ``"sgd"``, of a training.
        repeats: Number of runs, of which the median counts.

    Raises:
        InvalidArgument: if a setting is out of its range, the device's memory cannot be measured,
            or no shape is known.
        InvalidData: if a network cannot take such a batch.
    """

    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    of: Literal["inference", "training"] = "inference"
    batch_size: int = 1
    device: str = "cpu"
    threads: int | None = 1
    optimizer: Literal["adamw", "sgd"] = "adamw"
    repeats: int = 3

    cost = CHEAP

    def __post_init__(self) -> None:
        if self.of not in _OBJECTIVES:
            raise unknown("kind of run", self.of, _OBJECTIVES)
        check_count("batch_size", self.batch_size, least=2 if self.of == "training" else 1)
        check_count("repeats", self.repeats)
        if self.threads is not None:
            check_count("threads", self.threads)
        default_rates(self.optimizer, None, None)
        check_measurable(resolved_device(self.device))

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The memory, to be minimised."""
        return (_OBJECTIVES[self.of],)

    def describe(self) -> dict[str, Any]:
        """Return what decides the memory, as JSON values under the objective's name."""
        settings: dict[str, Any] = {
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "batch_size": self.batch_size,
            "device": str(self.device),
            "threads": self.threads,
        }
        if self.of == "training":
            settings["optimizer"] = self.optimizer
        return {self.objectives[0].name: settings}

    @own_settings()
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return the memory in MB."""
        device = resolved_device(self.device)
        with limited_threads(self.threads), seeded(np.random.SeedSequence(0), device):
            first_pass(candidate.build().to(device), self._batch(candidate, device), candidate)
            self._run(candidate.build().to(device), self._batch(candidate, device))
            found = [self._measured(candidate, device) for _ in range(self.repeats)]
        return {self.objectives[0].name: float(np.median(found)) / _MB}

    def _measured(self, candidate: Candidate, device: torch.device) -> int:
        """Return the bytes of one run."""
        with measure_peak(device) as peak:
            self._run(candidate.build().to(device), self._batch(candidate, device))
        assert peak.bytes is not None  # the block has ended
        return peak.bytes

    def _run(self, network: nn.Module, batch: Example) -> None:
        if self.of == "training":
            rates = default_rates(self.optimizer, None, None)
            train_steps(network, batch, Recipe(1, self.optimizer, *rates, "cosine"))
            return
        with torch.inference_mode():
            batch.call(network.eval())

    def _batch(self, candidate: Candidate, device: torch.device) -> Example:
        example, rows = candidate.space.example, self.batch_size
        if example is None:
            return _drawn(rows, self._shape(candidate), vocabulary_of(candidate.space)).to(device)
        if self.input_shape is not None:
            example = example.reshaped(self.input_shape)
        return example.resized(rows).mapped(torch.clone).filled().to(device)

    def _shape(self, candidate: Candidate) -> tuple[int, ...]:
        shape = self.input_shape or input_shape_of(candidate.space)
        if shape is None:
            raise InvalidArgument(
                "expected an input shape, got none from PeakMemory and none from the space "
                f"{type(candidate.space).__name__}; give PeakMemory(input_shape=...) the shape of "
                "one input, as in (3, 32, 32), or the space a property of that name"
            )
        return tuple(shape)


def _drawn(rows: int, shape: Sequence[int], vocabulary: int | None) -> Example:
    """Return random numbers, or random token ids."""
    if vocabulary is None:
        return Example((torch.randn(rows, *shape),))
    return Example((torch.randint(vocabulary, (rows, *shape)),))
