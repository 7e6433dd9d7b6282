"""Latency: how long a network takes for one batch, measured where it is to run.

The value is a low quantile of many short timings, in turns with a reference network (``rounds``);
``statistic="median"`` is the median of the timings alone, as bonas measured before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import torch
from optuna import Trial
from torch import nn

from bonas.arguments import check_count, check_range
from bonas.errors import unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.latency.inputs import checked_shape, example_of
from bonas.evaluation.latency.rounds import reference_of, timed_in_rounds
from bonas.evaluation.latency.timing import Timed, timed_elsewhere, timed_on, timings
from bonas.evaluation.objective import LATENCY, Objective
from bonas.evaluation.runtime import first_pass, resolved_device, seeded
from bonas.evaluation.runtimes.calibration import calibration_rows, check_calibration
from bonas.evaluation.runtimes.compiled import Compiled
from bonas.evaluation.runtimes.deliverable import deliverable, largest_difference
from bonas.evaluation.runtimes.eager import Eager
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.evaluation.runtimes.fingerprint import fingerprint
from bonas.evaluation.runtimes.onnx import Onnx
from bonas.evaluation.runtimes.onnx_export import TOLERANCE
from bonas.evaluation.runtimes.runtime import Runtime, Session, runtime_of
from bonas.settings import own_settings
from bonas.spaces import Example
from bonas.threads import limited_threads

DEVICE: Final = "bonas:device"
"""A trial's user attribute: under each latency's name, on what it was measured."""
_STATISTICS = ("low_quantile", "median")


@dataclass(frozen=True)
class Latency:
    """An evaluator: the milliseconds that an untrained network takes for one batch.

    Called with a candidate it returns, by names that begin with its own:

    - ``latency`` (ms), and ``latency_iqr`` (ms, the inter-quartile range of the timings);
    - ``latency_reference`` (ms), the time of a small fixed network in the same rounds, and
      ``latency_drift``, by which share that is above the least seen on this machine: ``latency`` is
      divided by 1 plus it, and measured again where it is above 0.1;
    - except for ``"eager"``: ``latency_difference``, the largest difference of the outputs to
      PyTorch's as a share of their range, and ``latency_bytes``, the size of the file that runs.

    A trial that is measured has a user attribute ``bonas:device`` with processor, load, threads,
    runtime, its version and precision. It sets torch's number of threads for the whole process
    and restores it afterwards.

    With ``runtime="eager"`` the network runs as ``build`` returned it, in its own precision and
    memory order; other runtimes get a contiguous copy. If the space has an example, as those of
    ``bonas.space`` do, that is the input: all the arguments, with their types and values, repeated
    or cut to ``batch_size`` rows (floats that are all 0 become random numbers in [0, 1)). An
    example whose tensors have no common first dimension is used as it is, for a batch of 1.

    Args:
        input_shape: Shape of one input, without the batch; None takes that of the space.
        runtime: ``"eager"``, ``"compile"``, ``"onnx"``, ``"onnx_int8"``, ``"openvino"``, or an
            object like ``bonas.evaluation.runtimes.runtime.Runtime``.
        calibration: Rows for INT8: as the networks take them, or data as ``load`` returns them;
            None takes those of a ``ShortTraining`` in the same search, or rows that stand for the
            data, which is enough for a latency.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        batch_size: Number of inputs in the batch.
        threads: Number of CPU threads; None keeps torch's setting, and is one per core in others.
        warmup: Number of runs before the timings.
        repeats: Minimum number of timings; each covers one run, or several if one takes less than
            0.5 ms.
        seconds: Minimum duration of all timings; twice as much while the clock drifts.
        statistic: ``"low_quantile"``, by the clock of the thread where one thread computes; or
            ``"median"`` of the wall clock, as studies were measured before there was a choice: a
            few per cent higher on an idle machine, more on a busy one.
        name: Of the objective; another one for a second latency in the same search.

    Raises:
        InvalidArgument: if a setting is out of its range, or no shape is known.
        MissingPackage: if the runtime is not installed.
        InvalidData: if a network cannot take such a batch.
        ExportFailed: if a network cannot be exported, or computes something else there.
    """

    input_shape: Sequence[int] | None = None
    _: KW_ONLY
    runtime: str | Runtime = "eager"
    calibration: Any = field(default=None, repr=False, compare=False)
    device: str = "cpu"
    batch_size: int = 1
    threads: int | None = 1
    warmup: int = 10
    repeats: int = 30
    seconds: float = 0.2
    statistic: Literal["low_quantile", "median"] = "low_quantile"
    name: str = LATENCY.name

    objectives: tuple[Objective, ...] = field(
        init=False, default=(LATENCY,), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", checked_shape(self.input_shape))
        for name in ("batch_size", "warmup", "repeats"):
            check_count(name, getattr(self, name))
        if self.threads is not None:
            check_count("threads", self.threads)
        check_range("seconds", self.seconds, 0.0, math.inf)
        if self.statistic not in _STATISTICS:
            raise unknown("statistic", self.statistic, _STATISTICS)
        check_calibration(self.calibration)
        _ = self._runtime  # refused here rather than in the first trial
        objective = Objective(self.name, LATENCY.direction, LATENCY.unit)
        object.__setattr__(self, "objectives", (objective,))

    @property
    def cost(self) -> float:
        """Seconds per candidate, roughly: ``Stages`` measures latency before it trains."""
        prepared: float = getattr(self._runtime, "cost", 1.0)
        return self.seconds + prepared

    def describe(self) -> dict[str, Any]:
        """Return what decides the latency, as JSON values under the objective's name.

        How it is timed is left out: that changes the precision of the value by a few per cent.
        """
        settings: dict[str, Any] = {
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "device": str(self.device),
            "batch_size": self.batch_size,
            "threads": self.threads,
        }
        runtime = self._runtime
        if not isinstance(runtime, Eager):  # older studies have no runtime in their description
            settings |= {"runtime": runtime.name, "precision": runtime.precision}
        return {self.name: settings}

    def with_data(self, data: Callable[[], object]) -> Latency:
        """Return the evaluator with data to calibrate with, where it needs some and has none."""
        if self.calibration is not None or self._runtime.precision != "int8":
            return self
        return replace(self, calibration=data)

    @own_settings()
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``latency`` in milliseconds, and what is to be known of it."""
        device, runtime = resolved_device(self.device), self._runtime
        with limited_threads(self.threads), seeded(np.random.SeedSequence(0), device):
            session, beside = self._prepared(candidate, runtime, device)
            found = self._timed(session, _timed_by(runtime, device), device)
            if isinstance(candidate.trial, Trial):
                self._note(candidate.trial, device, runtime)
        return {f"{self.name}{end}": value for end, value in (found | beside).items()}

    @property
    def _runtime(self) -> Runtime:
        return runtime_of(self.runtime, resolved_device(self.device), self.threads)

    def _prepared(
        self, candidate: Candidate, runtime: Runtime, device: torch.device
    ) -> tuple[Session, dict[str, float]]:
        """Return a session of an untrained network, and what is measured of it but its time."""
        if isinstance(runtime, Eager):
            network = candidate.build().to(device)
            example = self._example_for(candidate).to(device)
            first_pass(network, example, candidate)
            return runtime.prepare(network, example, ()), {}
        network = candidate.build()
        example = self._example_for(candidate).to("cpu")
        first_pass(network, example.mapped(torch.clone), candidate)
        own = deliverable(network)
        with torch.no_grad():
            reference = example.mapped(torch.clone).call(own)
        rows: Sequence[Example] = ()
        if runtime.precision == "int8":
            rows = calibration_rows(candidate.space, example, self.calibration)
        session = runtime.prepare(own, example.mapped(torch.clone), rows)
        difference = largest_difference(session.run(), reference)
        _check_difference(difference, runtime, own)
        found = {"_difference": difference} if math.isfinite(difference) else {}
        size: int | None = getattr(session, "size_on_disk", None)
        return session, found | ({} if size is None else {"_bytes": float(size)})

    def _timed(self, session: Session, timed: Timed, device: torch.device) -> dict[str, float]:
        settings: dict[str, Any] = {"warmup": self.warmup, "repeats": self.repeats}
        settings["seconds"] = self.seconds
        if self.statistic == "median":
            every = timings(session.run, timed, **settings)
            low, median, high = np.percentile(every, (25, 50, 75))
            return {"": float(median), "_iqr": float(high - low)}
        reference = reference_of(device, timed_on(device))
        found = timed_in_rounds(session.run, timed, reference, **settings)
        return {
            "": found.value,
            "_iqr": found.iqr,
            "_reference": found.reference,
            "_drift": found.drift,
        }

    def _note(self, trial: Trial, device: torch.device, runtime: Runtime) -> None:
        """Store on what the latency was measured."""
        noted = {
            "runtime": runtime.name,
            "version": runtime.version,
            "precision": runtime.precision,
            **fingerprint(device, self.threads),
        }
        before = trial.user_attrs.get(DEVICE)
        known = before if isinstance(before, dict) else {}
        trial.set_user_attr(DEVICE, json.loads(json.dumps(known | {self.name: noted})))

    def _example_for(self, candidate: Candidate) -> Example:
        """Return a batch of its own for ``candidate``: a network may change its input in place."""
        return example_of(candidate.space, self.input_shape, self.batch_size)


def _timed_by(runtime: Runtime, device: torch.device) -> Timed:
    """Return how a runtime is timed: the thread's share of the core says nothing for some."""
    if isinstance(runtime, (Eager, Compiled)):
        return timed_on(device)
    if isinstance(runtime, Onnx) and device.type == "cpu" and runtime.threads == 1:
        return timed_on(device)  # it computes in the caller's thread
    return timed_elsewhere


def _check_difference(difference: float, runtime: Runtime, network: nn.Module) -> None:
    """Refuse a runtime that says float32 and computes something else.

    Raises:
        ExportFailed: if it differs from PyTorch by more than rounding.
    """
    half = any(p.dtype in (torch.bfloat16, torch.float16) for p in network.parameters())
    if runtime.precision == "float32" and not half and not difference <= TOLERANCE:
        raise ExportFailed(
            f"expected outputs of {runtime.name} that are PyTorch's to {TOLERANCE:g} of their "
            f'range, got {difference:.2g}; measure it with runtime="eager", or look for '
            "operations that differ from run to run"
        )
