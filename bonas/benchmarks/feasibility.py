"""How well failures are predicted, and what that and constraints are worth to a search.

On the cells of NAS-Bench-201, of which some sets cannot be evaluated here:

===============  ==============================================================================
``edge_tpu``     the 30 % that did not run on the edge TPU of HW-NAS-Bench: a real compiler
``flops``        the 17 % with the most multiply-adds
``accidents``    the same, and 3 % of all evaluations, whatever the cell; of searches: these alone
``large``        the third with the most multiply-adds, for searches: the best cells are next to it
===============  ==============================================================================

Predictions are scored on 3,000 other cells by the area under the ROC curve and by the Brier score,
the mean squared error of the probabilities.

Source: Li et al. (2021), "HW-NAS-Bench: Hardware-aware neural architecture search benchmark", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata

from bonas.benchmarks.tables import NASBench201Table, Table, problem
from bonas.benchmarks.tables.scale import Array
from bonas.encoders import Layout, shared_blocks
from bonas.evaluation import Candidate, Evaluator, Objective, measured
from bonas.studies.constraints import set_constraints
from bonas.studies.proposing.feasibility import Feasibility
from bonas.studies.proposing.front import finished
from bonas.studies.running.trials import complete, fail
from bonas.studies.search import Search
from bonas.studies.study import open_study
from bonas.surrogates.feasibility import fit_feasibility
from bonas.threads import one_thread

CASES = ("edge_tpu", "flops", "accidents")
PROBLEM = "nb201-cifar100-edgegpu"
"""The table that is searched."""

_FLOPS, _LARGEST, _ACCIDENTS = 0.17, 1 / 3, 0.03
_OTHERS = 3_000  # cells that are predicted
_BOUND = 0.3  # quantile of the latency, which is the bound of constrained searches
_ENCODERS = ("one_hot", "statistics")

Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predicted:
    """How well failures of one case were predicted after ``trials``, as means over the draws.

    ``auc``: area under the ROC curve; ``brier``: of the probabilities, ``base``: of their mean;
    ``sd``: the standard deviation of ``auc`` over the draws.
    """

    case: str
    trials: int
    auc: float
    sd: float
    brier: float
    base: float


@dataclass(frozen=True)
class Searched:
    """What one search has found, and lost.

    ``lost``: evaluations that failed, or violate the constraint; ``gap``: the share of the feasible
    cells' hypervolume that is missing, or the percent that the best feasible accuracy is below the
    table's.
    """

    case: str
    method: str
    seed: int
    lost: int
    gap: float


def predict_failures(
    trials: Sequence[int], draws: Sequence[int], cases: Sequence[str] = CASES
) -> Iterator[Predicted]:
    """Fit the feasibility model to random cells, and predict others."""
    table = NASBench201Table("cifar10", ("accuracy", "parameters"))
    names = list(table.space.parameters)
    blocks = shared_blocks(table.space, _ENCODERS)
    cells = [table.space.architecture(dict(zip(names, row, strict=True))) for row in table.rows]
    X, layout = blocks.encode(cells), Layout(blocks.slices, {})
    for case, n in product(cases, trials):
        runs, scores = runnable(table, case), []
        for draw in draws:
            rng = np.random.default_rng([draw, n])
            order = rng.permutation(len(runs))
            own, others = order[:n], order[n : n + _OTHERS]
            accident = rng.random(n) < (_ACCIDENTS if case == "accidents" else 0.0)
            succeeded = runs[own] & ~accident
            if succeeded.all() or not succeeded.any():
                continue
            with one_thread():
                model = fit_feasibility(X[own], torch.from_numpy(succeeded), layout, draw)
            scores.append(_scored(model.probability(X[others]).numpy(), runs[others]))
        auc, brier, base = np.array(scores).T
        yield Predicted(
            case, n, float(auc.mean()), float(auc.std()), float(brier.mean()), float(base.mean())
        )


def runnable(table: Table, case: str) -> Labels:
    """Return which rows of a table of all cells of NAS-Bench-201 can be evaluated in a case."""
    names = list(table.space.parameters)
    if case == "edge_tpu":
        tpu = NASBench201Table("cifar10", ("accuracy", "edgetpu_latency"))
        known = set(tpu.rows)
        return np.array([row in known for row in table.rows])
    costs = (table.space.costs(dict(zip(names, row, strict=True))) for row in table.rows)
    flops = np.array([cost["multiply_adds"] for cost in costs])
    return np.asarray(flops <= np.quantile(flops, 1 - (_LARGEST if case == "large" else _FLOPS)))


def search_with_failures(
    budget: int, seeds: Sequence[int], case: str = "large"
) -> Iterator[Searched]:
    """Search for accuracy and latency, with the feasibility model and without, on paired seeds."""
    table = problem(PROBLEM)
    runs = np.ones(len(table.rows), bool) if case == "accidents" else runnable(table, case)
    share = _ACCIDENTS if case == "accidents" else 0.0
    most = table.hypervolume(table.truth[runs])
    for seed in seeds:
        evaluate = _Failing(table, runs, share, seed)
        for method in ("model", "no model"):
            if method == "model":
                found, failed = _run(Search(table.space, evaluate), budget, seed)
            else:
                with patch.object(Feasibility, "of", return_value=None):
                    found, failed = _run(Search(table.space, evaluate), budget, seed)
            yield Searched(case, method, seed, failed, 1 - table.hypervolume(found) / most)


def search_with_constraint(budget: int, seeds: Sequence[int]) -> Iterator[Searched]:
    """Search for the best accuracy within a latency: told, filtered afterwards, and at random."""
    table = problem(PROBLEM)
    bound = float(np.quantile(table.truth[:, 1], _BOUND))
    best = float(table.truth[table.truth[:, 1] <= bound, 0].max())
    told = {table.objectives[1].name: f"<= {bound!r}"}
    for seed in seeds:
        for method in ("constraints", "filtered", "random"):
            search = Search(
                table.space,
                table.evaluate,
                surrogate="random" if method == "random" else "mixture",
                constraints=told if method == "constraints" else None,
            )
            found, _ = _run(search, budget, seed)
            kept = found[:, 1] <= bound
            gap = best - float(found[kept, 0].max(initial=-np.inf))
            yield Searched("latency bound", method, seed, int((~kept).sum()), gap)


def predicted_table(found: Sequence[Predicted]) -> str:
    """Return a text table with one row per case and number of trials."""
    lines = ["case        trials    AUC     sd  Brier  of the base rate", ""]
    for each in found:
        numbers = f"{each.auc:7.3f}{each.sd:7.3f}{each.brier:7.3f}{each.base:18.3f}"
        lines.append(f"{each.case:10} {each.trials:7d}{numbers}")
    return "\n".join(lines)


def searched_table(found: Sequence[Searched]) -> str:
    """Return a text table with the means of each method, and their standard errors."""
    lines = ["case           method       seeds   lost      se      gap      se", ""]
    for case, method in dict.fromkeys((each.case, each.method) for each in found):
        own = [each for each in found if (each.case, each.method) == (case, method)]
        columns = (np.array([each.lost for each in own]), np.array([each.gap for each in own]))
        means = "".join(f"{x.mean():7.3f}{_error(x):8.3f}" for x in columns)
        lines.append(f"{case:14} {method:12} {len(own):5d}{means}")
    return "\n".join(lines)


@dataclass(frozen=True)
class _Failing:
    """A table's evaluation that fails for some cells, and by accident for a share of all."""

    table: Table
    runs: Labels
    share: float
    seed: int

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.table.objectives

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        row = self.table.row(candidate.choices)
        accident = np.random.default_rng([self.seed, row]).random() < self.share
        if accident or not self.runs[row]:
            raise RuntimeError("this cell does not run")
        look: Evaluator = self.table.evaluator()
        return dict(look(candidate))  # type: ignore[arg-type]  # a table's is a mapping


def _run(search: Search, budget: int, seed: int) -> tuple[Array, int]:
    """Return the values of a search's successes, ``n x m``, and how many evaluations failed."""
    sampler, names = search.sampler(seed), [goal.name for goal in search.goals]
    study = open_study(None, None, search.goals, search.describe(), sampler, space=search.space)
    set_constraints(study, search.limits)
    for _ in range(budget):
        trial = study.ask()
        search.space.suggest(trial)
        try:
            values = measured(
                search.evaluator, Candidate.of(search.space, trial), tuple(search.goals)
            )
        except RuntimeError as error:
            fail(study, trial, error)
        else:
            complete(study, trial, values, names)
    found = np.array([trial.values for trial in finished(study)]).reshape(-1, len(names))
    return found, budget - len(found)


def _scored(probability: Array, runs: Labels) -> tuple[float, float, float]:
    """Return the area under the ROC curve, the Brier score, and that of the base rate."""
    ones = int(runs.sum())
    rank = float(rankdata(probability)[runs].sum())
    auc = (rank - ones * (ones + 1) / 2) / (ones * (len(runs) - ones))
    brier = float(np.mean((probability - runs) ** 2))
    return auc, brier, float(runs.mean() * (1 - runs.mean()))


def _error(values: Array) -> float:
    """Return the standard error of a mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
