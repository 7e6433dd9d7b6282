"""What stopped trainings teach a surrogate: predictions of final values from recorded curves.

Some trainings of SpikeNAS-Bench are finished, others were stopped after a few epochs; the final
validation accuracies of 300 cells that nobody has trained are predicted. The rows compared:

    finished     the finished trainings alone
    as finished  values at the cut in place of the missing final ones, without a word
    validation   values at the cut as a lower fidelity, by the curve of validation accuracy
    training     the same by the curve of training accuracy, which a search reads where it can
    all          all trainings finished, as a bound

Scores: Spearman's correlation, root mean squared error, the share of values within the central 80 %
of the prediction, and the negative log density of a normal with its mean and variance. Trainings
that never left chance level, and those of 200 epochs, are left out.

Stopped are random trainings, the worst by training accuracy at the cut, or the worst but for one in
ten, which goes on whatever its value, as under the stopping rules of a search.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import product
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import norm, spearmanr
from torch import Tensor

from bonas.arguments import check_count
from bonas.benchmarks.tables.folder import RecordedCells, Source
from bonas.benchmarks.tables.scale import Array
from bonas.benchmarks.tables.spikenas_bench import OPERATIONS
from bonas.encoders import Layout, shared_blocks
from bonas.errors import InvalidArgument, unknown
from bonas.studies.proposing.presets import preset
from bonas.surrogates import LowerFidelity, Surrogate, fit
from bonas.surrogates.outcome_transform import choose_form, fit_outcome_transform
from bonas.threads import one_thread

Rows = npt.NDArray[np.int64]
"""Row numbers of recorded trainings."""

ROWS = ("finished", "as finished", "validation", "training", "all")
"""What is compared."""
STOPPED = ("random", "worst", "spared")
"""Which trainings are stopped."""
VALUES = ("measured", "search")
"""What is modelled and scored: accuracies as they are, or under the transform of a search for
several objectives, which raises very bad values to a floor."""

_SOURCE = Source(
    "spikenas.npz",
    ("ops", "final_val_acc", "epochs_run", "val_curve_x250", "train_curve_x250"),
    "the trainings of tju-sun-lab/SpikeNAS-Bench (its data/CIFAR10/*/train_process.txt)",
)
_EPOCHS = 100
_CHANCE = 15.0  # % accuracy: what stays below has learnt nothing
_UNSEEN = 300
_SPARED = 0.1  # of the trainings that a rule would stop
_HALF = float(norm.ppf(0.9))  # standard deviations on either side of the central 80 %


@dataclass(frozen=True, eq=False)
class Recorded:
    """Recorded trainings: ``n`` cells, curves (%) of ``n x 100`` epochs, ``n`` final accuracies."""

    space: RecordedCells
    cells: Sequence[Sequence[str]]
    validation: Array
    training: Array
    final: Array

    @classmethod
    def of(cls, folder: str | PathLike[str]) -> Recorded:
        """Read ``spikenas.npz`` in a folder.

        Raises:
            MissingData: if there is no such file.
            InvalidData: if it cannot be read.
        """
        data = _SOURCE.read(folder)
        final = data["final_val_acc"].astype(np.float64)
        kept = (data["epochs_run"] == _EPOCHS) & (final > _CHANCE)
        names = np.array(OPERATIONS, object)
        validation, training = (
            data[f"{name}_curve_x250"][kept] / 250.0 for name in ("val", "train")
        )
        cells = names[data["ops"][kept]].tolist()
        return cls(RecordedCells(OPERATIONS), cells, validation, training, final[kept])


@dataclass(frozen=True)
class Scores:
    """How well unseen final values are predicted."""

    spearman: float
    rmse: float
    coverage: float
    density: float


@dataclass(frozen=True)
class Draw:
    """Row numbers of one random draw: finished, stopped and unseen trainings."""

    finished: Rows
    stopped: Rows
    unseen: Rows


@dataclass(frozen=True)
class Outcome:
    """The scores of one surrogate and one of ``ROWS``, in one draw."""

    surrogate: str
    row: str
    draw: int
    scores: Scores


def stopped_trainings(
    recorded: Recorded,
    surrogates: Sequence[str],
    finished: int,
    stopped: int,
    cut: int,
    draws: Sequence[int],
    *,
    which: str = "random",
    values: str = "measured",
) -> Iterator[Outcome]:
    """Fit surrogates to finished and stopped trainings, and score what they predict.

    Args:
        recorded: The trainings.
        surrogates: Names of surrogates; those that read no lower fidelity ignore it.
        finished: The number of finished trainings, at least 5.
        stopped: That of the stopped ones, at least 1.
        cut: The epoch after which these were stopped, from 1 to 99.
        draws: Seeds of the random draws.
        which: Which are stopped, a name out of ``STOPPED``.
        values: What is modelled, a name out of ``VALUES``.

    Raises:
        InvalidArgument: for an unknown name, or a number out of its range.
    """
    for kind, name, known in (("choice", which, STOPPED), ("values", values, VALUES)):
        if name not in known:
            raise unknown(kind, name, known)
    check_count("finished", finished, least=5)
    check_count("stopped", stopped, least=1)
    if check_count("cut", cut, least=1) >= _EPOCHS:
        raise InvalidArgument(f"expected a cut from 1 to {_EPOCHS - 1}, got {cut}")
    if finished + stopped + _UNSEEN > len(recorded.final):
        raise InvalidArgument(
            f"expected at most {len(recorded.final) - _UNSEEN} trainings, got {finished + stopped}"
        )
    edges = list(recorded.space.parameters)
    cells = [
        recorded.space.architecture(dict(zip(edges, cell, strict=True))) for cell in recorded.cells
    ]
    for name in surrogates:
        chosen = preset(name, recorded.space)
        if chosen.several is None:
            raise InvalidArgument(f"the surrogate {name!r} predicts nothing; leave it out")
        blocks = shared_blocks(recorded.space, chosen.encoders)
        X, layout = blocks.encode(cells), Layout(blocks.slices, {})
        for seed, row in product(draws, ROWS):
            drawn = _drawn(recorded, finished, stopped, cut, seed, which)
            given = _Known(recorded, X, layout, cut, drawn, values)
            with one_thread(), torch.no_grad():
                yield Outcome(name, row, seed, given.scores(chosen.several, row, seed))


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known in one draw, and what is to be predicted."""

    recorded: Recorded
    X: Tensor
    layout: Layout
    cut: int
    drawn: Draw
    values: str

    def scores(self, surrogate: Surrogate, row: str, seed: int) -> Scores:
        """Fit a surrogate as one of ``ROWS`` says, and score it."""
        drawn, final = self.drawn, self.recorded.final
        trained = np.concatenate([drawn.finished, drawn.stopped])
        rows, y, lower = drawn.finished, final[drawn.finished], None
        if row == "all":
            rows, y = trained, final[trained]
        elif row == "as finished":
            at_cut = self.recorded.validation[drawn.stopped, self.cut - 1]
            rows, y = trained, np.concatenate([y, at_cut])
        elif row != "finished":
            curves = self.recorded.training if row == "training" else self.recorded.validation
            own = torch.arange(len(trained))
            lower = LowerFidelity(
                self.X[trained],
                torch.from_numpy(curves[trained, self.cut - 1]).unsqueeze(1),
                torch.where(own < len(rows), own, -1),
                (self.cut / _EPOCHS,),
            )
        known, truth = torch.from_numpy(y), torch.from_numpy(final[drawn.unseen])
        if self.values == "search":
            transform = fit_outcome_transform(known, choose_form(known, alone=False))
            known, truth = transform.transform(known), transform.transform(truth)
        model = fit(surrogate, self.X[rows], known.unsqueeze(1), self.layout, seed, lower=lower)
        found: Any = model.posterior(self.X[drawn.unseen].unsqueeze(1), observation_noise=True)
        return _scored(
            found.mean.reshape(-1).numpy(), found.variance.reshape(-1).sqrt().numpy(), truth.numpy()
        )


def _drawn(
    recorded: Recorded, finished: int, stopped: int, cut: int, seed: int, which: str
) -> Draw:
    """Draw trainings and unseen cells, and decide which trainings were stopped."""
    rng, n = np.random.default_rng([seed, finished, stopped]), finished + stopped
    order = rng.permutation(len(recorded.final))
    trained, unseen = order[:n], order[n : n + _UNSEEN]
    if which == "random":
        return Draw(trained[:finished], trained[finished:], unseen)
    at_cut = recorded.training[trained, cut - 1]
    if which == "spared":
        at_cut = np.where(rng.random(n) < _SPARED, np.inf, at_cut)
    is_stopped = np.isin(np.arange(n), np.argsort(at_cut, kind="stable")[:stopped])
    return Draw(trained[~is_stopped], trained[is_stopped], unseen)


def _scored(mean: Array, sd: Array, truth: Array) -> Scores:
    error = mean - truth
    return Scores(
        float(spearmanr(mean, truth).statistic),
        float(np.sqrt(np.mean(error**2))),
        float(np.mean(np.abs(error) <= _HALF * sd)),
        float(-np.mean(norm.logpdf(truth, mean, sd))),
    )


def fidelity_table(found: Sequence[Outcome]) -> str:
    """Return a text table: means over the draws, with 95 % intervals of the means."""
    groups: dict[tuple[str, str], list[Scores]] = {}
    for outcome in found:
        groups.setdefault((outcome.surrogate, outcome.row), []).append(outcome.scores)
    titles = ("Spearman", "RMSE", "coverage of 80 %", "- log density")
    lines = [
        f"{'surrogate':18} {'stopped trainings':18} draws" + "".join(f"{t:>18}" for t in titles)
    ]
    for (name, row), scores in groups.items():
        columns = np.array([astuple(each) for each in scores]).T
        cells = "".join(f"{_interval(column):>18}" for column in columns)
        lines.append(f"{name:18} {row:18} {len(scores):5d}{cells}")
    return "\n".join(lines)


def _interval(values: Array) -> str:
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{values.mean():.3f} ± {1.96 * error:.3f}"
