"""One network of a search: built, run on a batch, trained for a few steps, measured."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

import optuna
import torch
from torch import nn

from bonas.checking.events import EventLog
from bonas.errors import InvalidData
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.declared import declared_objectives, input_shape_of, vocabulary_of
from bonas.evaluation.evaluator import Evaluator, recorded
from bonas.evaluation.memory import MemoryFactor, can_measure, estimate, measure_peak
from bonas.evaluation.outputs import shapes_of, tensors_of
from bonas.evaluation.record import Record, missing_objectives
from bonas.evaluation.runtime import first_pass, resolved_device
from bonas.evaluation.stages import Stages
from bonas.evaluation.training.compatibility import check_fit
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.few_steps import few_steps
from bonas.evaluation.training.short_training import ShortTraining
from bonas.settings import own_settings
from bonas.spaces import Choices, Example, Space
from bonas.studies.constraints import size_of
from bonas.studies.search import Search

_AGAIN = 0.3  # share of the time that an evaluation may take for it to be repeated
_CUT = 0.5  # share of the time after which a stream is ended, if it says how far it is
_BATCH = 2


@dataclass(frozen=True)
class NetworkProbe:
    """Does with one network what a trial does, except that a training ends after a few steps.

    Attributes:
        search: The search.
        choices: Of the network.
        memory: Bytes that a training may take; None where that is unknown.
        seconds: For all of it.
        is_evaluated: Whether it is evaluated, too; else it is built, run and its memory estimated.
    """

    search: Search
    choices: Choices
    memory: float | None
    seconds: float
    is_evaluated: bool = True

    def run(self, log: EventLog) -> None:
        """Write the steps data, build, outputs, memory, evaluate 0, ..., objectives, again 0 ..."""
        began = time.perf_counter()
        candidate = self._candidate()
        training = next((part for part in self._parts if is_short(part)), None)
        if training is not None:
            with log.step("data") as facts:
                facts["classes"] = training.splits.classes
                facts["rows"] = training.splits.name
        if type(candidate.space).build is not Space.build:
            _try_network(candidate, training, self.memory, log)
        if self.is_evaluated:
            self._measure(candidate, log)
            self._repeat(log, began)

    def _measure(self, candidate: Candidate, log: EventLog) -> None:
        """Evaluate, and see whether all objectives were measured."""
        values: dict[str, float] = {}
        is_whole = True
        for number, part in enumerate(self._parts):
            with log.step(f"evaluate {number}") as facts:
                values |= self._evaluate(part, candidate, facts, log, f"evaluate {number}")
                is_whole = is_whole and not facts.get("is_cut")
        with log.step("objectives") as facts:
            names = [goal.name for goal in self.search.goals]
            facts["values"] = {**self._sizes(), **values}
            missing = [name for name in names if name not in values]
            if missing and is_whole:
                raise missing_objectives(names, values, missing)

    @property
    def _parts(self) -> Sequence[Evaluator]:
        evaluator = self.search.evaluator
        return evaluator.ordered if isinstance(evaluator, Stages) else [evaluator]

    def _candidate(self) -> Candidate:
        """Return the candidate of the first trial of a study in memory."""
        directions = [goal.direction for goal in self.search.goals]
        study = optuna.create_study(directions=directions)
        study.enqueue_trial(dict(self.choices))
        trial = study.ask()
        self.search.space.suggest(trial)
        return Candidate.of(self.search.space, trial)

    def _evaluate(
        self,
        part: Evaluator,
        candidate: Candidate,
        facts: dict[str, Any],
        log: EventLog,
        step: str,
    ) -> dict[str, float]:
        """Run an evaluator, noting in ``facts`` how long a whole run takes; return its values."""
        facts["name"] = name_of(part)
        with _peak(part, facts):
            began = time.perf_counter()
            if is_short(part):
                for times in few_steps(part, candidate):
                    facts |= {"whole": times.whole, "step": times.step, "values": times.values}
                    log.note(step, facts)
                return dict(facts.get("values", {}))
            record = Record(self._names(part))
            for measurement in recorded(part, candidate, record):
                took, share = time.perf_counter() - began, measurement.fidelity
                if share is not None and share < 1 and took > _CUT * self.seconds:
                    facts |= {"whole": took / share, "values": dict(record.values), "is_cut": True}
                    return dict(record.values)
            facts["values"] = record.result()
            facts["whole"] = time.perf_counter() - began
        return dict(facts["values"])

    def _sizes(self) -> dict[str, float]:
        """Return the constrained sizes that follow from the architecture."""
        names = [limit.name for limit in self.search.limits]
        found = {name: size_of(name, self.search.space, self.choices) for name in names}
        return {name: size for name, size in found.items() if not math.isnan(size)}

    def _names(self, part: Evaluator) -> list[str]:
        """Return the objectives that an evaluator has to measure."""
        alone = len(self._parts) == 1
        goals = self.search.goals if alone else declared_objectives(part)
        return [goal.name for goal in goals]

    def _repeat(self, log: EventLog, began: float) -> None:
        """Evaluate once more what should give the same values, if there is time."""
        if time.perf_counter() - began > _AGAIN * self.seconds:
            return  # of what was cut, too: it took longer
        candidate = self._candidate()
        for number, part in enumerate(self._parts):
            if _is_repeatable(part):
                with log.step(f"again {number}") as facts:
                    self._evaluate(part, candidate, facts, log, f"again {number}")


def is_short(part: object) -> TypeGuard[ShortTraining]:
    """Return whether an evaluator is a training of bonas, of which a few steps say enough."""
    return type(part) is ShortTraining


def _is_repeatable(part: object) -> bool:
    """Return whether the same seed should give the same value: not of times, nor of memory."""
    return is_short(part) or not type(part).__module__.startswith("bonas.")


def name_of(part: object) -> str:
    """Return the name of an evaluator, as a table shows it."""
    name: object = getattr(part, "__qualname__", None) or type(part).__qualname__
    return str(name).rpartition("<locals>.")[2]


@own_settings()
def _try_network(
    candidate: Candidate, training: ShortTraining | None, memory: float | None, log: EventLog
) -> None:
    """Write the steps build, outputs and memory."""
    device = resolved_device(None if training is None else training.device)
    if training is None:
        device = torch.device("cpu")
    with log.step("build") as facts:
        network = candidate.build().to(device)
        facts["parameters"] = sum(weight.numel() for weight in network.parameters())
    with log.step("outputs") as facts:
        example = _tried(network, candidate, training, device, facts)
    if training is None or example is None:
        return
    with log.step("memory") as facts:
        found = estimate(
            network,
            example,
            training.batch_size,
            training.optimizer,
            precision=training.precision,
        )
        facts["estimate"], facts["device"] = found.total, device.type
        _check_room(MemoryFactor.of(device)(found.total), memory, device, training.batch_size)


def _check_room(needed: float, memory: float | None, device: torch.device, batch_size: int) -> None:
    """Refuse a training that does not fit the memory.

    Raises:
        InvalidData: naming both sizes.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        memory = float(free)
    if memory is not None and needed > memory:
        raise InvalidData(
            f"expected a training that fits the {memory / 1e6:,.0f} MB of memory, got one that "
            f"takes about {needed / 1e6:,.0f} MB at its peak with {batch_size} rows per step; "
            "lower batch_size, or forbid such networks (is_valid, max_params, max_memory)"
        )


def _tried(
    network: nn.Module,
    candidate: Candidate,
    training: ShortTraining | None,
    device: torch.device,
    facts: dict[str, Any],
) -> Example | None:
    """Run a network on a batch, of the data if they are known; return the batch, or None."""
    feed = Feed.of(candidate.space, network)
    if training is not None and training.splits.task is not None:
        batches = Batches(training.splits.validation, _BATCH, device)
        inputs, targets = next(iter(pairs(batches, training.splits)))
        check_fit(network, training.splits, candidate, (inputs, targets), feed)
        example = feed(rows_of(inputs, slice(_BATCH)))
    else:
        found = _example_of(candidate.space)
        if found is None:
            return None
        example = found.to(device)
    returned = first_pass(network, example.mapped(torch.clone), candidate)
    facts["shapes"] = shapes_of(returned)
    _check_finite(returned)
    return example


def _check_finite(returned: object) -> None:
    """Refuse outputs that are not finite.

    Raises:
        InvalidData: naming their shapes.
    """
    for path, tensor in tensors_of(returned):
        if tensor.is_floating_point() and not tensor.isfinite().all():
            where = f" at {path!r}" if path else ""
            raise InvalidData(
                f"expected finite outputs of an untrained network, got {shapes_of(returned)} with "
                f"NaN or infinite numbers{where}; scale its inputs, or normalise inside it"
            )


def _example_of(space: Space) -> Example | None:
    """Return a batch of two rows that the networks of a space take; None if that is unknown."""
    if space.example is not None:
        example = space.example
        return example.resized(_BATCH).filled() if example.rows is not None else example.filled()
    shape, vocabulary = input_shape_of(space), vocabulary_of(space)
    if shape is None:
        return None
    if vocabulary is not None:
        return Example((torch.randint(vocabulary, (_BATCH, *shape)),))
    return Example((torch.randn(_BATCH, *shape),))


@contextmanager
def _peak(part: object, facts: dict[str, Any]) -> Iterator[None]:
    """Note the peak memory of the block in ``facts``, where it can be measured."""
    device = resolved_device(part.device) if isinstance(part, ShortTraining) else None
    device = device or torch.device("cpu")
    if not can_measure(device):
        yield
        return
    with measure_peak(device) as peak:
        yield
    facts["peak"] = peak.bytes
