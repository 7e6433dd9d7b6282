"""The overhead of the search: seconds per ask, and memory, by the number of finished trials.

No network is trained: a synthetic accuracy and latency are computed from the graph, since the time
of an ask does not depend on what the values mean. Two objectives, the cells of NAS-Bench-201.
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from bonas.encoders.statistics import graph_statistics
from bonas.spaces import Choices, NASBench201, Space
from bonas.studies.sampler import ArchitectureSampler
from bonas.threads import one_thread


@dataclass(frozen=True)
class Overhead:
    """The cost of asking.

    Attributes:
        trials: The number of finished trials.
        first: Seconds of the first ask.
        later: Seconds of each later ask.
        peak_gigabytes: Peak memory of the process.
    """

    trials: int
    first: float
    later: Sequence[float]
    peak_gigabytes: float


def measure(trials: int, surrogate: str, repeats: int) -> Overhead:
    """Fill a study with random architectures, then time ``repeats`` + 1 asks on one thread.

    The first ask also lists the space, pre-trains the graph networks and fills the caches.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = NASBench201()
    study = _random_study(space, trials)
    study.sampler = ArchitectureSampler(space, surrogate=surrogate, seed=0)
    seconds = []
    with one_thread():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            trial = study.ask()
            space.suggest(trial)
            seconds.append(time.perf_counter() - start)
            study.tell(trial, _values(space, trial.params))
    return Overhead(trials, seconds[0], seconds[1:], _peak_gigabytes())


def overhead_table(sizes: Sequence[int], surrogate: str, repeats: int) -> str:
    """Return a text table with one row per size."""
    lines = [f"seconds per ask, surrogate {surrogate}, two objectives, one thread", ""]
    lines.append(" trials  first ask  median  slowest  peak GB")
    for size in sizes:
        found = measure(size, surrogate, repeats)
        lines.append(
            f"{found.trials:7d}  {found.first:9.2f}  {statistics.median(found.later):6.2f}"
            f"  {max(found.later):7.2f}  {found.peak_gigabytes:7.2f}"
        )
    return "\n".join(lines)


def _random_study(space: Space, trials: int) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"])
    rng = np.random.default_rng(0)
    distributions: dict[str, BaseDistribution] = {**space.distributions}
    for _ in range(trials):
        choices = dict(space.sample(rng))
        study.add_trial(
            optuna.create_trial(
                params=choices, distributions=distributions, values=_values(space, choices)
            )
        )
    return study


def _values(space: Space, choices: Choices) -> list[float]:
    """Return a synthetic accuracy in percent and latency in ms, from the graph and the costs."""
    graph = space.graph(choices)
    one, three = graph_statistics(graph, ["nor_conv_1x1", "nor_conv_3x3"])[:2]
    work = space.costs(choices)["multiply_adds"] / 1e6
    accuracy = 94.0 - 30.0 * math.exp(-(one + 2 * three) / 2)
    return [accuracy, 2.0 + 0.05 * work + 0.3 * len(graph.edges)]


def _peak_gigabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**3 if sys.platform == "darwin" else 1024**2)
