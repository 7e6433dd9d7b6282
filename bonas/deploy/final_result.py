"""The result of a final comparison: networks that are trained in full, and what they score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from bonas.arguments import is_count
from bonas.dataframe import imported_pandas
from bonas.deploy.final_export import export_finalist
from bonas.deploy.final_record import network_of
from bonas.deploy.held_out_score import HeldOutScore
from bonas.deploy.rank_agreement import RankAgreement
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Objective, ShortTraining
from bonas.evaluation.export import Export
from bonas.plots.finalists import FinalistLine, finalists_figure
from bonas.report.notebook import table_html


@dataclass(frozen=True)
class Finalist:
    """A candidate whose network was trained in full.

    Attributes:
        candidate: The candidate, with the values of the search.
        training: Its training, with the epochs of the full schedule.
        short: What the search ranked it by (``FinalResult.ranked_by``).
        validation: The same after the full schedule on the training rows, on the validation rows:
            a value per seed. Empty where nothing was to be compared.
        test: Of the networks that are delivered, on the test rows; None if there are none. For a
            finalist that was not chosen: of those trained on the training rows alone, for
            information.
        train_test: As ``test``, of the networks trained on the training rows alone.
        measured: Cheap objectives, such as a latency, measured again: a name -> a value.
        files: The weights of the networks that are delivered, one file per seed.
        on_all_rows: Whether these were trained on the validation rows as well.
        failures: Why trainings failed; empty for most.
    """

    candidate: Candidate
    training: ShortTraining = field(repr=False)
    short: float
    validation: tuple[float, ...] = ()
    test: HeldOutScore | None = None
    train_test: HeldOutScore | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    on_all_rows: bool = False
    failures: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The number of its trial."""
        return self.candidate.trial.number

    @property
    def values(self) -> dict[str, float]:
        """What is known of the delivered networks: the objective (on test rows) and the rest."""
        name, known = self.training.objectives[0].name, {**self.candidate.values, **self.measured}
        if self.test is not None:
            return {**known, name: self.test.mean}
        return {**known, name: float(np.mean(self.validation))} if self.validation else known

    def network(self, seed: int = 0) -> nn.Module:
        """Return a trained network, on the CPU and in evaluation mode.

        Args:
            seed: Which of the trainings, from 0. They are not ranked: the first is as good a
                choice as any, and one that no test row has made.

        Raises:
            InvalidArgument: if there is none of that number.
            MissingData: if the file of its weights is gone.
            InvalidData: if the file holds other weights.
        """
        if not is_count(seed) or seed >= len(self.files):
            raise InvalidArgument(
                f"expected one of the {len(self.files)} trainings, counted from 0, got {seed!r}"
            )
        return network_of(self.candidate, self.files[seed])

    def export(
        self,
        folder: str | PathLike[str],
        *,
        seed: int = 0,
        onnx: bool | None = None,
        int8: bool | None = None,
        overwrite: bool = False,
    ) -> Export:
        """Write a trained network as a folder that loads without bonas, with its test score.

        Args:
            folder: Appears complete or not at all.
            seed: Which of the trainings, as ``network`` takes it.
            onnx: Whether to write ONNX; None where the network can be exported.
            int8: The same for INT8.
            overwrite: Whether an earlier export may be replaced.

        Raises:
            BonasError: as ``Candidate.export`` and ``network`` do.
        """
        return export_finalist(self, folder, seed=seed, onnx=onnx, int8=int8, overwrite=overwrite)


@dataclass(frozen=True)
class FinalResult:
    """The finalists of a search, one of which was chosen before the test rows were opened.

    Attributes:
        objective: What the trainings measure; the choice was made by it.
        finalists: The best of the search first.
        chosen: The number of the trial that was chosen, by the mean on the validation rows after
            the full schedule.
        agreement: Kendall's tau between these means and the values of the search; None for a
            single finalist.
        openings: When the test rows were opened for this study, in UTC; the last one is this one's.
            After the second a score is no longer one on rows that no choice has seen.
        seconds: Wall time of all trainings.
        ranked_by: What the search ranked networks by, if it was another objective, such as the loss
            with inherited weights.
    """

    objective: Objective
    finalists: Sequence[Finalist]
    chosen: int
    agreement: RankAgreement | None
    openings: Sequence[str] = ()
    seconds: float = 0.0
    ranked_by: Objective | None = None

    @property
    def best(self) -> Finalist:
        """The finalist that was chosen."""
        return next(each for each in self.finalists if each.number == self.chosen)

    def network(self, seed: int = 0) -> nn.Module:
        """Return the trained network of the best finalist, as ``Finalist.network`` does."""
        return self.best.network(seed)

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Plot what became of the ranking of the search; return the figure, saved if asked for."""
        lines = [
            FinalistLine(
                f"trial {each.number}",
                each.short if self.ranked_by is None else None,
                each.validation,
                None if each.test is None else each.test.mean,
                (math.nan, math.nan) if each.test is None else each.test.interval,
                each.number == self.chosen,
            )
            for each in self.finalists
        ]
        tau = "" if self.agreement is None else f"Kendall's tau: {self.agreement}"
        figure = finalists_figure(self.objective, lines, tau)
        if path is not None:
            figure.savefig(path)
        return figure

    def dataframe(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row per finalist.

        Raises:
            MissingPackage: if pandas is not installed.
        """
        rows = []
        for each in self.finalists:
            low, high = (math.nan,) * 2 if each.test is None else each.test.interval
            rows.append(
                {
                    "number": each.number,
                    "chosen": each.number == self.chosen,
                    "short": each.short,
                    "validation": _mean(each.validation),
                    "validation_sd": _sd(each.validation),
                    "test": math.nan if each.test is None else each.test.mean,
                    "test_sd": math.nan if each.test is None else each.test.sd,
                    "test_low": low,
                    "test_high": high,
                    "on_all_rows": each.on_all_rows,
                    **each.measured,
                    **each.candidate.trial.params,
                }
            )
        return imported_pandas().DataFrame(rows)

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], *self._notes()])

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        head, *rows = self._rows()
        return table_html(head, rows, self._notes())

    def _rows(self) -> list[list[str]]:
        """Return the cells of the table: its head, and a row per finalist."""
        name = str(self.objective)
        measured = dict.fromkeys(n for each in self.finalists for n in each.measured)
        has_test = self.best.test is not None
        full = name if self.ranked_by is not None else "full"
        rows = [["", "trial", f"{self.ranked_by or name} in the search", f"{full}, validation"]]
        rows[0] += [f"{full}, test"] * has_test
        rows[0] += [_with_unit(n, self.best.candidate) for n in measured]
        for each in self.finalists:
            row = ["*" if each.number == self.chosen else "", str(each.number)]
            row += [f"{each.short:.4g}", _spread(each.validation)]
            if has_test:
                row.append("" if each.test is None else _spread(each.test.values))
            row += [f"{each.measured[n]:.4g}" if n in each.measured else "" for n in measured]
            rows.append(row)
        return rows

    def _notes(self) -> list[str]:
        best, seeds = self.best, len(self.best.files)
        rows = "training and validation rows" if best.on_all_rows else "the training rows"
        trained = f"trained for {best.training.epochs} epochs on {rows}, seeds: {seeds}"
        by = "by the validation rows" if best.validation else "as the only finalist"
        notes = [f"* trial {self.chosen}, chosen {by}; {trained}"]
        if best.test is not None:
            low, high = best.test.interval
            unit = f" {self.objective.unit}".rstrip()
            notes.append(
                f"test {self.objective.name} {best.test.mean:.4g}{unit} "
                f"[{low:.4g}, {high:.4g}] (95 %, {best.test.rows} rows)"
            )
            if len(self.finalists) > 1 and best.on_all_rows:
                notes.append("the others' networks were trained on the training rows alone")
        else:
            notes.append("there are no test rows: scores on validation rows are optimistic")
        if self.agreement is not None:
            notes.append(f"Kendall's tau of search and full training: {self.agreement}")
        if best.training.initial is not None:
            notes.append("full trainings started from the weights of a supernet")
        if len(self.openings) > 1:
            notes.append(
                f"the test rows were opened {len(self.openings)} times, first at "
                f"{self.openings[0]}: a choice may have seen them, and scores may be optimistic"
            )
        failed = {each.number: each.failures[0] for each in self.finalists if each.failures}
        notes += [f"trial {number} failed in a training: {why}" for number, why in failed.items()]
        return notes


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _with_unit(name: str, candidate: Candidate) -> str:
    unit = candidate.unit_of(name)
    return f"{name} [{unit}]" if unit else name


def _spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation over seeds as a text; empty for no values."""
    if not values:
        return ""
    spread = f" ± {_sd(values):.2g}" if len(values) > 1 else ""
    return f"{_mean(values):.4g}{spread}"
