"""Small comparisons: two tables with answers worked out by hand, and samplers to search them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial

import bonas
from bonas.benchmarks import Comparison, ablate, compare
from bonas.benchmarks.comparison import Run, RunKey
from bonas.benchmarks.comparison.run import ASK_SECONDS
from bonas.benchmarks.tables import Table
from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.scale import Array
from bonas.evaluation import ACCURACY as ACCURACY_GOAL
from bonas.evaluation import LATENCY, Candidate
from bonas.spaces import Space
from bonas.studies.records import PREDICTION, WORKER

NAN = math.nan

# The best of eight widths is the fifth; 40 % lie between it and the worst.
ACCURACY = {1: 50.0, 2: 60.0, 3: 70.0, 4: 80.0, 5: 90.0, 6: 85.0, 7: 75.0, 8: 55.0}

ONE = Table.of(
    {width: {"accuracy": accuracy} for width, accuracy in ACCURACY.items()},
    parameters=["width"],
    objectives={"accuracy": "maximize"},
    name="one",
)

# Scaled, less is better: a (0, 1), b (1/4, 1/2), c (3/4, 1/4), d (1, 0), e (1, 1). The front is a
# to d; b alone dominates 3/4 * 1/2 = 0.375, c adds 1/4 * 1/4 = 0.0625, a and d lie on the edge.
TWO = Table.of(
    {
        "a": {"accuracy": 90.0, "latency": 9.0},
        "b": {"accuracy": 80.0, "latency": 5.0},
        "c": {"accuracy": 60.0, "latency": 3.0},
        "d": {"accuracy": 50.0, "latency": 1.0},
        "e": {"accuracy": 50.0, "latency": 9.0},
    },
    parameters=["op"],
    objectives={"accuracy": "maximize", "latency": "minimize"},
    name="two",
)


def many_rows(n: int = 200) -> Table:
    """Return a table of two parameters and two objectives, no two rows alike."""
    rng = np.random.default_rng(0)
    rows = {(i // 10, i % 10): dict(zip("xy", rng.random(2), strict=True)) for i in range(n)}
    return Table.of(
        rows, parameters=["p", "q"], objectives={"x": "maximize", "y": "minimize"}, name="many"
    )


class InOrder(BaseSampler):
    """Proposes the choices one after the other, from the ``seed``-th on; may state a prediction."""

    def __init__(
        self, space: Space, seed: int, prediction: Callable[[int], dict[str, Any]] | None = None
    ) -> None:
        self.all = list(space)
        self.seed = seed
        self.prediction = prediction
        self.distributions: dict[str, BaseDistribution] = {**space.distributions}

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.prediction is not None:
            text = json.dumps(self.prediction(trial.number))
            study._storage.set_trial_system_attr(trial._trial_id, PREDICTION.key, text)
        return dict(self.all[(trial.number + self.seed) % len(self.all)])

    def sample_independent(self, *_: Any) -> Any:
        raise AssertionError("all parameters are proposed together")


class Interrupting(BaseSampler):
    """Another sampler, but Ctrl-C comes when a trial of that number is asked for."""

    def __init__(self, inner: BaseSampler, number: int) -> None:
        self.inner = inner
        self.number = number

    def infer_relative_search_space(self, *given: Any) -> Any:
        return self.inner.infer_relative_search_space(*given)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Any) -> Any:
        if trial.number == self.number:
            raise KeyboardInterrupt
        return self.inner.sample_relative(study, trial, search_space)

    def sample_independent(self, *given: Any) -> Any:
        return self.inner.sample_independent(*given)

    def before_trial(self, *given: Any) -> None:
        self.inner.before_trial(*given)

    def after_trial(self, *given: Any) -> None:
        self.inner.after_trial(*given)


def quietly(methods: Any, problems: Any, budget: Any, seeds: Any, **more: Any) -> Comparison:
    return compare(methods, problems, budget, seeds, **{"progress": False, **more})


def in_order(problem: Table, budget: int, seeds: Any = 1, **more: Any) -> Comparison:
    return quietly({"in order": InOrder}, [problem], budget, seeds, **more)


def recorded(storage: BaseStorage, name: str) -> list[tuple[Any, ...]]:
    """Return all trials of a run, without times and without who ran it."""
    study = optuna.load_study(study_name=name, storage=storage)
    skip = {ASK_SECONDS, WORKER.key}
    return [
        (
            trial.number,
            trial.state,
            trial.values,
            trial.params,
            trial.distributions,
            {k: list(v) for k, v in trial.user_attrs.items() if k not in skip},
            {k: v for k, v in trial.system_attrs.items() if k != "bonas:study"},
        )
        for trial in study.trials
    ]


def storage_of(kind: str, folder: Path) -> Any:
    if kind == "memory":
        return InMemoryStorage()
    return folder / "a.log" if kind == "journal" else f"sqlite:///{folder / 'a.db'}"


class Widths(bonas.Space):
    """Six perceptrons."""

    parameters = {"width": [1, 2, 4], "depth": [1, 2]}  # noqa: RUF012 # as users write it

    def graph(self, choices: Mapping[str, object]) -> bonas.ArchitectureGraph:
        hidden = [f"linear{choices['width']}"] * int(str(choices["depth"]))
        labels = ["input", *hidden, "output"]
        return bonas.ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Measure a network whose accuracy and latency grow with its width."""
    width, depth = (float(str(candidate.choices[name])) for name in ("width", "depth"))
    return {"accuracy": 50.0 + width + depth, "latency": width * depth}


GOALS: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}


def ablated(variants: Any, space: Any = None, **more: Any) -> Comparison:
    arguments = {"budget": 4, "seeds": 2, "evaluate": evaluate, "objectives": GOALS}
    return ablate(space or Widths(), variants, **{**arguments, "progress": False, **more})


def small_run(key: RunKey, values: Any, *, predictions: bool = False, ended: bool = False) -> Run:
    """Make a run with these values, a second for each ask, and perhaps exact predictions."""
    observed: Array = np.array(values, np.float64)
    mean = observed if predictions else np.full_like(observed, NAN)
    return Run(
        key,
        "truth",
        observed,
        observed,
        np.ones(len(observed)),
        mean,
        np.ones_like(mean),
        np.ones(len(observed)),
        ended,
    )


def small_comparison(seeds: int = 6, *, exact: bool = True) -> Comparison:
    """Compare three methods on six evaluations, with results worked out by hand.

    `good` finds the optimum 90 after 3, `bad` is 5 off; `half` was cut off.
    With two objectives there is no `bad`; of `half` an evaluation failed, and it misses the fourth.
    """
    two = [[50.0, 9.0], [90.0, 9.0], [80.0, 5.0], [60.0, 3.0], [50.0, 1.0], [50.0, 9.0]]
    runs = {}
    for seed in range(seeds):
        keys = {m: RunKey("one", m, seed) for m in ("good", "bad", "half")}
        runs[keys["good"]] = small_run(
            keys["good"], [[50.0], [70.0 + seed], [90.0]], predictions=True
        )
        runs[keys["bad"]] = small_run(keys["bad"], [[50.0], *[[85.0 - 5 * (seed % 2)]] * 5])
        runs[keys["half"]] = small_run(keys["half"], [[60.0], [60.0]])
        keys = {m: RunKey("two: a/b", m, seed) for m in ("good", "half")}
        runs[keys["good"]] = small_run(keys["good"], two)
        runs[keys["half"]] = small_run(keys["half"], [[NAN, NAN], *two[:3], *two[:2]])
    problems = {
        "one": Reference.of((ACCURACY_GOAL,), [[90.0], [50.0]], exact=True),
        "two: a/b": Reference.of((ACCURACY_GOAL, LATENCY), two, exact=exact),
    }
    methods, versions = ["good", "bad", "half"], ("bonas 0.1.0", "torch 2.9")
    return Comparison(problems, methods, range(seeds), 6, runs, (2, 4), versions)
