"""Gradient searches against searches that train networks, in the same CPU time, on digits.

Every method has the same seconds for one seed, and ends with one cell of
``NASBench201(channels=8, cells=1)``. The cell is then trained stand-alone several times, with seeds
that no search has used, and scored on rows that no search has read. So are random cells: the place
of the result among them is what counts.

    training rows 60 %    weights; a gradient search descends its logits on half of them
    validation rows 20 %  what ``optimize`` and random search choose by
    truth rows 20 %       the mean accuracy of the stand-alone trainings

A gradient search does as many steps as fit into the seconds, by the CPU time of a few steps; what
it took is in the table. It trains no network: what its policy says is the result.

Runs and trainings are stored as they end; the same call goes on.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.stats import t as student
from torch.utils.data import TensorDataset

from bonas.arguments import check_count, check_positive
from bonas.benchmarks.comparison.execution import quiet
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import Candidate, ShortTraining
from bonas.gradient_search import search as gradient_search
from bonas.gradient_search.guards import check_mode
from bonas.gradient_search.loop import RULES
from bonas.gradient_search.stopping import Check
from bonas.spaces import Choices, NASBench201, Space
from bonas.studies.running.trials import complete
from bonas.studies.search import Search
from bonas.studies.study import open_study
from bonas.threads import one_thread

_CELLS_SEED = 12_345  # of the random cells
_TRUTH_SEED = 100  # of the first stand-alone training; searches train with smaller ones
_FEW = (10, 40)  # steps by which the time of one is measured


@dataclass(frozen=True)
class Result:
    """The cell that one method found with one seed.

    Attributes:
        method: Its name.
        seed: Of the search.
        seconds: The CPU seconds that it was given.
        choices: The cell.
        spent: The CPU seconds that it took.
        trained: How many networks it trained.
        refused: Whether ``check_mode`` refuses the cell.
        replaced: Whether the search itself selected another cell, which was refused.
    """

    method: str
    seed: int
    seconds: float
    choices: dict[str, Any]
    spent: float
    trained: int
    refused: bool
    replaced: bool = False


@dataclass(frozen=True, eq=False)
class Task:
    """The cells, and how they are trained in a search and for the truth."""

    space: Space
    search: ShortTraining
    truth: ShortTraining

    @classmethod
    def digits(cls) -> Task:
        """Split digits in three parts: training, validation and truth."""
        base = ShortTraining("digits", validation=0.4, test=0.0)
        part = base.splits.validation
        assert isinstance(part, TensorDataset)
        half = len(part) // 2
        parts = [
            TensorDataset(*(x[s] for x in part.tensors)) for s in (slice(half), slice(half, None))
        ]
        search, truth = (base.on(replace(base.splits, validation=each)) for each in parts)
        return cls(NASBench201(channels=8, cells=1), search, truth)


class Found(NamedTuple):
    """A cell, networks trained, CPU seconds, and whether it replaces one that was refused."""

    choices: Choices
    trained: int
    spent: float
    replaced: bool = False


class Truths:
    """Stand-alone trainings, kept in a file.

    Args:
        task: What is trained.
        folder: Where the file is.
        trainings: Of each cell.
    """

    def __init__(self, task: Task, folder: str | PathLike[str], trainings: int) -> None:
        self._task, self._trainings = task, trainings
        self._path = _folder(folder) / "truths.jsonl"
        self._known: dict[tuple[str, int], float] = {}
        for row in _rows(self._path):
            self._known[row["cell"], row["seed"]] = row["accuracy"]

    def of(self, choices: Choices) -> float:
        """Return the mean accuracy (%) of a cell, which is trained if it has not been."""
        return float(
            np.mean([self._trained(choices, _TRUTH_SEED + i) for i in range(self._trainings)])
        )

    def of_random(self, cells: int) -> Array:
        """Return the means of so many random cells, no two the same, always the same ones.

        Raises:
            InvalidArgument: if there are not so many cells.
        """
        members = self._task.space.members
        if members is not None and cells > len(members):
            raise InvalidArgument(f"expected at most {len(members)} cells, got {cells}")
        rng, found = np.random.default_rng(_CELLS_SEED), dict[Any, Choices]()
        while len(found) < cells:
            choices = self._task.space.sample(rng)
            found.setdefault(self._task.space.architecture(choices), choices)
        return np.array([self.of(choices) for choices in found.values()])

    def _trained(self, choices: Choices, seed: int) -> float:
        key = json.dumps(dict(choices), sort_keys=True), seed
        if key not in self._known:
            training = self._task.truth.on(self._task.truth.splits, seed=seed)
            one = Candidate.without_trial(self._task.space, choices)
            self._known[key] = training(one)["accuracy"]
            _append(self._path, {"cell": key[0], "seed": seed, "accuracy": self._known[key]})
        return self._known[key]


def by_random_search(task: Task, seed: int, seconds: float) -> Found:
    """Train random cells until the time is over."""
    rng = np.random.default_rng(seed)

    def cells() -> Generator[Choices, float | None, None]:
        """Yield random cells; what they are worth is not asked."""
        while True:
            yield task.space.sample(rng)

    return _best(task, cells(), seconds)


def by_optimize(task: Task, seed: int, seconds: float) -> Found:
    """Train what the sampler of ``bonas.optimize`` proposes until the time is over."""
    search = Search(task.space, evaluate=task.search)
    sampler, names = search.sampler(seed), [goal.name for goal in search.goals]
    study = open_study(None, None, search.goals, search.describe(), sampler, space=task.space)

    def cells() -> Generator[Choices, float | None, None]:
        """Yield proposals, and tell the study what they are worth."""
        while True:
            trial = study.ask()
            task.space.suggest(trial)
            value = yield Candidate.of(task.space, trial).choices
            assert value is not None  # it was sent
            complete(study, trial, dict.fromkeys(names, value), names)

    return _best(task, cells(), seconds)


def _best(task: Task, cells: Generator[Choices, float | None, None], seconds: float) -> Found:
    """Train cells and return the best; a training that ends too late does not count."""
    began, found, value = time.process_time(), list[tuple[float, Choices]](), None
    while True:
        choices = cells.send(value)
        training = task.search.on(task.search.splits, seed=len(found))
        value = training(Candidate.without_trial(task.space, choices))["accuracy"]
        spent = time.process_time() - began
        if spent > seconds and found:
            return Found(max(found, key=lambda pair: pair[0])[1], len(found), spent)
        found.append((value, choices))


@dataclass(frozen=True)
class ByGradients:
    """A gradient search of as many steps as the time allows.

    Attributes:
        method: Of ``bonas.gradient_search.search``, as the others.
        stop: A stopping rule, or None.
        select: How a network is selected.
    """

    method: str
    stop: str | None = None
    select: Literal["mode", "perturbation"] = "mode"

    def __call__(self, task: Task, seed: int, seconds: float) -> Found:
        return self._search(task, seed, self._steps(task, seconds), self.stop)

    @cache  # noqa: B019  # of a few methods and one task
    def _steps(self, task: Task, seconds: float) -> int:
        """Return how many steps take so long, by the times of two short searches.

        They run to their end, though their rule looks as often as in a long one.
        """
        taken = []
        for steps in _FEW:
            stop = None if self.stop is None else _Lenient(RULES[self.stop]().needs_eigenvalue)
            taken.append(self._search(task, 0, steps, stop).spent)
        each = max(1e-3, (taken[1] - taken[0]) / (_FEW[1] - _FEW[0]))
        return max(1, _FEW[1] + int((seconds - taken[1]) / each))

    def _search(self, task: Task, seed: int, steps: int, stop: object) -> Found:
        """Return what is found in so many steps."""
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a refused mode has been replaced
            found = gradient_search(
                task.space,
                task.search,
                method=self.method,
                steps=steps,
                stop=stop,
                select=self.select,
                seed=seed,
                progress=False,
            )
        return Found(found.choices, 0, time.process_time() - began, found.refused is not None)


@dataclass(frozen=True)
class _Lenient:
    """A rule that stops nothing."""

    needs_eigenvalue: bool

    def __call__(self, check: Check) -> int | None:
        return None


Method = Callable[[Task, int, float], Found]
"""A function of a task, a seed and CPU seconds."""

METHODS: Mapping[str, Method] = {
    "optimize": by_optimize,
    "random": by_random_search,
    "darts": ByGradients("darts"),
    "darts-2nd": ByGradients("darts-2nd"),
    "darts-pt": ByGradients("darts", select="perturbation"),
    "darts+eigenvalue": ByGradients("darts", stop="eigenvalue"),
    "darts+skips": ByGradients("darts", stop="skips"),
    "gdas": ByGradients("gdas"),
    "proxyless": ByGradients("proxyless"),
    "enas": ByGradients("enas"),
}
"""The methods by name."""


def gradient_search_results(
    methods: Sequence[str],
    seeds: Sequence[int],
    seconds: float,
    folder: str | PathLike[str],
    task: Task | None = None,
) -> Iterator[Result]:
    """Run each method with each seed, on one thread; yield the results as they are found.

    Args:
        methods: Names out of ``METHODS``.
        seeds: Of the searches.
        seconds: CPU seconds of each search.
        folder: Where results are stored; those that are there are not searched again.
        task: By default digits.

    Raises:
        InvalidArgument: for an unknown method, or seconds that are not positive.
    """
    check_positive("seconds", seconds)
    for name in methods:
        if name not in METHODS:
            raise unknown("method", name, METHODS)
    path = _folder(folder) / "results.jsonl"
    stored = [Result(**row) for row in _rows(path)]
    known = {(r.method, r.seed): r for r in stored if r.seconds == seconds}
    task = task or Task.digits()
    for seed, name in product(seeds, methods):
        if (name, seed) not in known:
            with one_thread(), quiet():
                known[name, seed] = _searched(task, name, seed, seconds)
            _append(path, asdict(known[name, seed]))
        yield known[name, seed]


def _searched(task: Task, method: str, seed: int, seconds: float) -> Result:
    found = METHODS[method](task, seed, seconds)
    own, refused = dict(found.choices), bool(check_mode(task.space, found.choices))
    rest = (found.spent, found.trained, refused, found.replaced)
    return Result(method, seed, seconds, own, *rest)


def gradient_search_table(
    found: Sequence[Result],
    folder: str | PathLike[str],
    *,
    cells: int = 60,
    trainings: int = 5,
    task: Task | None = None,
) -> str:
    """Train results and random cells stand-alone; return a text table.

    Args:
        found: The results.
        folder: Where the trainings are stored; those that are there are not done again.
        cells: How many random cells a result is compared with, at least 4.
        trainings: Of each cell; their mean counts.
        task: By default digits.

    Raises:
        InvalidArgument: for numbers out of range.
    """
    check_count("cells", cells, least=4)
    check_count("trainings", trainings)
    truths = Truths(task or Task.digits(), folder, trainings)
    with one_thread(), quiet():
        random = truths.of_random(cells)
        values = {id(each): truths.of(each.choices) for each in found}
    low, median, high = np.quantile(random, (0.25, 0.5, 0.75))
    lines = [
        f"{cells} random cells, accuracy (%) of {trainings} trainings: best {random.max():.2f}, "
        f"best quarter from {high:.2f}, median {median:.2f}, worst quarter to {low:.2f}",
        "mean and 95 % interval over the seeds; place: share of random cells that are better",
        "",
        f"{'method':18} seeds {'accuracy':>15} {'place (%)':>15} best quarter  median"
        " replaced  refused  trained  CPU s",
    ]
    for method in dict.fromkeys(each.method for each in found):
        own = [each for each in found if each.method == method]
        truth = np.array([values[id(each)] for each in own])
        place = np.array([_place(x, random) for x in truth])
        n = len(own)
        lines.append(
            f"{method:18} {n:5d} {_interval(truth):>15} {_interval(place):>15}"
            f" {sum(truth >= high):6d} of {n:2d} {sum(truth >= median):3d} of {n:2d}"
            f" {sum(each.replaced for each in own):8d} {sum(each.refused for each in own):8d}"
            f" {np.mean([e.trained for e in own]):8.1f} {np.mean([e.spent for e in own]):6.1f}"
        )
    return "\n".join(lines)


def _place(value: float, random: Array) -> float:
    """Return the share of random cells that are better, in %; equal ones count half."""
    return float(100 * np.mean((random > value) + 0.5 * (random == value)))


def _interval(values: Array) -> str:
    """Return a mean with its 95 % interval, by Student's t."""
    n = len(values)
    half = student.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    return f"{values.mean():.2f} ± {half:.2f}"


def _folder(folder: str | PathLike[str]) -> Path:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; one that was cut off is left out."""
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def _append(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("a") as file:
        file.write("\n" * (file.tell() > 0) + json.dumps(row))
