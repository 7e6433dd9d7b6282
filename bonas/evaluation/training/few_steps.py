"""A few steps of a training: whether it runs, and how long the whole one will take.

    whole = start + steps x seconds per step + scores x seconds per score

Three epochs of a few batches: the first one warms up, the second has nothing but steps, and after
the third the network is scored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.data.splits import Part, Rows
from bonas.evaluation.evaluator import recorded
from bonas.evaluation.record import Record
from bonas.evaluation.training.short_training import ShortTraining

_EPOCHS = 3
_SCORED_ROWS, _SCORED_BATCHES = 512, 2


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long the parts of a training take.

    Attributes:
        start: Seconds before the first step: the network is built and checked.
        step: Seconds of a step.
        steps: Steps of the whole training.
        score: Seconds of a pass over all validation rows; 0 while it is not known.
        scores: Number of such passes.
        values: What the score measured.
    """

    start: float
    step: float
    steps: int
    score: float = 0.0
    scores: int = 1
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> float:
        """Seconds of the whole training."""
        return self.start + self.steps * self.step + self.scores * self.score


def few_steps(training: ShortTraining, candidate: Candidate, steps: int = 4) -> Iterator[StepTimes]:
    """Train a candidate's network for three times ``steps`` batches; yield what is known by then.

    Nothing is kept, and no weights are inherited. The last item has all times.

    Raises:
        BonasError: as the training does.
    """
    whole = training.splits
    few = replace(
        whole,
        train=_first(whole.train, steps * training.batch_size, steps),
        validation=_first(whole.validation, _SCORED_ROWS, _SCORED_BATCHES),
    )
    short = replace(training, validate_every=0).on(few, epochs=_EPOCHS)
    work = training.work(), short.work()
    share = len(whole.validation) / max(1, len(few.validation))
    record, seconds = Record([goal.name for goal in short.objectives]), list[float]()
    before = time.perf_counter()
    for measurement in recorded(short, candidate, record):
        if measurement.step is not None:
            seconds.append(time.perf_counter() - before)
            before += seconds[-1]
            yield _times(seconds, work, share, {})
    yield _times(seconds, work, share, record.result())


def _times(
    seconds: Sequence[float],
    work: tuple[tuple[int, int], tuple[int, int]],
    share: float,
    values: Mapping[str, float],
) -> StepTimes:
    """Return what the durations of the first epochs say.

    Args:
        seconds: One per epoch.
        work: Steps and scores of the whole training, and of the short one.
        share: Validation rows per scored one.
        values: What was scored.
    """
    (steps, scores), (taken, _) = work
    batches = max(1, taken // _EPOCHS)
    step = seconds[min(1, len(seconds) - 1)] / batches
    score = max(0.0, seconds[2] - seconds[1]) * share if len(seconds) == _EPOCHS else 0.0
    start = max(0.0, seconds[0] - batches * step)
    return StepTimes(start, step, steps, score, scores, values)


class _FirstBatches(Sequence[Any]):
    """The first batches of a part that is read by batches; each reading reads them anew."""

    def __init__(self, part: Any, n: int) -> None:
        self._part, self._n = part, n

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self._part), self._n)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


def _first(part: Part, rows: int, batches: int) -> Part:
    """Return the first rows of a part; of one that is read by batches, the first batches."""
    if isinstance(part, TensorDataset):
        return TensorDataset(*(tensor[:rows] for tensor in part.tensors))
    if isinstance(part, Rows):
        inputs, targets = part.tensors
        return Rows(rows_of(inputs, slice(rows)), targets[:rows])
    if isinstance(part, DataLoader) or not isinstance(part, Dataset):
        return _FirstBatches(part, min(batches, len(part)))
    return Subset(part, range(min(rows, len(part))))
