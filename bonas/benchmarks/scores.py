"""How well zero-cost scores agree with published ones, and with accuracies.

Cells of NAS-Bench-201 on CIFAR-10 are scored as ``ZeroCost`` scores them in a search: on one batch
of crops of photographs. The published scores were computed by other programs, on images of
CIFAR-10, at another initialisation.

Source: Krishnakumar, White, Zela, Tu, Safari and Hutter (2022), "NAS-Bench-Suite-Zero: Accelerating
research on zero cost proxies", NeurIPS.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau, spearmanr

from bonas.arguments import check_count
from bonas.benchmarks.tables import NASBench201Table
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument
from bonas.evaluation.zero_cost import ZeroCost
from bonas.spaces import Choices, Space

_PUBLISHED_AS = {"naswot": "nwot"}
_TIMED = 5  # networks


@dataclass(frozen=True)
class Agreement:
    """What one score says of the same cells as others.

    Attributes:
        score: Its name.
        cells: The number of cells that have it.
        published: Spearman's correlation with the published score; NaN if none is published.
        spearman: Spearman's correlation with the validation accuracy.
        kendall: Kendall's tau with the same.
        seconds: CPU seconds for one network, built and scored by this score alone: a median.
    """

    score: str
    cells: int
    published: float
    spearman: float
    kendall: float
    seconds: float


def scored_cells(folder: str | PathLike[str]) -> NASBench201Table:
    """Load accuracies, parameters and published scores of all cells on CIFAR-10.

    Raises:
        MissingData: if a file of the folder does not exist; ``bonas.benchmarks.tables.scores`` says
            what it must hold.
    """
    return NASBench201Table("cifar10", ("accuracy", "parameters"), scores=folder)


def score_agreements(
    table: NASBench201Table,
    zero_cost: ZeroCost,
    cells: int,
    *,
    seed: int = 0,
    space: Space | None = None,
) -> list[Agreement]:
    """Score random cells, and compare the scores with those published.

    Args:
        table: What ``scored_cells`` loads.
        zero_cost: Computes the scores.
        cells: The number of cells.
        seed: Of the draw of the cells.
        space: Builds the networks; None is the benchmark's own of CIFAR-10.

    Raises:
        InvalidArgument: if there are not so many cells.
    """
    assert table.scores is not None  # which are to be compared with
    own = _with_own_scores(table)
    check_count("cells", cells, least=3)
    if cells > len(own):
        raise InvalidArgument(f"expected at most {len(own)} cells, got {cells}; ask for fewer")
    rows = own[np.random.default_rng(seed).permutation(len(own))[:cells]]
    names = list(table.space.parameters)
    drawn: list[Choices] = [dict(zip(names, table.rows[row], strict=True)) for row in rows]
    space = space or table.space
    scored = [zero_cost(space, choices) for choices in drawn]
    published = dict(zip(table.scores.names, table.scores.values[rows].T, strict=True))
    return [
        _agreement(
            name,
            np.array([each[name] for each in scored]),
            published.get(_PUBLISHED_AS.get(name, name)),
            table.truth[rows, 0],
            _seconds(zero_cost.alone(name), space, drawn[:_TIMED]),
        )
        for name in zero_cost.names
    ]


def agreement_table(found: Sequence[Agreement]) -> str:
    """Return a text table with one row per score."""
    lines = ["score        cells  published  accuracy: Spearman  Kendall tau  CPU seconds", ""]
    for each in found:
        numbers = (each.published, each.spearman, each.kendall, each.seconds)
        parts = "".join(f"{x:{w}.3f}" for x, w in zip(numbers, (11, 20, 13, 13), strict=True))
        lines.append(f"{each.score:12} {each.cells:5d}{parts}")
    return "\n".join(lines)


def _with_own_scores(table: NASBench201Table) -> npt.NDArray[np.intp]:
    """Return the rows with a path whose scores are their own, not those of an isomorphic cell.

    That shows in the numbers of parameters, since operations on no path count.
    """
    assert table.scores is not None
    counted = table.scores.values[:, table.scores.names.index("params")] * 1e6
    names = list(table.space.parameters)
    connected = [table.space.is_valid(dict(zip(names, row, strict=True))) for row in table.rows]
    return np.flatnonzero((np.abs(counted - table.truth[:, 1]) < 1.0) & np.array(connected))


def _agreement(
    name: str, values: Array, published: Array | None, accuracy: Array, seconds: float
) -> Agreement:
    known = np.isfinite(values)
    values, accuracy = values[known], accuracy[known]
    others = np.full(len(values), np.nan) if published is None else published[known]
    return Agreement(
        name,
        len(values),
        float(spearmanr(values, others).statistic) if published is not None else float("nan"),
        float(spearmanr(values, accuracy).statistic),
        float(kendalltau(values, accuracy).statistic),
        seconds,
    )


def _seconds(zero_cost: ZeroCost, space: Space, drawn: Sequence[Choices]) -> float:
    """Return the median of the CPU seconds that it takes to build and to score a network."""
    found = []
    for choices in drawn:
        start = time.process_time()
        zero_cost(space, choices)
        found.append(time.process_time() - start)
    return float(np.median(found))
