"""Latency: how long a network takes for one batch, measured where it is to run.

The median of many short timings is told, and their inter-quartile range. On a busy machine the
system takes the core away for milliseconds at a time; a timing during which that happened says
little of the network. The thread's own clock, which stands still meanwhile, gives it away: such
timings are left out, and where too few remain, the least interrupted ones are taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from bonas.arguments import check_count, check_range
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.runtime import (
    first_pass,
    resolved_device,
    seeded,
)
from bonas.settings import own_settings
from bonas.spaces import Example
from bonas.threads import limited_threads

_BLOCK_MS = 0.5  # a thousand times the cost of reading the clocks
_CLOCK_MS = 0.001  # a run that takes less cannot be told from none
_ON_CORE = 0.95  # share of a timing that the thread must have had the core
_ENOUGH = 5  # timings that are taken at least


@dataclass(frozen=True)
class Latency:
    """Measures how many milliseconds an untrained network takes for one batch.

    Called with a candidate it returns ``latency`` (ms, the median) and ``latency_iqr`` (ms, the
    inter-quartile range of the timings). Torch's number of threads is set for the whole process
    meanwhile and put back afterwards.

    The network runs as ``build`` made it, in its own precision. Where the space has an example, as
    those of ``bonas.space`` do, it is given that: all the arguments, with their types and values,
    repeated or cut to ``batch_size`` rows (floats that are all 0 become numbers from [0, 1)). An
    example whose tensors have no common first dimension is used as it is, for a batch of 1.

    Args:
        input_shape: The shape of one input, without the batch; None takes the space's.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        batch_size: Inputs in the batch.
        threads: CPU threads; None leaves torch's setting.
        warmup: Runs before the timings.
        repeats: Timings, at least; each is of one run, or of several where one is below 0.5 ms.
        seconds: How long the timings go on, at least.

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

    def describe(self) -> dict[str, Any]:
        """What decides the latency, as JSON values under the objective's name.

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
        """``latency`` and ``latency_iqr`` in milliseconds."""
        device = resolved_device(self.device)
        with limited_threads(self.threads), seeded(np.random.SeedSequence(0), device):
            network = candidate.build().to(device)
            example = self._example_for(candidate).to(device)
            first_pass(network, example, candidate)
            with torch.inference_mode():
                low, median, high = np.percentile(
                    self._timings(lambda: example.call(network), device), (25, 50, 75)
                )
        return {LATENCY.name: float(median), "latency_iqr": float(high - low)}

    def _timings(self, run: Callable[[], object], device: torch.device) -> list[float]:
        """Milliseconds a run, of the timings that were not interrupted."""
        timed = _TIMED[device.type]
        once = min(timed(run, 1)[0] for _ in range(self.warmup))
        runs = math.ceil(_BLOCK_MS / max(once, _CLOCK_MS))
        end = time.perf_counter() + self.seconds
        timings: list[tuple[float, float]] = []
        while len(timings) < self.repeats or time.perf_counter() < end:
            timings.append(timed(run, runs))
        timings.sort(key=lambda timing: -timing[1])
        calm = sum(share >= _ON_CORE for _, share in timings)
        return [ms for ms, _ in timings[: max(calm, _ENOUGH)]]

    def _example_for(self, candidate: Candidate) -> Example:
        """A batch that nothing else reads: a network may change its input in place."""
        example = candidate.space.example
        if example is None:
            shape = (self.batch_size, *self._shape_for(candidate))
            return Example((_inputs(shape, getattr(candidate.space, "vocabulary", None)),))
        if self.input_shape is not None:
            example = example.reshaped(self.input_shape)
        return example.resized(self.batch_size).mapped(torch.clone).filled()

    def _shape_for(self, candidate: Candidate) -> tuple[int, ...]:
        if self.input_shape is not None:
            return tuple(self.input_shape)
        shape = getattr(candidate.space, "input_shape", None)
        if shape is None:
            raise InvalidArgument(
                "expected an input shape, got none from Latency and none from the space "
                f"{type(candidate.space).__name__}; give Latency(input_shape=...) the shape of "
                "one input, as in (3, 32, 32), or the space a property of that name, or an "
                "input, which is a batch as bonas.space takes it"
            )
        return _checked_shape(shape)


def _inputs(shape: Sequence[int], vocabulary: int | None) -> torch.Tensor:
    """Random numbers, or random token ids for a space of ``vocabulary`` tokens."""
    if vocabulary is None:
        return torch.randn(*shape, dtype=torch.float32)
    return torch.randint(vocabulary, tuple(shape))


def _timed_on_cpu(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Milliseconds a run, over ``runs`` of them, and the share of it that the core was ours.

    With several threads the calling one may wait for the others, so the share is taken to be 1.
    """
    wall, core = time.perf_counter(), time.thread_time()
    for _ in range(runs):
        run()
    core, wall = time.thread_time() - core, time.perf_counter() - wall
    share = core / wall if wall > 0 and torch.get_num_threads() == 1 else 1.0
    return 1000.0 * wall / runs, share


def _timed_on_cuda(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """The same by the device's own clock; each run waits for the one before."""
    total = 0.0
    for _ in range(runs):
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # untyped
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # in torch
        start.record()
        run()
        end.record()
        end.synchronize()
        total += start.elapsed_time(end)
    return total / runs, 1.0


def _timed_on_mps(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """The same by the wall clock; each run waits for the one before."""
    start = time.perf_counter()
    for _ in range(runs):
        run()
        torch.mps.synchronize()
    return 1000.0 * (time.perf_counter() - start) / runs, 1.0


_TIMED = {"cpu": _timed_on_cpu, "cuda": _timed_on_cuda, "mps": _timed_on_mps}


def _checked_shape(shape: object) -> tuple[int, ...]:
    if (
        not isinstance(shape, (tuple, list))  # torch.Size is a tuple
        or not shape
        or any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in shape)
    ):
        raise InvalidArgument(
            "expected an input shape of whole numbers of at least 1, as in (3, 32, 32), "
            f"got {shape!r}; leave out the batch"
        )
    return tuple(shape)
