"""Lessons: what the finished trials of a study teach about the end of an evaluation under way.

Each finished trial is an example for a learning-curve model (``surrogates/learning_curve.py``): the
features of its curves, cut at the step where the evaluation is now, its architecture, and its final
value. An example has every curve that the evaluation has, from a training of the same length. A
curve that too few trials have is left out, rather than most examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from optuna import Study
from optuna.trial import FrozenTrial
from torch import Tensor

from bonas.encoders import Layout, shared_blocks
from bonas.evaluation.candidate import Candidate, index_of
from bonas.evaluation.curve import Curve, curve_names, lists_of, measurements_in
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import oriented
from bonas.optuna_internals import frozen
from bonas.studies.proposing.front import finished
from bonas.studies.proposing.observations import point_of
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.search_space import outside_parameters
from bonas.studies.records import directions
from bonas.studies.stopping.rungs import Rung
from bonas.surrogates.curve_features import curve_features

ENCODERS = ("one_hot", "statistics")
"""The encoders that are read: none that takes seconds to train in the process that evaluates."""

Curves = Mapping[str, Curve]
"""Curves by name, up to a step."""


@dataclass(frozen=True)
class Example:
    """A finished trial: its point, its oriented values, its curves up to a step."""

    point: Point
    values: Sequence[float]
    curves: Curves


@dataclass(frozen=True)
class Lessons:
    """What a study teaches about an evaluation that has reached a rung.

    Attributes:
        examples: The finished trials that were at the same step in a training of the same length.
        curves: Those of the evaluation up to the rung.
        point: What is being evaluated; None if a parameter is missing.
        signs: 1 for each objective to be maximised, -1 for the others.
        names: Of the objectives.
        judged: For each objective, the curve by which the rung judges it; None for a final value.
        parameters: Those outside the space that all finished trials have.
        candidate: Which is evaluated.
    """

    examples: Sequence[Example]
    curves: Curves
    point: Point | None
    signs: Sequence[float]
    names: Sequence[str]
    judged: Sequence[str | None]
    parameters: Parameters
    candidate: Candidate

    @classmethod
    def of(
        cls,
        study: Study,
        candidate: Candidate,
        measurements: Iterable[Measurement],
        names: Sequence[str],
        rung: Rung,
    ) -> Lessons:
        """Read the study; ``measurements`` are those of the candidate."""
        space = candidate.space
        parameters = Parameters(outside_parameters(study, space))
        ways = directions(study)
        examples = []
        for trial in finished(study, space):
            curves = _curves_of(lists_of(trial), rung.step, rung.fidelity)
            point = point_of(trial, space, parameters)
            if curves and point is not None and index_of(trial) != candidate.number:
                examples.append(Example(point, oriented(trial.values, ways)[0].tolist(), curves))
        running = candidate.trial
        own = running if isinstance(running, FrozenTrial) else frozen(running)
        return cls(
            examples,
            _up_to(tuple(measurements), rung.step),
            point_of(own, space, parameters),
            oriented([1.0] * len(names), ways)[0].tolist(),
            names,
            rung.curves,
            parameters,
            candidate,
        )

    def data(self, j: int, least: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return features ``n + 1 x f``, encodings ``n + 1 x d`` and values ``n`` of objective j.

        The rows are those of the examples, and then that of the evaluation. ``n`` may be 0.

        Args:
            j: The objective, judged by a curve.
            least: Examples that a curve needs, or it is left out.
        """
        own = self.own_curve(j)
        others = [
            name
            for name in sorted(self.curves)
            if name != own and sum(name in e.curves for e in self.examples) >= least
        ]
        needed = {own, *others}
        kept = [example for example in self.examples if needed <= example.curves.keys()]
        rows = [self._features(e.curves, own, others, j) for e in kept]
        rows.append(self._features(self.curves, own, others, j))
        points = [*(e.point for e in kept), *([self.point] if self.point else [])]
        values = torch.tensor([e.values[j] for e in kept], dtype=torch.float64)
        return torch.tensor(rows, dtype=torch.float64), self._encoded(points), values

    @property
    def layout(self) -> Layout:
        """The blocks of the encodings; the parameters outside the space are one of them."""
        blocks = shared_blocks(self.candidate.space, ENCODERS)
        width = sum(self.parameters.widths.values())
        own = {"parameters": slice(blocks.width, blocks.width + width)} if width else {}
        return Layout({**blocks.slices, **own}, {})

    def own_curve(self, j: int) -> str:
        """Return the name of an objective's own curve, or of that which stands for it so far."""
        name, judged = self.names[j], self.judged[j]
        return name if name in self.curves or judged is None else judged

    def oriented(self, name: str, j: int) -> Curve:
        """Return a curve of the evaluation, more is better if it is in the unit of objective j."""
        return _times(self.curves[name], self.signs[j])

    def _features(self, curves: Curves, own: str, others: Sequence[str], j: int) -> list[float]:
        return curve_features(_times(curves[own], self.signs[j]), [curves[n] for n in others])

    def _encoded(self, points: Sequence[Point]) -> Tensor:
        """Return ``n x d`` encodings of architectures and parameters."""
        architectures = [p.architecture for p in points if p.architecture is not None]
        X = shared_blocks(self.candidate.space, ENCODERS).encode(architectures)
        rows = [self.parameters.features(p.values) for p in points]
        return torch.cat([X, torch.tensor(rows, dtype=torch.float64).reshape(len(X), -1)], dim=1)


@lru_cache(maxsize=20_000)
def _curves_of(texts: tuple[str, ...], step: int, fidelity: float | None) -> Curves:
    """Return the curves up to a step in stored texts; none of a longer or shorter training."""
    measurements = measurements_in(texts)
    at = [m.fidelity for m in measurements if m.step == step]
    return _up_to(measurements, step) if fidelity in at else {}


def _up_to(measurements: Sequence[Measurement], step: int) -> Curves:
    until = [m for m in measurements if m.step is not None and m.step <= step]
    return {name: Curve.of(until, name) for name in curve_names(until)}


def _times(curve: Curve, sign: float) -> Curve:
    return Curve(curve.steps, tuple(sign * value for value in curve.values), curve.seconds)
