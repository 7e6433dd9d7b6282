"""A measurement by the user's own function: for boards with a flashing tool or a power meter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bonas.errors import InvalidArgument, ObjectivesMissing
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import CHEAP, declared_cost
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import LATENCY, Direction, Objective, as_objectives
from bonas.evaluation.record import example
from bonas.evaluation.remote.onnx_file import OnnxFile


@dataclass(frozen=True)
class DeviceMeasurement:
    """An evaluator: what a function measures of the ONNX file of an untrained network.

    Values are stored as the function returns them. What it raises fails the trial, except
    ``bonas.errors.DeviceUnavailable``, which ends the search until the device is back. The function
    keeps its own time limit, and may not be entered twice at a time where workers share a board.

    Args:
        measure: Called with the path of the file, which is removed afterwards; returns a mapping
            from names to finite numbers, the objectives among them.
        objectives: A name -> its direction; or ``bonas.Objective`` instances, which have units.
        input_shape: Shape of one input, without the batch; None takes that of the space.
        batch_size: Number of inputs in the batch.
        precision: ``"fp32"`` or ``"int8"``: what the file holds.
        cost: Seconds per candidate, roughly, or ``"cheap"`` for a few.
        settings: JSON values that decide what is measured (board, clock, tool's version): a study
            is not resumed under others.

    Raises:
        InvalidArgument: if an argument is of another kind.
        ObjectivesMissing: if the function returns no mapping, or not the objectives as numbers.
        EvaluationFailed: if a value is not finite.
        ExportFailed: if a network cannot be exported.

    >>> def flash_and_measure(path):
    ...     return {"latency": 12.5, "energy": 3.1, "ram": 48_000}
    >>> energy = Objective("energy", "minimize", "mJ")
    >>> DeviceMeasurement(flash_and_measure, objectives=[energy]).objectives[0].unit
    'mJ'
    """

    measure: Callable[[Path], Mapping[str, float]]
    _: KW_ONLY
    objectives: Mapping[str, Direction] | Sequence[Objective] = (LATENCY,)
    input_shape: Sequence[int] | None = None
    batch_size: int = 1
    precision: str = "fp32"
    cost: float | Literal["cheap"] = CHEAP
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.measure) or isinstance(self.measure, type):
            raise InvalidArgument(
                f"expected a function of the path of an ONNX file, got {self.measure!r}; as in "
                "DeviceMeasurement(lambda path: {'latency': ...})"
            )
        if not isinstance(self.settings, Mapping):
            raise InvalidArgument(f"expected settings as a mapping, got {self.settings!r}")
        object.__setattr__(self, "objectives", as_objectives(self.objectives))
        object.__setattr__(self, "input_shape", self._file.input_shape)
        declared_cost(self)

    @property
    def _file(self) -> OnnxFile:
        return OnnxFile(self.input_shape, batch_size=self.batch_size, precision=self.precision)

    @property
    def _goals(self) -> tuple[Objective, ...]:
        return as_objectives(self.objectives)

    def describe(self) -> dict[str, Any]:
        """Return the settings, as JSON values under the objectives' names."""
        settings = {**self._file.describe(), **self.settings}
        return {goal.name: settings | {"unit": goal.unit} for goal in self._goals}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return what the function measured, as floats."""
        names = [goal.name for goal in self._goals]
        with self._file.of(candidate) as (path, _):
            found: object = self.measure(path)
        if not isinstance(found, Mapping) or not found.keys() >= set(names):
            missing = ObjectivesMissing(
                f"expected the objectives {names} of the device, got {found!r}; return a mapping "
                f"such as {example(names)}"
            )
            raise missing
        return dict(Measurement(found).checked(names, None).values)
